// How large the commits of a transfer are; and that it ends with every file in one commit, whatever
// becomes of the answers to some.
import { expect, test } from 'vitest';
import type { Fault, FaultAction } from '../src/hub/server/fault.ts';
import { transfer } from '../tasks/publish/transfer.ts';
import { commitsOf, filesOf, Stalls, startClient } from './hub-client-rig.ts';
import { sha256 } from './hub-rig.ts';

/** Sends so many files to a Hub that takes so long for each; gives the sizes of the commits. */
async function sizes({
  files,
  msPerFile,
  tooLarge = Number.POSITIVE_INFINITY,
  maxSize = 1000,
}: {
  files: number;
  msPerFile: number;
  tooLarge?: number;
  maxSize?: number;
}) {
  let now = 0;
  const made: number[] = [];
  const refused: number[] = [];
  let titles = 0;
  const head = await transfer({
    parent: 'c0',
    name: 'chunk-0',
    put: Array.from({ length: files }, (_, i) => ({ path: `${i}`, bytes: 1, from: bytes })),
    remove: [],
    along: [],
    size: 100,
    maxSize,
    nowMs: () => now,
    onBytes: () => {},
    commit: async ({ put, title }) => {
      now += put.length * msPerFile;
      if (put.length >= tooLarge) {
        refused.push(put.length);
        throw Object.assign(new Error('too large'), { lessMayDo: true });
      }
      made.push(put.length);
      titles += title.includes(`of ${files}`) ? 1 : 0;
      return `c${made.length}`;
    },
  });
  expect(made.reduce((sum, size) => sum + size, 0)).toBe(files);
  expect(head).toBe(`c${made.length}`);
  expect(titles).toBe(made.length);
  return { made, refused };
}

const bytes = new Uint8Array(1);

test('commits grow while the Hub is quick, up to the most that is allowed', async () => {
  expect((await sizes({ files: 4000, msPerFile: 1 })).made).toEqual([
    100, 200, 400, 800, 1000, 1000, 500,
  ]);
  expect((await sizes({ files: 900, msPerFile: 1, maxSize: 250 })).made).toEqual([
    100, 200, 250, 250, 100,
  ]);
});

test('commits settle at the size that takes 40 seconds', async () => {
  expect((await sizes({ files: 500, msPerFile: 300 })).made).toEqual([100, 133, 133, 133, 1]);
  expect((await sizes({ files: 200, msPerFile: 1000 })).made).toEqual([100, 40, 40, 20]);
  expect((await sizes({ files: 3, msPerFile: 1e9 })).made).toEqual([3]);
});

test('a size that the Hub gave up on is not tried again', async () => {
  const { made, refused } = await sizes({ files: 1000, msPerFile: 1, tooLarge: 150 });
  expect(refused).toEqual([200]);
  expect(made).toEqual([100, 100, 100, 100, 100, 100, 100, 100, 100, 100]);
});

test('a single file that is too large is an error', async () => {
  await expect(sizes({ files: 1, msPerFile: 1, tooLarge: 1 })).rejects.toThrow('too large');
});

const EIGHT = Array.from({ length: 8 }, (_, i) => ({
  path: `${i}.parquet`,
  bytes: 1,
  from: new TextEncoder().encode(`${i}`),
}));

/** Eight files to a Hub with these faults; the sizes of the commits that were made, in order. */
async function sendEight(faults: readonly Fault[]): Promise<readonly string[]> {
  const stalls = new Stalls();
  const planned = faults.map(({ action, ...fault }) => {
    const silence = action.kind === 'stall' && { onSilence: stalls.now };
    return { ...fault, action: { ...action, ...silence } };
  });
  const { hub, repository, head } = await startClient({
    hub: { faults: { faults: planned } },
    client: { stalls },
  });
  const last = await transfer({
    parent: head,
    name: 'group',
    put: EIGHT,
    remove: [],
    along: [],
    size: 8,
    maxSize: 8,
    nowMs: () => 0,
    commit: (change) => repository.commit(change),
    onBytes: () => {},
  });
  expect(await repository.head()).toBe(last);
  const digests = EIGHT.map(({ path, from }) => [path, sha256(from)]);
  expect(await filesOf(hub)).toEqual(Object.fromEntries(digests));
  const [initial, ...made] = [...(await commitsOf(hub))].reverse();
  expect(initial).toBe('initial commit');
  return made.map((title) => title.replace(/group: files (\d+) to (\d+) of 8/, '$1-$2'));
}

const at = (nth: number | readonly number[], action: FaultAction): Fault => ({
  route: 'commit',
  nth,
  action,
});
const gateway = (status: number): FaultAction => ({ kind: 'answer', status });

test.for<[string, readonly Fault[], readonly string[]]>([
  ['is silent about it', [at(1, { kind: 'stall' })], ['1-4', '5-8']],
  ['is silent twice', [at([1, 2], { kind: 'stall' })], ['1-2', '3-4', '5-6', '7-8']],
  ['is silent, though it made it', [at(1, { kind: 'stall', afterBytes: 0 })], ['1-8']],
  ['says 504', [at(1, gateway(504))], ['1-4', '5-8']],
  ['says 413', [at(1, gateway(413))], ['1-4', '5-8']],
  ['breaks off once', [at(1, { kind: 'reset', when: 'before' })], ['1-8']],
  ['breaks off three times', [at([1, 2, 3], { kind: 'reset', when: 'before' })], ['1-4', '5-8']],
  ['breaks off after it made it', [at(1, { kind: 'reset', when: 'after' })], ['1-8']],
  ['gives a page of a proxy three times', [at([1, 2, 3], gateway(503))], ['1-4', '5-8']],
])('a Hub that gets a commit and %s has every file once', async ([, faults, commits]) => {
  expect(await sendEight(faults)).toEqual(commits);
});
