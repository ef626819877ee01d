import { expect, test } from 'vitest';
import { transfer } from '../tasks/publish/transfer.ts';

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
        throw Object.assign(new Error('too large'), { status: 504 });
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
