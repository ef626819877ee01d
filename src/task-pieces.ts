// The part of the task contract that is about threads: a task that parses much hands pieces of its
// input to its own `parse`, which runs in several threads at once and shares nothing with the rest.
import type { Json, Reject, Scalar } from './task.ts';

/** A piece of a task's input on its way to a thread. `bytes` is handed over: it is empty after. */
export interface Piece {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where in `bytes` each record ends; the first begins at 0. */
  readonly ends: Uint32Array<ArrayBuffer>;
}

/** A text as it lies in the bytes of a piece, in UTF-8: goes into a row without becoming a string. */
export class Utf8Text {
  bytes: Uint8Array;
  start: number;
  end: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }

  /** Makes it another text: an appended row needs it no more. */
  move(bytes: Uint8Array, start: number, end: number): void {
    // An old object that is told of a young one costs the garbage collector a note.
    if (this.bytes !== bytes) this.bytes = bytes;
    this.start = start;
    this.end = end;
  }

  toString(): string {
    const { bytes, start, end } = this;
    return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
  }

  toJSON(): string {
    return this.toString();
  }
}

/** Where a piece's rows and rejects go. They come out in the order of pieces. */
export interface PieceRows<P = Readonly<Record<string, Json>>> {
  /** As in the task's context. */
  readonly with: P;
  readonly variables: Readonly<Record<string, Scalar>>;
  /**
   * A row with the columns of the output's contract; a missing column is NULL. A text may be given as
   * a `Utf8Text`.
   */
  append(output: string, row: Readonly<Record<string, unknown>>): void;
  reject(reject: Reject): void;
}
