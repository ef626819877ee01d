// What is here of a file while it is downloaded. That of a large file lies on the disk and outlives
// the process, as PART with PART.from to tell whose part it is. A small one is held in memory until
// it is whole: to begin it anew costs less than to keep track of it.
import type { Hash } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { RemoteFile } from '../../task.ts';
import { digestOfBytes, endDigest, startDigest } from './content.ts';

export interface Part {
  /** Bytes that are here. */
  readonly written: number;
  /** The server's tag of the content that they are of; undefined where it gave no strong one. */
  readonly etag: string | undefined;
  /** Said before the first byte is added. */
  begin(etag: string | undefined): void;
  add(chunk: Uint8Array): void;
  /** Starts over. */
  clear(): void;
  /** Of the kind that the listed one is; nothing can be added any more. */
  digest(): string;
  /** Shows the file under its name, with all its bytes or not at all. */
  publish(to: string): void;
  /** Forgets what is here. */
  discard(): void;
  /** Ends the use of it; what lies on the disk stays. */
  close(): void;
}

export interface PartOptions {
  readonly file: RemoteFile;
  /** Absolute path, on the file system of the file. */
  readonly at: string;
  /** Whether what an earlier call left there is of no use. */
  readonly isFresh: boolean;
  readonly signal: AbortSignal;
}

/** Larger files are worth going on with where an earlier call stopped. */
const HELD_BYTES = 64 * 1024;

export function isHeld({ bytes }: RemoteFile): boolean {
  return bytes <= HELD_BYTES;
}

export class HeldPart implements Part {
  written = 0;
  etag: string | undefined;
  readonly #file: RemoteFile;
  readonly #bytes: Buffer;

  constructor(file: RemoteFile) {
    this.#file = file;
    this.#bytes = Buffer.alloc(file.bytes);
  }

  begin(etag: string | undefined): void {
    this.etag = etag;
  }

  add(chunk: Uint8Array): void {
    this.#bytes.set(chunk, this.written);
    this.written += chunk.byteLength;
  }

  clear(): void {
    this.written = 0;
  }

  digest(): string {
    return digestOfBytes(this.#bytes, this.#file.digest);
  }

  publish(to: string): void {
    const staged = `${to}.incomplete`;
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(staged, this.#bytes);
    renameSync(staged, to);
  }

  discard(): void {}

  close(): void {}
}

/** Whose part it is. The digest decides; the server's tag only saves a useless transfer. */
interface Origin {
  readonly digest: string;
  readonly bytes: number;
  readonly etag: string | undefined;
}

export class FilePart implements Part {
  written = 0;
  etag: string | undefined;
  readonly #file: RemoteFile;
  readonly #at: string;
  readonly #descriptor: number;
  #isOpen = true;
  #hash: Hash;

  /** What an earlier call left of this very content, else an empty one. */
  static async open({ file, at, isFresh, signal }: PartOptions): Promise<FilePart> {
    mkdirSync(dirname(at), { recursive: true });
    const part = new FilePart(file, at);
    try {
      const origin = isFresh ? undefined : readOrigin(at);
      const isSame = origin?.digest === file.digest && origin.bytes === file.bytes;
      const { size } = fstatSync(part.#descriptor);
      if (isSame && size <= file.bytes) await part.#goOn(origin, { size, signal });
      else part.clear();
      return part;
    } catch (error) {
      part.close();
      throw error;
    }
  }

  private constructor(file: RemoteFile, at: string) {
    this.#file = file;
    this.#at = at;
    // Appending: after a truncation the next byte is again the first.
    this.#descriptor = openSync(at, 'a');
    this.#hash = startDigest(file.digest, file.bytes);
  }

  begin(etag: string | undefined): void {
    this.etag = etag;
    const { digest, bytes } = this.#file;
    const origin: Origin = { digest, bytes, etag };
    writeFileSync(originPath(this.#at), JSON.stringify(origin));
  }

  add(chunk: Uint8Array): void {
    for (let done = 0; done < chunk.byteLength; ) done += writeSync(this.#descriptor, chunk, done);
    this.#hash.update(chunk);
    this.written += chunk.byteLength;
  }

  clear(): void {
    ftruncateSync(this.#descriptor, 0);
    this.written = 0;
    this.#hash = startDigest(this.#file.digest, this.#file.bytes);
  }

  digest(): string {
    return endDigest(this.#hash, this.#file.digest);
  }

  publish(to: string): void {
    this.close();
    mkdirSync(dirname(to), { recursive: true });
    // Before the rename: what is left after a crash in between is a part of unknown origin.
    rmSync(originPath(this.#at), { force: true });
    renameSync(this.#at, to);
  }

  discard(): void {
    rmSync(originPath(this.#at), { force: true });
    rmSync(this.#at, { force: true });
  }

  close(): void {
    if (this.#isOpen) closeSync(this.#descriptor);
    this.#isOpen = false;
  }

  async #goOn(origin: Origin, { size, signal }: { size: number; signal: AbortSignal }) {
    for await (const chunk of createReadStream(this.#at, { signal })) this.#hash.update(chunk);
    this.written = size;
    this.etag = origin.etag;
  }
}

const originPath = (at: string) => `${at}.from`;

function readOrigin(at: string): Origin | undefined {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(originPath(at), 'utf8'));
  } catch {
    // Missing or torn by a crash: then the part beside it proves nothing.
    return undefined;
  }
  if (typeof json !== 'object' || json === null) return undefined;
  const { digest, bytes, etag }: { digest?: unknown; bytes?: unknown; etag?: unknown } = json;
  if (typeof digest !== 'string' || typeof bytes !== 'number') return undefined;
  return { digest, bytes, etag: typeof etag === 'string' ? etag : undefined };
}
