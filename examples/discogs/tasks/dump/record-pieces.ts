// Cuts a dump into pieces of whole records for the threads that parse them, and says of each where
// it ends, so that the work can go on from there.
import { type Piece, UnreadableInput } from '../../../../src/task.ts';
import type { DumpBytes } from './read-dump.ts';
import { type DumpShape, RecordScanner, type Scanned } from './record-scanner.ts';

/** Records since the beginning of the dump and the place behind the last of them. */
export interface DumpPlace {
  readonly records: number;
  /** In the inflated text. */
  readonly byte: number;
}

export interface DumpPiece extends Piece, DumpPlace {
  /** How much of the file had been read. */
  readonly read: number;
}

const PIECE_RECORDS = 1000;
const PIECE_BYTES = 512 * 1024;

export class RecordPieces {
  /** Why not all of the dump could be read; known when all pieces were taken. */
  problem: UnreadableInput | undefined;
  readonly #dump: DumpBytes;
  readonly #scanner: RecordScanner;
  readonly #path: string;
  readonly #stops: readonly number[];
  #place: DumpPlace;
  #ends: number[] = [];

  constructor(
    dump: DumpBytes,
    options: {
      readonly path: string;
      readonly shape: DumpShape;
      readonly from: DumpPlace;
      /** A piece also ends at every multiple of these numbers of records. */
      readonly stops: readonly number[];
    },
  ) {
    this.#dump = dump;
    this.#path = options.path;
    this.#scanner = new RecordScanner(options.shape, { isInside: options.from.byte > 0 });
    this.#stops = options.stops;
    this.#place = options.from;
  }

  async *pieces(): AsyncGenerator<DumpPiece> {
    const text = new Unread();
    for await (const chunk of this.#dump.chunks()) {
      text.append(chunk);
      text.drop(yield* this.#cut(text.bytes, { isLast: false }));
      if (this.problem !== undefined) return;
    }
    yield* this.#cut(text.bytes, { isLast: true });
  }

  /**
   * Gives pieces of whole records, and returns where the rest begins: what has to be there again the
   * next time, with more behind it. A piece that is not full yet is part of that.
   */
  async *#cut(
    bytes: Buffer,
    { isLast }: { readonly isLast: boolean },
  ): AsyncGenerator<DumpPiece, number> {
    let begin = 0;
    for (let at = this.#ends.at(-1) ?? 0; ; ) {
      const found = this.#scan(bytes, { at, isLast });
      if (found.kind === 'record') {
        // White space and the like lies in front of a piece, and between its records.
        if (this.#ends.length === 0) {
          begin = found.start;
          this.#skip(begin - at);
        }
        at = found.end;
        this.#ends.push(at - begin);
        const records = this.#place.records + this.#ends.length;
        const isFull = this.#ends.length >= PIECE_RECORDS || at - begin >= PIECE_BYTES;
        if (!isFull && !this.#stops.some((stop) => records % stop === 0)) continue;
        yield this.#piece(bytes, { begin, end: at });
        continue;
      }
      if (found.kind === 'more') {
        if (this.#ends.length > 0) return begin;
        this.#skip(found.start - at);
        return found.start;
      }
      if (this.#ends.length > 0) yield this.#piece(bytes, { begin, end: at });
      if (found.kind === 'failed') this.#fail(found.message);
      else if (!found.isWhole) this.#fail(this.#whyCutOff());
      else if (this.#dump.problem !== undefined) this.#fail(this.#whyCutOff());
      return bytes.length;
    }
  }

  #scan(
    bytes: Buffer,
    options: { readonly at: number; readonly isLast: boolean },
  ): Scanned | { readonly kind: 'failed'; readonly message: string } {
    try {
      return this.#scanner.next(bytes, options);
    } catch (error) {
      return { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
    }
  }

  #skip(bytes: number): void {
    this.#place = { ...this.#place, byte: this.#place.byte + bytes };
  }

  #piece(
    bytes: Buffer,
    { begin, end }: { readonly begin: number; readonly end: number },
  ): DumpPiece {
    const place = {
      records: this.#place.records + this.#ends.length,
      byte: this.#place.byte + (end - begin),
    };
    this.#place = place;
    const ends = Uint32Array.from(this.#ends);
    this.#ends = [];
    const { read } = this.#dump;
    return { ...place, read, bytes: new Uint8Array(bytes.subarray(begin, end)), ends };
  }

  #whyCutOff(): string {
    const { problem } = this.#dump;
    if (problem === undefined) return 'is cut off: it ends before its last end tag';
    if (problem.includes('unexpected end of file')) {
      return 'is cut off: the compressed stream ends in the middle';
    }
    return `cannot be read on: ${problem}`;
  }

  #fail(message: string): void {
    const { records, byte } = this.#place;
    const place = `after ${records} whole records (byte ${byte})`;
    this.problem = new UnreadableInput(`${this.#path} ${message}, ${place}`);
  }
}

/** Bytes that were read and not cut yet, always in the same piece of memory. */
class Unread {
  #memory = Buffer.alloc(1024 * 1024);
  #length = 0;

  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#length);
  }

  append(chunk: Buffer): void {
    const needed = this.#length + chunk.length;
    if (needed > this.#memory.length) {
      const larger = Buffer.alloc(Math.max(needed, this.#memory.length * 2));
      this.#memory.copy(larger, 0, 0, this.#length);
      this.#memory = larger;
    }
    this.#length += chunk.copy(this.#memory, this.#length);
  }

  drop(bytes: number): void {
    this.#memory.copyWithin(0, bytes, this.#length);
    this.#length -= bytes;
  }
}
