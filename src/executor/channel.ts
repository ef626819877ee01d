// The messages between the pool and a worker process: plain JSON, one there and one back for a
// target that neither reports progress nor saves checkpoints nor starts a command.
import type { LimitNews } from '../hub/client/throttle.ts';
import type { Progress } from '../task.ts';
import type {
  Answer,
  CheckpointRecord,
  Outcome,
  ProcessGroup,
  Question,
  WorkOrder,
} from './executor.ts';

export type ToWorker =
  | { readonly type: 'order'; readonly order: WorkOrder }
  | { readonly type: 'question'; readonly question: Question }
  /** What another worker was told of a Hub's limits. */
  | { readonly type: 'limit'; readonly news: LimitNews }
  | { readonly type: 'drain' }
  | { readonly type: 'stop' }
  /** Answer to a checkpoint; `error` says why it could not be saved. */
  | { readonly type: 'saved'; readonly error?: string };

/**
 * An order as it goes through the channel. JSON has no undefined, and in a command `{input}` is
 * told from other parts by its key: the empty name, which no input has, stands for all of them.
 */
export function forChannel(order: WorkOrder): WorkOrder {
  if (order.rule.kind !== 'run') return order;
  const command = order.rule.command.map((part) => {
    if (typeof part === 'string' || 'value' in part) return part;
    return 'input' in part ? { input: part.input ?? '' } : { output: part.output ?? '' };
  });
  return { ...order, rule: { kind: 'run', command } };
}

export type FromWorker =
  | { readonly type: 'outcome'; readonly outcome: Outcome; readonly state: WorkerState }
  | { readonly type: 'answer'; readonly answer: Answer; readonly state: WorkerState }
  | { readonly type: 'progress'; readonly progress: Progress }
  | { readonly type: 'limit'; readonly news: LimitNews }
  | { readonly type: 'checkpoint'; readonly record: CheckpointRecord }
  /** A command has begun; it has ended when the outcome is there. */
  | { readonly type: 'group'; readonly group: ProcessGroup };

export interface WorkerState {
  /** Resident memory that the worker holds while idle. */
  readonly residentBytes: number;
  /** False when something of the last target may still be at work in the process. */
  readonly isReusable: boolean;
}
