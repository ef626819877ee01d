// The part of the task contract that is about threads: a task that parses much hands pieces of its
// input to its own `parse`, which runs in several threads at once and shares nothing with the rest.
import type { Json, Reject, Scalar } from './task.ts';

/** A piece of a task's input on its way to a thread. `bytes` is handed over: it is empty after. */
export interface Piece {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where in `bytes` each record ends; the first begins at 0. */
  readonly ends: Uint32Array<ArrayBuffer>;
}

/** Where a piece's rows and rejects go. They come out in the order of pieces. */
export interface PieceRows<P = Readonly<Record<string, Json>>> {
  /** As in the task's context. */
  readonly with: P;
  readonly variables: Readonly<Record<string, Scalar>>;
  /** A row with the columns of the output's contract; a missing column is NULL. */
  append(output: string, row: Readonly<Record<string, unknown>>): void;
  reject(reject: Reject): void;
}
