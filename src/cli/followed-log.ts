// A log that others write, read piece by piece as it grows. A log that is begun anew under the same
// name, shorter or as another file, is read from its beginning.
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';

const PIECE_BYTES = 64 * 1024;

export class FollowedLog {
  readonly #path: string;
  /** Kept open: as long as it is, no other file can have its number. */
  #file: number | undefined;
  #offset = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** What was added since the last call, in pieces; nothing while there is no such file. */
  *added(): Generator<Uint8Array> {
    if (this.#file !== undefined) yield* this.#rest(this.#file);
    if (this.#isCurrent()) return;
    this.close();
    this.#file = openIfThere(this.#path);
    this.#offset = 0;
    if (this.#file !== undefined) yield* this.#rest(this.#file);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  *#rest(file: number): Generator<Uint8Array> {
    if (fstatSync(file).size < this.#offset) this.#offset = 0;
    for (;;) {
      const piece = new Uint8Array(PIECE_BYTES);
      const length = readSync(file, piece, 0, piece.length, this.#offset);
      if (length === 0) return;
      this.#offset += length;
      yield piece.subarray(0, length);
    }
  }

  #isCurrent(): boolean {
    if (this.#file === undefined) return false;
    const named = statSync(this.#path, { throwIfNoEntry: false });
    const { ino, dev } = fstatSync(this.#file);
    return named?.ino === ino && named.dev === dev;
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
