import fc from 'fast-check';
import { expect, test } from 'vitest';
import { frameLine } from '../src/store/line.ts';
import {
  acquireLock,
  type Lock,
  type LockOwner,
  type LockResult,
  observeOwner,
} from '../src/store/lock.ts';
import type { Processes } from '../src/store/processes.ts';
import { FakeClock } from './fake-clock.ts';
import { KEEP_ALL, LOSE_ALL } from './fake-disk.ts';
import { Crash, FakeFileSystem } from './fake-file-system.ts';

const STATE = '/work/state';
const LOCK = `${STATE}/@lock`;

/** One host with its processes: pid to start time, and how each group takes a SIGTERM. */
class FakeHost {
  readonly clock = new FakeClock();
  fs = new FakeFileSystem(this.clock);
  host = 'here';
  boot = 'b1';
  pidSpace = 'p1';
  readonly alive = new Map<number, string>();
  readonly deaf = new Set<number>();
  readonly signals: string[] = [];

  constructor() {
    this.fs.makeFolder(STATE);
  }

  process(pid: number, started = `s${pid}`): Processes {
    this.alive.set(pid, started);
    const { host, boot, pidSpace } = this;
    return {
      self: { pid, started, host, boot, pidSpace },
      startOf: (other) => this.alive.get(other),
      groupExists: (other) => this.alive.has(other),
      signalGroup: (other, signal) => {
        this.signals.push(`${signal} ${other}`);
        if (signal === 'SIGKILL' || !this.deaf.has(other)) this.alive.delete(other);
      },
    };
  }

  acquire(pid: number, fs = this.fs.fork()): Promise<LockResult> {
    const command = `pipeline run ${pid}`;
    const options = { fs, clock: this.clock, processes: this.process(pid), folder: STATE, command };
    return this.clock.until(acquireLock(options));
  }

  async hold(pid: number): Promise<Lock> {
    const result = await this.acquire(pid);
    if (result.kind === 'refused') throw new Error(result.problem.message);
    return result.lock;
  }

  files(): readonly string[] {
    return this.fs.files().map((path) => path.slice(STATE.length + 1));
  }
}

test('the lock is held, shown to others, and free again after release', async () => {
  const host = new FakeHost();
  const lock = await host.hold(7);
  expect(await host.acquire(8)).toMatchObject({
    kind: 'refused',
    owner: { pid: 7, host: 'here', command: 'pipeline run 7', at: '2026-01-01T00:00:00.002Z' },
    problem: {
      code: 'locked',
      message:
        'Another run uses this work folder: pid 7 on here since 2026-01-01T00:00:00.002Z (pipeline run 7)',
      hint: 'Wait for it, or stop it with: kill -INT 7',
    },
  });
  const observe = () =>
    observeOwner({ fs: host.fs, processes: host.process(9), folder: STATE })?.pid;
  expect(observe()).toBe(7);
  lock.release();
  expect(observe()).toBeUndefined();
  expect(host.files()).toEqual([]);
  expect(await host.acquire(8)).toMatchObject({ kind: 'held', takenOver: undefined });
});

test('a dead owner is taken over with a message; so are a reused pid and one before a reboot', async () => {
  const changes: readonly ((host: FakeHost) => void)[] = [
    (host) => host.alive.delete(7),
    (host) => host.alive.set(7, 'another start'),
    (host) => {
      host.boot = 'b2';
    },
  ];
  for (const change of changes) {
    const host = new FakeHost();
    await host.hold(7);
    change(host);
    expect(await host.acquire(8)).toMatchObject({
      kind: 'held',
      takenOver:
        'Took the work folder over from pid 7 (pipeline run 7, begun 2026-01-01T00:00:00.002Z), which is gone',
    });
    expect(host.files()).toEqual(['@lock']);
    expect(host.fs.text(LOCK)).toContain('"pid":8');
  }
});

test('an owner on another host or in another container is never taken over', async () => {
  const changes: readonly [(host: FakeHost) => void, string][] = [
    [
      (host) => {
        host.host = 'there';
      },
      'on here',
    ],
    [
      (host) => {
        host.pidSpace = 'p2';
      },
      'in its container',
    ],
  ];
  for (const [change, where] of changes) {
    const host = new FakeHost();
    await host.hold(7);
    host.alive.delete(7);
    change(host);
    expect(await host.acquire(8)).toMatchObject({
      kind: 'refused',
      problem: {
        hint: `Whether it still runs cannot be seen from here. If it is gone ${where}, delete state/@lock`,
      },
    });
  }
});

test('a lock file torn by a crash is taken over, but not one that is just being written', async () => {
  for (const content of ['', '{"pid":7,"sta', 'nonsense\n']) {
    const host = new FakeHost();
    host.fs.put(LOCK, content);
    expect(await host.acquire(8)).toMatchObject({
      kind: 'held',
      takenOver: 'Took the work folder over from a run that crashed while it started',
    });
    expect(host.files()).toEqual(['@lock']);
  }
  const host = new FakeHost();
  const owner = { ...host.process(7).self, command: 'pipeline', at: 'now' };
  host.fs.put(LOCK, '');
  host.clock.after(100, () => host.fs.put(LOCK, frameLine(owner)));
  expect(await host.acquire(8)).toMatchObject({ kind: 'refused', owner: { pid: 7 } });
});

test('what a killed process had not yet given its name is removed, and only that', async () => {
  const host = new FakeHost();
  host.alive.set(21, 's21');
  for (const name of ['@lock.20-2.new', '@probe.20-1.new', '@lock.21-1.new', 'a.jsonl']) {
    host.fs.put(`${STATE}/${name}`, 'content');
  }
  await host.hold(8);
  expect(host.files()).toEqual(['@lock', '@lock.21-1.new', 'a.jsonl']);
});

test('process groups that a dead owner left are ended first, and only those', async () => {
  const host = new FakeHost();
  const lock = await host.hold(7);
  for (const pid of [20, 21, 22, 23]) {
    host.alive.set(pid, `s${pid}`);
    lock.addGroup({ pid, started: `s${pid}` });
  }
  lock.removeGroup({ pid: 21, started: 's21' });
  host.alive.set(22, 'reused by somebody else');
  host.deaf.add(23);
  host.alive.set(99, 's99');
  host.alive.delete(7);
  expect(await host.acquire(8)).toMatchObject({
    takenOver: expect.stringContaining('; ended 2 process groups that it left'),
  });
  expect(host.signals).toEqual(['SIGTERM 20', 'SIGTERM 23', 'SIGKILL 23']);
  expect([...host.alive.keys()]).toEqual([21, 22, 99, 8]);
});

test('after a reboot no process is ended, whatever its number', async () => {
  const host = new FakeHost();
  const lock = await host.hold(7);
  host.alive.set(20, 's20');
  lock.addGroup({ pid: 20, started: 's20' });
  host.boot = 'b2';
  expect(await host.acquire(8)).toMatchObject({ kind: 'held' });
  expect(host.signals).toEqual([]);
});

test('while a taker ends orphans, a third is told who takes over', async () => {
  const host = new FakeHost();
  const lock = await host.hold(7);
  host.alive.set(20, 's20');
  host.deaf.add(20);
  lock.addGroup({ pid: 20, started: 's20' });
  host.alive.delete(7);
  const processes = host.process(8);
  const { clock } = host;
  const taker = acquireLock({ fs: host.fs, clock, processes, folder: STATE, command: 'slow' });
  expect(await host.acquire(9)).toMatchObject({ kind: 'refused', owner: { pid: 8 } });
  expect(await clock.until(taker)).toMatchObject({ kind: 'held' });
});

test('a lock that somebody deleted and another run took is not released by the first', async () => {
  const host = new FakeHost();
  const lock = await host.hold(7);
  host.fs.remove(LOCK);
  await host.hold(8);
  lock.release();
  expect(host.fs.text(LOCK)).toContain('"pid":8');
});

test('a group whose line did not fit the disk is not lost with the next', async () => {
  const host = new FakeHost();
  const fs = host.fs.fork();
  const result = await host.acquire(7, fs);
  if (result.kind === 'refused') expect.fail();
  fs.freeBytes = 10;
  expect(() => result.lock.addGroup({ pid: 20, started: 's20' })).toThrow('ENOSPC');
  fs.freeBytes = 1000;
  host.alive.set(21, 's21');
  result.lock.addGroup({ pid: 21, started: 's21' });
  host.alive.delete(7);
  await host.acquire(8);
  expect(host.signals).toEqual(['SIGTERM 21']);
});

/** Pids of those who may believe that they hold the lock. */
function winners(results: readonly LockResult[]): readonly number[] {
  return results.flatMap((result) => (result.kind === 'held' ? [result.lock.owner.pid] : []));
}

/**
 * Runs contenders so that each later one acts as a whole between two calls of the one before:
 * `gaps[i]` is the call of contender i before which contender i + 1 begins.
 */
async function race(host: FakeHost, gaps: readonly number[]): Promise<readonly LockResult[]> {
  const results: Promise<LockResult>[] = [];
  const begin = (index: number) => {
    const fs = host.fs.fork();
    let calls = 0;
    fs.onCall = () => {
      calls += 1;
      if (calls === gaps[index]) begin(index + 1);
    };
    const pid = 100 + index;
    const processes = host.process(pid);
    const { clock } = host;
    const command = `pipeline ${pid}`;
    results.push(acquireLock({ fs, clock, processes, folder: STATE, command }));
  };
  begin(0);
  return host.clock.until(Promise.all(results));
}

test('however takers of a dead lock interleave, exactly one of them holds it', async () => {
  const leftovers: readonly ((host: FakeHost) => Promise<void>)[] = [
    async () => undefined,
    async (host) => {
      await host.hold(7);
      host.alive.delete(7);
    },
    async (host) => host.fs.put(LOCK, ''),
    // Ending this orphan takes the winner some time.
    async (host) => {
      const lock = await host.hold(7);
      host.alive.set(20, 's20');
      host.deaf.add(20);
      lock.addGroup({ pid: 20, started: 's20' });
      host.alive.delete(7);
    },
    // The taker of a dead lock died too, at any point of its own taking over.
    ...[1, 2, 3, 4].map((at) => async (host: FakeHost) => {
      await host.hold(7);
      host.alive.delete(7);
      const fs = host.fs.fork();
      fs.crashPlan = { at, effect: 'all' };
      await host.acquire(8, fs).catch((error) => {
        if (!(error instanceof Crash)) throw error;
      });
      host.alive.delete(8);
    }),
  ];
  const gap = fc.integer({ min: 1, max: 14 });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...leftovers),
      fc.tuple(gap, gap, gap),
      async (leave, gaps) => {
        const host = new FakeHost();
        await leave(host);
        const results = await race(host, gaps);
        const held = winners(results);
        expect(held).toHaveLength(1);
        expect(host.fs.text(LOCK)).toContain(`"pid":${held[0]},`);
      },
    ),
    { numRuns: 2000 },
  );
});

test('after a power failure while it was taken, the lock can be taken again', async () => {
  for (const choose of [KEEP_ALL, LOSE_ALL, (count: number) => count >> 1]) {
    for (let at = 1; at <= 4; at += 1) {
      const host = new FakeHost();
      await host.hold(7);
      host.boot = 'b2';
      const fs = host.fs.fork();
      fs.crashPlan = { at, effect: 'all' };
      await host.acquire(8, fs).catch(() => undefined);
      host.fs = host.fs.restart(choose);
      host.fs.makeFolder(STATE);
      host.boot = 'b3';
      expect(await host.acquire(9)).toMatchObject({ kind: 'held' });
      expect(host.files()).toEqual(['@lock']);
    }
  }
});

test('a long command line is kept short', async () => {
  const host = new FakeHost();
  const { clock, fs } = host;
  const command = 'x'.repeat(10_000);
  await acquireLock({ fs, clock, processes: host.process(7), folder: STATE, command });
  const owner: LockOwner | undefined = observeOwner({
    fs,
    processes: host.process(8),
    folder: STATE,
  });
  expect(owner?.command).toHaveLength(800);
});
