// One writer per work folder. `state/@lock` names its owner and every process group the owner
// began, so that whoever finds the owner dead can end those and take over by itself.
//
// Taking over must be safe against others doing the same. A dead owner's file is never removed
// first: a taker creates, exclusively, the one file that is named after the dead file's content
// (`@lock.after-X`), looks once more that the dead file is what it was, and renames its own file
// over it. A taker that dies in between is itself succeeded in the same way.
//
//   @lock = X (dead) ──▶ create @lock.after-X ──▶ @lock still X? ──▶ end X's groups ──▶ rename
//                         │ exists: look at its    │ no: somebody was faster, start again
//                         ▼ owner in the same way  ▼
import { createHash } from 'node:crypto';
import type { ProcessGroup } from '../executor/executor.ts';
import { type Clock, type FileSystem, isoTime, makerOf } from '../file-system.ts';
import { frameLine, scanLines } from './line.ts';
import type { StoreProblem } from './problem.ts';
import type { Processes, ProcessIdentity } from './processes.ts';

export interface LockOptions {
  readonly fs: FileSystem;
  readonly clock: Clock;
  readonly processes: Processes;
  /** Absolute path of `state/`; made if missing. */
  readonly folder: string;
  /** The command line as typed, without secrets: shown to whoever is refused. */
  readonly command: string;
}

export interface LockOwner extends ProcessIdentity {
  readonly command: string;
  /** ISO time. */
  readonly at: string;
}

export type LockResult =
  | {
      readonly kind: 'held';
      readonly lock: Lock;
      /** Set when a dead owner's lock was taken over: one sentence for the user. */
      readonly takenOver: string | undefined;
    }
  | { readonly kind: 'refused'; readonly problem: StoreProblem; readonly owner: LockOwner };

export interface Lock {
  readonly owner: LockOwner;
  /** Throws when it cannot be recorded: the group must then not begin to work. */
  addGroup(group: ProcessGroup): void;
  removeGroup(group: ProcessGroup): void;
  /** Gives the lock up. Does nothing when it is no longer ours (somebody deleted the file). */
  release(): void;
}

const LOCK_NAME = '@lock';
const AFTER = `${LOCK_NAME}.after-`;
const COMMAND_LIMIT = 800;
/** Where a file system cannot create a file with its content at once, it is empty for a moment. */
const TORN_GRACE_MS = 500;
const TERM_GRACE_MS = 3000;
const POLL_MS = 50;
/** More tries than there can be runs started at the same moment. */
const MAX_TRIES = 100;

/** Never waits for a live owner; waits up to a few seconds for a dead one's processes to end. */
export async function acquireLock(options: LockOptions): Promise<LockResult> {
  const { fs, clock, processes, folder } = options;
  fs.makeFolder(folder);
  const command = options.command.slice(0, COMMAND_LIMIT);
  const owner: LockOwner = { ...processes.self, command, at: isoTime(clock) };
  const torn = new Set<string>();
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const claim = claimLock(options, { owner, torn });
    switch (claim.kind) {
      case 'taken':
        return { kind: 'refused', owner: claim.owner, problem: explainRefusal(claim) };
      case 'torn':
        torn.add(claim.id);
        await pause(clock, TORN_GRACE_MS);
        break;
      case 'lost':
        break;
      case 'won': {
        const orphans = orphansOf(claim.dead, processes);
        if (orphans.length > 0) await endGroups(options, orphans);
        const path = `${folder}/${LOCK_NAME}`;
        if (claim.path !== path) fs.rename(claim.path, path);
        removeDeadClaims(options);
        const takenOver = explainTakeover(claim.dead, orphans.length);
        return { kind: 'held', lock: new HeldLock(fs, { path, owner }), takenOver };
      }
      default:
        claim satisfies never;
    }
  }
  throw new Error(`${folder}/${LOCK_NAME} keeps changing hands`);
}

/** Who holds the lock now, or may hold it as far as can be seen from here. Changes nothing. */
export function observeOwner({
  fs,
  processes,
  folder,
}: Pick<LockOptions, 'fs' | 'processes' | 'folder'>): LockOwner | undefined {
  const owner = readLock(fs, `${folder}/${LOCK_NAME}`)?.owner;
  return owner === undefined || isGone(livenessOf(owner, processes)) ? undefined : owner;
}

/** A lock file as it was found; the owner is unknown when its first line is torn. */
interface FoundLock {
  readonly path: string;
  readonly text: string;
  readonly owner: LockOwner | undefined;
  readonly groups: readonly ProcessGroup[];
}

type Claim =
  | { readonly kind: 'won'; readonly path: string; readonly dead: readonly FoundLock[] }
  | { readonly kind: 'taken'; readonly owner: LockOwner; readonly why: Liveness }
  | { readonly kind: 'torn'; readonly id: string }
  | { readonly kind: 'lost' };

/** Follows the dead owners to the first free name and takes it, all without letting go of control. */
function claimLock(
  { fs, processes, folder }: LockOptions,
  { owner, torn }: { readonly owner: LockOwner; readonly torn: ReadonlySet<string> },
): Claim {
  const dead: FoundLock[] = [];
  let path = `${folder}/${LOCK_NAME}`;
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const found = readLock(fs, path);
    if (found === undefined) {
      if (!fs.create(path, frameLine(owner))) continue;
      if (dead.every(({ path, text }) => readLock(fs, path)?.text === text)) {
        return { kind: 'won', path, dead };
      }
      fs.remove(path);
      return { kind: 'lost' };
    }
    const id = digest(found.text);
    if (found.owner === undefined) {
      if (!torn.has(`${path} ${id}`)) return { kind: 'torn', id: `${path} ${id}` };
    } else {
      const why = livenessOf(found.owner, processes);
      if (!isGone(why)) return { kind: 'taken', owner: found.owner, why };
    }
    dead.push(found);
    path = `${folder}/${AFTER}${id}`;
  }
  return { kind: 'lost' };
}

type Liveness = 'alive' | 'other-host' | 'other-container' | 'dead' | 'rebooted';

function livenessOf(owner: LockOwner, { self, startOf }: Processes): Liveness {
  if (owner.host !== self.host) return 'other-host';
  if (owner.boot !== self.boot) return 'rebooted';
  if (owner.pidSpace !== self.pidSpace) return 'other-container';
  return startOf(owner.pid) === owner.started ? 'alive' : 'dead';
}

function isGone(liveness: Liveness): boolean {
  return liveness === 'dead' || liveness === 'rebooted';
}

function readLock(fs: FileSystem, path: string): FoundLock | undefined {
  const content = fs.read(path);
  if (content === undefined) return undefined;
  const bytes = Buffer.from(content);
  const groups = new Map<string, ProcessGroup>();
  let owner: LockOwner | undefined;
  for (const { number, start, end } of scanLines(bytes).whole) {
    const line: LockOwner | GroupLine = JSON.parse(bytes.toString('utf8', start, end));
    if (!('group' in line)) {
      if (number === 1) owner = line;
      continue;
    }
    const key = `${line.group.pid} ${line.group.started}`;
    if (line.state === 'begun') groups.set(key, line.group);
    else groups.delete(key);
  }
  return { path, text: bytes.toString('latin1'), owner, groups: [...groups.values()] };
}

interface GroupLine {
  readonly group: ProcessGroup;
  readonly state: 'begun' | 'ended';
}

/** Groups whose leader is still the very process that was recorded; a reboot leaves none. */
function orphansOf(dead: readonly FoundLock[], processes: Processes): readonly ProcessGroup[] {
  return dead
    .filter(({ owner }) => owner === undefined || livenessOf(owner, processes) === 'dead')
    .flatMap(({ groups }) => groups)
    .filter(({ pid, started }) => processes.startOf(pid) === started);
}

/** What was sent SIGKILL runs no more of its own code: its end need not be waited for. */
async function endGroups(
  { clock, processes }: LockOptions,
  groups: readonly ProcessGroup[],
): Promise<void> {
  for (const { pid } of groups) processes.signalGroup(pid, 'SIGTERM');
  let left = groups;
  for (let waited = 0; left.length > 0 && waited < TERM_GRACE_MS; waited += POLL_MS) {
    await pause(clock, POLL_MS);
    left = left.filter(({ pid }) => processes.groupExists(pid));
  }
  for (const { pid } of left) processes.signalGroup(pid, 'SIGKILL');
}

/**
 * Claims of takers that died after somebody else had taken over: they decide nothing any more. So
 * do files that died before they had a name.
 */
function removeDeadClaims({ fs, folder, processes }: LockOptions): void {
  for (const name of fs.list(folder) ?? []) {
    const path = `${folder}/${name}`;
    const maker = makerOf(name);
    if (maker !== undefined) {
      if (processes.startOf(maker) === undefined) fs.remove(path);
    } else if (name.startsWith(AFTER)) {
      const owner = readLock(fs, path)?.owner;
      if (owner !== undefined && isGone(livenessOf(owner, processes))) fs.remove(path);
    }
  }
}

class HeldLock implements Lock {
  readonly owner: LockOwner;
  readonly #fs: FileSystem;
  readonly #path: string;
  /** Ends what a failed append may have left of a line. */
  #separator = '';

  constructor(fs: FileSystem, { path, owner }: { path: string; owner: LockOwner }) {
    this.#fs = fs;
    this.#path = path;
    this.owner = owner;
  }

  addGroup(group: ProcessGroup): void {
    this.#append({ group, state: 'begun' });
  }

  removeGroup(group: ProcessGroup): void {
    this.#append({ group, state: 'ended' });
  }

  release(): void {
    const content = this.#fs.read(this.#path);
    if (content === undefined) return;
    const isOurs = Buffer.from(content).toString().startsWith(frameLine(this.owner));
    if (isOurs) this.#fs.remove(this.#path);
  }

  #append(line: GroupLine): void {
    const text = this.#separator + frameLine(line);
    this.#separator = '\n';
    this.#fs.append(this.#path, text);
    this.#separator = '';
  }
}

function explainRefusal({ owner, why }: { owner: LockOwner; why: Liveness }): StoreProblem {
  const { pid, host, at, command } = owner;
  const message = `Another run uses this work folder: pid ${pid} on ${host} since ${at} (${command})`;
  if (why === 'alive') {
    const hint = `Wait for it, or stop it with: kill -INT ${pid}`;
    return { code: 'locked', message, hint };
  }
  const where = why === 'other-host' ? `on ${host}` : 'in its container';
  const hint = `Whether it still runs cannot be seen from here. If it is gone ${where}, delete state/${LOCK_NAME}`;
  return { code: 'locked', message, hint };
}

function explainTakeover(dead: readonly FoundLock[], ended: number): string | undefined {
  const [first] = dead;
  if (first === undefined) return undefined;
  const { owner } = first;
  const who =
    owner === undefined
      ? 'a run that crashed while it started'
      : `pid ${owner.pid} (${owner.command}, begun ${owner.at}), which is gone`;
  const groups = ended === 1 ? 'process group' : 'process groups';
  const orphans = ended === 0 ? '' : `; ended ${ended} ${groups} that it left`;
  return `Took the work folder over from ${who}${orphans}`;
}

function digest(text: string): string {
  return createHash('sha256').update(text, 'latin1').digest('hex').slice(0, 16);
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}
