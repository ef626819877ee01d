// Golden tests: pipeline text to the config that the plan works with.
import { expect, test } from 'vitest';

import { expandTemplateValue, showTemplate } from '../src/config/template.ts';
import { configOf, stepOf } from './config-fixture.ts';

test('a small pipeline has defaults for everything that it does not say', () => {
  const config = configOf(`
    name: t
    steps:
      a: { run: "echo > {output}", outputs: a.txt }
    `);
  expect(config).toEqual({
    name: 't',
    profile: 'default',
    profiles: ['default'],
    file: 'pipeline.yaml',
    root: '/p',
    work: '/w/default',
    variables: {},
    pools: { cpu: 'auto', memory: 'auto', network: 'auto' },
    disk: { budget: 'auto', keepFree: 'auto' },
    hub: undefined,
    confirmAboveBytes: 100e9,
    sources: [],
    steps: [
      {
        name: 'a',
        at: { file: 'pipeline.yaml', line: 3, column: 3, length: 1 },
        ordinal: 1,
        needs: [],
        each: { kind: 'once' },
        cells: [{ name: '', dimensions: {}, variables: {} }],
        rule: { kind: 'run', command: ['echo > ', { variable: 'output' }] },
        with: {},
        inputs: [],
        outputs: [
          {
            name: 'output',
            path: ['a.txt'],
            glob: false,
            format: undefined,
            partitionBy: undefined,
            idColumn: 'id',
            contract: undefined,
            at: { file: 'pipeline.yaml', line: 3, column: 41, length: 5 },
          },
        ],
        retries: { count: 2, backoffMs: 1000, maxBackoffMs: 60000 },
        timeoutMs: undefined,
        pools: {},
        maxRejects: 0,
        hub: undefined,
        publish: undefined,
        acceptsReleased: false,
        rebuildOn: [],
      },
    ],
  });
});

test('sizes, durations, retries and weights are numbers afterwards', () => {
  const config = configOf(`
    name: t
    pools: { cpu: 2, memory: 2GiB, network: 4, disk: 1.5 TB }
    steps:
      a:
        run: echo
        retries: { count: 5, backoff: 500ms, max_backoff: 1m30s }
        timeout: 1h30m
        pools: { cpu: 0.5, memory: 500MB }
        max_rejects: 3
        rebuild_on: [engine]
      b: { run: echo, retries: 0 }
    `);
  expect(config.pools).toEqual({ cpu: 2, memory: 2 * 2 ** 30, network: 4 });
  expect(config.disk).toEqual({ budget: 1.5e12, keepFree: 'auto' });
  expect(stepOf(config, 'a')).toMatchObject({
    retries: { count: 5, backoffMs: 500, maxBackoffMs: 90_000 },
    timeoutMs: 5_400_000,
    pools: { cpu: 0.5, memory: 500e6 },
    maxRejects: 3,
    rebuildOn: ['engine'],
  });
  expect(stepOf(config, 'b').retries.count).toBe(0);
});

test('steps stay in the order written when it works, and are moved only as far as it must be', () => {
  const order = (yaml: string) => configOf(yaml).steps.map(({ name, ordinal }) => [name, ordinal]);
  expect(
    order('name: t\nsteps: { b: { run: x }, a: { run: x, needs: [b] }, c: { run: x } }'),
  ).toEqual([
    ['b', 1],
    ['a', 2],
    ['c', 3],
  ]);
  expect(
    order('name: t\nsteps: { c: { run: x, needs: b }, b: { run: x }, a: { run: x, ordinal: 9 } }'),
  ).toEqual([
    ['b', 1],
    ['c', 2],
    ['a', 9],
  ]);
});

test('a matrix gives a cell for each combination, with attributes as variables', () => {
  const config = configOf(`
    name: t
    vars:
      tables: { labels: { by: language }, links: { by: site } }
      years: [2023, 2024]
      all: { size: [s] }
    steps:
      a: { run: echo, matrix: { table: "{tables}", year: "{years}" } }
      b: { run: echo, matrix: "{all}" }
    `);
  const { cells } = stepOf(config, 'a');
  expect(cells.map(({ name }) => name)).toEqual([
    'labels:2023',
    'labels:2024',
    'links:2023',
    'links:2024',
  ]);
  expect(cells[2]).toEqual({
    name: 'links:2023',
    dimensions: { table: 'links', year: '2023' },
    variables: { table: 'links', by: 'site', year: '2023' },
  });
  expect(stepOf(config, 'b').cells[0]?.variables).toEqual({ size: 's' });
});

test('variables of the pipeline are put in, those of cell, member and value stay', () => {
  const config = configOf(
    `
    name: t
    vars: { folder: out, sub: "{folder}/deep", rows: 10, names: [a, "{rows}"] }
    sources: { s: { files: "{sub}/*.csv", name: "{year}-{month}.csv" } }
    steps:
      a:
        each: file
        matrix: { table: [x, y] }
        sql: "sql/{folder}/{table}.sql"
        with: { limit: "{rows}", text: "{rows} rows", names: "{names}", deep: { k: ["{key}"] } }
        inputs: { ref: "../ref/{year}.csv" }
        outputs:
          path: "{work}/{sub}/../{table}/by={value}/{key}.parquet"
          partition_by: "{table}_id"
          contract: "tables.ts#{table}"
    `,
    { files: { 'sql/out/x.sql': '', 'sql/out/y.sql': '', 'tables.ts': '' } },
  );
  expect(config.variables).toEqual({
    folder: 'out',
    sub: 'out/deep',
    rows: 10,
    names: ['a', 10],
  });
  expect(config.sources[0]?.files).toBe('/p/out/deep/*.csv');
  const { rule, with: values, inputs, outputs } = stepOf(config, 'a');
  expect(rule).toMatchObject({ kind: 'sql', file: ['/p/sql/out/', { variable: 'table' }, '.sql'] });
  const expanded = expandTemplateValue({ record: values }, (name) => `<${name}>`);
  expect(expanded).toEqual({
    limit: 10,
    text: '10 rows',
    names: ['a', 10],
    deep: { k: ['<key>'] },
  });
  expect(inputs.map(({ path }) => showTemplate(path))).toEqual(['/ref/{year}.csv']);
  expect(outputs[0]).toMatchObject({ format: 'parquet', glob: false });
  expect(showTemplate(outputs[0]?.path ?? [])).toBe('out/{table}/by={value}/{key}.parquet');
  expect(showTemplate(outputs[0]?.partitionBy ?? [])).toBe('{table}_id');
  expect(showTemplate(outputs[0]?.contract ?? [])).toBe('/p/tables.ts#{table}');
});

test('values in a command are quoted for the shell, and its own syntax is left alone', () => {
  const config = configOf(`
    name: t
    vars: { text: "it's; rm", list: [a, b c], plain: x.csv }
    steps:
      a:
        run: "echo \${HOME:-\${X}} {text} {list} {plain} {{print}} > {output.one}"
        outputs: { one: one.csv, two: "two/*.csv" }
    `);
  const { rule, outputs } = stepOf(config, 'a');
  expect(rule).toEqual({
    kind: 'run',
    command: [
      `echo \${HOME:-\${X}} 'it'\\''s; rm' a 'b c' x.csv {print} > `,
      { variable: 'output.one' },
    ],
  });
  expect(outputs.map(({ name, glob, format }) => [name, glob, format])).toEqual([
    ['one', false, 'csv'],
    ['two', true, 'csv'],
  ]);
});

test('--set replaces variables by values of the same type', () => {
  const yaml = `
    name: t
    vars: { rows: 10, deep: "{text}/x", text: x, flag: true, list: [1], map: { a: 1 } }
    steps: { a: { run: echo } }
    `;
  const set = ['rows=2.5', 'text=a=b', 'flag=false', 'list=["{text}"]', 'map={"b": {"c": null}}'];
  expect(configOf(yaml, { set }).variables).toEqual({
    rows: 2.5,
    deep: 'a=b/x',
    text: 'a=b',
    flag: false,
    list: ['a=b'],
    map: { b: { c: null } },
  });
});

test('confirm_above is a size, and a profile may change it or bring the default back', () => {
  const yaml = `
    name: t
    confirm_above: 2TB
    profiles: { small: { confirm_above: 1 }, usual: { confirm_above: null } }
    steps: { a: { run: echo } }
    `;
  const limits = [undefined, 'small', 'usual'].map(
    (profile) => configOf(yaml, { profile }).confirmAboveBytes,
  );
  expect(limits).toEqual([2e12, 1, 100e9]);
});

test('a profile merges maps, replaces lists, removes by null, and --set comes after it', () => {
  const yaml = `
    name: t
    profile: small
    vars: { list: [1, 2], map: { a: 1, b: 2 }, text: base }
    profiles:
      small:
      large:
        vars: { list: [3], map: { b: null, c: 3 }, text: large }
        pools: { cpu: 16 }
        steps: { a: { timeout: null, retries: 9 }, b: null, c: { run: echo } }
    steps:
      a: { run: echo, timeout: 10s }
      b: { run: echo }
    `;
  const small = configOf(yaml);
  expect(small.profile).toBe('small');
  expect(small.work).toBe('/w/small');
  expect(small.variables['map']).toEqual({ a: 1, b: 2 });
  const large = configOf(yaml, { profile: 'large', set: ['text=set'] });
  expect(large.variables).toEqual({ list: [3], map: { a: 1, c: 3 }, text: 'set' });
  expect(large.pools.cpu).toBe(16);
  expect(large.steps.map(({ name }) => name)).toEqual(['a', 'c']);
  expect(stepOf(large, 'a')).toMatchObject({ timeoutMs: undefined, retries: { count: 9 } });
});

test('anchors stand for whole values, and keys that begin with x- hold them', () => {
  const config = configOf(`
    name: t
    x-often: &often { count: 7, backoff: 1s }
    steps:
      a: { run: echo, retries: *often }
      b: { run: echo, retries: *often }
    `);
  expect(config.steps.map(({ retries }) => retries.count)).toEqual([7, 7]);
});

test('a step finds its source by itself where only one can be meant', () => {
  const config = configOf(`
    name: t
    sources:
      one: { files: "1/*.csv", name: "{year}-{month}.csv" }
      two: { files: "2/*.csv" }
    steps:
      a: { run: echo, each: file, from: two }
      b: { run: echo, each: file, needs: a }
      c: { run: echo, each: month }
      d: { run: echo, each: file, needs: c }
    `);
  expect(config.steps.map(({ each }) => each)).toEqual([
    { kind: 'file', source: 'two' },
    { kind: 'file', source: 'two' },
    { kind: 'group', source: 'one', group: 'month' },
    { kind: 'file', source: 'one' },
  ]);
});

test('a name pattern matches whole segments at the end of a path', () => {
  const { sources } = configOf(`
    name: t
    sources:
      a: { files: "*", name: "chunk_{chunk}-{part}-of-{parts}.parquet" }
      b: { files: "*", name: "{lang}/a+b.{kind}.csv" }
      c: { files: "*" }
    steps: { s: { run: echo } }
    `);
  const match = (index: number, path: string) => {
    const groups = new RegExp(sources[index]?.pattern.expression ?? '$^').exec(path)?.groups;
    return groups === undefined ? undefined : { ...groups };
  };
  const parts = { chunk: '0', part: '00001', parts: '00546' };
  expect(match(0, '/x/data/chunk_0-00001-of-00546.parquet')).toEqual(parts);
  expect(match(0, 'chunk_0-00001-of-00546.parquet')).toEqual(parts);
  expect(match(0, '/x/my_chunk_0-00001-of-00546.parquet')).toBeUndefined();
  expect(match(0, '/x/chunk_-00001-of-00546.parquet')).toBeUndefined();
  expect(match(1, '/x/de/a+b.x.csv')).toEqual({ lang: 'de', kind: 'x' });
  expect(match(1, '/x/de/aab.x.csv')).toBeUndefined();
  expect(new RegExp(sources[2]?.pattern.expression ?? '$^').test('/x/any.thing')).toBe(true);
});

test('SQL text in the pipeline says in which line it begins', () => {
  const config = configOf(`
    name: t
    steps:
      a:
        outputs: a.csv
        sql: |
          SELECT 1,
            2
    `);
  expect(stepOf(config, 'a').rule).toEqual({
    kind: 'sql',
    file: undefined,
    text: 'SELECT 1,\n  2\n',
    at: { file: 'pipeline.yaml', line: 6, column: 7, length: 1 },
  });
});

test('SQL may name the files of one needed step or of one outside file', () => {
  const config = configOf(
    `
    name: t
    sources: { s: { files: "*.csv" } }
    steps:
      parse: { each: file, sql: SELECT * FROM read_csv($input), outputs: "{key}.parquet" }
      join:
        needs: parse
        each: file
        inputs: { rates: rates.csv }
        sql: SELECT * FROM read_parquet($parse) JOIN read_csv($rates) USING (currency)
        outputs: "joined/{key}.parquet"
    `,
    { files: { 'rates.csv': '' } },
  );
  expect(stepOf(config, 'join').rule.kind).toBe('sql');
});
