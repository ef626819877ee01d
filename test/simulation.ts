// Whole runs of the real runner through random histories of edits, damage, failures, interruptions,
// releases and crashes, on a fake disk with a fake clock. After each history what was made step by
// step must be what a run from nothing makes, and nothing more may have run than had to.
import { targetName } from '../src/plan/plan.ts';
import { LINE_LIMIT, scanLines } from '../src/store/line.ts';
import { KEEP_ALL } from './fake-disk.ts';
import type { Attic } from './simulation-edits.ts';
import {
  applyDamage,
  applyEdit,
  type History,
  makeRequest,
  type Round,
  randomHistory,
} from './simulation-history.ts';
import { type Before, Ledger, recordedStates, releasedTargets } from './simulation-ledger.ts';
import { type ExpectedTarget, expectTargets } from './simulation-model.ts';
import { describe, randomProject } from './simulation-project.ts';
import { Random } from './simulation-random.ts';
import type { RunReport } from './simulation-report.ts';
import { decodeManifest, sha256Of } from './simulation-result.ts';
import { PLAIN_RUN, type RunRequest, World } from './simulation-world.ts';

/** After damage a reader may find it first and fail: so many runs mend everything. */
const MAX_MENDING_RUNS = 6;

export class SimulationError extends Error {}

/** Undefined when all held; else what did not, with the shortest history found that shows it. */
export async function findFlaw(seed: number): Promise<string | undefined> {
  let history = randomHistory(seed);
  let flaw = await tryHistory(history);
  if (flaw === undefined) return undefined;
  const first = flaw.split('\n')[0];
  for (let shorter = true; shorter; ) {
    shorter = false;
    for (const candidate of shorten(history)) {
      const found = await tryHistory(candidate);
      if (found === undefined || kindOf(found) !== kindOf(flaw)) continue;
      history = candidate;
      flaw = found;
      shorter = true;
      break;
    }
  }
  return `seed ${seed}: ${first}\nshortened:\n${flaw}`;
}

async function tryHistory(history: History): Promise<string | undefined> {
  const said: string[] = [];
  try {
    await new Simulation(history, said).play();
    return undefined;
  } catch (error) {
    const text = error instanceof SimulationError ? error.message : String(asStack(error));
    return [text, ...said.map((line) => `  ${line}`)].join('\n');
  }
}

/** A flaw's first line without names and digests: a shorter history must show the same flaw. */
function kindOf(flaw: string): string {
  const [first = ''] = flaw.split('\n');
  return first.replace(/\S*[\d@/]\S*/g, '').slice(0, 40);
}

function asStack(error: unknown): unknown {
  return error instanceof Error ? error.stack : error;
}

/** Histories with one part less. */
function* shorten(history: History): Generator<History> {
  const { rounds } = history;
  const replace = (index: number, round: Partial<Round>) => ({
    ...history,
    rounds: rounds.map((old, at) => (at === index ? { ...old, ...round } : old)),
  });
  const without = <T>(items: readonly T[], index: number) => items.filter((_, at) => at !== index);
  for (const index of rounds.keys()) yield { ...history, rounds: without(rounds, index) };
  for (const [index, { edits, damages, run }] of rounds.entries()) {
    for (const at of edits.keys()) yield replace(index, { edits: without(edits, at) });
    for (const at of damages.keys()) yield replace(index, { damages: without(damages, at) });
    for (const at of run.twists.keys()) {
      yield replace(index, { run: { ...run, twists: without(run.twists, at) } });
    }
  }
}

const WORK = '/simulated/work';

class Simulation {
  readonly #history: History;
  readonly #said: string[];
  readonly #world: World;
  readonly #ledger = new Ledger();
  readonly #attic: Attic = { steps: [], files: [], stepsMade: 0, before: undefined };

  constructor(history: History, said: string[]) {
    this.#history = history;
    this.#said = said;
    const random = new Random(history.project);
    const project = randomProject(random);
    this.#world = new World(project, { random, work: WORK });
    for (const step of project.steps) said.push(describe(step));
    for (const { name, files } of project.sources) said.push(`${name}: ${[...files.keys()]}`);
  }

  async play(): Promise<void> {
    this.#world.place();
    for (const { edits, damages, run } of this.#history.rounds) {
      const before = structuredClone(this.#world.project);
      for (const seed of edits) {
        this.#said.push(applyEdit(seed, { world: this.#world, attic: this.#attic }));
      }
      if (edits.length > 0) this.#attic.before = before;
      for (const seed of damages) {
        const damage = applyDamage(seed, this.#world);
        if (damage === undefined) continue;
        this.#said.push(damage.said);
        this.#ledger.noteDamage(damage);
      }
      const { request, said } = makeRequest(run, this.#world);
      await this.#run(request, said);
    }
    await this.#mend(false);
    await this.#mend(true);
    await this.#checkWhole();
  }

  /** Runs until all is well, and once more: then nothing may be left to do. */
  async #mend(verify: boolean): Promise<void> {
    const request: RunRequest = { ...PLAIN_RUN, verify, choose: KEEP_ALL };
    const said = verify ? 'run --verify' : 'run';
    for (let runs = 1; ; runs += 1) {
      const { summary, failed } = await this.#run(request, said);
      if (summary?.outcome === 'ok') break;
      if (runs === MAX_MENDING_RUNS) fail(`it never ends well: ${JSON.stringify([...failed])}`);
    }
    const again = await this.#run(request, `${said} (again)`);
    if (again.started.size > 0 || again.summary?.nothingToDo !== true) {
      fail(`a second run did something: ${showStarted(again)}`);
    }
    if (verify) this.#ledger.tampered.clear();
  }

  async #run(request: RunRequest, said: string): Promise<RunReport> {
    const world = this.#world;
    world.place();
    const planned = world.plan();
    const expected = expectTargets(world.project, planned);
    const before = world.fs.list(`${WORK}/state`) === undefined ? NONE : this.#before(expected);
    this.#said.push(said);
    const report = await world.run(request);
    const named = namesOf(report);
    this.#said.push(`  ${summaryOf(report)}: ${showStarted(report)}`);
    const parts = { report, request, before: { ...before, named } };
    const complaints = this.#ledger.noteRun(parts, expected);
    if (report.summary === undefined) {
      this.#ledger.noteCrash(this.#begun(expected));
      if (request.choose === KEEP_ALL) this.#checkTraces(expected);
    }
    const [complaint] = complaints;
    if (complaint !== undefined) fail(complaint);
    if (report.summary !== undefined) this.#checkResults(report, expected);
    return report;
  }

  #before(expected: ReadonlyMap<string, ExpectedTarget>): Before {
    return { released: releasedTargets(this.#world.read(), expected), named: new Set() };
  }

  /** Targets that were begun and not ended, as far as the journals know. */
  #begun(expected: ReadonlyMap<string, ExpectedTarget>): readonly string[] {
    if (this.#world.fs.list(`${WORK}/state`) === undefined) return [];
    const states = recordedStates(this.#world.read(), expected);
    return [...states].flatMap(([name, { trace }]) => (trace === undefined ? [name] : []));
  }

  /** A process may be killed at any moment: every trace in a journal says what lies there. */
  #checkTraces(expected: ReadonlyMap<string, ExpectedTarget>): void {
    const { fs } = this.#world;
    if (fs.list(`${WORK}/state`) === undefined || this.#ledger.hasLostLists) return;
    for (const [name, { trace, released }] of recordedStates(this.#world.read(), expected)) {
      if (trace === undefined || released !== undefined) continue;
      const manifest = fs.read(`${WORK}/${trace.manifest?.path}`) ?? new Uint8Array();
      const listed = trace.manifest === undefined ? [] : [trace.manifest];
      for (const { path, sha256 } of [
        ...trace.artifacts,
        ...listed,
        ...(decodeManifest(manifest) ?? []),
      ]) {
        if (this.#ledger.isAnybodys(path)) continue;
        if (sha256Of(fs.read(`${WORK}/${path}`) ?? '') === sha256) continue;
        fail(`${name} has a trace, but ${path} is not what it says`);
      }
    }
  }

  /** Whatever a run calls done or fresh has the files that it should have. */
  #checkResults(report: RunReport, expected: ReadonlyMap<string, ExpectedTarget>): void {
    const released = releasedTargets(this.#world.read(), expected);
    const fresh = new Set<string>();
    for (const result of report.summary?.steps ?? []) {
      if (result.fresh + result.done === result.targets) fresh.add(result.step);
    }
    const selected = namesNeeded(report);
    for (const target of expected.values()) {
      const { name, step, files } = target;
      if (released.has(name) || report.blamed.has(name) || !selected.has(name)) continue;
      if (!report.done.has(name) && !fresh.has(step.name)) continue;
      for (const { path, content } of files) {
        if (this.#ledger.tampered.has(path)) continue;
        const found = this.#world.fs.text(`${WORK}/${path}`);
        if (found === content) continue;
        const called = report.done.has(name) ? 'done' : 'fresh';
        fail(`${name} is called ${called}, but ${path} is ${found} instead of ${content}`);
      }
    }
  }

  async #checkWhole(): Promise<void> {
    const { project, fs } = this.#world;
    const clean = new World(project, { random: new Random(1), work: WORK });
    clean.place();
    const { summary, failed } = await clean.run({ ...PLAIN_RUN, choose: KEEP_ALL });
    if (summary?.outcome !== 'ok') fail(`a run from nothing fails: ${JSON.stringify([...failed])}`);
    const expected = expectTargets(project, clean.plan());
    const released = releasedTargets(this.#world.read(), expected);
    const ours = results(this.#world);
    const theirs = results(clean);
    for (const [path, content] of theirs) {
      if (ours.get(path) === content) continue;
      if ([...this.#ledger.makersOf(path)].some((maker) => released.has(maker))) continue;
      fail(`${path} is ${ours.get(path)}, a run from nothing makes ${content}`);
    }
    for (const path of ours.keys()) {
      if (theirs.has(path) || this.#ledger.hasLostLists) continue;
      const makers = [...this.#ledger.makersOf(path.replace(/\.next$/, ''))];
      if (makers.some((maker) => !expected.has(maker))) continue;
      fail(`${path} of ${makers} lies there, and a run from nothing does not make it`);
    }
    for (const path of fs.files()) {
      if (!path.startsWith(`${WORK}/tmp/`)) continue;
      const owner = path.slice(`${WORK}/tmp/scratch/`.length).split('/')[0] ?? '';
      if (expected.has(owner) || !path.includes('/scratch/')) fail(`${path} is left over`);
    }
    this.#checkDigests(clean, expected);
    this.#checkJournals(new Set([...expected.values()].map(({ journal }) => journal)));
  }

  #checkDigests(clean: World, expected: ReadonlyMap<string, ExpectedTarget>): void {
    const ours = recordedStates(this.#world.read(), expected);
    const theirs = recordedStates(clean.read(), expected);
    for (const name of expected.keys()) {
      const one = ours.get(name)?.trace?.digest;
      const other = theirs.get(name)?.trace?.digest;
      if (one !== other) fail(`${name} has the digest ${one}, from nothing ${other}`);
    }
  }

  /** Those of what is in no source any more are not looked at by anybody. */
  #checkJournals(known: ReadonlySet<string>): void {
    if (this.#ledger.hasHarmedState) return;
    const { fs } = this.#world;
    for (const name of [...known, '@runs']) {
      const content = fs.read(`${WORK}/state/${name}.jsonl`) ?? new Uint8Array();
      const { whole, damaged, torn } = scanLines(Buffer.from(content));
      if (torn !== undefined) fail(`the journal ${name} ends in half a line`);
      if (damaged.length > 0) fail(`the journal ${name} has damaged lines`);
      if (whole.some(({ start, end }) => end + 1 - start > LINE_LIMIT)) {
        fail(`the journal ${name} has a line that is too long`);
      }
    }
  }
}

const NONE: Before = { released: new Set(), named: new Set() };

function fail(message: string): never {
  throw new SimulationError(message);
}

function namesOf({ graph, selection }: RunReport): ReadonlySet<string> {
  return namesWhere(graph, selection?.named);
}

function namesNeeded({ graph, selection }: RunReport): ReadonlySet<string> {
  return namesWhere(graph, selection?.needed);
}

function namesWhere(graph: RunReport['graph'], marks: Uint8Array | undefined): Set<string> {
  const names = new Set<string>();
  if (graph === undefined || marks === undefined) return names;
  for (const [id, mark] of marks.entries()) if (mark === 1) names.add(targetName(graph.plan, id));
  return names;
}

function summaryOf({ summary, failed }: RunReport): string {
  if (summary === undefined) return 'died, or had nothing selected';
  return failed.size === 0 ? summary.outcome : `${summary.outcome} (${[...failed].join(', ')})`;
}

function showStarted({ started, done }: RunReport): string {
  const shown = [...started].map(
    ([name, reasons]) => `${name}${done.has(name) ? '' : ' (not done)'} [${reasons.join('; ')}]`,
  );
  return shown.length === 0 ? 'nothing ran' : shown.join(', ');
}

/** What lies in a work folder besides state, logs and temporary files, by relative path. */
function results({ fs, work }: World): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const path of fs.files()) {
    if (!path.startsWith(`${work}/`)) continue;
    const relative = path.slice(work.length + 1);
    if (!/^(state|logs|tmp)\//.test(relative)) found.set(relative, fs.text(path) ?? '');
  }
  return found;
}
