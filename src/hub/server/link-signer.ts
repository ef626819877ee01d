// Links that carry their own permission: whoever has one may read that content until it expires.
// The key lives as long as the server.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const LIFETIME_MS = 3600 * 1000;

export class LinkSigner {
  readonly #key = randomBytes(32);

  /** The query of a link to this content. */
  sign(sha256: string): string {
    const expires = Date.now() + LIFETIME_MS;
    return `expires=${expires}&signature=${this.#signature(sha256, String(expires))}`;
  }

  allows(sha256: string, query: URLSearchParams): boolean {
    const expires = query.get('expires') ?? '';
    const given = Buffer.from(query.get('signature') ?? '');
    const expected = Buffer.from(this.#signature(sha256, expires));
    return (
      given.length === expected.length &&
      timingSafeEqual(given, expected) &&
      Number(expires) > Date.now()
    );
  }

  #signature(sha256: string, expires: string): string {
    return createHmac('sha256', this.#key).update(`${sha256} ${expires}`).digest('hex');
  }
}
