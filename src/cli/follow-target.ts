// `pipeline log TARGET --follow`: a target's log as it is written, beside the run that makes it,
// until the target has ended in that run or nothing runs any more.
import { posix } from 'node:path';
import type { Clock, FileSystem } from '../file-system.ts';
import { locateTarget, type Plan, type TargetId, targetKey, targetName } from '../plan/plan.ts';
import { decodeJournal } from '../store/journal.ts';
import { foldJournal, type TargetState } from '../store/journal-state.ts';
import { type LockOwner, observeOwner } from '../store/lock.ts';
import { systemProcesses } from '../store/processes.ts';
import { journalPath } from '../store/state-folder.ts';
import { FollowedLog } from './followed-log.ts';

/** Often enough for a person who watches. */
const POLL_MS = 200;

interface FollowOptions {
  readonly plan: Plan;
  /** Absolute path of the target's log. */
  readonly log: string;
  readonly fs: FileSystem;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly write: (piece: Uint8Array) => void;
  /** For people: what is waited for. */
  readonly note: (line: string) => void;
}

/** Resolves once the log can get no longer, with how the target ended; or when asked to stop. */
export async function followTarget(id: TargetId, options: FollowOptions): Promise<string> {
  const { plan, log, clock, signal, write, note } = options;
  const name = targetName(plan, id);
  const watched = new WatchedTarget(id, options);
  const followed = new FollowedLog(log);
  let saidWaiting = false;
  try {
    for (;;) {
      // First the target, then its log: what it says last is written before its end is recorded.
      const now = watched.look();
      for (const piece of followed.added()) write(piece);
      if (now.kind === 'ended') return `${name}: ${now.how}`;
      if (signal.aborted) return '';
      if (now.kind === 'waiting' && !saidWaiting) {
        saidWaiting = true;
        note(`${name} has not begun in the run of pid ${now.owner.pid}: waiting for it`);
      }
      await pause(clock, signal);
    }
  } finally {
    followed.close();
  }
}

type Watched =
  | { readonly kind: 'running' }
  /** Not begun yet, or about to be tried again. */
  | { readonly kind: 'waiting'; readonly owner: LockOwner }
  | { readonly kind: 'ended'; readonly how: string };

class WatchedTarget {
  readonly #fs: FileSystem;
  readonly #folder: string;
  readonly #journal: string;
  readonly #key: string;
  readonly #processes = systemProcesses();
  #read: { readonly bytes: number; readonly changedMs: number } | undefined;
  #state: TargetState | undefined;

  constructor(id: TargetId, { plan, fs }: Pick<FollowOptions, 'plan' | 'fs'>) {
    const { step, cell, member } = locateTarget(plan, id);
    this.#fs = fs;
    this.#folder = posix.join(plan.config.work, 'state');
    this.#journal = journalPath(this.#folder, step.table.journals[member] ?? '');
    this.#key = targetKey(step, cell);
  }

  look(): Watched {
    const owner = observeOwner({
      fs: this.#fs,
      processes: this.#processes,
      folder: this.#folder,
    });
    const state = this.#recorded();
    if (owner === undefined) return { kind: 'ended', how: endOf(state) };
    // What was recorded before this run began may be followed by another attempt.
    if (state === undefined || state.at < owner.at) return { kind: 'waiting', owner };
    switch (state.status) {
      case 'started':
      case 'checkpoint':
        return { kind: 'running' };
      case 'failed':
        // Whether it is tried again is known to the run alone.
        return isFinal(state) ? { kind: 'ended', how: endOf(state) } : { kind: 'running' };
      default:
        return { kind: 'ended', how: endOf(state) };
    }
  }

  /** Read again only when the journal was written to: a run's other targets may be many. */
  #recorded(): TargetState | undefined {
    const stat = this.#fs.stat(this.#journal);
    const isKnown = stat?.bytes === this.#read?.bytes && stat?.changedMs === this.#read?.changedMs;
    if (isKnown) return this.#state;
    const content = this.#fs.read(this.#journal);
    this.#read = stat;
    this.#state = undefined;
    if (content !== undefined) {
      const journal = decodeJournal(content);
      this.#state = foldJournal(journal, () => true).targets.get(this.#key);
    }
    return this.#state;
  }
}

function isFinal({ failure }: TargetState): boolean {
  return failure?.failure.mayPass === false && failure.failure.code !== 'out-of-memory';
}

function endOf(state: TargetState | undefined): string {
  if (state === undefined) return 'it never began, and nothing runs';
  switch (state.status) {
    case 'failed':
      return `failed at ${state.at}: ${state.failure?.failure.message ?? 'unknown'}`;
    case 'interrupted':
    case 'started':
    case 'checkpoint':
      return `interrupted, last heard of at ${state.at}`;
    default:
      return `done at ${state.at}`;
  }
}

function pause(clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const callOff = clock.after(POLL_MS, () => {
      signal.removeEventListener('abort', end);
      resolve();
    });
    const end = () => {
      callOff();
      resolve();
    };
    signal.addEventListener('abort', end, { once: true });
  });
}
