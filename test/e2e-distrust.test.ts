// Runs in which something turns out other than it was taken for: a result that another target
// finds at fault, a module that cannot be read, rejects beside partitions, files that are freed.
import { execFileSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CONTRACT, filesBelow, Rig } from './rig.ts';

function texts(rig: Rig, names: readonly string[]) {
  for (const name of names) rig.write(`in/${name}.txt`, `${name}\n`);
}

test('a result found at fault is made again, and no group is made without it', async () => {
  const rig = new Rig();
  texts(rig, ['f0', 'f1', 'f2']);
  rig.write(
    'tasks/blame.ts',
    `import { existsSync, writeFileSync } from 'node:fs';
import { defineTask, InputFault } from '${CONTRACT}';
export default defineTask({
  version: 1,
  async run({ inputs, outputs, variables }) {
    const [file] = await inputs['a']?.files();
    if (variables['key'] === 'f1' && !existsSync('${rig.path('seen')}')) {
      writeFileSync('${rig.path('seen')}', '');
      throw new InputFault('not as it should be', [file!.producer!]);
    }
    writeFileSync(outputs['output']!.path, 'fine');
  },
});
`,
  );
  rig.write(
    'pipeline.yaml',
    `name: blaming
sources: { s: { files: in/*.txt } }
steps:
  a: { each: file, run: "cp {input} {output}", outputs: "a/{key}.txt" }
  check: { needs: a, each: file, task: blame, outputs: "checked/{key}.txt" }
  sum: { needs: [a, check], run: "cat {input.a} > {output}", outputs: sum.txt }
`,
  );
  const first = await rig.run('-j', '1');
  expect([first.code, first.failed]).toEqual([1, ['check@f1']]);
  const second = await rig.run();
  expect([second.code, second.done]).toEqual([0, ['a@f1', 'check@f1', 'sum']]);
  expect(rig.read('work/default/sum.txt')).toBe('f0\nf1\nf2\n');
  expect((await rig.run()).end?.nothingToDo).toBe(true);
  rig.close();
});

test('a module that cannot be loaded any more fails its target, and hangs nothing', async () => {
  const rig = new Rig();
  rig.task('make', "fs.writeFileSync(output.path, 'x');", 'version: 1,');
  rig.write('pipeline.yaml', 'name: broken\nsteps:\n  make: { task: make, outputs: a.txt }\n');
  expect((await rig.run()).code).toBe(0);
  rig.write('tasks/make.ts', 'export default {{{\n');
  for (const args of [['-n'], ['status'], ['explain', 'make']]) {
    expect((await rig.command(args)).code).toBe(0);
  }
  const run = await rig.run();
  expect([run.code, run.failed]).toEqual([1, ['make']]);
  rig.close();
});

test('a partitioned target with rejects is up to date afterwards', async () => {
  const rig = new Rig();
  rig.write(
    'split.sql',
    `CREATE TEMP TABLE rejects AS SELECT 'Q1' AS id, 'broken' AS error, '{' AS text;
SELECT unnest(['a', 'b']) AS k, 1 AS id`,
  );
  rig.write(
    'pipeline.yaml',
    `name: splitting
steps:
  split:
    sql: split.sql
    max_rejects: 1
    outputs: { path: "r/k={value}/x.parquet", partition_by: k }
`,
  );
  expect((await rig.run()).done).toEqual(['split']);
  expect((await rig.run()).end?.nothingToDo).toBe(true);
  rig.close();
});

test('--verify reads a source again that was replaced under its old time', async () => {
  const rig = new Rig();
  texts(rig, ['f0']);
  rig.write(
    'pipeline.yaml',
    `name: verifying
sources: { s: { files: in/*.txt } }
steps: { a: { each: file, run: "cp {input} {output}", outputs: "a/{key}.txt" } }
`,
  );
  await rig.run();
  const { atime, mtime } = await import('node:fs').then(({ statSync }) =>
    statSync(rig.path('in/f0.txt')),
  );
  rig.write('in/f0.txt', 'F0\n');
  await import('node:fs').then(({ utimesSync }) => utimesSync(rig.path('in/f0.txt'), atime, mtime));
  expect((await rig.run('--verify')).done).toEqual(['a@f0']);
  rig.close();
});

test('a release does not take a list that cannot be read for an empty one', async () => {
  const rig = new Rig();
  rig.write(
    'pipeline.yaml',
    `name: freeing
sources: { rows: { files: in/*.parquet } }
steps:
  split:
    each: file
    sql: SELECT * FROM read_parquet($input)
    outputs: { path: "split/lang={value}/{key}.parquet", partition_by: lang }
  clean: { needs: split, each: file, release: [split] }
`,
  );
  await rig.parquet(
    'in/a.parquet',
    "SELECT i AS id, ['en', 'de'][i % 2 + 1] AS lang FROM range(8) r(i)",
  );
  expect(await rig.ran('split')).toEqual(['split@a']);
  const manifest = rig.path('work/default/audit/split/a.parquet');
  // To the nanosecond: a file whose time has changed is made again.
  execFileSync('cp', ['-p', manifest, rig.path('whole')]);
  writeFileSync(manifest, Buffer.alloc(statSync(manifest).size));
  execFileSync('touch', ['-r', rig.path('whole'), manifest]);
  const run = await rig.run();
  expect([run.code, run.failed]).toEqual([1, ['clean@a']]);
  expect(filesBelow(rig.path('work/default/split'))).toHaveLength(2);
  const failed = run.events.find(({ type }) => type === 'target-failed');
  expect(failed?.failure.hint).toContain('delete it so that its step makes it again');
  rig.remove('work/default/audit/split/a.parquet');
  expect(await rig.ran()).toEqual(['clean@a', 'split@a']);
  expect(filesBelow(rig.path('work/default/split'))).toEqual([]);
  rig.close();
});
