// `pipeline [targets..]`: brings targets up to date. Wires the ports together, listens to signals
// and turns the summary into an exit code.
import { join, relative } from 'node:path';
import type { Event, RunSummary } from '../event.ts';
import type { FileSystem } from '../file-system.ts';
import { nodeFileSystem, systemClock } from '../node-file-system.ts';
import { largestRowGroup } from '../parquet/footer.ts';
import type { Graph } from '../plan/graph.ts';
import type { Plan } from '../plan/plan.ts';
import { type Selection, selectTargets } from '../plan/selection.ts';
import type { ReporterKind } from '../reporter/reporter.ts';
import type { EventBody, RunOptions } from '../run/context.ts';
import { recallPublished } from '../run/recall.ts';
import { Remarks } from '../run/remarks.ts';
import { type Run, startRun } from '../run/run.ts';
import { seedGraph } from '../run/seed.ts';
import { countSelected } from '../run/tally.ts';
import { runsPath } from '../store/state-folder.ts';
import { suggest } from '../suggestion.ts';
import { COMMANDS } from './commands.ts';
import { engineVersions } from './engine.ts';
import { EXIT } from './exit-code.ts';
import type { Call, Nothing } from './glance.ts';
import { HeldEvents, showsWork } from './held-events.ts';
import { invocationOf, projectOptions, type RawOptions } from './options.ts';
import { diskLimits, poolSizes } from './pool-sizes.ts';
import { openHub, prepareSources, recordedListing } from './prepare-sources.ts';
import { keptGroups, openProject, type Project, planProject, stateFolder } from './project.ts';
import { Screen, timed } from './screen.ts';
import { handleSignals } from './signals.ts';
import { knownJournals, sourceNotes } from './source-notes.ts';
import { UsageError } from './usage-error.ts';
import { inWorkSession, recordGroup, type WorkSession } from './work-session.ts';

export interface RawRunOptions extends RawOptions {
  readonly jobs?: number;
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly until?: string;
  readonly failFast?: boolean;
  readonly verify?: boolean;
  readonly refresh?: boolean;
  readonly reporter?: ReporterKind;
  readonly json?: boolean;
  readonly yes?: boolean;
}

/** Gives the exit code. */
export async function runCommand(
  words: readonly string[],
  { raw, call }: { readonly raw: RawRunOptions; readonly call: Call },
): Promise<number> {
  const fs = raw.dryRun === true ? nodeFileSystem : call.witness;
  const project = openProject(projectOptions(raw), fs);
  for (const warning of project.warnings) process.stderr.write(`${warning}\n`);
  if (raw.dryRun === true) {
    const { previewCommand } = await import('./preview-command.ts');
    return previewCommand(project, { words, raw });
  }
  const { code, nothing } = await inWorkSession(project.config, {
    fs,
    command: [invocationOf(raw), ...words].join(' '),
    use: async (session) => {
      const run = new CommandRun({ project, session, words, raw, fs });
      try {
        return { code: await run.execute(), nothing: run.nothing };
      } finally {
        await run.close();
      }
    },
  });
  if (nothing !== undefined) call.keep(nothing);
  return code;
}

interface BringUpToDate {
  readonly selection: Selection;
  readonly force: boolean;
  readonly isWorthShowing: (event: Event) => boolean;
}

class CommandRun {
  /** What was found, when there was nothing to do and nobody had to be asked. */
  nothing: Nothing | undefined;
  readonly #fs: FileSystem;
  readonly #project: Project;
  readonly #session: WorkSession;
  readonly #words: readonly string[];
  readonly #raw: RawRunOptions;
  readonly #stopListening: () => void;
  readonly #screen: Screen;
  readonly #remarks = new Remarks();
  #current: Run | undefined;
  #interruptions = 0;
  /** Ends what is asked of a Hub before anything runs. */
  readonly #stopping = new AbortController();

  constructor(parts: {
    project: Project;
    session: WorkSession;
    words: readonly string[];
    raw: RawRunOptions;
    fs: FileSystem;
  }) {
    this.#fs = parts.fs;
    this.#project = parts.project;
    this.#session = parts.session;
    this.#words = parts.words;
    this.#raw = parts.raw;
    this.#screen = new Screen(parts.raw);
    this.#stopListening = handleSignals((how) => this.#interrupt(how));
  }

  async execute(): Promise<number> {
    try {
      return await this.#executeAll();
    } catch (error) {
      // Asked to stop before anything ran: what was waited for was called off.
      if (this.#stopping.signal.aborted) return EXIT.interrupted;
      throw error;
    }
  }

  async #executeAll(): Promise<number> {
    const { takenOver } = this.#session;
    if (takenOver !== undefined) this.#screen.note(takenOver);
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
    process.stderr.write(kept);
    const selection = this.#select(graph);
    const notes = sourceNotes(graph.plan, this.#session.store.journals());
    for (const note of notes) this.#screen.note(note);
    if (this.#raw.force !== true) await this.#recall(graph, selection);
    const { summary, events } = await this.#bringUpToDate(graph, {
      selection,
      force: this.#raw.force === true,
      isWorthShowing: showsWork,
    });
    // People have read at the question what there is to say.
    if (summary.outcome === 'declined' && this.#screen.kind === 'ndjson') events.release();
    if (summary.outcome === 'ok') this.#recover(graph, selection);
    if (summary.nothingToDo) {
      const targets = selection.needed.reduce((sum, value) => sum + value, 0);
      this.#screen.showNothingToDo(events, { targets, durationMs: summary.durationMs });
      const warnings = [...this.#project.warnings, ...(kept === '' ? [] : [kept.trimEnd()])];
      const log = runsPath(stateFolder(config));
      const { work } = config;
      const isSilent = this.#screen.kind === 'silent';
      const hasRemarks = this.#remarks.found.size > 0;
      const said = { targets, warnings, notes, isSilent, hasRemarks };
      if (this.#isRepeatable) this.nothing = { ...said, work, log };
    }
    return exitCode(summary);
  }

  async close(): Promise<void> {
    this.#stopListening();
    await this.#screen.close();
  }

  /** Whether the same words give the same answer while nothing changes, and it is for people. */
  get #isRepeatable(): boolean {
    const { force, verify, refresh } = this.#raw;
    const asksMore = force === true || verify === true || refresh === true;
    return !asksMore && !this.#session.hasAsked && this.#screen.kind !== 'ndjson';
  }

  /** Gives an exit code when the seeds could not be made. */
  async #seed(): Promise<number | undefined> {
    const graph = seedGraph(this.#project.config);
    if (graph === undefined) return undefined;
    const all = new Uint8Array(graph.plan.targetCount).fill(1);
    const selection = { named: all, needed: all };
    const isWorthShowing = (event: Event) => this.#isWorthShowingOfSeed(event);
    const { summary } = await this.#bringUpToDate(graph, {
      selection,
      force: false,
      isWorthShowing,
    });
    return summary.outcome === 'ok' ? undefined : exitCode(summary);
  }

  /** A reporter shows one run; of the seeds' own it is enough to say that they are being made. */
  #isWorthShowingOfSeed(event: Event): boolean {
    if (this.#screen.kind === 'ndjson') return showsWork(event);
    if (event.type === 'target-started') {
      this.#screen.line(`Making source files: ${event.target}`);
    }
    return event.type === 'run-ended' && event.outcome !== 'ok';
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
      note: (message) => this.#screen.note(message),
      refresh: this.#raw.refresh === true,
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
      note: (message) => this.#screen.note(message),
      signal,
    });
  }

  async #bringUpToDate(
    graph: Graph,
    { selection, force, isWorthShowing }: BringUpToDate,
  ): Promise<{ summary: RunSummary; events: HeldEvents }> {
    const events = new HeldEvents((event) => this.#screen.show(event), isWorthShowing);
    const report = (event: EventBody) => events.report(timed(event));
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
      pools: poolSizes(config.pools, this.#raw.jobs),
      disk: diskLimits(config.disk, { fs: this.#fs, folder: config.work }),
      largestRowGroup,
      engine: engineVersions(),
      hubId: (hub) => connections.idOf(hub),
      connectHub: (hub) => connections.connect(hub),
      options: runOptions(this.#raw, force),
      confirm: async (costs) => {
        const { askConsent } = await import('./consent.ts');
        const isYes = this.#raw.yes === true;
        return askConsent(costs, { graph, isYes, reporter: this.#screen.kind, report });
      },
    });
    if (this.#interruptions > 0) this.#current.drain();
    const summary = await this.#current.ended;
    this.#current = undefined;
    report({ type: 'run-ended', ...summary });
    return { summary, events };
  }

  #select(graph: Graph): Selection {
    const { until } = this.#raw;
    const { selection, diagnostics } = selectTargets(graph, { words: this.#words, until });
    if (selection !== undefined) return selection;
    const [word] = this.#words;
    const command = this.#words.length === 1 ? suggest(word ?? '', COMMANDS) : undefined;
    const hint = command === undefined ? '' : `\n  or the command: did you mean "${command}"?`;
    throw new UsageError(this.#project.format(diagnostics) + hint);
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

  #interrupt(how: 'drain' | 'stop') {
    this.#interruptions += 1;
    if (this.#current === undefined) this.#stopping.abort();
    if (how === 'drain' && this.#interruptions === 1) this.#current?.drain();
    else this.#current?.stop();
  }
}

function runOptions(raw: RawRunOptions, force: boolean): RunOptions {
  return { force, failFast: raw.failFast === true, verify: raw.verify === true };
}

function stepSummaries(plan: Plan, needed: Uint8Array) {
  return plan.steps.map((step) => {
    const targets = countSelected(step, needed);
    return { step: step.name, ordinal: step.config.ordinal, targets };
  });
}

function exitCode(summary: RunSummary): number {
  if (summary.outcome === 'interrupted') return EXIT.interrupted;
  if (summary.outcome === 'declined') return EXIT.usage;
  return summary.outcome === 'failed' ? EXIT.failed : EXIT.ok;
}
