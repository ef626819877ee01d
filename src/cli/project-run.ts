// One run of a pipeline from its file to its summary: makes what seeds make, lists the sources,
// plans, recalls what is published and brings the chosen targets up to date. Used by the command
// line and by programs (`eider.ts`); whoever calls it is told everything and prints what it likes.
import { join, relative } from 'node:path';
import type { Confirmation, Event, RunSummary } from '../event.ts';
import { type FileSystem, isoTime } from '../file-system.ts';
import { systemClock } from '../node-file-system.ts';
import { largestRowGroup } from '../parquet/footer.ts';
import type { Graph } from '../plan/graph.ts';
import type { Plan } from '../plan/plan.ts';
import { type Selection, selectTargets } from '../plan/selection.ts';
import type { RepeatedCosts } from '../run/consent.ts';
import type { EventBody } from '../run/context.ts';
import { recallPublished } from '../run/recall.ts';
import { Remarks } from '../run/remarks.ts';
import { type Run, startRun } from '../run/run.ts';
import { seedGraph } from '../run/seed.ts';
import { countSelected } from '../run/tally.ts';
import { engineVersions } from './engine.ts';
import { diskLimits, poolSizes } from './pool-sizes.ts';
import { openHub, prepareSources, recordedListing } from './prepare-sources.ts';
import { keptGroups, type Project, planProject } from './project.ts';
import { knownJournals, sourceNotes } from './source-notes.ts';
import { UsageError } from './usage-error.ts';
import { recordGroup, type WorkSession } from './work-session.ts';

export interface RunRequest {
  /** Targets as on the command line; none means all. */
  readonly words: readonly string[];
  /** Said below a word that names no target. */
  readonly hint?: string | undefined;
  readonly jobs?: number | undefined;
  readonly until?: string | undefined;
  readonly force: boolean;
  readonly failFast: boolean;
  readonly verify: boolean;
  readonly refresh: boolean;
}

/** Who is told what happens, and asked. */
export interface RunAudience {
  /** Something that a person should know before anything runs. */
  note(message: string): void;
  /** What the pipeline says and the work folder does otherwise, laid out. */
  warn(text: string): void;
  /** Every event, of the run that makes source files (`seed`) and of the run itself. */
  report(event: Event, of: RunPart): void;
  /** May this begin, which transfers much once more? Undefined when it was called off. */
  decide(costs: RepeatedCosts, graph: Graph): Promise<Confirmation['answer'] | undefined>;
}

export type RunPart = 'seed' | 'run';

export interface ProjectRunResult {
  /** Of the run itself, or of the one that could not make the source files. */
  readonly summary: RunSummary;
  /** Selected targets, with all that they need. */
  readonly targets: number;
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
  /** Whether the journals say more than that all is done. */
  readonly hasRemarks: boolean;
}

export class ProjectRun {
  readonly #fs: FileSystem;
  readonly #project: Project;
  readonly #session: WorkSession;
  readonly #request: RunRequest;
  readonly #audience: RunAudience;
  readonly #remarks = new Remarks();
  #current: Run | undefined;
  #interruptions = 0;
  /** Ends what is asked of a Hub before anything runs. */
  readonly #stopping = new AbortController();

  constructor(parts: {
    project: Project;
    session: WorkSession;
    request: RunRequest;
    audience: RunAudience;
    fs: FileSystem;
  }) {
    this.#fs = parts.fs;
    this.#project = parts.project;
    this.#session = parts.session;
    this.#request = parts.request;
    this.#audience = parts.audience;
  }

  /** Undefined when it was called off before anything ran. */
  async execute(): Promise<ProjectRunResult | undefined> {
    try {
      return await this.#executeAll();
    } catch (error) {
      // Asked to stop before anything ran: what was waited for was called off.
      if (this.#stopping.signal.aborted) return undefined;
      throw error;
    }
  }

  /** The first `drain` lets targets end at a safe point; `stop`, or a second one, ends them now. */
  interrupt(how: 'drain' | 'stop'): void {
    this.#interruptions += 1;
    if (this.#current === undefined) this.#stopping.abort();
    if (how === 'drain' && this.#interruptions === 1) this.#current?.drain();
    else this.#current?.stop();
  }

  async #executeAll(): Promise<ProjectRunResult> {
    const { takenOver } = this.#session;
    if (takenOver !== undefined) this.#audience.note(takenOver);
    const seeded = await this.#seed();
    if (seeded !== undefined) return seeded;
    const { config } = this.#project;
    const { connections } = this.#session;
    await this.#prepareSources();
    const fs = this.#fs;
    const graph = planProject(this.#project, {
      fs,
      isOwner: true,
      recorded: (source) => recordedListing(source, { config, fs, connections }),
    });
    const kept = keptGroups(this.#project, fs);
    if (kept !== '') this.#audience.warn(kept);
    const selection = this.#select(graph);
    const notes = sourceNotes(graph.plan, this.#session.store.journals());
    for (const note of notes) this.#audience.note(note);
    const { force } = this.#request;
    if (!force) await this.#recall(graph, selection);
    const summary = await this.#bringUpToDate(graph, { selection, force, part: 'run' });
    if (summary.outcome === 'ok') this.#recover(graph, selection);
    const targets = selection.needed.reduce((sum, value) => sum + value, 0);
    const warnings = kept === '' ? [] : [kept.trimEnd()];
    return { summary, targets, notes, warnings, hasRemarks: this.#remarks.found.size > 0 };
  }

  /** Gives a result when the seeds could not be made. */
  async #seed(): Promise<ProjectRunResult | undefined> {
    const graph = seedGraph(this.#project.config);
    if (graph === undefined) return undefined;
    const targets = graph.plan.targetCount;
    const all = new Uint8Array(targets).fill(1);
    const selection = { named: all, needed: all };
    const summary = await this.#bringUpToDate(graph, { selection, force: false, part: 'seed' });
    if (summary.outcome === 'ok') return undefined;
    return { summary, targets, notes: [], warnings: [], hasRemarks: false };
  }

  #prepareSources(): Promise<void> {
    const { connections, executor } = this.#session;
    return prepareSources({
      config: this.#project.config,
      fs: this.#fs,
      clock: systemClock,
      connections,
      executor,
      signal: this.#stopping.signal,
      note: (message) => this.#audience.note(message),
      refresh: this.#request.refresh,
    });
  }

  /** What was published from the same inputs, here or elsewhere, need not be made again. */
  #recall(graph: Graph, selection: Selection): Promise<void> {
    const { store, executor, connections } = this.#session;
    const signal = this.#stopping.signal;
    return recallPublished({
      graph,
      selection,
      store,
      fs: this.#fs,
      executor,
      connectHub: (hub) => connections.connect(hub),
      headOf: async (hub, dataset) =>
        (await openHub(hub, { connections, signal })).repository(dataset).head(),
      hubId: (hub) => connections.idOf(hub),
      engine: engineVersions(),
      note: (message) => this.#audience.note(message),
      signal,
    });
  }

  async #bringUpToDate(
    graph: Graph,
    { selection, force, part }: { selection: Selection; force: boolean; part: RunPart },
  ): Promise<RunSummary> {
    const report = (event: EventBody) => this.#audience.report(timed(event), part);
    const { store, sharedSync, lock, run, executor, connections } = this.#session;
    const { config } = graph.plan;
    report({
      type: 'run-started',
      run,
      pipeline: config.name,
      profile: config.profile,
      work: config.work,
      steps: stepSummaries(graph.plan, selection.needed),
      dryRun: false,
    });
    this.#current = startRun({
      graph,
      selection,
      store,
      sharedSync,
      remarks: this.#remarks,
      fs: this.#fs,
      clock: systemClock,
      executor,
      report,
      onGroup: recordGroup(lock),
      showPath: (path) => relative(process.cwd(), join(config.work, path)),
      random: Math.random,
      run,
      pools: poolSizes(config.pools, this.#request.jobs),
      disk: diskLimits(config.disk, { fs: this.#fs, folder: config.work }),
      largestRowGroup,
      engine: engineVersions(),
      hubId: (hub) => connections.idOf(hub),
      connectHub: (hub) => connections.connect(hub),
      options: { force, failFast: this.#request.failFast, verify: this.#request.verify },
      confirm: async (costs) => {
        const answer = await this.#audience.decide(costs, graph);
        // Called off: nobody answered, and the summary says that the run was interrupted.
        if (answer === undefined) return false;
        const { confirmationOf } = await import('./consent.ts');
        const limitBytes = config.confirmAboveBytes;
        report({ type: 'confirmation', ...confirmationOf(costs, { answer, limitBytes }) });
        return answer === 'yes' || answer === 'assumed';
      },
    });
    if (this.#interruptions > 0) this.#current.drain();
    const summary = await this.#current.ended;
    this.#current = undefined;
    report({ type: 'run-ended', ...summary });
    return summary;
  }

  #select(graph: Graph): Selection {
    const { words, until, hint } = this.#request;
    const { selection, diagnostics } = selectTargets(graph, { words, until });
    if (selection !== undefined) return selection;
    throw new UsageError(this.#project.format(diagnostics) + (hint ?? ''));
  }

  /** Everything was judged or made anew, so no trace of an unended run is left unproven. */
  #recover(graph: Graph, { needed }: Selection) {
    const { store } = this.#session;
    const unended = store.unendedRuns();
    if (unended.length === 0 || needed.includes(0)) return;
    const known = knownJournals(graph.plan);
    known.add('@once');
    if (store.journals().some((journal) => !known.has(journal))) return;
    for (const { run } of unended) store.recordRecovered(run);
  }
}

function stepSummaries(plan: Plan, needed: Uint8Array) {
  return plan.steps.map((step) => {
    const targets = countSelected(step, needed);
    return { step: step.name, ordinal: step.config.ordinal, targets };
  });
}

/** The event as it happens now. */
export function timed(event: EventBody): Event {
  return { ...event, at: isoTime(systemClock) };
}
