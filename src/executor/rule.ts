// What an attempt offers to the three kinds of rule, and what a rule gives back. Only types: the
// seam between `attempt.ts`, which is the same for all, and `sql.ts`, `task-rule.ts`, `shell.ts`.
import type { Finding } from '../finding.ts';
import type { Account, Progress, Published } from '../task.ts';
import type { WrittenFile } from './copy.ts';
import type { Database } from './duckdb.ts';
import type { CheckpointRecord, Description, ProcessGroup, WorkOrder } from './executor.ts';
import type { Inputs } from './inputs.ts';
import type { TargetLog } from './target-log.ts';

/** The way from an attempt to the run, and orders that come while it works. */
export interface Control {
  readonly log: TargetLog;
  /** Aborted when the target must end now. */
  readonly signal: AbortSignal;
  /** Rejects when something in the process breaks that nobody waits for. */
  readonly broken: Promise<never>;
  isDraining(): boolean;
  progress(progress: Progress): void;
  /** Resolves when saved; the text says why it could not be. */
  checkpoint(record: CheckpointRecord): Promise<string | undefined>;
  groupBegun(group: ProcessGroup): void;
  groupEnded(): void;
}

export interface Attempt {
  readonly order: WorkOrder;
  readonly control: Control;
  readonly log: TargetLog;
  readonly inputs: Inputs;
  /** Staged path of each output. */
  readonly stagedPaths: ReadonlyMap<string, string>;
  /** The target's own database, opened on first use. */
  database(): Promise<Database>;
}

export interface RuleResult {
  /** What was written by COPY, by output. */
  readonly written: ReadonlyMap<string, readonly WrittenFile[]>;
  readonly account?: Account | undefined;
  readonly published?: Published;
  readonly findings?: readonly Finding[];
  readonly rejects: number;
  /** The rejects as staged Parquet, where there are any. */
  readonly rejectsFile: WrittenFile | undefined;
  readonly meaning: Description;
}

/** Thrown to end an attempt that was asked to stop; it is no failure. */
export class Interrupted extends Error {
  constructor() {
    super('interrupted');
    this.name = 'Interrupted';
  }
}
