// Loaded into every process of a run before anything else (`NODE_OPTIONS=--import`): counts the
// changes that the process makes to files of the work folder, by what they are for, and kills at
// one of them. So a kill can fall into windows that no clock would ever hit, such as that between
// a rename and the trace that follows it. The program itself knows nothing of this.
import * as fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

export type ProcessName = 'runner' | 'worker';
/** Who dies: workers are the runner's, and `group` is the process group of the runner. */
export type Victims = 'runner' | 'worker' | 'both' | 'group';

/** A kill before or after the `nth` change of its kind; `half`: of the runner, after half of its bytes. */
export interface KillPlan {
  /** As in the record: `runner append journal done push`. */
  readonly change: string;
  readonly nth: number;
  readonly moment: 'before' | 'half' | 'after';
  readonly victims: Victims;
}

export interface SwitchSettings {
  /** Absolute; other files are not looked at. */
  readonly work: string;
  /** Every change is appended here, a line each. */
  readonly record?: string;
  readonly plan?: KillPlan;
  /** Made by whoever kills first, so that it is done once. */
  readonly token: string;
}

export const SWITCH_VARIABLE = 'CRASH_SWITCH';

/** Where the path that a call changes stands in its arguments. */
const SYNC_CALLS = {
  appendFileSync: 0,
  writeFileSync: 0,
  truncateSync: 0,
  renameSync: 1,
  linkSync: 1,
  rmSync: 0,
  rmdirSync: 0,
} as const;
const PROMISE_CALLS = { writeFile: 0, copyFile: 1, rename: 1, link: 1, rm: 0 } as const;

const { appendFileSync, openSync, readdirSync, readFileSync, writeSync } = fs;
const setting = process.env[SWITCH_VARIABLE];
if (setting !== undefined) install(JSON.parse(setting));

function install(settings: SwitchSettings): void {
  const counts = new Map<string, number>();
  const name = processName();
  /** Gives what is to be done when the change has happened. */
  const begin = (call: string, path: unknown, content?: unknown): Promise<void> | undefined => {
    const place = placeOf(path, settings.work);
    if (place === undefined) return undefined;
    const change = [name, call, place, ...explainRecord(place, content)].join(' ');
    if (settings.record !== undefined) appendFileSync(settings.record, `${change}\n`);
    const { plan } = settings;
    const count = (counts.get(change) ?? 0) + 1;
    counts.set(change, count);
    if (plan?.change !== change || plan.nth !== count) return undefined;
    if (plan.moment === 'before') killAll(settings, plan);
    if (plan.moment === 'half' && typeof content === 'string') {
      writeSync(openSync(String(path), 'a'), content.slice(0, content.length >> 1));
      killAll(settings, plan);
    }
    return Promise.resolve();
  };
  const end = () => {
    if (settings.plan !== undefined) killAll(settings, settings.plan);
  };
  replaceCalls({ begin, end });
  syncBuiltinESMExports();
}

type Call = (...args: readonly unknown[]) => unknown;

function replaceCalls({
  begin,
  end,
}: {
  begin: (call: string, path: unknown, content?: unknown) => unknown;
  end: () => void;
}) {
  let isInside = false;
  const attempt = (call: () => unknown) => {
    try {
      return call();
    } finally {
      isInside = false;
    }
  };
  const replace = (
    holder: object,
    { name, at, isPromise }: { name: string; at: number; isPromise: boolean },
  ) => {
    const original: Call = Reflect.get(holder, name);
    const call = name.replace('FileSync', '').replace('Sync', '');
    const replaced = (...args: readonly unknown[]) => {
      // Some of them call each other: the outer one is the change.
      if (isInside) return Reflect.apply(original, holder, args);
      const isMeant = begin(call, args[at], args[1]) !== undefined;
      isInside = !isPromise;
      const result = attempt(() => Reflect.apply(original, holder, args));
      if (!isMeant) return result;
      if (!isPromise) end();
      return Promise.resolve(result).finally(end);
    };
    Reflect.set(holder, name, replaced);
  };
  const builtin = process.getBuiltinModule('node:fs');
  for (const [name, at] of Object.entries(SYNC_CALLS)) {
    replace(builtin, { name, at, isPromise: false });
  }
  for (const [name, at] of Object.entries(PROMISE_CALLS)) {
    replace(builtin.promises, { name, at, isPromise: true });
  }
}

function processName(): ProcessName {
  return process.argv[1]?.endsWith('worker.js') === true ? 'worker' : 'runner';
}

/** What a path of the work folder is for; undefined for what is outside or never looked at. */
function placeOf(path: unknown, work: string): string | undefined {
  if (typeof path !== 'string' || !path.startsWith(`${work}/`)) return undefined;
  const [first = '', second = '', ...rest] = path.slice(work.length + 1).split('/');
  const suffix = path.endsWith('.next') ? '.next' : '';
  if (first === 'state') {
    if (second.startsWith('@lock')) return 'lock';
    if (/^@(runs|pipeline|source)/.test(second)) return second.replace(/[-.].*/, '');
    return second.endsWith('.jsonl') ? 'journal' : 'state';
  }
  if (first !== 'hub') return first + suffix;
  const part = second === 'repos' ? rest[3] : second;
  return `hub/${(part ?? '').replace(/^@lock.*/, 'lock')}`;
}

/** Of a line of a journal: what became of a target of which step. Other calls have other words. */
function explainRecord(place: string, content: unknown): readonly string[] {
  if (place !== 'journal' || typeof content !== 'string' || !content.startsWith('{')) return [];
  const { status, target } = JSON.parse(content.slice(0, content.indexOf('\n')));
  return [String(status), String(target).replace(/[:@].*/, '')];
}

function killAll({ token }: SwitchSettings, { victims }: KillPlan): void {
  try {
    openSync(token, 'wx');
  } catch {
    return; // Somebody else was killed already.
  }
  const isWorker = processName() === 'worker';
  const runner = isWorker ? process.ppid : process.pid;
  const workers = childrenOf(runner);
  switch (victims) {
    case 'worker':
      kill(isWorker ? [process.pid] : workers);
      return;
    case 'both':
      kill([...workers.filter((pid) => pid !== process.pid), runner, process.pid]);
      return;
    case 'group':
      kill([-runner]);
      return;
    case 'runner':
      kill([runner]);
  }
}

function kill(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself a moment ago.
    }
  }
}

function childrenOf(parent: number): readonly number[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8');
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(fields[1]) === parent && command.includes('worker.js') ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}
