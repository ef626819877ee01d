// `pnpm test:crash [PART] [COUNT] [SEED]`: what takes too long for every test run, from a seed on.
//   kills      kills of real runs of the project's own pipeline (200)
//   faults     disks that fill up or cannot be written, second runs, jumping clocks, signals, closed
//              terminals and pipes, in turn (54)
//   dumps      kills of the extraction of a dump of 200,000 records, which goes on inside it (100)
//   bytes      the same bytes from files of real size (2), whatever memory there is, with one worker or two
//   histories  simulated histories of whole runs (100,000)
// Without a part, all of them. Prints each flaw with the seed that shows it again, and goes on.
import { compareBytes } from './crash-bytes.ts';
import { faultNames, needsMounts, playFault } from './crash-fault.ts';
import { explainNoMounts } from './crash-mount.ts';
import { type Calm, type Kill, planKills, playRound, runCalmly } from './crash-round.ts';
import { killExtractions } from './discogs-kills.ts';
import { findFlaw } from './simulation.ts';

interface Part {
  readonly count: number;
  /** Gives the number of flaws. */
  readonly play: (range: { count: number; seed: number }) => Promise<number>;
}

const PARTS: Readonly<Record<string, Part>> = {
  kills: { count: 200, play: playKills },
  faults: { count: 54, play: playFaults },
  dumps: { count: 100, play: playDumps },
  bytes: { count: 2, play: playBytes },
  histories: { count: 100_000, play: playHistories },
};

const [part, count, seed = '1'] = process.argv.slice(2);
const names = part === undefined ? Object.keys(PARTS) : [part];
let flaws = 0;
for (const name of names) {
  const found = PARTS[name];
  if (found === undefined) throw new Error(`no part "${name}": ${Object.keys(PARTS).join(', ')}`);
  flaws += await found.play({ count: Number(count ?? found.count), seed: Number(seed) });
}
process.exitCode = flaws === 0 ? 0 : 1;

/** Rounds until so many kills have hit. */
async function playKills({ count, seed: first }: { count: number; seed: number }) {
  const begun = performance.now();
  const calm = await runCalmly();
  const kills: Kill[] = [];
  let flawed = 0;
  let seed = first;
  for (; kills.length < count; seed += 1) {
    const round = await playRound(planKills(seed, calm), calm);
    kills.push(...round.kills);
    if (round.flaws.length === 0) continue;
    flawed += 1;
    const hows = round.kills.map(({ how, windows }) => `${how} (${windows.join(', ')})`);
    say([`flaw at seed ${seed}, left in ${round.folder}`, ...hows, ...round.flaws].join('\n  '));
  }
  say(explainKills(kills, calm));
  say(`${kills.length} kills in ${seed - first} rounds from seed ${first}, ${flawed} flaws`, begun);
  return flawed;
}

async function playDumps({ count, seed }: { count: number; seed: number }) {
  const begun = performance.now();
  const records = 200_000;
  const found = await killExtractions({ kills: count, records, seed, packed: '.gz', say });
  const { kills, histories, resumed, flaws } = found;
  for (const flaw of flaws) say(flaw);
  const what = `${kills} kills in ${histories} histories of ${records} records from seed ${seed}`;
  say(`${what}, ${resumed} records resumed, ${flaws.length} flaws`, begun);
  return flaws.length;
}

async function playBytes({ count: files }: { count: number }) {
  const begun = performance.now();
  const flaws = await compareBytes({ files, say });
  for (const flaw of flaws) say(flaw);
  say(`bytes of ${files} files compared, ${flaws.length} flaws`, begun);
  return flaws.length;
}

/** Where they fell, so that one can see what was never hit. */
function explainKills(kills: readonly Kill[], { changes }: Calm): string {
  const windows = new Map<string, number>();
  for (const name of kills.flatMap((kill) => kill.windows)) {
    windows.set(name, (windows.get(name) ?? 0) + 1);
  }
  const lines = [...windows]
    .sort(([, a], [, b]) => b - a)
    .map(([name, hits]) => `${String(hits).padStart(5)}  ${name}`);
  const hit = new Set(kills.flatMap(({ change }) => change ?? []));
  return [
    ...lines,
    `kinds of change to the disk that were hit: ${hit.size} of ${changes.size}`,
  ].join('\n');
}

/** All kinds in turn, each with the same seed. */
async function playFaults({ count, seed: first }: { count: number; seed: number }) {
  const begun = performance.now();
  const calm = await runCalmly();
  const refusal = explainNoMounts();
  const names = faultNames().filter((name) => refusal === undefined || !needsMounts(name));
  if (refusal !== undefined) say(`left out what needs a file system of its own: ${refusal}`);
  let flawed = 0;
  for (let played = 0; played < count; played += 1) {
    const name = names[played % names.length];
    if (name === undefined) break;
    const seed = first + Math.floor(played / names.length);
    const { flaws, folder } = await playFault(name, { seed, calm });
    if (flaws.length === 0) continue;
    flawed += 1;
    say([`flaw at seed ${seed}, ${name}, left in ${folder}`, ...flaws].join('\n  '));
  }
  say(`${count} faults of ${names.length} kinds from seed ${first}, ${flawed} flaws`, begun);
  return flawed;
}

async function playHistories({ count, seed: first }: { count: number; seed: number }) {
  const begun = performance.now();
  let flawed = 0;
  for (let seed = first; seed < first + count; seed += 1) {
    const flaw = await findFlaw(seed);
    if (flaw === undefined) continue;
    flawed += 1;
    say(`${flaw}\n`);
  }
  say(`${count} histories from seed ${first}, ${flawed} flaws`, begun);
  return flawed;
}

function say(text: string, begun?: number) {
  const seconds =
    begun === undefined ? '' : `, ${((performance.now() - begun) / 1000).toFixed(1)} s`;
  process.stdout.write(`${text}${seconds}\n`);
}
