// Links that carry their own permission: whoever has one may read or send exactly that content
// until it expires. Nothing is remembered for them; the key lives as long as the server, so a
// client that was interrupted by a restart asks anew and is told what is missing.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { LargeFile } from './content-store.ts';

const HOUR_MS = 3600 * 1000;
const READ_LIFETIME_MS = HOUR_MS;
/** Long enough for the time between a batch and its commit, as on the Hub. */
export const WRITE_LIFETIME_MS = 24 * HOUR_MS;

export class LinkSigner {
  readonly #key = randomBytes(32);

  /** The query of a link from which this content can be read. */
  signRead(sha256: string): string {
    return this.#sign(readSubject(sha256), READ_LIFETIME_MS).toString();
  }

  allowsRead(sha256: string, query: URLSearchParams): boolean {
    return this.#allows(readSubject(sha256), query);
  }

  /** The query of a link to which this content can be sent. */
  signWrite(file: LargeFile): string {
    const query = this.#sign(writeSubject(file), WRITE_LIFETIME_MS);
    query.set('size', String(file.size));
    return query.toString();
  }

  /** What may be sent to such a link. */
  allowedWrite(sha256: string, query: URLSearchParams): LargeFile | undefined {
    const file = { sha256, size: Number(query.get('size')) };
    return this.#allows(writeSubject(file), query) ? file : undefined;
  }

  #sign(subject: string, lifetimeMs: number): URLSearchParams {
    const expires = String(Date.now() + lifetimeMs);
    return new URLSearchParams({ expires, signature: this.#signature(subject, expires) });
  }

  #allows(subject: string, query: URLSearchParams): boolean {
    const expires = query.get('expires') ?? '';
    const given = Buffer.from(query.get('signature') ?? '');
    const expected = Buffer.from(this.#signature(subject, expires));
    return (
      given.length === expected.length &&
      timingSafeEqual(given, expected) &&
      Number(expires) > Date.now()
    );
  }

  #signature(subject: string, expires: string): string {
    return createHmac('sha256', this.#key).update(`${subject} ${expires}`).digest('hex');
  }
}

function readSubject(sha256: string): string {
  return `read ${sha256}`;
}

function writeSubject({ sha256, size }: LargeFile): string {
  return `write ${sha256} ${size}`;
}
