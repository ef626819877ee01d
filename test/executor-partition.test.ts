// Partitioned outputs and their manifests through the real pool and the real DuckDB.
import { hash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { output, Rig } from './executor-rig.ts';

const rig = new Rig();
afterAll(() => rig.close());

const ROWS = `SELECT 'Q' || i AS id, ['en', 'de', 'fr'][1 + i % 3] AS language, i AS n
  FROM range(30) r(i)`;

test.each([
  ['by DuckDB', 'select * from read_parquet($input) where n >= 0', 'DuckDB'],
  // What only passes its files on is split without a database.
  ['by columns', 'select * from read_parquet($input, hive_partitioning=false)', 'Eider'],
])(
  'a partitioned output has a manifest with rows and ids per value: %s',
  async (_, sql, writer) => {
    const source = rig.path('split.parquet');
    await rig.sql(`COPY (${ROWS}) TO '${source}' (FORMAT parquet, COMPRESSION zstd)`);
    const result = await rig.done(
      rig.sqlOrder(sql, {
        inputs: [rig.outside('source', source)],
        outputs: [output('part', 'r/language={value}/x.parquet', { partitionBy: 'language' })],
      }),
    );
    expect(result.artifacts).toEqual([]);
    const { staged = '', record } = result.manifest ?? {};
    expect(record).toMatchObject({ path: 'audit/step.parquet', files: 3, totalRows: 30 });
    const rows = await rig.sql(`SELECT * FROM read_parquet('${staged}')`);
    expect(rows[0]).toMatchObject({
      output: 'part',
      path: 'r/language=de/x.parquet',
      value: 'de',
      rows: 10n,
      min_id: 'Q1',
      max_id: 'Q7',
    });
    expect(rows.map((row) => row['path'])).toEqual(result.files.map(({ path }) => path));
    for (const [index, { staged: part }] of result.files.entries()) {
      expect(rows[index]?.['sha256']).toBe(hash('sha256', readFileSync(part)));
      const [file] = await rig.sql(`FROM parquet_file_metadata('${part}')`);
      expect(String(file?.['created_by'])).toContain(writer);
    }
    const columns = await rig.sql(`DESCRIBE SELECT * FROM read_parquet('${staged}')`);
    expect(columns.map((row) => `${row['column_name']} ${row['column_type']}`)).toEqual([
      'output VARCHAR',
      'path VARCHAR',
      'value VARCHAR',
      'bytes BIGINT',
      'rows BIGINT',
      'min_id VARCHAR',
      'max_id VARCHAR',
      'sha256 VARCHAR',
    ]);
  },
);

test('whatever the partition values are, every row arrives in a file of its own value', async () => {
  const values = [
    '',
    '/',
    '..',
    '.',
    '%',
    '__null__',
    '__HIVE_DEFAULT_PARTITION__',
    'null',
    'NULL',
    'en',
    'EN',
    'En',
    'x'.repeat(300),
    `${'x'.repeat(300)}y`,
    '日本',
    'é',
    'a=b',
    "it's",
    'a\\b',
    '*',
    ' ',
    'con',
    'tab\tand\nbreak',
    '😀',
  ];
  const script = `select i as id, case when i < len($values) then $values[i + 1] end as "key"
                  from range(2 * (len($values) + 1)) r(i)
                  union all select i, $values[i + 1] from range(len($values)) r(i)`;
  const result = await rig.done(
    rig.sqlOrder(script, {
      with: { values },
      outputs: [output('part', 'r/key={value}/x.parquet', { partitionBy: 'key' })],
    }),
  );
  const paths = result.files.map(({ path }) => path.toLowerCase());
  expect(new Set(paths).size).toBe(values.length + 1);
  expect(paths.every((path) => path.split('/').length === 3)).toBe(true);
  const listed = await rig.sql(
    `SELECT value, rows FROM read_parquet('${result.manifest?.staged}')`,
  );
  const counts = new Map(listed.map((row) => [row['value'], row['rows']]));
  expect([...counts.keys()].toSorted()).toEqual([null, ...values].toSorted());
  expect(counts.get('en')).toBe(2n);
  expect(counts.get(null)).toBe(BigInt(values.length + 2));
  for (const { staged } of result.files) {
    const [row] = await rig.sql(
      `SELECT count(DISTINCT coalesce('v' || "key", 'n'))::INTEGER AS values
       FROM read_parquet('${staged}', hive_partitioning = false)`,
    );
    expect(row).toEqual({ values: 1 });
  }
  const rows = await rig.rows(
    result,
    'count(*)::INTEGER AS n, count(DISTINCT "key")::INTEGER AS d',
  );
  expect(rows).toEqual([{ n: 2 * (values.length + 1) + values.length, d: values.length }]);
});

test('a partition column that the SELECT does not have is missed by name', async () => {
  const outputs = [output('part', 'x/{value}.parquet', { partitionBy: 'key' })];
  const failure = await rig.failure(rig.sqlOrder('select 1 as id, 2 as b', { outputs }));
  expect(failure.message).toBe('The SELECT has no column "key" to partition by');
  expect(failure.hint).toBe('its columns: id, b');
});

test('files of manifests are inputs, rejects are not, and what is no more is obsolete', async () => {
  const rows = `create temp table rejects as select 'Q' as id, 'bad' as error, '' as text;
    select * from (${ROWS})`;
  const path = 'r/language={value}/x.parquet';
  const outputs = [output('part', path, { partitionBy: 'language' })];
  const first = await rig.done(rig.sqlOrder(rows, { outputs, maxRejects: 1 }));
  for (const { staged, path: final } of first.files) {
    rig.write(`work/${final}`, readFileSync(staged));
  }
  const manifest = rig.write('work/audit/a.parquet', readFileSync(first.manifest?.staged ?? ''));
  const listed = { path: manifest, bytes: 0, producer: 'part@x', released: false };
  const inputs = [{ name: 'part', files: [], manifests: [listed] }];
  const count = 'select count(*)::INTEGER as n, len($part) as files from read_parquet($input)';
  expect(await rig.rows(await rig.done(rig.sqlOrder(count, { inputs })))).toEqual([
    { n: 30, files: 3n },
  ]);
  const fewer = await rig.done(
    rig.sqlOrder(`select * from (${ROWS}) where language <> 'de'`, {
      outputs,
      previous: { paths: ['old.txt'], manifests: ['audit/a.parquet', 'audit/none.parquet'] },
    }),
  );
  expect(fewer.obsolete).toEqual(['old.txt', 'r/language=de/x.parquet', 'rejects/step.parquet']);
  writeFileSync(rig.path('work/r/language=en/x.parquet'), 'short');
  expect(await rig.failure(rig.sqlOrder(count, { inputs }))).toMatchObject({
    code: 'input-changed',
  });
});
