// What makes a target stale and what does not, one edit at a time: each from the same finished
// run, and after each a further run has nothing to do.
import { appendFileSync, statSync, truncateSync, utimesSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Rig, sourceRows, targets } from './rig.ts';

let base: Rig;

beforeAll(async () => {
  base = await Rig.small();
  // A task with parameters, one of which cannot change the result.
  base.task('weigh', "fs.writeFileSync(output.path, 'weight ' + context.with.weight);", PARAMETERS);
  base.edit('pipeline.yaml', 'steps:\n', `steps:\n${WEIGH}`);
  expect(await base.ran()).toHaveLength(13);
});
afterAll(() => base.close());

const PARAMETERS = `with: { type: 'object', properties: {
  weight: { type: 'number', default: 1 },
  connections: { type: 'integer', default: 4, 'x-result': false },
} },`;
const WEIGH = `  weigh:
    task: weigh
    with: { weight: 1, connections: 4 }
    retries: 1
    pools: { cpu: 1 }
    outputs: weight.txt
`;

interface Expected {
  readonly ran: readonly string[];
  readonly args?: readonly string[];
}

async function check(edit: (rig: Rig) => void | Promise<void>, expected: Expected): Promise<Rig> {
  const rig = base.copy();
  const { args = [] } = expected;
  await edit(rig);
  expect(await rig.ran(...args)).toEqual([...expected.ran].sort());
  const again = await rig.run(...args);
  expect([again.done, again.end?.nothingToDo]).toEqual([[], true]);
  rig.close();
  return rig;
}

const nothing: Expected = { ran: [] };
const afterProcess = targets('process', 'partition', 'merge', 'total');

test('another value of a variable reruns the steps that use it, and what follows', async () => {
  await check(() => {}, { args: ['--set', 'factor=3'], ran: afterProcess });
});

test('another value of a variable that no step uses reruns nothing', async () => {
  await check(() => {}, { args: ['--set', 'unused=b'], ran: [] });
});

test('comments and white space in SQL rerun nothing', async () => {
  await check((rig) => {
    rig.edit('tasks/process.sql', '-- The rows', '/* more */\n-- All rows');
    rig.edit('tasks/process.sql', 'SELECT id,', 'select   id ,\n');
  }, nothing);
});

test('another meaning of SQL reruns its step and what follows', async () => {
  await check((rig) => rig.edit('tasks/process.sql', '$factor', '$factor + 1'), {
    ran: afterProcess,
  });
});

test('SQL that gives the same rows reruns its step only', async () => {
  await check((rig) => rig.edit('tasks/process.sql', '$factor', '$factor + 0'), {
    ran: targets('process'),
  });
});

test('another text of a task without a version reruns it', async () => {
  await check(
    (rig) => rig.edit('tasks/copy.ts', 'fs.copyFileSync', '/* plain */ fs.copyFileSync'),
    { ran: targets('pull') },
  );
});

test('a file that a task imports is part of it', async () => {
  const rig = base.copy();
  rig.write('tasks/lib/word.ts', "export const word = 'one';\n");
  rig.write('tasks/unused.ts', "export const word = 'one';\n");
  const module = rig.read('tasks/weigh.ts');
  rig.write('tasks/weigh.ts', `import { word } from './lib/word.ts';\n${module}`);
  rig.edit('tasks/weigh.ts', "'weight '", 'word');
  expect(await rig.ran()).toEqual(['weigh']);
  rig.write('tasks/unused.ts', "export const word = 'two';\n");
  expect(await rig.ran()).toEqual([]);
  rig.write('tasks/lib/word.ts', "export const word = 'two';\n");
  expect(await rig.ran()).toEqual(['weigh']);
  expect(rig.read('work/default/weight.txt')).toBe('two1');
  rig.close();
});

test('a task with a version reruns when the version changes, and only then', async () => {
  const rig = base.copy();
  rig.edit('tasks/weigh.ts', 'with: {', 'version: 1, with: {');
  expect(await rig.ran()).toEqual(['weigh']);
  rig.edit('tasks/weigh.ts', "'weight '", "'mass '");
  expect(await rig.ran()).toEqual([]);
  rig.edit('tasks/weigh.ts', 'version: 1', 'version: 2');
  expect(await rig.ran()).toEqual(['weigh']);
  expect(rig.read('work/default/weight.txt')).toBe('mass 1');
  rig.close();
});

test('a parameter that can change the result reruns the step', async () => {
  await check((rig) => rig.edit('pipeline.yaml', 'weight: 1', 'weight: 2'), { ran: ['weigh'] });
});

test('a parameter that cannot change the result reruns nothing', async () => {
  await check((rig) => rig.edit('pipeline.yaml', 'connections: 4', 'connections: 9'), nothing);
});

test('retries, pools, timeouts, comments, key order and ordinals rerun nothing', async () => {
  await check(
    (rig) => {
      rig.edit('pipeline.yaml', 'retries: 1', 'retries: 9\n    timeout: 5m # long\n    ordinal: 9');
      rig.edit('pipeline.yaml', 'pools: { cpu: 1 }', 'pools: { cpu: 0.5, memory: 100MB }');
      rig.edit('pipeline.yaml', 'steps:\n', 'pools: { cpu: 1 }\nsteps:\n# Steps.\n');
      rig.edit(
        'pipeline.yaml',
        'each: file\n    sql: tasks/process.sql\n',
        'sql: tasks/process.sql\n    each: file\n',
      );
      rig.edit('pipeline.yaml', '{ weight: 1, connections: 4 }', '{ connections: 4, weight: 1 }');
    },
    { ran: [], args: ['-j', '1'] },
  );
});

test('another order of needs reruns nothing', async () => {
  const rig = base.copy();
  rig.edit('pipeline.yaml', 'needs: merge', 'needs: [merge, weigh]');
  rig.edit('pipeline.yaml', 'cat {input} > {output}', 'cat {input.merge} > {output}');
  expect(await rig.ran()).toEqual(['total']);
  rig.edit('pipeline.yaml', '[merge, weigh]', '[weigh, merge]');
  expect(await rig.ran()).toEqual([]);
  rig.close();
});

test('a deleted output is made again, and nothing more when it is the same', async () => {
  await check((rig) => rig.remove('work/default/flat/chunk_0-1.parquet'), {
    ran: ['process@chunk_0-1'],
  });
});

test('a deleted file of a partitioned output is made again', async () => {
  await check((rig) => rig.remove('work/default/results/lang=de/chunk_0-1.parquet'), {
    ran: ['partition@chunk_0-1'],
  });
});

test('a deleted manifest is made again', async () => {
  await check((rig) => rig.remove('work/default/audit/partition/chunk_0-1.parquet'), {
    ran: ['partition@chunk_0-1'],
  });
});

test('a truncated output is noticed when it is about to be consumed', async () => {
  await check(
    (rig) => {
      truncateSync(rig.path('work/default/flat/chunk_0-1.parquet'), 100);
      rig.remove('work/default/results/lang=de/chunk_0-1.parquet');
    },
    { ran: ['process@chunk_0-1', 'partition@chunk_0-1'] },
  );
});

test('a replaced output of the same size is noticed by --verify', async () => {
  const rig = base.copy();
  const path = rig.path('work/default/merged/0.txt');
  const { mtime, size } = statSync(path);
  rig.write('work/default/merged/0.txt', 'x'.repeat(size));
  utimesSync(path, mtime, mtime);
  expect(await rig.ran('--verify')).toEqual(['merge@chunk=0']);
  rig.close();
});

test('another time of a source file is noted and reruns nothing', async () => {
  await check((rig) => {
    utimesSync(rig.path('data/chunk_0-0.parquet'), new Date(0), new Date(0));
  }, nothing);
});

test('another content of a source file reruns its chain', async () => {
  await check((rig) => rig.source('0-0', sourceRows('5-5')), {
    ran: [
      ...['pull', 'process', 'partition'].map((step) => `${step}@chunk_0-0`),
      'merge@chunk=0',
      'total',
    ],
  });
});

test('a new file brings its chain and its group', async () => {
  await check((rig) => rig.source('1-1'), {
    ran: [
      ...['pull', 'process', 'partition'].map((step) => `${step}@chunk_1-1`),
      'merge@chunk=1',
      'total',
    ],
  });
});

test('a removed file changes its group; what it left is told and kept', async () => {
  const rig = base.copy();
  rig.remove('data/chunk_0-1.parquet');
  const run = await rig.run();
  expect(run.done).toEqual(['merge@chunk=0', 'total']);
  expect(rig.exists('work/default/results/lang=en/chunk_0-1.parquet')).toBe(true);
  expect(run.notes).toContain('chunk_0-1');
  expect((await rig.run()).end?.nothingToDo).toBe(true);
  rig.close();
});

test('another output template makes the new output and deletes the old one', async () => {
  const rig = base.copy();
  rig.edit('pipeline.yaml', 'outputs: flat/{key}.parquet', 'outputs: even/{key}.parquet');
  expect(await rig.ran()).toEqual(expect.arrayContaining([...targets('process')]));
  const names = Object.keys(rig.results());
  expect(names.filter((name) => name.startsWith('flat/'))).toEqual([]);
  expect(names.filter((name) => name.startsWith('even/'))).toHaveLength(3);
  rig.close();
});

test('another template of a partitioned output deletes the old files', async () => {
  const rig = base.copy();
  rig.edit('pipeline.yaml', 'results/lang={value}', 'results/language={value}');
  expect(await rig.ran()).toEqual(expect.arrayContaining([...targets('partition')]));
  const names = Object.keys(rig.results()).filter((name) => name.startsWith('results/'));
  expect(names.filter((name) => !name.startsWith('results/language='))).toEqual([]);
  expect(names).toHaveLength(9);
  rig.close();
});

test('a partition value that no longer occurs takes its file with it', async () => {
  const rig = base.copy();
  rig.edit('tasks/process.sql', 'FROM read', 'FROM (FROM read');
  appendFileSync(rig.path('tasks/process.sql'), ") WHERE lang <> 'de'\n");
  expect(await rig.ran()).toEqual([...afterProcess]);
  expect(Object.keys(rig.results()).filter((name) => name.includes('lang=de'))).toEqual([]);
  rig.close();
});

test('a value added to a matrix runs alone, and a removed one reruns nothing', async () => {
  const rig = base.copy();
  const step = (values: string) => `  cells:
    needs: pull
    each: chunk
    matrix: { letter: [${values}] }
    run: echo {letter} > {output}
    outputs: cells/{letter}/{chunk}.txt
  weigh:`;
  rig.edit('pipeline.yaml', '  weigh:', step('a, b'));
  expect(await rig.ran()).toHaveLength(4);
  rig.edit('pipeline.yaml', '[a, b]', '[a, b, c]');
  expect(await rig.ran()).toEqual(['cells:c@chunk=0', 'cells:c@chunk=1']);
  rig.edit('pipeline.yaml', '[a, b, c]', '[a, c]');
  expect(await rig.ran()).toEqual([]);
  rig.close();
});

test('a step that is removed and comes back is still up to date', async () => {
  const rig = base.copy();
  rig.edit('pipeline.yaml', WEIGH, '');
  expect(await rig.ran()).toEqual([]);
  rig.edit('pipeline.yaml', 'steps:\n', `steps:\n${WEIGH}`);
  expect(await rig.ran()).toEqual([]);
  rig.close();
});
