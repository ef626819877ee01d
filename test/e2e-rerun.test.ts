// From nothing to done, and what a second run does: nothing, and at no cost.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FILES, Rig, type Run, targets } from './rig.ts';

let rig: Rig;
let first: Run;

beforeAll(async () => {
  rig = await Rig.small();
  first = await rig.run();
});
afterAll(() => rig.close());

/** Lists every process of Node that a command starts, and every module that it loads. */
function spy(into: Rig): { env: Record<string, string>; lines(): readonly string[] } {
  const hook = into.write(
    'spy.mjs',
    `import { registerHooks } from 'node:module';
     import { appendFileSync } from 'node:fs';
     const log = (line) => appendFileSync(${JSON.stringify(into.path('spied.txt'))}, line + '\\n');
     log('process ' + process.argv[1]);
     registerHooks({ load(url, context, next) { log('module ' + url); return next(url, context); } });`,
  );
  return {
    env: { NODE_OPTIONS: `--import=file://${hook}` },
    lines: () => into.read('spied.txt').trim().split('\n'),
  };
}

test('from nothing, every target runs once and the exit code is 0', () => {
  expect(first.code).toBe(0);
  expect(first.done).toEqual(targets('pull', 'process', 'partition', 'merge', 'total'));
  expect(first.end).toMatchObject({ outcome: 'ok', nothingToDo: false, failures: [] });
  const counts = first.end?.steps.map(({ step, done, fresh }) => [step, done, fresh]);
  expect(counts).toEqual([
    ['pull', 3, 0],
    ['process', 3, 0],
    ['partition', 3, 0],
    ['merge', 2, 0],
    ['total', 1, 0],
  ]);
});

test('the results hold the rows of the sources', async () => {
  const rows = `SELECT id, lang, n FROM read_parquet('{root}/work/default/results/*/*.parquet',
    hive_partitioning = false) ORDER BY ALL`;
  const sources = `SELECT id, lang, n * 2 AS n FROM read_parquet('{root}/data/*.parquet')
    ORDER BY ALL`;
  expect(await rig.rows(rows)).toEqual(await rig.rows(sources));
});

test('nothing is left under tmp, and nothing lies outside the folders of a work folder', () => {
  const names = Object.keys(rig.results()).map((name) => name.split('/')[0]);
  const known = ['audit', 'data', 'flat', 'merged', 'results', 'total.txt'];
  expect([...new Set(names)].sort()).toEqual(known);
  expect(rig.exists('work/default/tmp')).toBe(true);
});

test('a journal ends with the highest step up to which everything is done', () => {
  for (const file of FILES) {
    const lines = rig.read(`work/default/state/${file}.jsonl`).trim().split('\n');
    expect(lines.every((line) => Buffer.byteLength(line) < 4096)).toBe(true);
    // Pull, process, partition; the group's line is a note, "written after the group's trace".
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ step: 4 });
  }
});

test('a second run has nothing to do and changes no result', async () => {
  const before = rig.results();
  const plain = await rig.plain();
  expect(plain).toMatchObject({ code: 0, stderr: '' });
  expect(plain.stdout).toMatch(/^Nothing to do: 12 targets are up to date/);
  const { end, done } = await rig.run();
  expect([done, end?.nothingToDo]).toEqual([[], true]);
  expect(rig.results()).toEqual(before);
});

test('a run with nothing to do starts no other process and loads nothing heavy', async () => {
  const { env, lines } = spy(rig);
  const { code } = await rig.command(['--reporter', 'plain'], { env });
  expect(code).toBe(0);
  const started = lines().filter((line) => line.startsWith('process '));
  expect(started.map((line) => line.replace(/.*\//, ''))).toEqual(['bin.js']);
  const heavy = /node_modules\/.*(duckdb|apache-arrow|execa|listr2|huggingface)/;
  expect(lines().filter((line) => heavy.test(line))).toEqual([]);
});

test('the spy sees the worker and DuckDB when there is something to do', async () => {
  const copy = rig.copy();
  const { env, lines } = spy(copy);
  copy.remove('work/default/flat/chunk_1-0.parquet');
  expect((await copy.command(['--reporter', 'plain'], { env })).code).toBe(0);
  expect(lines().join('\n')).toMatch(/^process .*worker/m);
  expect(lines().join('\n')).toMatch(/^module .*duckdb/m);
  copy.close();
});

test('the same pipeline in another folder gives the same bytes', async () => {
  const other = await Rig.small();
  expect(await other.ran('-j', '1')).toEqual(first.done);
  expect(other.results()).toEqual(rig.results());
  other.close();
});
