// What the report tells, as plain data. `collect-report.ts` makes it, `html/` shows it.
import type { PastRun } from '../store/run-log.ts';
import type { AttemptStatus } from './attempts.ts';
import type { CellSums, Gathered } from './gather.ts';
import type { GroupMatrix } from './group-matrix.ts';
import type { PartitionTable } from './partition-table.ts';
import type { RunSeries } from './run-series.ts';

export interface Report {
  readonly pipeline: string;
  readonly profile: string;
  /** As people are shown it. */
  readonly work: string;
  readonly madeAtMs: number;
  /** Who is at work now: `pid 12 since ..`. */
  readonly running: string | undefined;
  readonly steps: readonly StepData[];
  readonly sources: readonly SourceData[];
  /** Of all targets, in the order of STATES. */
  readonly states: Counts;
  readonly matrix: GroupMatrix | undefined;
  readonly cells: readonly CellData[];
  readonly failures: FailureData;
  readonly slowest: readonly SlowTarget[];
  readonly runs: readonly RunData[];
  readonly partitions: readonly PartitionTable[];
  readonly datasets: readonly ({ readonly dataset: string } & DatasetData)[];
  readonly findings: Gathered['findings'];
  /** Attempts at targets that the plan does not have any more. */
  readonly unplanned: number;
  readonly targets: TargetsData;
}

/** How many targets are in each of STATES. */
export type Counts = readonly number[];

export interface StepData {
  readonly name: string;
  /** `each file`, `each chunk`, `once`. */
  readonly each: string;
  readonly cells: readonly string[];
  readonly targets: number;
  readonly states: Counts;
  /** Indices of steps. */
  readonly needs: readonly number[];
  /** Names of sources that it reads itself. */
  readonly sources: readonly string[];
  readonly rule: string;
  /** Over its targets whose last attempt took a time; undefined where there is none. */
  readonly time:
    | { readonly totalMs: number; readonly medianMs: number; readonly maxMs: number }
    | undefined;
  readonly rows: number | undefined;
  readonly bytesOut: number;
  readonly bytesFreed: number;
  readonly peakBytes: number;
}

export interface SourceData {
  readonly name: string;
  /** `local` or the dataset. */
  readonly where: string;
  readonly files: number;
  readonly bytes: number;
  readonly excluded: number;
  /** Files, and their bytes, that the steps which read them have brought here or read. */
  readonly taken: { readonly step: string; readonly files: number; readonly bytes: number }[];
}

export interface CellData extends Omit<CellSums, 'drops' | 'manifests' | 'partition'> {
  /** Step and cell. */
  readonly name: string;
  readonly drops: readonly (readonly [string, number])[];
}

export interface FailureData {
  readonly total: number;
  readonly byCode: readonly (readonly [string, number])[];
  /** The first ones. */
  readonly shown: readonly {
    readonly target: string;
    readonly code: string;
    readonly message: string;
    readonly hint: string | undefined;
    readonly attempt: number;
    readonly atMs: number;
    readonly log: string;
    /** The last lines of the log; '' where there are none. */
    readonly logEnd: string;
  }[];
}

export interface SlowTarget {
  readonly id: number;
  readonly target: string;
  readonly step: number;
}

export interface RunData extends Pick<PastRun, 'run' | 'command' | 'host'> {
  readonly startedMs: number;
  /** Of the clean end, else of the last that is recorded. */
  readonly endedMs: number;
  /** How it ended; `none` is recorded of one that died. */
  readonly end: 'clean' | 'at work' | 'none';
  readonly counts: Readonly<Record<AttemptStatus, number>>;
  readonly rows: number;
  readonly bytesOut: number;
  /** Only of the last runs. */
  readonly series: RunSeries | undefined;
}

interface DatasetData {
  readonly parts: number;
  readonly files: number;
  readonly bytes: number;
  readonly rows: number;
}

/** Columns by target id; ids go by step, cell and member. */
export interface TargetsData extends Omit<Gathered['targets'], 'status'> {
  /** Index in STATES. */
  readonly states: Uint8Array;
  readonly steps: readonly {
    readonly name: string;
    readonly cells: readonly string[];
    readonly table: number;
  }[];
  /** Names of members, by table. */
  readonly members: readonly (readonly string[])[];
}
