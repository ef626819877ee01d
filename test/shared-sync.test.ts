// What is made durable together, and who hears of what when the disk fails.
import { expect, test } from 'vitest';
import { SharedSync } from '../src/shared-sync.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeFileSystem } from './fake-file-system.ts';

const MANY = Array.from({ length: 9 }, (_, index) => `/work/${index}`);

/** A disk that writes down what it is asked to sync: paths, or folders with a star. */
function syncedDisk({ bad, hasOneCall = true }: { bad?: string; hasOneCall?: boolean } = {}) {
  const clock = new FakeClock();
  const calls: string[] = [];
  const fs = Object.assign(new FakeFileSystem(clock), {
    async sync(paths: readonly string[]) {
      calls.push(paths.join(' '));
      if (bad !== undefined && paths.includes(bad)) throw new Error(`EIO: ${bad}`);
    },
    async syncFileSystems(folders: readonly string[]) {
      calls.push(folders.map((folder) => `${folder}/*`).join(' '));
      return hasOneCall;
    },
  });
  for (const path of [...MANY, '/work/a', '/work/b', '/work/c']) fs.put(path, '');
  return { clock, calls, sync: new SharedSync({ fs, clock }) };
}

const request = (...paths: string[]) => ({ paths, folder: '/work' });

test('whoever asks while a sync is under way shares the next one', async () => {
  const { calls, sync } = syncedDisk();
  const first = sync.durable(request('/work/a'));
  await Promise.resolve();
  const others = [sync.durable(request(...MANY)), sync.durable(request('/work/b'))];
  await Promise.all([first, ...others]);
  expect(calls).toEqual(['/work/a', '/work/*']);
});

test('where there is no call for all, or it fails, each is told of its own files', async () => {
  const { calls, sync } = syncedDisk({ bad: '/work/3', hasOneCall: false });
  const ending = await Promise.allSettled([
    sync.durable(request('/work/a')),
    sync.durable(request(...MANY)),
    sync.durable(request('/work/b', '/work/deleted-meanwhile')),
  ]);
  expect(ending.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(calls).toEqual(['/work/*', '/work/a', MANY.join(' '), '/work/b']);
});

test('while many targets end, a sync waits for more of them, but not once none is expected', async () => {
  const { clock, calls, sync } = syncedDisk();
  const noMore = sync.expectMore();
  await sync.durable(request(...MANY));
  const early = [sync.durable(request('/work/a')), sync.durable(request(...MANY))];
  await clock.advance(49);
  expect(calls).toEqual(['/work/*']);
  await clock.advance(1);
  await Promise.all(early);
  expect(calls).toEqual(['/work/*', '/work/*']);
  const last = sync.durable(request('/work/c'));
  noMore();
  await last;
  expect(calls.at(-1)).toBe('/work/c');
  expect(clock.waiting).toBe(0);
});
