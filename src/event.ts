// Every event of a run, as data for reporters and programs. Events are for people: nothing reads
// them back to decide. Times are ISO strings; durations milliseconds. `schema/events.schema.json`
// is the published form of this union.
import type { Finding } from './finding.ts';
import type { Progress } from './task.ts';
import type { AccountRecord, Failure } from './trace.ts';

export type Event =
  /** The first event: the pipeline is read and the sources are listed. */
  | {
      readonly type: 'run-started';
      readonly at: string;
      readonly run: string;
      readonly pipeline: string;
      readonly profile: string;
      readonly work: string;
      readonly steps: readonly StepSummary[];
      /** Nothing runs: the targets that would are `left` in the summary. */
      readonly dryRun: boolean;
    }
  /** A target was found up to date without running. Only counted: `count` targets of one step. */
  | {
      readonly type: 'fresh';
      readonly at: string;
      readonly step: string;
      readonly count: number;
      /** Bytes of their inputs, where the step's `bytesIn` is known. */
      readonly bytesIn?: number;
    }
  | {
      readonly type: 'target-started';
      readonly at: string;
      readonly target: string;
      readonly step: string;
      readonly attempt: number;
      /** Why it runs, in words; the first reason is the root cause. */
      readonly reasons: readonly string[];
    }
  | {
      readonly type: 'target-progress';
      readonly at: string;
      readonly target: string;
      readonly step: string;
      readonly progress: Progress;
    }
  | {
      readonly type: 'target-done';
      readonly at: string;
      readonly target: string;
      readonly step: string;
      readonly durationMs: number;
      readonly bytesIn: number;
      readonly bytesOut: number;
      readonly files: number;
      readonly rows?: number;
      readonly rejects?: number;
      readonly account?: AccountRecord;
      /** What rules of data quality found; they fail nothing. */
      readonly findings?: readonly Finding[];
      readonly peakBytes?: number;
      /** Given back to the disk by a release. */
      readonly bytesFreed?: number;
      /** False when the result is the same as before and dependents may stay as they are. */
      readonly changed: boolean;
    }
  /** An attempt failed and another follows. */
  | {
      readonly type: 'target-retried';
      readonly at: string;
      readonly target: string;
      readonly step: string;
      readonly attempt: number;
      readonly failure: Failure;
      readonly waitMs: number;
    }
  | {
      readonly type: 'target-failed';
      readonly at: string;
      readonly target: string;
      readonly step: string;
      readonly failure: Failure;
      /** Relative to the current folder. */
      readonly log: string;
      readonly durationMs: number;
    }
  /** Targets that cannot run because of a failure; only counted. */
  | {
      readonly type: 'blocked';
      readonly at: string;
      readonly step: string;
      readonly count: number;
      readonly cause: string;
    }
  /** Stopped by Ctrl-C, a signal or `--fail-fast`; runs again next time. */
  | {
      readonly type: 'target-interrupted';
      readonly at: string;
      readonly target: string;
      readonly step: string;
    }
  | {
      readonly type: 'checkpoint';
      readonly at: string;
      readonly target: string;
      readonly step: string;
      readonly records: number;
    }
  /** The plan would download or upload again more than `confirm_above`, and was it allowed? */
  | ({ readonly type: 'confirmation'; readonly at: string } & Confirmation)
  /** Something a person should know that fails nothing. */
  | { readonly type: 'note'; readonly at: string; readonly message: string }
  /** Nothing runs and the disk has no space for what is next: the run waits until it has. */
  | ({ readonly type: 'paused'; readonly at: string } & SpaceShortage)
  /** There is space again. */
  | { readonly type: 'resumed'; readonly at: string }
  /** The first Ctrl-C: no new target starts. */
  | { readonly type: 'draining'; readonly at: string; readonly running: number }
  /** The last event. */
  | ({ readonly type: 'run-ended'; readonly at: string } & RunSummary);

export interface SpaceShortage {
  /** The folder on whose disk it is. */
  readonly folder: string;
  /** What is to come onto the disk; undefined when nothing more may. */
  readonly group?: string;
  readonly neededBytes: number;
  readonly freeBytes: number;
  readonly keepFreeBytes: number;
}

export interface StepSummary {
  readonly step: string;
  readonly ordinal: number;
  /** Selected targets of the step. */
  readonly targets: number;
  /**
   * Bytes of all their inputs, where these are known before the run (files of a source); then rate
   * and remaining time go by bytes, otherwise by targets.
   */
  readonly bytesIn?: number;
}

export interface Confirmation {
  /** `assumed` by --yes; `needed` where nobody could be asked. Without a yes nothing is begun. */
  readonly answer: 'yes' | 'no' | 'assumed' | 'needed';
  readonly limitBytes: number;
  readonly downloadAgainBytes: number;
  /** At most: what comes out as it was is not sent. */
  readonly uploadAgainBytes: number;
  /** All targets that would or may run. */
  readonly targets: number;
  /** Of these, at most; nothing is known of `unknownTargets`, which never ran here. */
  readonly durationMs: number;
  readonly unknownTargets: number;
}

export interface RunSummary {
  /** `declined`: a decision was needed and nobody said yes, so nothing was begun. */
  readonly outcome: 'ok' | 'failed' | 'interrupted' | 'declined';
  readonly durationMs: number;
  readonly steps: readonly StepResult[];
  readonly failures: readonly FailedTarget[];
  /** What is now in the datasets that the pipeline publishes; empty when nothing ran. */
  readonly datasets: readonly DatasetSummary[];
  /** Groups that hold all of the disk budget, so that nothing more could start; mostly empty. */
  readonly diskHeldBy: readonly string[];
  /** Set when there was nothing to do at all. */
  readonly nothingToDo: boolean;
}

export interface DatasetSummary {
  readonly dataset: string;
  /** Targets that have their part in it, of all. */
  readonly published: number;
  readonly targets: number;
  readonly files: number;
  readonly bytes: number;
  readonly rows: number;
}

export interface StepResult {
  readonly step: string;
  readonly targets: number;
  readonly fresh: number;
  readonly done: number;
  readonly failed: number;
  readonly blocked: number;
  readonly interrupted: number;
  /** Not begun because the run ended first. */
  readonly left: number;
  readonly rows: number;
  readonly bytesOut: number;
  readonly rejects: number;
  readonly bytesFreed: number;
}

export interface FailedTarget {
  readonly target: string;
  readonly step: string;
  readonly failure: Failure;
  readonly log: string;
}

/** Takes every event in order. A reporter's own failure never fails a run. */
export interface Reporter {
  report(event: Event): void;
  /** After the last event: flush, restore the terminal. */
  close(): Promise<void>;
}
