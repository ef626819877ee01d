// The task contract: the only module of src/ that a task imports. It says what a TypeScript task
// gets (inputs, staged outputs, parameters, an abort signal, progress, checkpoints, SQL, tables)
// and decides nothing itself. Tasks never see the runner's state, other targets or the terminal.
import type { Schema } from 'apache-arrow';
import type { Finding } from './finding.ts';
import type { Hub, HubRepository, Published, RemoteFile } from './task-hub.ts';
import type { Piece, PieceRows } from './task-pieces.ts';

export type { RemoteChange } from './task-hub.ts';
export { Utf8Text } from './task-pieces.ts';
export type { Finding, Hub, HubRepository, Piece, PieceRows, Published, RemoteFile };

export type Scalar = string | number | boolean | null;
export type Json = Scalar | readonly Json[] | { readonly [key: string]: Json };

/** One file that a task may read. `rows` is known where the producer counted them. */
export interface InputFile {
  /** Absolute path. */
  readonly path: string;
  readonly bytes: number;
  /** Undefined for an outside file that has not been hashed yet. */
  readonly sha256: string | undefined;
  readonly rows: number | undefined;
  /** A file of a Hub source, which is not here yet: `path` is where it lies in the repository. */
  readonly remote?: {
    readonly repository: string;
    readonly revision: string;
    readonly file: RemoteFile;
  };
  /** What a manifest knows of the file: its partition value and the range of its ids. */
  readonly value?: string | null;
  readonly minId?: string | null;
  readonly maxId?: string | null;
  /** The target that made it, where one did, and the output of it that the file belongs to. */
  readonly producer?: string;
  readonly output?: string;
  /** Where it lies in the work folder. */
  readonly workPath?: string;
  /** The runner deleted it after it was published; its record still counts. */
  readonly released?: boolean;
}

/** All that one dependency (or one entry under `inputs:`) hands to this target. */
export interface TaskInput {
  /** The absolute path of the only file; throws when the input is not exactly one file. */
  readonly path: string;
  /** Every file in a stable order, read from the producers' records, never by globbing. */
  files(): Promise<readonly InputFile[]>;
  /**
   * Every target behind this input, by name and once each, also one that made no file; none for an
   * outside file.
   */
  readonly producers: readonly string[];
}

/** Where one declared output is to be written. Nothing written elsewhere is published. */
export interface TaskOutput {
  /**
   * Absolute staged path: the file itself, or for an output with a glob the folder that stands
   * for the longest prefix without one (every file in it that matches the glob is published).
   * The folder exists; the file does not.
   */
  readonly path: string;
}

/** How far a target is. `total` undefined means unknown; `unit` says what is counted. */
export interface Progress {
  readonly done: number;
  readonly total?: number | undefined;
  readonly unit: 'bytes' | 'rows' | 'records' | 'files';
}

/**
 * A position from which the same target can go on after a crash. Anything the task needs to find
 * its place again belongs into `position`; rows appended to `table(..)` before the call are saved
 * with it. It counts only for the same inputs and the same fingerprint.
 */
export interface Checkpoint {
  readonly records: number;
  readonly position: Json;
  /** The last one: all of the input has been read. */
  readonly isComplete?: boolean;
}

/** A row or record that cannot be used; it goes to `rejects/` and counts against `max_rejects`. */
export interface Reject {
  /** The id of the row or record, where it has one. */
  readonly id: string | null;
  /** Why, in words for a person. */
  readonly error: string;
  /** The offending text; kept up to 64 KiB. */
  readonly text: string | null;
}

/**
 * The account of a target's entries: `entriesIn` must equal `kept` + all drops + rejects, and
 * `rows`, where given, the number of rows written. The runner fails the target when it does not.
 */
export interface Account {
  readonly entriesIn: number;
  /** Entries that gave at least one row. */
  readonly kept: number;
  /** Entries left out, by reason (`null_value`, `wrong_kind`, ..). */
  readonly drops: Readonly<Record<string, number>>;
  readonly rows?: number;
}

/** An SQL connection of the target's own, within its memory limit. */
export interface Sql {
  run(statement: string, values?: Readonly<Record<string, Json>>): Promise<void>;
  /** All rows as plain objects: keep it to small results. BIGINT comes as bigint. */
  rows(
    statement: string,
    values?: Readonly<Record<string, Json>>,
  ): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** Appends rows to one output table. Rows survive a crash up to the last checkpoint. */
export interface TableWriter {
  /** Each row is an object with the contract's columns; a missing column is NULL. */
  append(rows: readonly Readonly<Record<string, unknown>>[]): Promise<void>;
  readonly rowCount: number;
}

export interface TaskContext<P = Readonly<Record<string, Json>>> {
  /** As written on the command line: `process:claims@chunk_0-00001-of-00546`. */
  readonly target: string;
  /** Variables of the pipeline, the matrix cell and the source file or group. */
  readonly variables: Readonly<Record<string, Scalar>>;
  /** The step's `with:`, checked against the task's own schema, defaults filled in. */
  readonly with: P;
  readonly inputs: Readonly<Record<string, TaskInput>>;
  readonly outputs: Readonly<Record<string, TaskOutput>>;
  /**
   * A folder that outlives an attempt; emptied when inputs or fingerprint change, and for a task
   * that reads an outside file also when no checkpoint was saved.
   */
  readonly scratch: string;
  /** Aborted when the target must stop now. Long work passes it on or looks at it. */
  readonly signal: AbortSignal;
  /** The last durable checkpoint of an earlier attempt of the same work. */
  readonly resumed: Checkpoint | undefined;
  /** The run wants to end: a task that saves checkpoints does so at its next safe point. */
  readonly isDraining: boolean;
  /** What it tells in bytes is noted in checkpoints, so that `status` can say when it will end. */
  progress(progress: Progress): void;
  /**
   * Saves a position durably. A failed save is logged, the work goes on, and the next call tries
   * again. While the run drains, the call does not return: the target goes on from here next time.
   */
  checkpoint(checkpoint: Checkpoint): Promise<void>;
  /**
   * Ends a part: rows from now on go into the next file of each table whose output has a `*` in its
   * file name (`00000`, .. in its place), and those before become Parquet meanwhile. When to call
   * it may depend on the input alone, never on checkpoints. Without it all rows wait for the end.
   */
  cut(): Promise<void>;
  /** Gives the pieces to `parse` of the task in threads, and each back, in order, once appended. */
  parse<T extends Piece>(
    pieces: AsyncIterable<T>,
    options: { readonly threads: number },
  ): AsyncIterable<{ readonly piece: T; readonly found: Json }>;
  sql(): Promise<Sql>;
  /** The Hub of the step; throws when the pipeline names none. */
  hub(): Promise<Hub>;
  /** The dataset that the step publishes, `owner/name`; undefined without `publish:`. */
  readonly dataset: string | undefined;
  /**
   * Path of a text that says how the inputs were made, to be published beside them: a line for
   * each target upstream, the same for the same work. Undefined without `publish:`.
   */
  readonly provenance: string | undefined;
  /** Source files that the pipeline leaves out of this group, by key, each with the reason. */
  readonly excluded: Readonly<Record<string, string>>;
  /** The writer of the named output, whose contract gives the columns. */
  table(output: string): Promise<TableWriter>;
  reject(reject: Reject): Promise<void>;
  account(account: Account): void;
  /** Tells what a rule of data quality found; shown in the summary, stops nothing. */
  finding(finding: Finding): void;
  /** Tells what of the dataset is this target's; shown in the summary and by `status`. */
  published(published: Published): void;
  /** One line into the target's log. */
  log(line: string): void;
}

/** What a publishing task is asked with before anything of its group is made. */
export interface RecallContext<P = Readonly<Record<string, Json>>>
  extends Pick<TaskContext<P>, 'target' | 'variables' | 'with' | 'scratch' | 'signal' | 'sql'> {
  /** The dataset that the step publishes, which exists. */
  readonly repository: HubRepository;
  /** Its newest commit. */
  readonly revision: string;
}

/** A published file as `TaskInput.files` gave it when it was published. */
export interface RecalledFile {
  readonly producer: string;
  readonly output: string;
  readonly workPath: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly rows: number | null;
  readonly value: string | null;
  readonly minId: string | null;
  readonly maxId: string | null;
}

/** What a dataset tells of how a group of its files was made. */
export interface Recalled {
  readonly files: readonly RecalledFile[];
  /** The lines of `TaskContext.provenance`. */
  readonly provenance: AsyncIterable<string>;
}

/** What a publishing task is asked with when groups are to be found that nobody publishes any more. */
export interface ClearContext<P = Readonly<Record<string, Json>>> extends RecallContext<P> {
  /** `key` of every group that the pipeline publishes into the dataset. */
  readonly keys: readonly string[];
  /** Only look. */
  readonly isDry: boolean;
  log(line: string): void;
}

/** A group in a dataset, by its `key`, and what only it has there. */
export interface ClearedGroup {
  readonly key: string;
  readonly files: number;
  readonly bytes: number;
}

export interface Task<P = Readonly<Record<string, Json>>> {
  /**
   * When given, only a change of it makes the task's results stale; otherwise every change of
   * the module's bytes, or of a file under `tasks/` that it imports, does.
   */
  readonly version?: string | number;
  /**
   * JSON schema (draft 2020-12) of `with:`. A property with `"x-result": false` cannot change
   * the result and never makes a target stale.
   */
  readonly with?: Readonly<Record<string, Json>>;
  run(context: TaskContext<P>): Promise<void>;
  /**
   * Parses a piece that `run` gave to `context.parse`. Runs in a thread with a copy of this module,
   * so nothing is shared with `run` but what it returns.
   */
  parse?(piece: Piece, rows: PieceRows<P>): Json;
  /**
   * Reads what an earlier `run` published for the same group, here or elsewhere; undefined when
   * there is nothing. Of the targets upstream, those of which it proves that they would give the
   * same again are then not made, and count as released.
   */
  recall?(context: RecallContext<P>): Promise<Recalled | undefined>;
  /** Finds what earlier runs published of other groups than the given ones, and deletes it. */
  clear?(context: ClearContext<P>): Promise<readonly ClearedGroup[]>;
}

/**
 * Thrown by a task that found the fault in what it was given: the named targets are made again by
 * the next run. `producer` of an InputFile names a target.
 */
export class InputFault extends Error {
  readonly producers: readonly string[];

  constructor(message: string, producers: readonly string[]) {
    super(message);
    this.producers = producers;
  }
}

/** Thrown by a task when an input is cut off, damaged, or not what its name says. */
export class UnreadableInput extends Error {}

/** Gives a task its types; the module of a task has it as its default export. */
export function defineTask<P = Readonly<Record<string, Json>>>(task: Task<P>): Task<P> {
  return task;
}

/** A table's contract: its columns in order. Declared once, as an Arrow schema. */
export type Contract = Schema;
