// One simulated machine with a project and a work folder: brings the project's files to the disk
// and runs the real runner there, in processes that can be interrupted, killed or lose their power.
import { posix } from 'node:path';
import type { RunSummary } from '../src/event.ts';
import type { FileSystem } from '../src/file-system.ts';
import { findCollisions } from '../src/plan/collision.ts';
import { type Graph, makeGraph } from '../src/plan/graph.ts';
import { makePlan } from '../src/plan/plan.ts';
import { type Selection, selectTargets } from '../src/plan/selection.ts';
import type { RunContext } from '../src/run/context.ts';
import { failureOf } from '../src/run/failure.ts';
import { readGroups, recordGroups } from '../src/run/group-record.ts';
import { Remarks } from '../src/run/remarks.ts';
import { startRun } from '../src/run/run.ts';
import { observeSources } from '../src/run/source.ts';
import { SharedSync } from '../src/shared-sync.ts';
import type { Belonging } from '../src/store/belonging.ts';
import { openStore, readStore, type Store, type StoreReader } from '../src/store/store.ts';
import { FakeClock } from './fake-clock.ts';
import type { Choose } from './fake-disk.ts';
import { Crash, type CrashPlan, FakeFileSystem, type Fault } from './fake-file-system.ts';
import { FakeExecutor, type Trouble } from './simulation-executor.ts';
import { SimulatedGlance } from './simulation-glance.ts';
import {
  EXTRA_PATH,
  makeConfig,
  type Project,
  ruleFiles,
  sourceFolder,
} from './simulation-pipeline.ts';
import { SimulatedProcess, waitFor } from './simulation-process.ts';
import type { Random } from './simulation-random.ts';
import { RunRecord, type RunReport } from './simulation-report.ts';
import { LOCK } from './store-fixture.ts';

export interface RunRequest {
  readonly words: readonly string[];
  readonly force: boolean;
  readonly verify: boolean;
  readonly failFast: boolean;
  readonly cpu: number;
  /** The variable as it is for this run alone. */
  readonly scale: number | undefined;
  readonly troubleOf: (target: string) => Trouble | undefined;
  /** Told after so many simulated milliseconds; the second time to stop at once. */
  readonly interruptions: readonly { readonly afterMs: number; readonly how: 'drain' | 'stop' }[];
  /** What the user and the machine do while it runs. */
  readonly meanwhile: readonly Meanwhile[];
  readonly fault: Fault | undefined;
  readonly crash: CrashRequest | undefined;
  /** What of the disk is lost at the crash. */
  readonly choose: Choose;
}

export type Meanwhile =
  | { readonly kind: 'jump'; readonly afterMs: number; readonly ms: number }
  /** Writes a file that no target makes: of a source, or the one outside. */
  | {
      readonly kind: 'write';
      readonly afterMs: number;
      readonly pick: number;
      readonly content: string;
    };

/** The process dies at the `at`-th such call, counted from its begin. */
export interface CrashRequest extends CrashPlan {
  readonly call: 'rename' | 'remove' | 'any';
}

export const PLAIN_RUN: Omit<RunRequest, 'choose'> = {
  words: [],
  force: false,
  verify: false,
  failFast: false,
  cpu: 2,
  scale: undefined,
  troubleOf: () => undefined,
  interruptions: [],
  meanwhile: [],
  fault: undefined,
  crash: undefined,
};

export class World {
  readonly clock = new FakeClock();
  fs = new FakeFileSystem(this.clock);
  readonly project: Project;
  readonly work: string;
  /** What is published, by target: its result's digest. */
  readonly hub = new Map<string, string>();
  readonly #random: Random;
  readonly #placed = new Map<string, string>();
  readonly #glance: SimulatedGlance;
  #runs = 0;

  constructor(project: Project, { random, work }: { random: Random; work: string }) {
    this.project = project;
    this.#random = random;
    this.work = work;
    this.#glance = new SimulatedGlance(work);
    this.fs.put(`${posix.dirname(work)}/.keep`, '');
  }

  /** Writes what the user changed; files that are the same keep their times. */
  place(): void {
    const wanted = new Map(ruleFiles(this.project));
    for (const { name, files } of this.project.sources) {
      for (const [file, content] of files) wanted.set(`${sourceFolder(name)}/${file}`, content);
    }
    for (const path of this.#placed.keys()) {
      if (wanted.has(path)) continue;
      this.removeDurably(path);
      this.#placed.delete(path);
    }
    for (const [path, content] of wanted) {
      if (this.#placed.get(path) === content) continue;
      this.put(path, content);
      this.#placed.set(path, content);
    }
  }

  put(path: string, content: string | Uint8Array): void {
    this.clock.tick(3);
    this.fs.put(path, content);
  }

  removeDurably(path: string): void {
    this.fs.remove(path);
    // What is put there makes every name durable.
    this.fs.put(`${posix.dirname(this.work)}/.keep`, '');
  }

  async run(request: RunRequest): Promise<RunReport> {
    const { fs } = this;
    // What was changed a moment ago is young for some runs, and not for others.
    this.clock.tick(this.#runs % 2 === 0 ? 1000 : 5000);
    this.#planCrash(request.crash);
    fs.planFault(request.fault);
    const record = new RunRecord();
    const glancedAt = { fs, clock: this.clock, call: this.#callOf(request) };
    record.isForetold = this.#glance.foretells(request, glancedAt);
    const process = new SimulatedProcess(this.clock);
    const disk = this.#random.fork();
    fs.waitForDisk = () => new Promise((end) => process.after(disk.below(20), end));
    try {
      await waitFor(this.#session(request, { record, process }), {
        clock: this.clock,
        isDead: () => this.fs.isDead,
      });
    } catch (error) {
      // What the system says against the state folder ends the process, as its death would.
      const isFault = request.fault !== undefined && failureOf(error) !== undefined;
      if (!(error instanceof Crash || fs.isDead || isFault)) throw error;
      record.summary = undefined;
    }
    process.end();
    fs.crashPlan = undefined;
    fs.planFault(undefined);
    fs.waitForDisk = async () => undefined;
    fs.onCall = undefined;
    if (fs.isDead) {
      this.fs = fs.restart(request.choose);
      record.summary = undefined;
    }
    return record;
  }

  #planCrash(crash: CrashRequest | undefined): void {
    const { fs } = this;
    if (crash === undefined) return;
    const { call, at, effect } = crash;
    if (call === 'any') {
      fs.crashPlan = { at: fs.operations.length + at, effect };
      return;
    }
    let calls = 0;
    fs.onCall = (operation) => {
      if (operation.call === call) calls += 1;
      if (calls === at) fs.crashPlan ??= { at: fs.operations.length + 1, effect };
    };
  }

  /** What the journals say, read beside whatever runs. */
  read(): StoreReader {
    const folder = `${this.work}/state`;
    const opened = readStore({ fs: this.fs, folder, belonging: this.#belonging() });
    if (opened.kind === 'refused') throw new Error(opened.problem.message);
    return opened.store;
  }

  plan({ isOwner = false, fs = this.fs }: { isOwner?: boolean; fs?: FileSystem } = {}): Graph {
    const config = makeConfig(this.project, this.work);
    const { catalog, diagnostics } = observeSources(config, {
      fs,
      recorded: () => undefined,
      groups: (source) => readGroups(source, { config, fs }),
    });
    if (isOwner) recordGroups(catalog, { config, fs });
    const { plan, diagnostics: mistakes } = makePlan(config, catalog);
    const collisions = plan === undefined ? [] : findCollisions(plan);
    const [mistake] = [...diagnostics, ...mistakes, ...collisions];
    if (plan === undefined || mistake !== undefined) throw new Error(mistake?.message);
    return makeGraph(plan);
  }

  #belonging(): Belonging {
    const sources = this.project.sources.map(({ name }) => [name, sourceFolder(name)] as const);
    return { pipeline: 'simulated', sources: Object.fromEntries(sources) };
  }

  /** What the command line does around a run, in its order. */
  async #session(
    request: RunRequest,
    { record, process }: { record: RunRecord; process: SimulatedProcess },
  ): Promise<void> {
    const { work } = this;
    const call = this.#callOf(request);
    const fs = this.#glance.witness({ fs: this.fs, clock: process, call });
    const folder = `${work}/state`;
    this.#runs += 1;
    fs.makeFolder(folder);
    const lock = `${folder}/@lock`;
    if (fs.read(lock) !== undefined) fs.remove(lock);
    fs.create(lock, '');
    const belonging = this.#belonging();
    const run = `r${this.#runs}`;
    const clock = process;
    const sharedSync = new SharedSync({ fs, clock });
    const opened = openStore({ fs, clock, sharedSync, folder, belonging, lock: LOCK, run });
    if (opened.kind === 'refused') throw new Error(opened.problem.message);
    const { store } = opened;
    for (const name of fs.list(`${work}/tmp`) ?? []) {
      if (name !== 'scratch') fs.remove(`${work}/tmp/${name}`);
    }
    const graph = this.plan({ isOwner: true, fs });
    const { words } = request;
    const { selection } = selectTargets(graph, { words, until: undefined });
    if (selection === undefined) {
      await store.end();
      fs.remove(lock);
      return;
    }
    record.graph = graph;
    record.selection = selection;
    const parts = { fs, store, sharedSync, graph, selection };
    const { used, ended } = this.#start(request, { ...parts, record, process });
    try {
      record.summary = await ended;
    } catch (error) {
      store.abandon();
      throw error;
    }
    if (record.summary.outcome === 'ok') recover(store, { graph, selection });
    if (used()) await fs.syncAll(work);
    await store.end();
    fs.remove(lock);
    const { force, verify } = request;
    const isNothing = record.summary.nothingToDo && record.summary.outcome === 'ok';
    if (isNothing && !force && !verify && !used()) this.#glance.keep(fs, call);
  }

  #callOf({ words }: RunRequest): string {
    return JSON.stringify([makeConfig(this.project, this.work), this.project.engine, words]);
  }

  #start(
    request: RunRequest,
    {
      record,
      process,
      ...parts
    }: Pick<RunContext, 'fs' | 'store' | 'sharedSync' | 'graph' | 'selection'> & {
      record: RunRecord;
      process: SimulatedProcess;
    },
  ): { used: () => boolean; ended: Promise<RunSummary> } {
    const random = this.#random.fork();
    const { troubleOf, interruptions, meanwhile, force, verify, failFast, cpu } = request;
    const cores = { all: cpu, of: (target: string) => this.#coresOf(target) };
    let executor: FakeExecutor | undefined;
    const run = startRun({
      ...parts,
      remarks: new Remarks(),
      clock: process,
      executor: async () => {
        const onBlamed = (producers: readonly string[]) => record.blame(producers);
        const clock = process;
        const outside = { fs: this.fs, clock, random, troubleOf, onBlamed, cores, hub: this.hub };
        executor ??= new FakeExecutor(outside);
        return executor;
      },
      report: (event) => record.take(event),
      showPath: (path) => path,
      onGroup: () => undefined,
      random: () => random.next(),
      run: `r${this.#runs}`,
      pools: { cpu, memory: 100, network: 8 },
      disk: { budgetBytes: Number.POSITIVE_INFINITY, keepFreeBytes: 0 },
      largestRowGroup: () => undefined,
      connectHub: async ({ endpoint = '', isPrivate, xet }) => {
        return { endpoint, id: 'hub', token: undefined, isPrivate, xet };
      },
      hubId: () => 'hub',
      engine: { eider: String(this.project.engine) },
      options: { force, verify, failFast },
    });
    for (const { afterMs, how } of interruptions) {
      process.after(afterMs, () => (how === 'drain' ? run.drain() : run.stop()));
    }
    for (const each of meanwhile) {
      process.after(each.afterMs, () => {
        if (each.kind === 'jump') this.clock.jump(each.ms);
        else record.written.add(this.#write(each));
      });
    }
    return { used: () => executor !== undefined, ended: run.ended };
  }

  #coresOf(target: string): number {
    const name = target.split(/[:@]/)[0];
    return this.project.steps.find((step) => step.name === name)?.cpu ?? 1;
  }

  /** Somebody changes a file; gives its path. */
  #write({ pick, content }: Extract<Meanwhile, { kind: 'write' }>): string {
    const { project } = this;
    const places = project.sources.flatMap(({ name, files }) =>
      [...files.keys()].map((file) => ({ files, file, path: `${sourceFolder(name)}/${file}` })),
    );
    const place = places[pick % (places.length + 1)];
    const path = place?.path ?? EXTRA_PATH;
    if (place === undefined) project.extra = content;
    else place.files.set(place.file, content);
    this.put(path, content);
    this.#placed.set(path, content);
    return path;
  }
}

/** Everything was judged or made anew: what earlier runs left is no longer in doubt. */
function recover(store: Store, { graph, selection }: { graph: Graph; selection: Selection }): void {
  const unended = store.unendedRuns();
  if (unended.length === 0 || selection.needed.includes(0)) return;
  const known = new Set(graph.plan.tables.flatMap((table) => table.journals));
  known.add('@once');
  if (store.journals().some((journal) => !known.has(journal))) return;
  for (const { run } of unended) store.recordRecovered(run);
}
