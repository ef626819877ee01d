// One round: runs that are killed, one after the other, each where the last one left off; a run to
// the end; and the comparison with a run that nobody disturbed. What is planned follows from the seed,
// but not when the operating system lets whom run.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CrashFolder, type CrashRun, type Ended } from './crash-folder.ts';
import {
  compareSnapshots,
  type Digests,
  digestsOfResults,
  findEmptyTraces,
  findHalfFiles,
  type Snapshot,
  takeSnapshot,
} from './crash-snapshot.ts';
import type { KillPlan, SwitchSettings, Victims } from './crash-switch.ts';
import { windowsOf } from './crash-window.ts';
import { Random } from './simulation-random.ts';

/** What runs look like that nobody disturbs. */
export interface Calm {
  readonly snapshot: Snapshot;
  /** Of everything that is made on the way, by path in the work folder. */
  readonly whole: Digests;
  readonly durationMs: number;
  /** `target-started push` and how often it comes. */
  readonly events: ReadonlyMap<string, number>;
  /** Changes to files by what they are for, and how often they come. */
  readonly changes: ReadonlyMap<string, number>;
}

export interface Kill {
  /** In words, for a person. */
  readonly how: string;
  /** The change that was hit, when it was chosen by its kind. */
  readonly change: string | undefined;
  readonly windows: readonly string[];
}

export interface Round {
  readonly kills: readonly Kill[];
  /** What was found at fault, a line each; none when all is well. */
  readonly flaws: readonly string[];
  /** Left for inspection when there is a flaw. */
  readonly folder: string | undefined;
}

/** One run to the end, and one that stops before anything is freed. */
export async function runCalmly(): Promise<Calm> {
  const folder = new CrashFolder();
  try {
    const record = join(folder.root, 'changes');
    const begun = performance.now();
    const partial = await folder.run({ args: ['--until', 'partition'] });
    if (partial.code !== 0) throw new Error(`the calm run failed: ${partial.text}`);
    const whole = digestsOfResults(folder.work);
    rmSync(folder.work, { recursive: true });
    const settings = { work: folder.work, record, token: join(folder.root, 'token') };
    const middle = performance.now();
    const run = await folder.run({ settings });
    if (run.code !== 0) throw new Error(`the calm run failed: ${run.text}`);
    const durationMs = Math.max(middle - begun, performance.now() - middle);
    return {
      snapshot: await takeSnapshot(folder.work),
      whole,
      durationMs,
      events: countOf(run.events.map(({ type, step }) => `${type} ${step ?? ''}`)),
      changes: countOf(readFileSync(record, 'utf8').trimEnd().split('\n')),
    };
  } finally {
    folder.close();
  }
}

function countOf(names: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** One to three kills. */
export function planKills(seed: number, calm: Calm): readonly PlannedKill[] {
  const random = new Random(seed);
  const count = 1 + (random.chance(0.35) ? 1 : 0) + (random.chance(0.35) ? 1 : 0);
  return Array.from({ length: count }, () => planKill(random, calm));
}

export async function playRound(plans: readonly PlannedKill[], calm: Calm): Promise<Round> {
  const folder = new CrashFolder();
  const kills: Kill[] = [];
  const flaws: string[] = [];
  for (const [index, plan] of plans.entries()) {
    if (flaws.length > 0) break;
    const { kill, run } = await carryOut(plan, { folder, number: index + 1 });
    // A runner that was not killed ends well, whatever became of a worker.
    if (run.signal === null && run.code !== 0) flaws.push(`not killed: ${explainEnd(run)}`);
    if (kill === undefined) continue;
    kills.push(kill);
    flaws.push(...findHalfFiles(folder.work, calm.whole), ...findEmptyTraces(folder.work));
    // Most often the next run meets what the dead one left running, sometimes it comes late.
    if (plan.isLate) flaws.push(...(await findSurvivors(folder)));
  }
  if (flaws.length === 0) flaws.push(...(await findDifferences(folder, calm)));
  if (flaws.length > 0) return { kills, flaws, folder: folder.root };
  folder.close();
  return { kills, flaws, folder: undefined };
}

export type Moment =
  | { readonly kind: 'change'; readonly plan: KillPlan }
  | {
      readonly kind: 'event';
      readonly event: string;
      readonly nth: number;
      readonly waitMs: number;
    }
  | { readonly kind: 'time'; readonly waitMs: number };

export interface PlannedKill {
  readonly moment: Moment;
  readonly victims: Victims;
  /** The next run begins when everything of this one is gone. */
  readonly isLate: boolean;
}

/** Every kind of change and of event has the same chance, however short or rare it is. */
function planKill(random: Random, { changes, events, durationMs }: Calm): PlannedKill {
  const way = random.next();
  const isLate = random.chance(0.25);
  const anyVictims = () => random.pick<Victims>(['runner', 'runner', 'worker', 'both', 'group']);
  if (way < 0.65) {
    const change = random.pick([...changes.keys()]);
    const nth = 1 + random.below(changes.get(change) ?? 1);
    const isAppend = change.includes(' append ');
    const victims = change.startsWith('worker')
      ? random.pick<Victims>(['runner', 'worker', 'both'])
      : anyVictims();
    const moment = random.pick(
      isAppend && victims !== 'worker'
        ? (['before', 'half', 'after'] as const)
        : (['before', 'after'] as const),
    );
    return { moment: { kind: 'change', plan: { change, nth, moment, victims } }, victims, isLate };
  }
  const victims = anyVictims();
  if (way < 0.85) {
    const event = random.pick([...events.keys()]);
    const nth = 1 + random.below(events.get(event) ?? 1);
    const waitMs = random.chance(0.5) ? 0 : Math.round(random.next() * 30);
    return { moment: { kind: 'event', event, nth, waitMs }, victims, isLate };
  }
  const waitMs = Math.round(random.next() * durationMs);
  return { moment: { kind: 'time', waitMs }, victims, isLate };
}

function explainKill({ moment, victims }: PlannedKill): string {
  switch (moment.kind) {
    case 'change': {
      const { plan } = moment;
      return `kill ${victims} ${plan.moment} change ${plan.nth} of "${plan.change}"`;
    }
    case 'event': {
      const { waitMs, nth, event } = moment;
      return `kill ${victims} ${waitMs} ms after event ${nth} of "${event.trim()}"`;
    }
    case 'time':
      return `kill ${victims} after ${moment.waitMs} ms`;
  }
}

interface Surroundings {
  readonly folder: CrashFolder;
  /** Of the kill in its round. */
  readonly number: number;
}

/** There is no kill when the run was over before the moment came. */
async function carryOut(
  planned: PlannedKill,
  { folder, number }: Surroundings,
): Promise<{ readonly kill: Kill | undefined; readonly run: Ended }> {
  const { moment, victims } = planned;
  const token = join(folder.root, `killed-${number}`);
  let isDone = false;
  let ended: Ended;
  const killNow = (run: CrashRun) => {
    if (isDone || !run.isRunning) return;
    isDone = killFromOutside(run, { victims, folder });
  };
  if (moment.kind === 'change') {
    const settings: SwitchSettings = { work: folder.work, plan: moment.plan, token };
    ended = await folder.run({ settings });
    isDone = existsSync(token);
  } else if (moment.kind === 'time') {
    const run = folder.start();
    await Promise.race([pause(moment.waitMs), run.ended]);
    killNow(run);
    ended = await run.ended;
  } else {
    let count = 0;
    const run = folder.start({
      onEvent({ type, step }) {
        if (`${type} ${step ?? ''}` !== moment.event) return;
        count += 1;
        if (count !== moment.nth) return;
        if (moment.waitMs === 0) killNow(run);
        else setTimeout(() => killNow(run), moment.waitMs);
      },
    });
    ended = await run.ended;
  }
  if (!isDone) return { kill: undefined, run: ended };
  const change = moment.kind === 'change' ? moment.plan.change : undefined;
  const kill = { how: explainKill(planned), change, windows: windowsOf(folder.work) };
  return { kill, run: ended };
}

/** False when there was nobody to kill. */
function killFromOutside(
  { pid }: CrashRun,
  { victims, folder }: { victims: Victims; folder: CrashFolder },
): boolean {
  const workers = folder
    .processes()
    .filter(({ command }) => command.endsWith('executor/worker.js'))
    .map((process) => process.pid);
  const doomed = {
    runner: [pid],
    worker: workers.slice(0, 1),
    both: [...workers, pid],
    group: [-pid],
    hub: [],
  }[victims];
  for (const each of doomed) {
    try {
      process.kill(each, 'SIGKILL');
    } catch {
      // It ended by itself a moment ago.
    }
  }
  return doomed.length > 0;
}

const VANISH_MS = 5000;

/** Nobody asks workers to end whose runner is gone: they do. */
async function findSurvivors(folder: CrashFolder): Promise<readonly string[]> {
  const end = performance.now() + VANISH_MS;
  for (;;) {
    const left = folder.processes();
    if (left.length === 0) return [];
    if (performance.now() > end) return left.map(({ command }) => `still runs: ${command}`);
    await pause(20);
  }
}

/** After a run to the end everything is as if nothing had happened, and another one does nothing. */
export async function findDifferences(
  folder: CrashFolder,
  { snapshot }: Pick<Calm, 'snapshot'>,
): Promise<readonly string[]> {
  const run = await folder.run();
  if (run.code !== 0) return [`the run to the end: ${explainEnd(run)}`];
  const flaws = [...compareSnapshots(await takeSnapshot(folder.work), snapshot)];
  flaws.push(...folder.processes().map(({ command }) => `still runs: ${command}`));
  const again = await folder.run();
  if (again.last?.nothingToDo !== true) flaws.push(`a further run: ${explainEnd(again)}`);
  const after = compareSnapshots(await takeSnapshot(folder.work), snapshot);
  return [...flaws, ...(flaws.length > 0 ? [] : after.map((line) => `a further run: ${line}`))];
}

export function explainEnd({ code, signal, text, events }: Ended): string {
  const said = text
    .split('\n')
    .filter((line) => !line.startsWith('{'))
    .join('\n')
    .trim();
  const failed = events.flatMap(({ target, failure }) =>
    failure === undefined ? [] : [`${target}: [${failure.code}] ${failure.message}`],
  );
  const ran = events.flatMap(({ type, target }) => (type === 'target-started' ? [target] : []));
  return [`code ${code}, signal ${signal}; ran ${ran.join(' ')}`, ...failed, said].join('\n  ');
}
