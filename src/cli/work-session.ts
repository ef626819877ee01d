// The time during which this process owns a work folder: the lock, the store and, when something
// has to run, the workers. Opened by the commands that change something, always closed.
import { randomUUID } from 'node:crypto';
import { posix } from 'node:path';
import type { Config } from '../config/config.ts';
import type { Executor, WorkListener } from '../executor/executor.ts';
import type { Clock, FileSystem } from '../file-system.ts';
import { HubConnections } from '../hub/connections.ts';
import { nodeFileSystem, systemClock } from '../node-file-system.ts';
import { SharedSync } from '../shared-sync.ts';
import { acquireLock, type Lock } from '../store/lock.ts';
import { systemProcesses } from '../store/processes.ts';
import { openStore, type Store } from '../store/store.ts';
import { belongingOf, stateFolder } from './project.ts';
import { problemText, UsageError } from './usage-error.ts';

export interface WorkSession {
  readonly run: string;
  readonly lock: Lock;
  readonly store: Store;
  readonly sharedSync: SharedSync;
  /** Said when a dead owner's lock was taken over. */
  readonly takenOver: string | undefined;
  readonly executor: () => Promise<Executor>;
  readonly connections: HubConnections;
  /** Whether workers or a Hub were asked for anything. */
  readonly hasAsked: boolean;
  close(how: 'end' | 'abandon'): Promise<void>;
}

/** Throws a UsageError when somebody else owns the folder or it belongs to something else. */
export async function openWorkSession(
  config: Config,
  { fs, clock, command }: { fs: FileSystem; clock: Clock; command: string },
): Promise<WorkSession> {
  const folder = stateFolder(config);
  const run = newRunId(clock);
  makeWorkFolder(folder, fs);
  const locked = await acquireLock({ fs, clock, processes: systemProcesses(), folder, command });
  if (locked.kind === 'refused') throw new UsageError(problemText(locked.problem));
  const { lock, takenOver } = locked;
  const sharedSync = new SharedSync({ fs, clock });
  const belonging = belongingOf(config);
  const opened = openStore({ fs, clock, sharedSync, folder, belonging, lock, run });
  if (opened.kind === 'refused') {
    lock.release();
    throw new UsageError(problemText(opened.problem));
  }
  const { store } = opened;
  clearStages(config, fs);
  const connections = new HubConnections(config.work, process.env, fs);
  let executor: Promise<Executor> | undefined;
  const start = async () => {
    const { createWorkerPool } = await import('../executor/pool.ts');
    return createWorkerPool({
      onGroup: recordGroup(lock),
    });
  };
  return {
    run,
    lock,
    store,
    sharedSync,
    takenOver,
    executor: () => {
      executor ??= start();
      return executor;
    },
    connections,
    get hasAsked() {
      return executor !== undefined || connections.isUsed;
    },
    async close(how) {
      await (await executor)?.close();
      await connections.close();
      if (how === 'end') {
        if (executor !== undefined) await fs.syncAll(config.work);
        await store.end();
      } else {
        store.abandon();
      }
      lock.release();
    },
  };
}

/** Owns the folder while something is done; a mistake of the user's is a good end as well. */
export async function inWorkSession<T>(
  config: Config,
  {
    fs = nodeFileSystem,
    command,
    use,
  }: { fs?: FileSystem; command: string; use: (session: WorkSession) => Promise<T> },
): Promise<T> {
  const session = await openWorkSession(config, { fs, clock: systemClock, command });
  let how: 'end' | 'abandon' = 'abandon';
  try {
    const found = await use(session);
    how = 'end';
    return found;
  } catch (error) {
    if (error instanceof UsageError) how = 'end';
    throw error;
  } finally {
    await session.close(how);
  }
}

/** What the system says against the folder is a mistake of the user's, not of the program's. */
function makeWorkFolder(folder: string, fs: FileSystem): void {
  try {
    fs.makeFolder(folder);
    const probe = posix.join(folder, '@probe');
    fs.create(probe, '');
    fs.remove(probe);
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    throw new UsageError(
      `error: The work folder cannot be used: ${error.message}\n` +
        '  make it a folder that can be written, or choose another one with --work DIR',
    );
  }
}

/**
 * Notes process groups in the lock, so that whoever takes over can end them. A disk that is too
 * full for the note must not end the run: the target that fills it fails by itself.
 */
export function recordGroup(lock: Lock): WorkListener['group'] {
  return (group, state) => {
    try {
      if (state === 'begun') lock.addGroup(group);
      else lock.removeGroup(group);
    } catch (error) {
      if (!(error instanceof Error) || !('syscall' in error)) throw error;
    }
  };
}

/** Sorts by time for people; the random part keeps ids apart where pids repeat. */
function newRunId(clock: Clock): string {
  const time = new Date(clock.now()).toISOString().replace(/[-:]/g, '').slice(0, 15);
  return `${time}-${randomUUID().slice(0, 8)}`;
}

/** Stages of attempts that were cut short are garbage; what outlives attempts lies in `scratch`. */
function clearStages(config: Config, fs: FileSystem): void {
  const folder = posix.join(config.work, 'tmp');
  for (const name of fs.list(folder) ?? []) {
    if (name !== 'scratch') fs.remove(posix.join(folder, name));
  }
}
