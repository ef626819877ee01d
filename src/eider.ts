// Eider for programs: open a pipeline, see what a run would do, run it. These are the ways of the
// command line itself, which adds words, a terminal and exit codes. Nothing here prints or exits.
//
//   import { load, plan, run } from 'eider';
//
//   const project = load({ file: 'pipeline.yaml', set: { owner: 'me' } });
//   for (const { target, reasons } of (await plan(project)).targets) console.log(target, reasons);
//   const { outcome } = await run(project, { onEvent: (event) => console.log(event.type) });
import { look, unlistedSources } from './cli/look.ts';
import { type PlannedTarget, plannedTargets } from './cli/planned-target.ts';
import { openProject, type Project } from './cli/project.ts';
import { ProjectRun } from './cli/project-run.ts';
import { inWorkSession } from './cli/work-session.ts';
import type { Event, RunSummary } from './event.ts';
import { nodeFileSystem } from './node-file-system.ts';

export { UsageError } from './cli/usage-error.ts';
export type { Event, PlannedTarget, Project, RunSummary };

/** Paths are relative to the current folder. */
export interface LoadOptions {
  /** The pipeline file; `pipeline.yaml` when it is not given. */
  readonly file?: string;
  /** Where everything a run makes goes; `work` beside the pipeline when it is not given. */
  readonly work?: string;
  /** The pipeline's own choice when it is not given. */
  readonly profile?: string;
  /** Other values of variables, as after `--set`. */
  readonly set?: Readonly<Record<string, string>>;
}

/**
 * Opens a pipeline: reads its file, and nothing else. Throws a UsageError whose message lists every
 * mistake with its place; `warnings` of the project are laid out the same.
 */
export function load({ file, work, profile, set = {} }: LoadOptions = {}): Project {
  return openProject({
    file: file ?? 'pipeline.yaml',
    work,
    profile,
    set: Object.entries(set).map(([name, value]) => `${name}=${value}`),
  });
}

export interface SelectOptions {
  /** As on the command line: `process:claims`, `@chunk=0`; all when it is not given. */
  readonly targets?: readonly string[];
  /** Leave out what comes after this step. */
  readonly until?: string;
  /** Redo the named targets, whatever is recorded. */
  readonly force?: boolean;
}

export interface Planned {
  /** Sources whose files only a run makes or lists; then nothing else is known yet. */
  readonly unlisted: readonly string[];
  /** What would or may run; empty when all is up to date. */
  readonly targets: readonly PlannedTarget[];
}

/**
 * What a run would do, and why. Changes nothing, asks no network, and may be called beside a run.
 * Throws a UsageError for targets that do not exist.
 */
export async function plan(project: Project, options: SelectOptions = {}): Promise<Planned> {
  const unlisted = unlistedSources(project);
  if (unlisted.length > 0) return { unlisted, targets: [] };
  const { targets = [], until, force = false } = options;
  return look(project, {
    options: { words: targets, until, force, rehash: 'unproven' },
    use: (found) => ({ unlisted, targets: [...plannedTargets(found)] }),
  });
}

export interface RunOptions extends SelectOptions {
  /** Targets at once; one per core when it is not given. */
  readonly jobs?: number;
  /** Start nothing more after the first failure. */
  readonly failFast?: boolean;
  /** Rehash every output instead of trusting names, sizes and mtimes. */
  readonly verify?: boolean;
  /** List Hub sources anew first. */
  readonly refresh?: boolean;
  /** Go on although more than `confirm_above` is transferred again; else the outcome is `declined`. */
  readonly yes?: boolean;
  /**
   * Told every event in order, those of the run that makes source files first. Must not throw.
   * `schema/events.schema.json` describes them, as lines that begin with its version.
   */
  readonly onEvent?: (event: Event) => void;
  /** Aborted, running targets end now: what they saved counts for the next run. */
  readonly signal?: AbortSignal;
}

/**
 * Brings targets up to date. Failures of targets are in the summary. Owns the work folder meanwhile:
 * throws a UsageError when another process does, when the folder belongs to another pipeline, or for
 * targets that do not exist; and the signal's reason when it was aborted before anything began.
 */
export async function run(project: Project, options: RunOptions = {}): Promise<RunSummary> {
  const { signal, yes, onEvent = () => {} } = options;
  signal?.throwIfAborted();
  const note = (message: string) =>
    onEvent({ type: 'note', at: new Date().toISOString(), message });
  const { targets: words = [], force = false, failFast = false } = options;
  const { verify = false, refresh = false, jobs, until } = options;
  return inWorkSession(project.config, {
    command: ['(a program)', ...words].join(' '),
    use: async (session) => {
      const projectRun = new ProjectRun({
        project,
        session,
        fs: nodeFileSystem,
        request: { words, jobs, until, force, failFast, verify, refresh },
        audience: {
          note,
          warn: (text) => note(text.trimEnd()),
          report: onEvent,
          decide: () => Promise.resolve(yes === true ? 'assumed' : 'needed'),
        },
      });
      const stop = () => projectRun.interrupt('stop');
      signal?.addEventListener('abort', stop, { once: true });
      try {
        const result = await projectRun.execute();
        if (result === undefined) throw signal?.reason;
        return result.summary;
      } finally {
        signal?.removeEventListener('abort', stop);
      }
    },
  });
}
