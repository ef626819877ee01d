// The messages between a task's process and the threads that parse pieces for it.
import type { Json, Scalar } from '../task.ts';
import type { Failure } from '../trace.ts';
import type { RuleOrder } from './executor.ts';
import type { RowBlock, RowTable } from './row-block.ts';

export interface ThreadData {
  readonly rule: Extract<RuleOrder, { kind: 'task' }>;
  readonly with: Readonly<Record<string, Json>>;
  readonly variables: Readonly<Record<string, Scalar>>;
  readonly tables: readonly RowTable[];
}

export interface PieceOrder {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly ends: Uint32Array<ArrayBuffer>;
}

export type PieceAnswer =
  | { readonly kind: 'parsed'; readonly blocks: readonly RowBlock[]; readonly found: Json }
  | { readonly kind: 'failed'; readonly failure: Failure };
