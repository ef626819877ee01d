// Damage to what a run remembers: nothing stale is called fresh, and no more is redone than must be.
import { appendFileSync, statSync, truncateSync, utimesSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Rig } from './rig.ts';

let base: Rig;

beforeAll(async () => {
  base = await Rig.small();
  expect(await base.ran()).toHaveLength(12);
});
afterAll(() => base.close());

const JOURNAL = 'work/default/state/chunk_0-1.jsonl';

async function check(damage: (rig: Rig) => void, ran: readonly string[]): Promise<void> {
  const rig = base.copy();
  damage(rig);
  expect(await rig.ran()).toEqual([...ran].sort());
  expect(rig.results()).toEqual(base.results());
  const again = await rig.run();
  expect([again.done, again.end?.nothingToDo]).toEqual([[], true]);
  rig.close();
}

/** Replaces the content of an output by as many other bytes, with the time that it had. */
function falsify(rig: Rig, name: string): void {
  const { size, atime, mtime } = statSync(rig.path(name));
  rig.write(name, 'x'.repeat(size));
  utimesSync(rig.path(name), atime, mtime);
}

/** Flips a bit of a line in a journal, within the text of a value. */
function flip(rig: Rig, line: number): void {
  const lines = rig.read(JOURNAL).split('\n');
  const text = lines[line] ?? '';
  const at = text.indexOf('"at":"') + 8;
  lines[line] =
    text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ 1) + text.slice(at + 1);
  rig.write(JOURNAL, lines.join('\n'));
}

test('a torn last line is skipped by readers and cut by the next run', async () => {
  const rig = base.copy();
  const whole = rig.read(JOURNAL);
  appendFileSync(rig.path(JOURNAL), whole.trim().split('\n').at(-1)?.slice(0, 100) ?? '');
  const status = await rig.command(['status']);
  expect([status.code, rig.read(JOURNAL).length > whole.length]).toEqual([0, true]);
  expect(await rig.ran()).toEqual([]);
  rig.write('work/default/state/reset', '');
  rig.remove('work/default/flat/chunk_0-1.parquet');
  expect(await rig.ran()).toEqual(['process@chunk_0-1']);
  for (const line of rig.read(JOURNAL).trim().split('\n'))
    expect(JSON.parse(line)).toBeTypeOf('object');
  rig.close();
});

test('a last line without its line feed, cut in the trace, makes just that target run', async () => {
  await check(
    (rig) =>
      truncateSync(
        rig.path('work/default/state/@once.jsonl'),
        statSync(rig.path('work/default/state/@once.jsonl')).size - 20,
      ),
    ['total'],
  );
});

test('a damaged trace makes its target run, and no other', async () => {
  await check((rig) => flip(rig, 1), ['pull@chunk_0-1']);
});

test('a flipped bit in a journal has every output of it rehashed', async () => {
  await check(
    (rig) => {
      flip(rig, 0);
      falsify(rig, 'work/default/flat/chunk_0-1.parquet');
    },
    ['process@chunk_0-1'],
  );
});

test('a deleted journal redoes its file, and no more when the result is the same', async () => {
  await check(
    (rig) => rig.remove(JOURNAL),
    ['pull@chunk_0-1', 'process@chunk_0-1', 'partition@chunk_0-1'],
  );
});

test('a deleted journal of a group redoes the group', async () => {
  await check((rig) => rig.remove('work/default/state/@chunk=0.jsonl'), ['merge@chunk=0']);
});

test('without its state a work folder is made anew', async () => {
  const rig = base.copy();
  rig.remove('work/default/state');
  expect(await rig.ran()).toHaveLength(12);
  expect(rig.results()).toEqual(base.results());
  rig.close();
});

test('after a run without a clean end, a replaced output is noticed', async () => {
  const rig = base.copy();
  const lines = rig.read('work/default/state/@runs.jsonl').trim().split('\n');
  rig.write('work/default/state/@runs.jsonl', `${lines.slice(0, -1).join('\n')}\n`);
  falsify(rig, 'work/default/merged/0.txt');
  expect(await rig.ran()).toEqual(['merge@chunk=0']);
  expect(rig.results()).toEqual(base.results());
  rig.close();
});

test('what a crash kept from being noted with a file is noted by the next run', async () => {
  const rig = base.copy();
  const whole = rig.read(JOURNAL).trim().split('\n');
  expect(whole.at(-1)).toContain('"target":"merge@chunk=0","status":"note","step":4');
  rig.write(JOURNAL, `${whole.slice(0, -1).join('\n')}\n`);
  const runs = rig.read('work/default/state/@runs.jsonl').trim().split('\n');
  rig.write('work/default/state/@runs.jsonl', `${runs.slice(0, -1).join('\n')}\n`);
  expect(await rig.ran()).toEqual([]);
  const noted = rig.read(JOURNAL).trim().split('\n').at(-1);
  expect(noted).toContain('"target":"merge@chunk=0","status":"note","step":4');
  const length = rig.read(JOURNAL).length;
  expect(await rig.ran()).toEqual([]);
  expect(rig.read(JOURNAL)).toHaveLength(length);
  rig.close();
});

test('what an attempt kept goes with the next run when it was done but not removed', async () => {
  const rig = base.copy();
  rig.write('work/default/tmp/scratch/pull@chunk_0-1/abc/part', 'half of a download');
  const runs = rig.read('work/default/state/@runs.jsonl').trim().split('\n');
  rig.write('work/default/state/@runs.jsonl', `${runs.slice(0, -1).join('\n')}\n`);
  expect(await rig.ran()).toEqual([]);
  expect(rig.exists('work/default/tmp/scratch/pull@chunk_0-1')).toBe(false);
  rig.close();
});

test('a state of an unknown newer version is refused and kept', async () => {
  const rig = base.copy();
  const name = 'work/default/state/@pipeline.json';
  rig.edit(name, '"v": 1', '"v": 99');
  const text = rig.read(name);
  const { code, text: said } = await rig.plain();
  expect([code, rig.read(name)]).toEqual([2, text]);
  expect(said).toMatch(/version|newer/);
  rig.close();
});

test('state of another program is not called damaged, and not overwritten in silence', async () => {
  const rig = base.copy();
  rig.write(JOURNAL, '{"step": 3}\n');
  const run = await rig.run();
  expect(run.text).not.toMatch(/damaged/i);
  expect([0, 2]).toContain(run.code);
  rig.close();
});

const PARTITION = 'work/default/results/lang=de/chunk_0-1.parquet';

test.each([
  ['truncated', (rig: Rig) => truncateSync(rig.path(PARTITION), 100)],
  ['replaced', (rig: Rig) => rig.write(PARTITION, 'x'.repeat(statSync(rig.path(PARTITION)).size))],
] as const)('a partitioned file that was %s is not consumed, and made again', async (_, damage) => {
  const rig = base.copy();
  damage(rig);
  rig.remove('work/default/merged/0.txt');
  // Noticed in the middle of a run, it may fail its reader first and be made again by the next.
  const first = await rig.run();
  const merged = 'merged/0.txt';
  if (rig.exists(`work/default/${merged}`)) {
    expect(rig.results()[merged]).toEqual(base.results()[merged]);
  }
  if (first.code !== 0) await rig.ran();
  expect(rig.results()).toEqual(base.results());
  rig.close();
});
