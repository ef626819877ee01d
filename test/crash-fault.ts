// Runs of the project's own pipeline under what really goes wrong besides being killed: a disk that
// fills up, one that cannot be written, a second run, a wall clock that jumps, signals, a terminal
// that closes, a reader that goes away. Each leaves a state from which the next run ends as if
// nothing had happened. Everything follows from the seed, but for who runs when.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CLOCK_VARIABLE, type ClockSettings } from './crash-clock.ts';
import { CrashFolder, type CrashRun, type Ended, type EventLine } from './crash-folder.ts';
import { readState } from './crash-journal.ts';
import { forbidWriting, mountSmall, resize, unmount, unmountAll } from './crash-mount.ts';
import { type Calm, explainEnd, findDifferences } from './crash-round.ts';
import { findEmptyTraces, findHalfFiles } from './crash-snapshot.ts';
import { Random } from './simulation-random.ts';

interface Fault {
  /** What cannot be done without root. */
  readonly mounts?: true;
  /** Gives what was at fault in how the run took it. */
  readonly play: (folder: CrashFolder, chance: Chance) => Promise<readonly string[]>;
}

interface Chance {
  readonly random: Random;
  readonly calm: Calm;
}

export interface FaultResult {
  readonly flaws: readonly string[];
  /** Left for inspection when there is a flaw. */
  readonly folder: string | undefined;
}

const FAULTS = {
  'a disk that fills up': { mounts: true, play: fillDisk },
  'a disk that turns read-only': { mounts: true, play: turnReadOnly },
  'a second run': { play: runTwice },
  'a wall clock that jumps': { play: jumpClock },
  'a signal': { play: sendSignal },
  'Ctrl-C once': { play: (folder, chance) => pressControlC(folder, { ...chance, times: 1 }) },
  'Ctrl-C twice': { play: (folder, chance) => pressControlC(folder, { ...chance, times: 2 }) },
  'a terminal that closes': { play: closeTerminal },
  'a reader that goes away': { play: closePipe },
} satisfies Readonly<Record<string, Fault>>;

export type FaultName = keyof typeof FAULTS;

export function faultNames(): readonly FaultName[] {
  return Object.keys(FAULTS).filter((name): name is FaultName => name in FAULTS);
}

export function needsMounts(name: FaultName): boolean {
  return 'mounts' in FAULTS[name];
}

export async function playFault(
  name: FaultName,
  { seed, calm }: { seed: number; calm: Calm },
): Promise<FaultResult> {
  const folder = new CrashFolder();
  const flaws = [...(await FAULTS[name].play(folder, { random: new Random(seed), calm }))];
  flaws.push(...findHalfFiles(folder.work, calm.whole), ...findEmptyTraces(folder.work));
  if (flaws.length === 0) flaws.push(...(await findDifferences(folder, calm)));
  if (flaws.length > 0) {
    execFileSync('cp', ['-a', folder.outside, join(folder.root, 'left')]);
    unmountAll(folder.outside);
    return { flaws, folder: folder.root };
  }
  unmountAll(folder.outside);
  folder.close();
  return { flaws, folder: undefined };
}

/** What a whole run writes at most, with room to spare. */
const ENOUGH_KIB = 32 * 1024;
const SMALLEST_KIB = 16;
const LARGEST_KIB = 2000;

async function fillDisk(folder: CrashFolder, { random }: Chance): Promise<readonly string[]> {
  const sizeKiB = SMALLEST_KIB + random.below(LARGEST_KIB - SMALLEST_KIB);
  mountSmall(folder.outside, sizeKiB);
  const flaws: string[] = [];
  // A run that says that it waits for space is given some.
  const onEvent = ({ type }: EventLine) => {
    if (type === 'paused') resize(folder.outside, ENOUGH_KIB);
  };
  // As people do: once more, in case it was only a moment.
  for (let tries = 0; tries < 2; tries += 1) {
    const run = await folder.run({ onEvent });
    if (run.code === 0) break;
    flaws.push(...findBadRefusal(run, /ENOSPC|no space|full/i, /free/));
    flaws.push(...stillRunning(folder));
  }
  resize(folder.outside, ENOUGH_KIB);
  return flaws.map((flaw) => `with ${sizeKiB} KiB: ${flaw}`);
}

async function turnReadOnly(folder: CrashFolder, chance: Chance): Promise<readonly string[]> {
  let isReadOnly = false;
  const run = await runUntil(folder, {
    ...chance,
    act: () => {
      isReadOnly = true;
      forbidWriting(folder.outside);
    },
  });
  const result = await run.ended;
  if (!isReadOnly) return [];
  const flaws = [...stillRunning(folder)];
  // It may have come after everything was done.
  if (result.code !== 0) flaws.push(...findBadRefusal(result, /EROFS|read-only/i, /writ|access/));
  const refused = await folder.run();
  if (refused.code !== 2) flaws.push(`on a read-only disk: ${explainEnd(refused)}`);
  unmount(folder.outside);
  return flaws;
}

async function runTwice(folder: CrashFolder, { random, calm }: Chance): Promise<readonly string[]> {
  const first = folder.start();
  await pause(Math.round(random.next() * calm.durationMs));
  const isAlone = !first.isRunning;
  const second = folder.start();
  const [one, two] = await Promise.all([first.ended, second.ended]);
  const flaws: string[] = [];
  // Whoever came first: its beginning is the command's, not the lock's.
  const refused = one.code === 2 ? one : two.code === 2 ? two : undefined;
  const owner = refused === one ? second : first;
  const done = refused === one ? two : one;
  if (done.code !== 0) flaws.push(`the run that had the folder: ${explainEnd(done)}`);
  if (refused === undefined) {
    if (!isAlone && two.code !== 0) flaws.push(`the second run: ${explainEnd(two)}`);
    return flaws;
  }
  const wanted = [
    `pid ${owner.pid}`,
    hostname(),
    '--profile small',
    new Date().toISOString().slice(0, 10),
  ];
  for (const word of wanted) {
    if (!refused.text.includes(word)) flaws.push(`the refusal lacks ${word}: ${refused.text}`);
  }
  return flaws;
}

/** Hours and days, forward and back. */
function anyJumpMs(random: Random): number {
  return (random.next() - 0.5) * random.pick([2, 48, 20_000]) * 3_600_000;
}

async function jumpClock(
  folder: CrashFolder,
  { random, calm }: Chance,
): Promise<readonly string[]> {
  const flaws: string[] = [];
  for (let runs = 0; runs < 2; runs += 1) {
    const settings: ClockSettings = {
      shiftMs: anyJumpMs(random),
      jumpAfterMs: random.next() * calm.durationMs,
      jumpMs: anyJumpMs(random),
    };
    const env = {
      [CLOCK_VARIABLE]: JSON.stringify(settings),
      NODE_OPTIONS: `--import=${new URL('./crash-clock.ts', import.meta.url).href}`,
    };
    const run = folder.start({ env });
    const isKilled = runs === 0 && random.chance(0.7);
    if (isKilled) {
      await pause(Math.round(random.next() * calm.durationMs));
      run.child.kill('SIGKILL');
    }
    const result = await run.ended;
    if (!isKilled && result.code !== 0) {
      flaws.push(`${JSON.stringify(settings)}: ${explainEnd(result)}`);
    }
  }
  return flaws;
}

async function sendSignal(folder: CrashFolder, chance: Chance): Promise<readonly string[]> {
  const signal = chance.random.pick(['SIGTERM', 'SIGHUP'] as const);
  const toGroup = chance.random.chance(0.5);
  const run = await runUntil(folder, {
    ...chance,
    act: ({ pid }) => process.kill(toGroup ? -pid : pid, signal),
  });
  return findBadInterruption(folder, { result: await run.ended, signal });
}

/** The terminal sends it to the whole group. */
async function pressControlC(
  folder: CrashFolder,
  { times, ...chance }: Chance & { times: 1 | 2 },
): Promise<readonly string[]> {
  const press = ({ pid, isRunning }: CrashRun) => {
    if (isRunning) process.kill(-pid, 'SIGINT');
  };
  const run = await runUntil(folder, { ...chance, act: press });
  if (times === 2) {
    await pause(chance.random.below(200));
    press(run);
  }
  return findBadInterruption(folder, { result: await run.ended, signal: 'SIGINT' });
}

async function closeTerminal(folder: CrashFolder, chance: Chance): Promise<readonly string[]> {
  if (!existsSync('/usr/bin/script')) return [];
  const run = folder.inTerminal();
  await pause(Math.round(chance.random.next() * chance.calm.durationMs));
  // The terminal dies with the program that is its other end.
  run.child.kill('SIGKILL');
  await run.ended;
  const flaws = await vanishes(folder);
  if (existsSync(`${folder.work}/state/@lock`)) flaws.push('the lock is left behind');
  return flaws;
}

async function closePipe(folder: CrashFolder, chance: Chance): Promise<readonly string[]> {
  const run = await runUntil(folder, { ...chance, act: ({ child }) => child.stdout?.destroy() });
  const { code, signal } = await run.ended;
  const flaws = [...stillRunning(folder)];
  if (code !== 0) flaws.push(`without a reader: code ${code}, signal ${signal}`);
  return flaws;
}

/** Acts at any event of the run, all kinds alike; events that never come are no matter. */
async function runUntil(
  folder: CrashFolder,
  { random, calm, act }: Chance & { act: (run: CrashRun) => void },
): Promise<CrashRun> {
  const wanted = random.pick([...calm.events.keys()]);
  const nth = 1 + random.below(calm.events.get(wanted) ?? 1);
  let count = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const run = folder.start({
    onEvent({ type, step }) {
      if (`${type} ${step ?? ''}` !== wanted) return;
      count += 1;
      if (count !== nth) return;
      act(run);
      resolve();
    },
  });
  await Promise.race([promise, run.ended]);
  return run;
}

/** The failure says what, and what next. */
function findBadRefusal(run: Ended, what: RegExp, next: RegExp): readonly string[] {
  const isTold = [1, 2, 3].includes(run.code ?? -1) && !/internal error/.test(run.text);
  const said = `${run.text}`;
  return isTold && what.test(said) && next.test(said) ? [] : [`not explained: ${explainEnd(run)}`];
}

function findBadInterruption(
  folder: CrashFolder,
  { result, signal }: { result: Ended; signal: NodeJS.Signals },
): readonly string[] {
  const flaws = [...stillRunning(folder)];
  const { last, code } = result;
  const isOver = code === 0 && last?.outcome === 'ok';
  const isInterrupted =
    code === 130 && (last?.outcome === 'interrupted' || last?.type !== 'run-ended');
  if (!isOver && !isInterrupted) flaws.push(`after ${signal}: ${explainEnd(result)}`);
  if (existsSync(`${folder.work}/state/@lock`)) flaws.push(`after ${signal}: the lock is left`);
  const { unendedRuns, targets } = readState(folder.work);
  if (unendedRuns > 0) flaws.push(`after ${signal}: the run has no end in its log`);
  const open = targets.filter(({ status }) => status === 'started');
  return [...flaws, ...open.map(({ target }) => `after ${signal}: ${target} has no end`)];
}

function stillRunning(folder: CrashFolder): readonly string[] {
  return folder.processes().map(({ command }) => `still runs: ${command}`);
}

const VANISH_MS = 10_000;

async function vanishes(folder: CrashFolder): Promise<string[]> {
  const end = performance.now() + VANISH_MS;
  while (folder.processes().length > 0 && performance.now() < end) await pause(20);
  return [...stillRunning(folder)];
}
