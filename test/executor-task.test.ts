// TypeScript tasks through the real pool: their context, their tables, checkpoints and mistakes.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { OutputOrder, WorkOrder } from '../src/executor/executor.ts';
import { ARROW, checkpoints, firstProgress, output, Rig } from './executor-rig.ts';

const rig = new Rig();
afterAll(() => rig.close());

const contract = {
  module: rig.write(
    'tasks/tables.ts',
    `import { Field, Float64, Int32, Int64, Schema, TimestampMillisecond, Utf8 } from '${ARROW}';
     export const rows = new Schema([new Field('id', new Utf8()), new Field('n', new Int32())]);
     export const wide = new Schema([new Field('id', new Utf8()), new Field('x', new Float64()),
       new Field('big', new Int64()), new Field('at', new TimestampMillisecond())]);`,
  ),
  name: 'rows',
};

function table(more: Partial<OutputOrder> = {}): readonly OutputOrder[] {
  return [output('rows', 'rows/member.parquet', { contract, ...more })];
}

test('a task gets what its contract says and publishes only what it declared', async () => {
  const source = rig.write('names.txt', 'a\nb\n');
  const order = rig.taskOrder(
    `const { readFileSync, writeFileSync } = await import('node:fs');
     const [file] = await inputs.names.files();
     const facts = { target: context.target, variables: context.variables, with: context.with,
       bytes: file.bytes, sha256: file.sha256, aborted: signal.aborted, resumed: context.resumed ?? null,
       text: readFileSync(inputs.names.path, 'utf8') };
     writeFileSync(outputs.facts.path, JSON.stringify(facts));
     writeFileSync(outputs.parts.path + '/b.csv', 'b');
     writeFileSync(outputs.parts.path + '/a.csv', 'a');
     writeFileSync(outputs.parts.path + '/a.tmp', 'not matched');
     writeFileSync(context.scratch + '/note', 'stays');
     context.log('a line');
     console.log('printed');`,
    {
      rest: `version: 3, with: { type: 'object', additionalProperties: false, properties: {
        size: { type: 'integer' }, every: { type: 'integer', default: 7, 'x-result': false } } },`,
      variables: { chunk: 0 },
      with: { size: 2 },
      inputs: [rig.outside('names', source)],
      outputs: [output('facts', 'facts/x.json'), output('parts', 'parts/x/*.csv')],
    },
  );
  const result = await rig.done(order);
  expect(result.files.map(({ path }) => path)).toEqual([
    'facts/x.json',
    'parts/x/a.csv',
    'parts/x/b.csv',
  ]);
  expect(JSON.parse(readFileSync(result.files[0]?.staged ?? '', 'utf8'))).toEqual({
    target: 'step@member',
    variables: { chunk: 0 },
    with: { size: 2, every: 7 },
    bytes: 4,
    sha256: result.outside['./names.txt']?.sha256,
    aborted: false,
    resumed: null,
    text: 'a\nb\n',
  });
  const code = order.rule.kind === 'task' ? order.rule.code : '';
  expect(result.meaning).toEqual({ meaning: 'version 3', ignored: ['every'], code });
  expect(result.rows).toBeUndefined();
  expect(readFileSync(order.log, 'utf8')).toMatch(/^== step@member, attempt.*\na line\nprinted\n$/);
  expect(existsSync(join(order.scratch, 'note'))).toBe(true);
});

test('parameters that do not fit are listed together', async () => {
  const order = rig.taskOrder('', {
    rest: `with: { type: 'object', additionalProperties: false, required: ['a'],
      properties: { a: { type: 'string' }, b: { enum: ['x', 'y'] } } },`,
    with: { b: 'z', c: 1 },
  });
  const failure = await rig.failure(order);
  expect(failure.code).toBe('bad-parameters');
  expect(failure.detail?.split('\n').sort()).toEqual([
    'with must NOT have additional properties ("c")',
    "with must have required property 'a'",
    'with.b must be equal to one of the allowed values: x, y',
  ]);
});

test.for([
  `{ type: 'objekt' }`,
  `{ type: 'object', properties: { a: { type: 'integer', minimum: 'one' } } }`,
  `{ type: 'object', required: 'a' }`,
  `{ type: 'object', properties: [{ a: {} }] }`,
  `{ $ref: '#/$defs/none' }`,
])('a schema that is none is refused: %s', async (schema) => {
  const failure = await rig.failure(rig.taskOrder('', { rest: `with: ${schema},` }));
  expect(failure).toMatchObject({ code: 'task-error', mayPass: false });
  expect(failure.message).toMatch(/^The schema of "with" in .*task-\d+\.ts is broken: /);
});

test('what a task throws is its failure, with its own frames only', async () => {
  const failure = await rig.failure(rig.taskOrder(`throw new Error('no luck\\nat all');`));
  expect(failure).toMatchObject({ code: 'task-error', message: 'no luck', mayPass: false });
  expect(failure.detail).toMatch(/at all[\s\S]*tasks\/task-\d+\.ts:\d+/);
  expect(failure.detail).not.toContain('src/executor');
  const stray = rig.taskOrder(
    `setTimeout(() => { throw new Error('stray'); }); await new Promise(() => {});`,
  );
  expect(await rig.failure(stray)).toMatchObject({ code: 'task-error', message: 'stray' });
});

test.each([
  ['export const x = 1;', 'task-error', /no task as its default export/],
  ['export default { run() { ', 'task-error', /Cannot load the task/],
  [`import 'no-such-package';`, 'task-error', /Cannot load the task.*no-such-package/],
])('a module that is no task is refused: %s', async (text, code, message) => {
  const module = rig.write(`tasks/bad-${text.length}.ts`, text);
  const failure = await rig.failure(rig.order({ kind: 'task', module, code: '' }));
  expect(failure).toMatchObject({ code, message: expect.stringMatching(message) });
});

test('an output that was not made names the path where it should be and what was found', async () => {
  const order = rig.taskOrder(
    `const { writeFileSync } = await import('node:fs');
     writeFileSync(outputs.data.path + '.gz', '');`,
    { outputs: [output('data', 'data/x.csv')] },
  );
  const failure = await rig.failure(order);
  expect(failure.code).toBe('output-missing');
  expect(failure.detail).toContain(join(order.stage, 'x.csv'));
  expect(failure.detail).toContain('x.csv.gz');
});

test('rows appended to a table become Parquet with the columns of the contract', async () => {
  const order = rig.taskOrder(
    `const table = await context.table('rows');
     await table.append([{ id: 'a', x: NaN, big: 9007199254740993n, at: new Date(0) }]);
     await table.append([{ x: 1e300, id: 'b\\u0000' }, { id: '😀', x: -Infinity, big: 5 }]);
     context.account({ entriesIn: 4, kept: 3, drops: { none: 0 }, rows: table.rowCount });
     await context.reject({ id: 'r', error: 'bad', text: null });`,
    { outputs: table({ contract: { ...contract, name: 'wide' } }), maxRejects: 1 },
  );
  const result = await rig.done(order);
  expect(result.rows).toBe(3);
  expect(result.rejects).toBe(1);
  expect(result.account).toEqual({ entriesIn: 4, kept: 3, drops: { none: 0 } });
  expect(result.meaning.contracts).toEqual({
    rows: 'id VARCHAR, x DOUBLE, big BIGINT, at TIMESTAMP',
  });
  const rows = await rig.sql(`SELECT * FROM read_parquet('${result.files[0]?.staged}')`);
  expect(result.files[1]?.path).toBe('rejects/step.parquet');
  expect(rows).toEqual([
    { id: 'a', x: Number.NaN, big: 9007199254740993n, at: new Date(0) },
    { id: 'b\u0000', x: 1e300, big: null, at: null },
    { id: '😀', x: Number.NEGATIVE_INFINITY, big: 5n, at: null },
  ]);
});

test.each([
  [`await table.append([{ id: 'a', m: 1 }])`, 'contract-broken', /no column "m"/],
  [`await table.append([{ id: 'a', n: 'x' }])`, 'contract-broken', /does not fit its contract/],
  [`await table.append([{ id: '\\ud800' }])`, 'task-error', /surrogate/],
  [`await context.table('nope')`, 'task-error', /no such output/],
])(
  'a row that does not belong into the table fails the target: %s',
  async (code, failure, message) => {
    const order = rig.taskOrder(`const table = await context.table('rows'); ${code};`, {
      outputs: table(),
    });
    expect(await rig.failure(order)).toMatchObject({
      code: failure,
      message: expect.stringMatching(message),
    });
  },
);

test('a task that rejects far too much is ended, and the rejects are left to look at', async () => {
  const order = rig.taskOrder(
    `for (let i = 0; ; i++) await context.reject({ id: String(i), error: 'bad', text: 'x' });`,
    { maxRejects: 1 },
  );
  expect(await rig.failure(order)).toMatchObject({
    code: 'too-many-rejects',
    message: '102 rejects, 1 allowed (max_rejects)',
  });
});

test('a table can be partitioned like the rows of a SELECT', async () => {
  const order = rig.taskOrder(
    `const table = await context.table('rows');
     await table.append([{ id: 'a', n: 1 }, { id: 'b', n: 2 }, { id: 'c', n: 1 }]);`,
    { outputs: table({ path: 'r/n={value}/x.parquet', partitionBy: 'n' }) },
  );
  const result = await rig.done(order);
  expect(result.files.map(({ path }) => path)).toEqual(['r/n=1/x.parquet', 'r/n=2/x.parquet']);
});

test('a task has SQL of its own', async () => {
  const order = rig.taskOrder(
    `const sql = await context.sql();
     await sql.run('create temp table t as select $x as x', { x: 41 });
     const [row] = await sql.rows('select x + 1 as y from t');
     const message = await sql.rows('select nope').catch((error) => error.message);
     const { writeFileSync } = await import('node:fs');
     writeFileSync(outputs.y.path, row.y + ' ' + message);`,
    { outputs: [output('y', 'y.txt')] },
  );
  const result = await rig.done(order);
  expect(readFileSync(result.files[0]?.staged ?? '', 'utf8')).toMatch(/^42 Binder Error: .*nope/);
});

test('Parquet that a task wrote itself is counted and held to its contract', async () => {
  const body = (column: string) => `
    const sql = await context.sql();
    await sql.run("copy (select 'Q' || i as id, i::INTEGER as ${column} from range(5) r(i)) to '" +
      outputs.rows.path + "' (format parquet)");`;
  const result = await rig.done(rig.taskOrder(body('n'), { outputs: table() }));
  expect(result.artifacts).toMatchObject([{ rows: 5 }]);
  const failure = await rig.failure(rig.taskOrder(body('m'), { outputs: table() }));
  expect(failure).toMatchObject({ code: 'contract-broken' });
  const text = `(await import('node:fs')).writeFileSync(outputs.rows.path, 'no table');`;
  expect(await rig.failure(rig.taskOrder(text, { outputs: table() }))).toMatchObject({
    code: 'contract-broken',
    message: expect.stringContaining('not a readable Parquet file'),
  });
});

// Appends rows 0..9 in steps of two with a checkpoint after each; dies or waits where it is told.
const COUNTING = `
  const table = await context.table('rows');
  const start = context.resumed?.position ?? 0;
  for (let n = start; n < 10; n += 2) {
    await table.append([{ id: 'r' + n, n }, { id: 'r' + (n + 1), n: n + 1 }]);
    await context.reject({ id: 'x' + n, error: 'bad', text: null });
    await context.checkpoint({ records: n + 2, position: n + 2 });
    await table.append([{ id: 'torn', n: -1 }]);
    if (context.variables.dieAt === n) process.kill(process.pid, 'SIGKILL');
    if (context.variables.waitAt === n) {
      context.progress({ done: n, unit: 'rows' });
      await new Promise(() => {});
    }
  }`.replace(`await table.append([{ id: 'torn', n: -1 }]);`, '');

test('after a crash a task goes on from its checkpoint, and every row counts once', async () => {
  const scratch = rig.path('work/tmp/resumed');
  const more = { scratch, outputs: table(), maxRejects: 5 };
  const { saved, listener } = checkpoints();
  const order = rig.taskOrder(COUNTING, { ...more, variables: { dieAt: 4 } });
  expect(await rig.failure(order, listener)).toMatchObject({ code: 'worker-died', mayPass: true });
  expect(saved.map(({ records }) => records)).toEqual([2, 4, 6]);
  // A tail that was written after the checkpoint and torn by the crash must not count.
  appendFileSync(join(scratch, 'rows/00000.log'), '{"id":"after","n":99}\n{"id":"to');
  const again: WorkOrder = { ...rig.order(order.rule, more), resume: saved.at(-1) };
  const resumed = await rig.done(again, listener);
  expect(saved.map(({ records }) => records)).toEqual([2, 4, 6, 8, 10]);
  const whole = await rig.done(rig.order(order.rule, { ...more, scratch: rig.path('work/tmp/w') }));
  expect(resumed.rows).toBe(10);
  expect(resumed.rejects).toBe(5);
  expect(resumed.files.map(({ staged }) => readFileSync(staged))).toEqual(
    whole.files.map(({ staged }) => readFileSync(staged)),
  );
});

test('without the rows of its checkpoint a task begins anew', async () => {
  const { saved, listener } = checkpoints();
  const scratch = rig.path('work/tmp/lost');
  const more = { scratch, outputs: table(), maxRejects: 5 };
  const order = rig.taskOrder(COUNTING, { ...more, variables: { dieAt: 4 } });
  await rig.failure(order, listener);
  const other = { ...more, scratch: rig.path('work/tmp/elsewhere'), resume: saved.at(-1) };
  const result = await rig.done(rig.order(order.rule, other));
  expect(result.rows).toBe(10);
});

test('a checkpoint that cannot be saved is logged and the work goes on', async () => {
  const order = rig.taskOrder(COUNTING, {
    scratch: rig.path('work/tmp/unsaved'),
    log: rig.path('work/logs/unsaved.log'),
    outputs: table(),
    maxRejects: 5,
  });
  const checkpoint = () => Promise.reject(new Error('journal is full'));
  expect((await rig.done(order, { checkpoint })).rows).toBe(10);
  expect(readFileSync(order.log, 'utf8')).toContain(
    'checkpoint at record 2 not saved, will be tried again: Error: journal',
  );
});

test('draining ends a task at its next checkpoint, which is saved', async () => {
  const scratch = rig.path('work/tmp/drained');
  const order = rig.taskOrder(
    `context.progress({ done: 0, unit: 'rows' });
     const table = await context.table('rows');
     for (let n = context.resumed?.position ?? 0; ; n++) {
       await table.append([{ id: 'r', n }]);
       await new Promise((resolve) => setTimeout(resolve, 1));
       await context.checkpoint({ records: n + 1, position: n + 1 });
     }`,
    { scratch, outputs: table() },
  );
  const { saved, listener } = checkpoints();
  const { seen, listener: progress } = firstProgress();
  const outcome = rig.execute(order, { ...listener, ...progress });
  await seen;
  rig.pool.interrupt('drain');
  expect(await outcome).toEqual({ kind: 'interrupted' });
  const last = saved.at(-1);
  expect(last?.saved.rows['rows']).toBe(last?.records);
});
