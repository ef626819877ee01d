// Plays one history: edits and damages the project, runs it as the history says, then until all is
// well, and has everything checked on the way.
import { KEEP_ALL } from './fake-disk.ts';
import { checkResults, checkTraces, checkWhole } from './simulation-checks.ts';
import type { Attic } from './simulation-edits.ts';
import { applyDamage, applyEdit, type History, makeRequest } from './simulation-history.ts';
import { type Before, Ledger, recordedStates, releasedTargets } from './simulation-ledger.ts';
import { type ExpectedTarget, expectTargets } from './simulation-model.ts';
import { describe, randomProject } from './simulation-project.ts';
import { Random } from './simulation-random.ts';
import { fail, namesWhere, type RunReport } from './simulation-report.ts';
import { checkSettled } from './simulation-settled.ts';
import { PLAIN_RUN, type RunRequest, World } from './simulation-world.ts';

type Expected = ReadonlyMap<string, ExpectedTarget>;

/** After damage a reader may find it first and fail: so many runs mend everything. */
const MAX_MENDING_RUNS = 6;
const WORK = '/simulated/work';
const NONE: Before = { released: new Set(), named: new Set() };

export class Simulation {
  readonly #history: History;
  readonly #said: string[];
  readonly #world: World;
  readonly #ledger = new Ledger();
  readonly #attic: Attic = { steps: [], files: [], names: [], stepsMade: 0, before: undefined };

  /** `said` takes what happens, line by line. */
  constructor(history: History, said: string[]) {
    this.#history = history;
    this.#said = said;
    const random = new Random(history.project);
    const project = randomProject(random);
    this.#world = new World(project, { random, work: WORK });
    for (const step of project.steps) said.push(describe(step));
    for (const { name, files, batch } of project.sources) {
      const batches = batch === undefined ? '' : `, batches: ${JSON.stringify(batch)}`;
      said.push(`${name}: ${[...files.keys()]}${batches}`);
    }
  }

  async play(): Promise<void> {
    const { project } = this.#world;
    this.#world.place();
    for (const { edits, damages, run } of this.#history.rounds) {
      const before = structuredClone(project);
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
      const { scale } = project;
      project.scale = request.scale ?? scale;
      await this.#run(request, said);
      project.scale = scale;
    }
    await this.#mend(false);
    await this.#mend(true);
    await checkWhole(this.#world, this.#ledger);
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
  }

  async #run(request: RunRequest, said: string): Promise<RunReport> {
    const world = this.#world;
    world.place();
    const expected = expectTargets(world.project, world.plan());
    const before = world.fs.list(`${WORK}/state`) === undefined ? NONE : this.#before(expected);
    this.#said.push(said);
    const report = await world.run(request);
    const shaken = shakenTargets(report, expected);
    const named = namesWhere(report.graph, report.selection?.named);
    this.#said.push(`  ${summaryOf(report)}: ${showStarted(report)}`);
    const parts = { report, request, shaken, before: { ...before, named } };
    const complaints = this.#ledger.noteRun(parts, expected);
    if (report.summary === undefined) {
      this.#ledger.noteCrash(this.#begun(expected));
      if (request.choose === KEEP_ALL) checkTraces(world, { ledger: this.#ledger, expected });
    }
    if (report.isForetold && report.started.size > 0) {
      fail(`a glance said that nothing was to do: ${showStarted(report)}`);
    }
    const [complaint] = complaints;
    if (complaint !== undefined) fail(complaint);
    if (report.summary === undefined) return report;
    checkSettled(report, { request, expected, named });
    checkResults(world, { report, request, shaken, ledger: this.#ledger, expected });
    if (request.verify && request.words.length === 0 && report.summary.outcome === 'ok') {
      this.#ledger.tampered.clear();
    }
    return report;
  }

  #before(expected: Expected): Before {
    return { released: releasedTargets(this.#world.read(), expected), named: new Set() };
  }

  /** Targets that were begun and not ended, as far as the journals know. */
  #begun(expected: Expected): readonly string[] {
    if (this.#world.fs.list(`${WORK}/state`) === undefined) return [];
    const states = recordedStates(this.#world.read(), expected);
    return [...states].flatMap(([name, { trace }]) => (trace === undefined ? [name] : []));
  }
}

/** What depends on a file that was changed while it ran may be made of either content. */
function shakenTargets({ written }: RunReport, expected: Expected): ReadonlySet<string> {
  const shaken = new Set<string>();
  // In order of dependencies.
  for (const { name, outside, producers } of expected.values()) {
    const isShaken =
      outside.some((path) => written.has(path)) || producers.some((each) => shaken.has(each));
    if (isShaken) shaken.add(name);
  }
  return shaken;
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
