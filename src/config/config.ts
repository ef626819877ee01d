// The validated pipeline as data: what the YAML file, its profile and `--set` say once everything
// is resolved that is known before the sources are listed. `parse.ts` makes it; nothing here runs.
import type { Location } from '../diagnostic.ts';
import type { Json, Scalar } from '../task.ts';

/**
 * A text with `{variable}` places. Variables of the pipeline are already substituted, so that only
 * those of the matrix cell, of the member (file or group), `{value}` and, in `run:`, `{input..}`
 * and `{output..}` are left. A part is either literal text or one variable.
 */
export type Template = readonly TemplatePart[];
export type TemplatePart = string | { readonly variable: string };

/** A JSON value whose strings are templates. A string that is one variable keeps its type. */
export type TemplateValue =
  | Exclude<Scalar, string>
  | { readonly template: Template }
  | readonly TemplateValue[]
  | { readonly record: Readonly<Record<string, TemplateValue>> };

export interface Config {
  readonly name: string;
  readonly profile: string;
  /** All profiles there are, that one included. */
  readonly profiles: readonly string[];
  /** The pipeline file as the user would write it, for messages. */
  readonly file: string;
  /** Absolute folder of the pipeline file: what its paths are relative to. */
  readonly root: string;
  /** Absolute work folder: where everything a run makes goes. */
  readonly work: string;
  /** `vars` after profile and `--set`; records are matrices. */
  readonly variables: Readonly<Record<string, Json>>;
  readonly pools: Readonly<Record<PoolName, number | 'auto'>>;
  readonly disk: DiskConfig;
  readonly hub: HubConfig | undefined;
  /** A run that would download or upload more than this once more asks first. */
  readonly confirmAboveBytes: number;
  /** In the order written. */
  readonly sources: readonly SourceConfig[];
  /** In the order written, which is a valid order of dependencies. */
  readonly steps: readonly StepConfig[];
}

/** cpu in cores; memory in bytes; network in simultaneous transfers. */
export type PoolName = 'cpu' | 'memory' | 'network';

/** In bytes. What is taken stays taken until it is released, which a pool does not know. */
export interface DiskConfig {
  /** What all groups in work may hold together; `auto` is what is free. */
  readonly budget: number | 'auto';
  /** Left free whatever happens. */
  readonly keepFree: number | 'auto';
}

export type SourceConfig = LocalSourceConfig | HubSourceConfig;

interface SourceBase {
  readonly name: string;
  readonly at: Location;
  /** Matched against the end of each file's path, whole segments. */
  readonly pattern: NamePattern;
  readonly groups: readonly ComputedGroups[];
  /** Files that are left out, by key, with the reason that people are told. */
  readonly exclude: Readonly<Record<string, Exclusion>>;
}

export interface Exclusion {
  readonly reason: string;
  readonly at: Location;
}

/** A kind of group that is formed from the listing rather than from the names. */
export interface ComputedGroups {
  readonly name: string;
  /** Whole groups of this capture are joined; single files when it is undefined. */
  readonly of: string | undefined;
  /** Until they hold so many bytes, or so many files. */
  readonly atLeastBytes: number;
  readonly files: number | undefined;
}

/** All kinds of group that a source has: the captures of its names, then the computed ones. */
export function groupKinds({ pattern, groups }: SourceConfig): readonly string[] {
  return [...pattern.captures, ...groups.map(({ name }) => name)];
}

export interface LocalSourceConfig extends SourceBase {
  readonly kind: 'local';
  /** Absolute glob of local files. */
  readonly files: string;
  /** Makes the files before they are listed; undefined when they lie outside the work folder. */
  readonly seed: SeedConfig | undefined;
}

/** Files of a Hub dataset, listed once at the commit that `revision` stands for. */
export interface HubSourceConfig extends SourceBase {
  readonly kind: 'hub';
  readonly hub: HubConfig;
  readonly dataset: string;
  readonly revision: string;
  /** Glob of paths in the dataset. */
  readonly files: string;
}

export interface HubConfig {
  /** Address without a slash at its end; undefined for the embedded Hub. */
  readonly endpoint: string | undefined;
  /** What the embedded Hub has from the start. */
  readonly seed: HubSeedConfig | undefined;
  /** Whether repositories that a run creates are private. */
  readonly isPrivate: boolean;
  readonly xet: 'auto' | 'off';
  /** Environment variable with the token; undefined for the usual places. */
  readonly tokenEnv: string | undefined;
}

export interface HubSeedConfig {
  readonly dataset: string;
  /** Absolute folder; paths below it become paths in the dataset. */
  readonly folder: string;
  /** Glob relative to the folder. */
  readonly files: string;
  /** Makes the files first; undefined without a task, or outside the work folder. */
  readonly seed: SeedConfig | undefined;
  readonly at: Location;
}

/** A file name pattern such as `chunk_{chunk}-{part}-of-{parts}.parquet`. */
export interface NamePattern {
  readonly text: string;
  /** Names of the captures in order; each is a variable and a group kind. */
  readonly captures: readonly string[];
  /** Regular expression source with one named group per capture, anchored at the end. */
  readonly expression: string;
}

export interface SeedConfig {
  readonly task: TaskRuleConfig;
  readonly with: Readonly<Record<string, TemplateValue>>;
}

/** What a step is expanded over: once, every file of its source, or every group of one kind. */
export type Each =
  | { readonly kind: 'once' }
  | { readonly kind: 'file'; readonly source: string }
  | { readonly kind: 'group'; readonly source: string; readonly group: string };

export interface StepConfig {
  readonly name: string;
  readonly at: Location;
  /** Place in a file's life; the journals' `step`. 1 for the first step unless said otherwise. */
  readonly ordinal: number;
  readonly needs: readonly string[];
  readonly each: Each;
  /** The matrix expanded, first dimension slowest; one nameless cell when there is no matrix. */
  readonly cells: readonly Cell[];
  readonly rule: RuleConfig;
  readonly with: Readonly<Record<string, TemplateValue>>;
  /** Outside files (paths relative to the pipeline file, made absolute), by input name. */
  readonly inputs: readonly InputConfig[];
  readonly outputs: readonly OutputConfig[];
  readonly retries: RetryConfig;
  readonly timeoutMs: number | undefined;
  /** What one target takes from each pool while it runs. */
  readonly pools: Readonly<Partial<Record<PoolName, number>>>;
  readonly maxRejects: number;
  /** The step's Hub: its own, else the pipeline's. */
  readonly hub: HubConfig | undefined;
  readonly publish: PublishConfig | undefined;
  /** Works from the records of released inputs. */
  readonly acceptsReleased: boolean;
  readonly rebuildOn: readonly 'engine'[];
}

export interface Cell {
  /** The dimension values joined with `:`; '' for the nameless cell. */
  readonly name: string;
  /** The value of each matrix dimension, by dimension name: what cells of two steps align on. */
  readonly dimensions: Readonly<Record<string, string>>;
  /** Dimensions and the attributes that the matrix gives them. */
  readonly variables: Readonly<Record<string, Scalar>>;
}

export interface PublishConfig {
  /** `owner/name`; cell variables are left in it. */
  readonly dataset: Template;
  /** How many partition values to expect; a template is that of a cell variable. */
  readonly expectedValues: TemplateValue | undefined;
}

export type RuleConfig = SqlRuleConfig | TaskRuleConfig | RunRuleConfig | ReleaseRuleConfig;

/** `file` is an absolute path, still with the cell's variables; exactly one of the two is there. */
export interface SqlRuleConfig {
  readonly kind: 'sql';
  readonly file: Template | undefined;
  readonly text: string | undefined;
  /** Where `text` begins, so that an error can name the line. */
  readonly at: Location;
}

export interface TaskRuleConfig {
  readonly kind: 'task';
  /** As written: `pull`. */
  readonly name: string;
  /** Absolute path of the module. */
  readonly module: string;
}

export interface RunRuleConfig {
  readonly kind: 'run';
  /** Literal parts hold pipeline variables already quoted for the shell. */
  readonly command: Template;
}

/** Frees what these steps made for the same files; carried out by the runner itself. */
export interface ReleaseRuleConfig {
  readonly kind: 'release';
  readonly steps: readonly string[];
}

export interface InputConfig {
  readonly name: string;
  readonly path: Template;
  readonly at: Location;
}

export interface OutputConfig {
  /** `output` when the step has one output without a name. */
  readonly name: string;
  /** Relative to the work folder, `/` between segments, normalised, never leaving it. */
  readonly path: Template;
  /** The path has a `*`: the number of files is not known before. */
  readonly glob: boolean;
  readonly format: 'parquet' | 'csv' | 'json' | undefined;
  /** The column whose values become the `{value}` of the path; a template (cell variables). */
  readonly partitionBy: Template | undefined;
  /** The column whose smallest and largest value the audit records. */
  readonly idColumn: string;
  /** `tasks/tables.ts#claims`, made absolute; a template (cell variables). */
  readonly contract: Template | undefined;
  readonly at: Location;
}

export interface RetryConfig {
  /** Further attempts after the first; only failures that may pass are tried again. */
  readonly count: number;
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
}
