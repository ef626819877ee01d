// A history as data: what a user, the machine and chance do to a project, round by round. Every
// part draws its details from a seed of its own, so that a failing history can be shortened by
// leaving parts out.
import { KEEP_ALL, LOSE_ALL } from './fake-disk.ts';
import type { Fault } from './fake-file-system.ts';
import { type Attic, EDITS, undo } from './simulation-edits.ts';
import type { Trouble } from './simulation-executor.ts';
import { content } from './simulation-project.ts';
import { Random } from './simulation-random.ts';
import { type Meanwhile, PLAIN_RUN, type RunRequest, type World } from './simulation-world.ts';

export interface History {
  readonly project: number;
  readonly rounds: readonly Round[];
}

export interface Round {
  /** A seed for each edit and each damage. */
  readonly edits: readonly number[];
  readonly damages: readonly number[];
  readonly run: RoundRun;
}

export interface RoundRun {
  readonly seed: number;
  /** What happens besides a plain run over everything. */
  readonly twists: readonly Twist[];
}

export const TWISTS = [
  'crash',
  'trouble',
  'interrupt',
  'words',
  'force',
  'verify',
  'fail-fast',
  'write',
  'jump',
  'fault',
  'set',
] as const;
export type Twist = (typeof TWISTS)[number];

const TWIST_CHANCES: Readonly<Record<Twist, number>> = {
  crash: 0.5,
  trouble: 0.2,
  interrupt: 0.15,
  words: 0.15,
  force: 0.05,
  verify: 0.1,
  'fail-fast': 0.1,
  write: 0.12,
  jump: 0.08,
  fault: 0.12,
  set: 0.05,
};

export function randomHistory(seed: number): History {
  const random = new Random(seed);
  // One half without crashes and damage, so that what must not run can be told exactly.
  const isCalm = random.chance(0.4);
  const rounds: Round[] = [];
  const seeds = (most: number) =>
    Array.from({ length: random.below(most + 1) }, () => random.below(2 ** 32));
  for (let count = 2 + random.below(4); count > 0; count -= 1) {
    const twists = TWISTS.filter(
      (twist) =>
        random.chance(TWIST_CHANCES[twist]) && !(isCalm && /crash|fault|write/.test(twist)),
    );
    rounds.push({
      edits: rounds.length === 0 ? [] : seeds(3),
      damages: rounds.length === 0 || isCalm || random.chance(0.5) ? [] : seeds(2),
      run: { seed: random.below(2 ** 32), twists },
    });
  }
  return { project: random.below(2 ** 32), rounds };
}

/** Changes the project; says how. */
export function applyEdit(seed: number, { world, attic }: { world: World; attic: Attic }): string {
  const random = new Random(seed);
  if (random.chance(0.05)) {
    world.clock.jump((random.below(3) - 1) * 3_600_000);
    return 'the clock jumps';
  }
  if (random.chance(0.08)) {
    const inputs = world.fs.files().filter((path) => path.startsWith('/in/'));
    const path = random.pick(inputs);
    world.put(path, world.fs.text(path) ?? '');
    return `touch ${path}`;
  }
  if (random.chance(0.25)) return undo(world.project, attic);
  const said = random.pick(EDITS)(world.project, { random, attic });
  return said ?? 'no edit';
}

export interface Damage {
  readonly path: string;
  /** Only a look into the file shows it. */
  readonly isInPlace: boolean;
  readonly said: string;
}

/** Harms a file of the work folder. */
export function applyDamage(seed: number, world: World): Damage | undefined {
  const random = new Random(seed);
  const below = `${world.work}/`;
  const all = world.fs
    .files()
    .filter((path) => path.startsWith(below))
    .map((path) => path.slice(below.length));
  const isState = random.chance(0.4);
  const candidates = all.filter((path) =>
    isState
      ? /^state\/.*\.jsonl$|@meanings|\.groups\.json$/.test(path)
      : !/^(state|tmp|logs)\//.test(path),
  );
  if (candidates.length === 0) return undefined;
  const path = random.pick(candidates);
  const absolute = below + path;
  const content = Buffer.from(world.fs.text(absolute) ?? '', 'latin1');
  // A damaged record of groups is refused; only its deletion forms them anew.
  if (isState && !path.endsWith('.groups.json') && random.chance(0.6)) {
    const bytes = Buffer.from(world.fs.read(absolute) ?? '');
    // What is at its end is the most dangerous.
    const last = bytes.lastIndexOf(10, bytes.length - 2) + 1;
    const begin = random.chance(0.4) ? last : 0;
    const at = begin + random.below(bytes.length - begin);
    const bit = random.below(8);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
    world.put(absolute, bytes);
    return { path, isInPlace: false, said: `flip bit ${bit} of byte ${at} of ${path}` };
  }
  if (isState || random.chance(0.4)) {
    world.removeDurably(absolute);
    return { path, isInPlace: false, said: `delete ${path}` };
  }
  switch (random.below(3)) {
    case 0:
      world.put(absolute, content.subarray(0, random.below(Math.max(1, content.length))));
      return { path, isInPlace: true, said: `truncate ${path}` };
    case 1:
      world.put(absolute, Buffer.alloc(content.length, 'x'));
      return { path, isInPlace: true, said: `replace ${path} by other bytes` };
    default:
      world.put(absolute, content);
      return { path, isInPlace: true, said: `touch ${path}` };
  }
}

export function makeRequest(
  { seed, twists }: RoundRun,
  world: World,
): { readonly request: RunRequest; readonly said: string } {
  const random = new Random(seed);
  const has = (twist: Twist) => twists.includes(twist);
  // Drawn in any case, so that a twist that is left out changes no other.
  const crash = randomCrash(random.fork());
  const trouble = randomTrouble(random.fork());
  const interruptions = randomInterruptions(random.fork());
  const words = randomWords(random.fork(), world);
  const cpu = 1 + random.below(3);
  const writes = randomWrites(random.fork());
  const jump = randomJump(random.fork());
  const fault = randomFault(random.fork());
  const meanwhile = [...(has('write') ? writes : []), ...(has('jump') ? [jump] : [])];
  const request: RunRequest = {
    ...PLAIN_RUN,
    cpu,
    scale: has('set') ? 100 + cpu : undefined,
    words: has('words') ? words : [],
    force: has('force'),
    verify: has('verify'),
    failFast: has('fail-fast'),
    ...(has('trouble') ? { troubleOf: trouble } : {}),
    ...(has('interrupt') ? { interruptions } : {}),
    meanwhile,
    fault: has('fault') ? fault : undefined,
    crash: has('crash') ? crash.plan : undefined,
    choose: has('crash') ? crash.choose : KEEP_ALL,
  };
  const parts = [
    `run -j ${cpu}`,
    ...request.words,
    ...(has('set') ? [`--set scale=${100 + cpu}`] : []),
    ...(has('force') ? ['--force'] : []),
    ...(has('verify') ? ['--verify'] : []),
    ...(has('fail-fast') ? ['--fail-fast'] : []),
    ...(has('trouble') ? ['with failures'] : []),
    ...request.interruptions.map(({ how, afterMs }) => `${how} after ${afterMs} ms`),
    ...meanwhile.map((each) => JSON.stringify(each)),
    ...(has('fault') ? [JSON.stringify(fault)] : []),
    ...(has('crash') ? [crash.said] : []),
  ];
  return { request, said: parts.join(' ') };
}

function randomWrites(random: Random): readonly Meanwhile[] {
  return Array.from({ length: 1 + random.below(2) }, () => {
    return {
      kind: 'write',
      afterMs: random.below(250),
      pick: random.below(100),
      content: content(random),
    };
  });
}

function randomJump(random: Random): Meanwhile {
  // Never by whole steps of anything else, so that no two files get the same time by design.
  const ms = Math.floor((random.next() - 0.5) * 1e8);
  return { kind: 'jump', afterMs: random.below(250), ms };
}

const FAULTY = [
  'append',
  'rename',
  'remove',
  'makeFolder',
  'create',
  'sync',
  'replace',
  'truncate',
  'removeEmptyFolder',
  'read',
  'list',
  'stat',
] as const;

function randomFault(random: Random): Fault {
  const call = random.pick(FAULTY);
  const code = random.pick(['ENOSPC', 'EIO', 'EROFS', 'EACCES'] as const);
  const times = random.pick([1, 1, 3, Number.POSITIVE_INFINITY]);
  return { call, at: 1 + random.below(30), times, code };
}

function randomCrash(random: Random): Pick<RunRequest, 'choose'> & {
  readonly plan: RunRequest['crash'];
  readonly said: string;
} {
  const bytes = random.below(300);
  const effect = random.pick(['none', 'all', { bytes }] as const);
  // Where results change hands a crash is most dangerous.
  const call = random.pick(['rename', 'rename', 'remove', 'any'] as const);
  const at = 1 + random.below(call === 'any' ? 150 : call === 'rename' ? 12 : 30);
  const loss = random.fork();
  const how = random.pick(['kill', 'power', 'power', 'all lost'] as const);
  const choose =
    how === 'kill' ? KEEP_ALL : how === 'power' ? (count: number) => loss.below(count) : LOSE_ALL;
  const said = `${how} at call ${at} of ${call} (effect ${JSON.stringify(effect)})`;
  return { plan: { call, at, effect }, choose, said };
}

/** Which attempts fail is a matter of the target's name, not of the order of attempts. */
function randomTrouble(random: Random): (target: string) => Trouble | undefined {
  const often = random.pick([0.1, 0.3]);
  return () => {
    if (!random.chance(often)) return undefined;
    if (random.chance(0.15)) return { kind: 'blames' };
    const when = random.pick(['begin', 'staged'] as const);
    return { kind: 'fails', mayPass: random.chance(0.5), when };
  };
}

function randomInterruptions(random: Random): RunRequest['interruptions'] {
  const afterMs = random.below(400);
  const first = { afterMs, how: random.pick(['drain', 'stop'] as const) };
  if (random.chance(0.6)) return [first];
  return [first, { afterMs: afterMs + random.below(60), how: 'stop' }];
}

function randomWords(random: Random, { project }: World): readonly string[] {
  const { name, hasMatrix } = random.pick(project.steps);
  const [value] = project.values.keys();
  const step = hasMatrix && random.chance(0.5) ? `${name}:${value}` : name;
  const words = [`${step}`, `${step}+`, `@chunk=${random.below(2)}`, `${name}@c0*`];
  return random.some(words, 0.3);
}
