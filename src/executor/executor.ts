// The port between the run, which decides what is done, and whoever does it. A work order holds
// everything one target needs; an outcome everything that came of it. Workers stage, check and
// digest; only the run publishes and records. Both sides are plain JSON, so that the executor may
// be a worker process here, a fake in a test, or another host.
import type { Finding } from '../finding.ts';
import type { RemoteSource } from '../plan/catalog.ts';
import type {
  Account,
  Checkpoint,
  ClearedGroup,
  Json,
  Progress,
  Published,
  Scalar,
} from '../task.ts';
import type { AccountRecord, Artifact, Failure, Manifest, Trace } from '../trace.ts';

export interface Executor {
  /** Never rejects: what goes wrong is in the outcome. */
  execute(order: WorkOrder, listener: WorkListener): Promise<Outcome>;
  /** Finds out a fact that costs something; asked only when something was touched. */
  ask(question: Question): Promise<Answer>;
  /** Drain: stop at the next checkpoint, else finish. Stop: end now, within a second. */
  interrupt(how: 'drain' | 'stop', target?: string): void;
  /** Ends all workers; resolves when none is left. */
  close(): Promise<void>;
}

export interface WorkListener {
  /** A worker has the order: its number, from 1. That of a worker which ended is given out again. */
  taken(worker: number): void;
  progress(progress: Progress): void;
  /** Resolves when the position is durable in the journal. */
  checkpoint(record: CheckpointRecord): Promise<void>;
  /** A process group has begun or ended, so that whoever takes over can end it. */
  group(group: ProcessGroup, state: 'begun' | 'ended'): void;
}

/** A process group by its leader; the start time tells a reused pid apart. */
export interface ProcessGroup {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat where there is one, else the start as ISO time. */
  readonly started: string;
}

export interface CheckpointRecord {
  readonly records: number;
  /** Appended to all tables so far. */
  readonly rows: number;
  readonly position: Json;
  /** ISO times: when the work began, in whichever attempt; of this checkpoint; of the end. */
  readonly started: string;
  readonly updated: string;
  readonly completed_at?: string;
  /** How far the task was in its input, where it says so in bytes. */
  readonly bytes?: {
    readonly done: number;
    readonly total: number;
    /** Where and when (ISO) this attempt went on, so that a rate can be told. */
    readonly from: number;
    readonly since: string;
  };
  readonly saved: SavedRows;
  /** What the outside files were, by name in the trace. */
  readonly outside: WorkResult['outside'];
  /** Parameters that cannot change the result, by the task's schema. */
  readonly ignored: readonly string[];
}

/** What of a task's rows is durable. */
export interface SavedRows {
  /** The part that rows are appended to, and how much of its log counts. */
  readonly part: number;
  readonly log: { readonly bytes: number; readonly crc: number };
  /** Of the part before, while it may still lie in its log. */
  readonly before?: { readonly bytes: number; readonly crc: number };
  /** By table; the rejects are one. */
  readonly rows: Readonly<Record<string, number>>;
}

export interface WorkOrder {
  readonly target: string;
  readonly attempt: number;
  readonly rule: RuleOrder;
  readonly variables: Readonly<Record<string, Scalar>>;
  readonly with: Readonly<Record<string, Json>>;
  readonly inputs: readonly InputOrder[];
  readonly outputs: readonly OutputOrder[];
  /**
   * Absolute folders and files. `stage` is empty but for `provenance`, and need not exist yet;
   * `scratch` outlives attempts.
   */
  readonly work: string;
  readonly root: string;
  readonly stage: string;
  /**
   * Where the only output, a single file, is staged under its own name, beside those of other
   * targets. Undefined: in `stage`.
   */
  readonly sharedStage?: string | undefined;
  readonly scratch: string;
  readonly log: string;
  /** Where the manifest is staged and where it will lie, relative to the work folder. */
  readonly manifestPath: string;
  /** Where rejects will lie, relative to the work folder. */
  readonly rejectsPath: string;
  /** What the last attempts may have left: paths and manifests, relative to the work folder. */
  readonly previous: { readonly paths: readonly string[]; readonly manifests: readonly string[] };
  readonly memoryBytes: number;
  readonly maxRejects: number;
  /** The step's Hub, with its token: an order is never written anywhere. */
  readonly hub: HubAddress | undefined;
  /** The dataset that the step publishes, `owner/name`. */
  readonly dataset: string | undefined;
  /** Files that the pipeline leaves out of the target's group, with the reason. */
  readonly excluded: Readonly<Record<string, string>>;
  /** Of a step that publishes: the text that says how its inputs were made, absolute. */
  readonly provenance?: string | undefined;
  readonly timeoutMs: number | undefined;
  readonly resume: CheckpointRecord | undefined;
}

export type RuleOrder =
  | {
      readonly kind: 'sql';
      readonly text: string;
      readonly file: string;
      readonly firstLine: number;
    }
  /** `code` is the module's digest as it was planned. */
  | { readonly kind: 'task'; readonly module: string; readonly code: string }
  /** The command as template parts: literal text, or a value that is to be shell-quoted. */
  | { readonly kind: 'run'; readonly command: readonly CommandPart[] };

export interface HubAddress {
  readonly endpoint: string;
  /** Stable identity of the Hub. */
  readonly id: string;
  readonly token: string | undefined;
  readonly isPrivate: boolean;
  readonly xet: 'auto' | 'off';
}

export type CommandPart =
  | string
  | { readonly value: string }
  | { readonly input: string | undefined }
  | { readonly output: string | undefined };

export interface InputOrder {
  readonly name: string;
  /** Files of dependencies and outside files, paths absolute. */
  readonly files: readonly {
    readonly path: string;
    readonly bytes: number;
    readonly sha256: string | undefined;
    readonly rows: number | undefined;
    /** A file on a Hub: `path` is where it lies in the dataset; nothing is here to be hashed. */
    readonly remote?: RemoteSource;
    /** The target that made it with its output, and whether the runner has deleted it since. */
    readonly producer?: string;
    readonly output?: string;
    readonly released?: boolean;
    /** As recorded: with another time the content is compared before it is read. */
    readonly mtimeMs?: number;
    /** An outside file, hashed by the worker: size and mtime must be and stay so. Name in the trace. */
    readonly outside?: { readonly name: string; readonly mtimeMs: number };
  }[];
  /** Manifests, by absolute path, whose files belong to this input too. */
  readonly manifests: readonly {
    readonly path: string;
    /** Of all files that it lists. */
    readonly bytes: number;
    readonly producer: string;
    readonly released: boolean;
  }[];
}

export interface OutputOrder {
  readonly name: string;
  /** Final path relative to the work folder, with `*` (glob) or `{value}` (partition) in it. */
  readonly path: string;
  readonly glob: boolean;
  readonly format: 'parquet' | 'csv' | 'json' | undefined;
  readonly partitionBy: string | undefined;
  readonly idColumn: string;
  readonly contract: { readonly module: string; readonly name: string } | undefined;
}

export interface StagedFile {
  /** Absolute staged path. */
  readonly staged: string;
  /** Final path relative to the work folder. */
  readonly path: string;
}

export type Outcome =
  | { readonly kind: 'done'; readonly result: WorkResult }
  | {
      readonly kind: 'failed';
      readonly failure: Failure;
      readonly peakBytes?: number;
      /** Names of targets whose results were found at fault: they are made again. */
      readonly blamed?: readonly string[];
    }
  /** Stopped on request; whatever was checkpointed stays. */
  | { readonly kind: 'interrupted' };

export interface WorkResult {
  /** To be renamed into place, in this order. The manifest is not among them. */
  readonly files: readonly StagedFile[];
  /**
   * Staged files that whoever publishes must make durable first, together with those of other
   * targets: a few small ones. Everything else is durable.
   */
  readonly unsynced: readonly string[];
  /** For the trace: up to 8 artifacts or the manifest, already staged. */
  readonly artifacts: readonly Artifact[];
  readonly manifest: { readonly staged: string; readonly record: Manifest } | undefined;
  /** Digest of the result, independent of where it lies. */
  readonly digest: string;
  /** Files of `previous` that this result no longer has, relative to the work folder. */
  readonly obsolete: readonly string[];
  readonly rows: number | undefined;
  readonly rejects: number;
  readonly account: AccountRecord | undefined;
  readonly published: Published | undefined;
  readonly findings?: readonly Finding[];
  /** Outside files as read, by name in the trace. */
  readonly outside: Readonly<Record<string, { bytes: number; mtimeMs: number; sha256: string }>>;
  readonly meaning: Description;
  readonly engine: Readonly<Record<string, string>>;
  readonly peakBytes: number;
}

/** What a rule's text stands for; each is undefined where nobody needed to know. */
export interface Description {
  /** Digest of a task's module as it was loaded, where that was asked for. */
  readonly code?: string;
  readonly meaning?: string;
  readonly ignored?: readonly string[];
  readonly contracts?: Readonly<Record<string, string>>;
}

export type Question =
  /** What a rule and its contracts mean, apart from their form. */
  | {
      readonly kind: 'describe';
      readonly rule: RuleOrder;
      readonly contracts: readonly {
        readonly output: string;
        readonly module: string;
        readonly name: string;
      }[];
    }
  /** The sha256 of an outside file. */
  | { readonly kind: 'digest'; readonly path: string }
  /** The paths that manifests list, relative to the work folder. */
  | { readonly kind: 'list'; readonly work: string; readonly manifests: readonly string[] }
  /** Whether these files, and all that the manifest lists, are as recorded. */
  | {
      readonly kind: 'verify';
      /** Absolute; the paths are relative to it. */
      readonly work: string;
      readonly files: readonly RecordedFile[];
      readonly manifest: RecordedFile | undefined;
    }
  /** What the outputs of a target are, as they lie in their places. */
  | {
      readonly kind: 'examine';
      readonly order: ExamineOrder;
      /** Whether a file that its manifest lists otherwise is listed anew, or disproves it. */
      readonly expects: 'as-they-lie' | 'as-listed';
    }
  /** What is published already, and how it was made. */
  | {
      readonly kind: 'recall';
      /** Of the publishing target; `stage` takes the manifests that are made again. */
      readonly order: WorkOrder;
      readonly revision: string;
      readonly upstream: readonly UpstreamOrder[];
    }
  /** Published groups that the pipeline does not have; they are deleted unless it is only to look. */
  | {
      readonly kind: 'clear';
      /** Of a target that publishes into the dataset. */
      readonly order: WorkOrder;
      readonly revision: string;
      readonly keys: readonly string[];
      readonly isDry: boolean;
    };

/** `stage` takes a manifest that has to be made; it may not exist yet. */
export type ExamineOrder = Pick<
  WorkOrder,
  'outputs' | 'work' | 'stage' | 'manifestPath' | 'rejectsPath'
>;

/** Outputs that are all there, recorded as a run would. */
export interface ExaminedResult
  extends Pick<WorkResult, 'artifacts' | 'digest' | 'rows' | 'rejects'> {
  /** `staged` is absolute, durable, and undefined where the manifest lies in place already. */
  readonly manifest: { readonly record: Manifest; readonly staged: string | undefined } | undefined;
}

/** What a target upstream would be ordered to make now. */
export type UpstreamOrder = Pick<WorkOrder, 'target' | 'outputs' | 'manifestPath'>;

export interface RecordedFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export type Answer =
  | { readonly kind: 'description'; readonly description: Description }
  | { readonly kind: 'digest'; readonly sha256: string }
  | { readonly kind: 'listed'; readonly paths: readonly string[] }
  | { readonly kind: 'examined'; readonly result: ExaminedResult }
  | { readonly kind: 'unproven'; readonly path: string; readonly problem: OutputProblem }
  | { readonly kind: 'cleared'; readonly groups: readonly ClearedGroup[] }
  | { readonly kind: 'recalled'; readonly targets: readonly RecalledTarget[] }
  | {
      readonly kind: 'verified';
      /** The first file that is not as recorded. */
      readonly wrong:
        | { readonly path: string; readonly problem: 'missing' | 'changed' }
        | undefined;
    }
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** Everything is asked to end: nobody knows. */
  | { readonly kind: 'called-off' };

/**
 * Why outputs prove nothing: one is `missing`; one `changed` since it was listed; nothing lists them
 * (`unlisted`) though their number is not known before; their publication was cut short (`partial`).
 */
export type OutputProblem = 'missing' | 'changed' | 'unlisted' | 'partial';

/** A target of which a dataset has all files, with the record of how it was made. */
export interface RecalledTarget {
  readonly target: string;
  /** Mtimes are 0, but for the manifest's. */
  readonly trace: Trace;
  /** The manifest made again, durable; absolute. */
  readonly staged: string | undefined;
}

export type { Account, Checkpoint, Progress };
