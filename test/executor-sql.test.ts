// SQL targets through the real pool and the real DuckDB.
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { ARROW, output, Rig } from './executor-rig.ts';

const rig = new Rig();
afterAll(() => rig.close());

const ROWS = `SELECT 'Q' || i AS id, ['en', 'de', 'fr'][1 + i % 3] AS language, i AS n FROM range(30) r(i)`;

test('the rows of the last SELECT become the output, with parameters bound', async () => {
  const source = await rig.parquet('source.parquet', ROWS);
  const order = rig.sqlOrder(
    `create temp table wanted as
       select * from read_parquet($input) where n < $most and language = $language;
     -- the result
     select id, $share as share, $wanted as wanted, $flag as flag from wanted order by id;`,
    {
      inputs: [rig.outside('source', source)],
      variables: { language: 'en', most: 3 },
      with: { most: 10, share: 0.5, wanted: ['a', "it's"], flag: true },
    },
  );
  const result = await rig.done(order);
  expect(await rig.rows(result)).toEqual(
    ['Q0', 'Q3', 'Q6', 'Q9'].map((id) => ({ id, share: 0.5, wanted: ['a', "it's"], flag: true })),
  );
  expect(result.artifacts).toMatchObject([{ output: 'flat', path: 'flat/step.parquet', rows: 4 }]);
  expect(result.rows).toBe(4);
  expect(result.outside['./source.parquet']?.sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(result.engine['duckdb']).toMatch(/^v/);
  expect(result.peakBytes).toBeGreaterThan(50e6);
  expect(existsSync(order.log)).toBe(false);
});

test('the same input gives the same bytes, and the digest does not tell where they lie', async () => {
  const source = await rig.parquet('bytes.parquet', ROWS.replace('range(30)', 'range(30000)'));
  const text = 'select * from read_parquet($input)';
  const inputs = [rig.outside('source', source)];
  const results = [];
  for (const folder of ['a', 'b']) {
    const outputs = [
      output('part', `${folder}/language={value}/x.parquet`, { partitionBy: 'language' }),
    ];
    results.push(await rig.done(rig.sqlOrder(text, { inputs, outputs })));
  }
  const [first, second] = results;
  expect(first?.digest).toBe(second?.digest);
  expect(first?.files.length).toBe(3);
  first?.files.forEach(({ staged }, index) => {
    expect(readFileSync(staged)).toEqual(readFileSync(second?.files[index]?.staged ?? ''));
  });
});

test('a source without rows gives a file without rows, or no files and an empty manifest', async () => {
  const source = await rig.parquet('empty.parquet', `${ROWS} WHERE false`);
  const inputs = [rig.outside('source', source)];
  const text = 'select * from read_parquet($input)';
  const flat = await rig.done(rig.sqlOrder(text, { inputs }));
  expect(flat.artifacts).toMatchObject([{ rows: 0 }]);
  const outputs = [output('part', 'r/l={value}/x.parquet', { partitionBy: 'language' })];
  const part = await rig.done(rig.sqlOrder(text, { inputs, outputs }));
  expect(part).toMatchObject({ files: [], rows: 0, manifest: { record: { files: 0 } } });
});

test('CSV and JSON can be written too', async () => {
  const outputs = (path: string, format: 'csv' | 'json') => [output('flat', path, { format })];
  const text = `select 1 as id, 'x' as t`;
  const csv = await rig.done(rig.sqlOrder(text, { outputs: outputs('x.csv', 'csv') }));
  expect(readFileSync(csv.files[0]?.staged ?? '', 'utf8')).toBe('id,t\n1,x\n');
  expect(csv.rows).toBe(1);
  const json = await rig.done(rig.sqlOrder(text, { outputs: outputs('x.json', 'json') }));
  expect(readFileSync(json.files[0]?.staged ?? '', 'utf8')).toBe('{"id":1,"t":"x"}\n');
});

test('an error in SQL names the line of the file, and the columns there are', async () => {
  const source = await rig.parquet('columns.parquet', ROWS);
  const inputs = [rig.outside('source', source)];
  const script = `select 1;\n\n  select 'ü', languag\n  from read_parquet($input)`;
  const rule = { kind: 'sql', text: script, file: 'tasks/x.sql', firstLine: 10 } as const;
  const failure = await rig.failure(
    rig.order(rule, { inputs, outputs: [output('flat', 'x.parquet')] }),
  );
  expect(failure.code).toBe('sql-error');
  expect(failure.message).toMatch(/^tasks\/x\.sql:12:15: Referenced column "languag" not found/);
  expect(failure.detail).toContain(`12 |   select 'ü', languag\n   |               ^`);
  expect(failure.hint).toContain('did you mean');
  expect(failure.hint).toContain('id, language, n');
  expect(failure.mayPass).toBe(false);
  const log = readFileSync(rig.order(rule).log, 'utf8');
  expect(log).toContain('== step@member, attempt');
  expect(log).toContain('tasks/x.sql:12:15');
});

test.each([
  ['select (1', 'sql-error', /^tasks\/step\.sql:1:\d+: syntax error/],
  ['select 1 from (select 2)) x', 'sql-error', /^tasks\/step\.sql:1:\d+: syntax error/],
  ['select 1;\nselect nofun(2)', 'sql-error', /^tasks\/step\.sql:2:8: .*nofun does not exist/],
  [`select 1;\n\nselect 'x'::INTEGER`, 'sql-error', /^tasks\/step\.sql:3:\d+: Could not convert/],
  ['create table a as select 1', 'sql-error', /last statement of .*step\.sql must be a SELECT/],
  ['', 'sql-error', /must be a SELECT/],
  ['select $nope', 'sql-error', /Unknown parameter \$nope/],
  [`select * from read_parquet('nope.parquet')`, 'input-missing', /No files found/],
])('%j fails with its place', async (text, code, message) => {
  const failure = await rig.failure(rig.sqlOrder(text));
  expect(failure).toMatchObject({ code, message: expect.stringMatching(message) });
});

test('damaged and foreign input is unreadable and named, an absent one is missing', async () => {
  const source = await rig.parquet('whole.parquet', ROWS);
  const bytes = readFileSync(source);
  const check = async (path: string) => {
    const inputs = [rig.outside('source', path)];
    return await rig.failure(rig.sqlOrder('select * from read_parquet($input)', { inputs }));
  };
  const truncated = await check(rig.write('cut.parquet', bytes.subarray(0, bytes.length - 20)));
  expect(truncated).toMatchObject({ code: 'input-unreadable', mayPass: false });
  expect(truncated.message).toContain('cut.parquet');
  expect((await check(rig.write('text.parquet', 'no table\n'))).code).toBe('input-unreadable');
  expect((await check(rig.write('zero.parquet', ''))).code).toBe('input-unreadable');
  const damaged = Buffer.from(bytes);
  damaged.fill(0x55, 4, 120);
  expect((await check(rig.write('bits.parquet', damaged))).code).toBe('input-unreadable');
  const gone = rig.outside('source', source);
  const files = gone.files.map((file) => ({ ...file, path: rig.path('gone.parquet') }));
  const failure = await rig.failure(rig.sqlOrder('select 1', { inputs: [{ ...gone, files }] }));
  expect(failure).toMatchObject({ code: 'input-missing' });
});

test('an account must balance, and then it is part of the result', async () => {
  const script = (kept: number, rows = 3) => `
    create temp table accounting as select * from (values
      ('in', NULL, 10), ('kept', NULL, ${kept}), ('drop', 'null_value', 4), ('rows', NULL, ${rows}))
      t(kind, reason, entries);
    select i as id from range(3) r(i)`;
  const result = await rig.done(rig.sqlOrder(script(6)));
  expect(result.account).toEqual({ entriesIn: 10, kept: 6, drops: { null_value: 4 } });
  const unbalanced = await rig.failure(rig.sqlOrder(script(5)));
  expect(unbalanced.code).toBe('account-unbalanced');
  expect(unbalanced.message).toBe('10 entries came in, 9 went out');
  expect(unbalanced.detail).toContain('dropped 4 (null_value)');
  const wrongRows = await rig.failure(rig.sqlOrder(script(6, 2)));
  expect(wrongRows.message).toBe('2 rows are accounted for, 3 written');
});

test('rejects within the budget are published beside the result, above it they fail it', async () => {
  const script = `
    create temp table rejects as
      select 'Q' || i as id, json_error('{"a') as error, '{"a' as text from range(5) r(i);
    create temp table accounting as select * from (values ('in', NULL, 6), ('kept', NULL, 1))
      t(kind, reason, entries);
    select 'Q9' as id`;
  const result = await rig.done(rig.sqlOrder(script, { maxRejects: 5 }));
  expect(result.rejects).toBe(5);
  expect(result.rows).toBe(1);
  expect(result.files.map(({ path }) => path)).toEqual([
    'flat/step.parquet',
    'rejects/step.parquet',
  ]);
  expect(result.artifacts[1]).toMatchObject({ output: 'rejects', rows: 5 });
  const [reject] = await rig.sql(`SELECT * FROM read_parquet('${result.files[1]?.staged}')`);
  expect(reject).toMatchObject({ id: 'Q0', text: '{"a' });
  const plain = await rig.done(rig.sqlOrder(`select 'Q9' as id`));
  expect(result.digest).toBe(plain.digest);
  const order = rig.sqlOrder(script, { maxRejects: 4 });
  const failure = await rig.failure(order);
  expect(failure).toMatchObject({ code: 'too-many-rejects' });
  expect(failure.message).toBe('5 rejects, 4 allowed (max_rejects)');
  expect(failure.detail?.split('\n')).toHaveLength(3);
  const file = order.log.replace('.log', '.rejects.jsonl');
  expect(failure.hint).toContain(file);
  expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(5);
});

test('what was written is compared with the contract', async () => {
  const module = rig.write(
    'tasks/tables.ts',
    `import { Field, Float64, Schema, Utf8 } from '${ARROW}';
     export const people = new Schema([new Field('id', new Utf8()), new Field('age', new Float64())]);
     export const other = 1;`,
  );
  const contract = (name: string) => [output('flat', 'x.parquet', { contract: { module, name } })];
  const good = `select 'Q1' as id, 1.5::DOUBLE as age`;
  const result = await rig.done(rig.sqlOrder(good, { outputs: contract('people') }));
  expect(result.meaning.contracts).toEqual({ flat: 'id VARCHAR, age DOUBLE' });
  const bad = rig.sqlOrder(`select 1 as id, 'x' as name`, { outputs: contract('people') });
  const failure = await rig.failure(bad);
  expect(failure.code).toBe('contract-broken');
  expect(failure.detail?.split('\n').slice(1)).toEqual([
    'wrong type: id is INTEGER, should be VARCHAR',
    'missing: age DOUBLE',
    'not in the contract: name VARCHAR',
  ]);
  const nameless = await rig.failure(rig.sqlOrder(good, { outputs: contract('nobody') }));
  expect(nameless).toMatchObject({ code: 'contract-broken', hint: 'it exports people' });
});

test('settings, macros and tables of one target do not reach the next', async () => {
  const pollute = `set threads = 3; set default_null_order = 'nulls_first';
    create macro leak() as 1; create table leaked as select 1; select 1 as id`;
  await rig.done(rig.sqlOrder(pollute));
  const look = `select current_setting('threads') as threads,
      (select count(*) from duckdb_tables())::INTEGER as tables,
      (select count(*) from duckdb_functions() where function_name = 'leak')::INTEGER as macros,
      current_setting('memory_limit') as memory`;
  const result = await rig.done(rig.sqlOrder(look, { memoryBytes: 300 * 1024 * 1024 }));
  expect(await rig.rows(result)).toEqual([
    { threads: 1n, tables: 0, macros: 0, memory: '172.0 MiB' },
  ]);
});

test('out of memory is told apart', async () => {
  const text = `set temp_directory = ''; select list(i || '') as x from range(5000000) r(i)`;
  const failure = await rig.failure(rig.sqlOrder(text, { memoryBytes: 30_000_000 }));
  expect(failure).toMatchObject({ code: 'out-of-memory', mayPass: false });
  expect(failure.hint).toContain('memory');
});

test('an outside file that changes while it is read fails its target', async () => {
  const source = rig.write('moving.csv', 'id\n1\n');
  const order = rig.taskOrder(
    `const { appendFileSync, writeFileSync } = await import('node:fs');
     appendFileSync(inputs.source.path, '2\\n');
     writeFileSync(outputs.copy.path, 'x');`,
    { inputs: [rig.outside('source', source)], outputs: [output('copy', 'copy.csv')] },
  );
  expect(await rig.failure(order)).toMatchObject({ code: 'input-changed' });
});
