// What is remembered of a target's last success (its trace) and of its failures, as plain data.
// `fingerprint.ts` makes the fields, `rebuilder.ts` compares them, `store/` keeps them.
import type { Finding } from './finding.ts';
import type { Json, Published } from './task.ts';

/** One published file. */
export interface Artifact {
  /** The output's name in the step. */
  readonly output: string;
  /** Relative to the work folder, `/` between segments. */
  readonly path: string;
  readonly bytes: number;
  readonly mtimeMs: number;
  /** Undefined where the format has no rows. */
  readonly rows?: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/**
 * The record of a target with more than 8 files or with a partitioned output: a Parquet file
 * `output, path, value, bytes, rows, min_id, max_id, sha256` with a row per file, ordered by path
 * (`value`, `min_id`, `max_id` VARCHAR and NULL where they do not apply; `rows` NULL likewise).
 */
export interface Manifest extends Omit<Artifact, 'output' | 'rows'> {
  /** Number of files it lists, and their sums. */
  readonly files: number;
  readonly totalBytes: number;
  readonly totalRows: number;
}

/** More artifacts than this are recorded in a manifest. Source: DESIGN "Traces". */
export const MAX_ARTIFACTS_IN_TRACE = 8;

/**
 * All that determines a target's result besides its inputs, by name, so that a difference can be
 * told field by field. Two fields records mean the same work when `sameWork` says so.
 */
export interface Fields {
  readonly rule: 'sql' | 'task' | 'run' | 'release';
  /** Digest of the rule's text: SQL text, the task's module with its imports, or the command. */
  readonly code: string;
  /** The text itself, where it stands in the pipeline file and is short: shown, never compared. */
  readonly text?: string;
  /**
   * What the text means: digest of the SQL without its form, or `version N` of a task. Undefined
   * when nobody needed to know. Decides when `code` differs; equal code needs no meaning.
   */
  readonly meaning?: string;
  /** Parameters by name; a large value is its digest. */
  readonly with: Readonly<Record<string, Json>>;
  /** Names in `with` that cannot change the result, by the task's own schema. */
  readonly ignored?: readonly string[];
  /** Values of the variables that the rule and its templates use. */
  readonly values: Readonly<Record<string, Json>>;
  /** Per output: template, format, partition column, contract. */
  readonly outputs: Readonly<Record<string, Json>>;
  /** Per output with a contract: its module's digest, and the columns that this stands for. */
  readonly contracts?: Readonly<
    Record<string, { readonly code: string; readonly meaning?: string }>
  >;
  /** Versions that count, under `rebuild_on: [engine]` only. */
  readonly engine?: Readonly<Record<string, string>>;
}

export interface AccountRecord {
  readonly entriesIn: number;
  readonly kept: number;
  readonly drops: Readonly<Record<string, number>>;
}

export interface Trace {
  readonly fields: Fields;
  /**
   * Digest of what each dependency or outside file gave, by input: `pull` for the same member,
   * the full target name otherwise, `./path` for an outside file.
   */
  readonly inputs: Readonly<Record<string, string>>;
  /** Sizes and mtimes of outside files as they were read, by the same names. */
  readonly outside?: Readonly<Record<string, { readonly bytes: number; readonly mtimeMs: number }>>;
  /** Up to 8 files; empty when there is a manifest. */
  readonly artifacts: readonly Artifact[];
  readonly manifest?: Manifest;
  /** Digest of the result, independent of where it lies: what dependents compare. */
  readonly digest: string;
  readonly rows?: number;
  readonly rejects?: number;
  /** Bytes that a release has given back to the disk. */
  readonly bytesFreed?: number;
  readonly account?: AccountRecord;
  /** What rules of data quality found in the tables that it read. */
  readonly findings?: readonly Finding[];
  /** What the target has in a dataset. */
  readonly published?: Published;
  /** Where it was found out, when the target was not made here: `published in OWNER/NAME@COMMIT`. */
  readonly inferred?: string;
  /** Versions at the time, shown but not compared. */
  readonly engine: Readonly<Record<string, string>>;
  readonly durationMs: number;
  /** Largest resident memory of the worker during the target. */
  readonly peakBytes?: number;
  /** Largest row group of its Parquet inputs, uncompressed: what the memory is held against. */
  readonly rowGroupBytes?: number;
}

/** Of all files of the result, without its manifest. */
export function writtenBytes({ manifest, artifacts }: Trace): number {
  return manifest?.totalBytes ?? artifacts.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Stable codes of what can go wrong with a target; docs/troubleshooting.md explains each. */
export type FailureCode =
  | 'sql-error'
  | 'task-error'
  | 'exit-status'
  | 'worker-died'
  | 'timeout'
  | 'out-of-memory'
  | 'disk-full'
  | 'permission'
  | 'input-missing'
  | 'input-unreadable'
  | 'input-changed'
  | 'output-missing'
  | 'contract-broken'
  | 'account-unbalanced'
  | 'too-many-rejects'
  | 'bad-parameters'
  /** Another target found the result damaged: it is made again by the next run. */
  | 'found-damaged'
  | 'hub-denied'
  | 'hub-missing'
  | 'hub-conflict'
  | 'hub-unavailable'
  | 'hub-rejected'
  | 'integrity'
  | 'internal';

export interface Failure {
  readonly code: FailureCode;
  /** One line: what happened. */
  readonly message: string;
  /** Further lines: place in the SQL, last output of the command, stack of a task's error. */
  readonly detail?: string;
  /** What to do next. */
  readonly hint?: string;
  /** Whether another attempt may succeed without anything being changed. */
  readonly mayPass: boolean;
}
