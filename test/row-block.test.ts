// What a task appends is what DuckDB reads back, whatever the value: through the blocks of a row log.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Column, type Database, openDatabase } from '../src/executor/duckdb.ts';
import { type Row, RowBuffer } from '../src/executor/row-block.ts';
import { makeRowFiles, readRowFile } from '../src/executor/row-file.ts';
import { RowLog } from '../src/executor/row-log.ts';
import { Utf8Text } from '../src/task.ts';

const folder = mkdtempSync(join(tmpdir(), 'row-text-'));
let database: Database;

beforeAll(async () => {
  database = await openDatabase({
    memoryBytes: 0,
    temporaryFolder: join(folder, 'spill'),
    root: folder,
  });
});

afterAll(() => {
  database.close();
  rmSync(folder, { recursive: true });
});

/** Taken as a block after every so many rows. */
async function throughLog(
  columns: readonly Column[],
  rows: readonly Row[],
  rowsPerBlock = 7,
): Promise<readonly Row[]> {
  const table = { name: 'rows', columns };
  const buffer = new RowBuffer([{ name: 'other', columns: [] }, table]);
  const path = join(folder, 'rows.log');
  const log = await RowLog.open(path, undefined);
  for (const [index, row] of rows.entries()) {
    buffer.add(1, row);
    if ((index + 1) % rowsPerBlock === 0) await log.add(buffer.take());
  }
  await log.add(buffer.take());
  const length = await log.save();
  await log.close();
  const file = join(folder, 'rows.parquet');
  const counts = await makeRowFiles(
    { path, length },
    { tables: [table, table], path: (index) => (index === 1 ? file : `${file}.0`) },
  );
  expect(counts).toEqual([0, rows.length]);
  return await database.rows(readRowFile(file, table));
}

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '',
    ' ',
    '"',
    '""',
    ',',
    '\n',
    '\r\n',
    '\r',
    '\\',
    '\\N',
    'NULL',
    'null',
    '\u0000',
  ),
  fc
    .array(fc.constantFrom('"', ',', '\n', '\r', '\\', "'", 'a', 'é', '𝄞', '#', ';'), {
      maxLength: 12,
    })
    .map((parts) => parts.join('')),
);

test('every text, NULL and number comes back as it went in', async () => {
  const columns = [
    { name: 'a', type: 'VARCHAR' },
    { name: 'whole', type: 'BIGINT' },
    { name: 'b "c', type: 'VARCHAR' },
    { name: 'part', type: 'DOUBLE' },
  ];
  const row = fc.record({
    a: fc.option(text),
    whole: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
    'b "c': fc.option(text),
    part: fc.option(fc.double({ noNaN: true })),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 30 }), async (rows) => {
      expect(await throughLog(columns, rows)).toEqual(rows);
    }),
    { numRuns: 60 },
  );
});

test('a table of one column keeps its empty lines apart from NULL', async () => {
  const rows = [{ a: null }, { a: '' }, { a: '\n' }, { a: null }, { a: 'x' }];
  expect(await throughLog([{ name: 'a', type: 'VARCHAR' }], rows)).toEqual(rows);
});

test('lists and structs keep their values', async () => {
  const columns = [
    { name: 'list', type: 'VARCHAR[]' },
    { name: 'struct', type: 'STRUCT(a INTEGER, b VARCHAR)' },
  ];
  const rows = [
    { list: ['a"b', '', null, 'c\nd'], struct: { a: 1, b: 'x, y' } },
    { list: [], struct: null },
    { list: null, struct: { a: null, b: '' } },
  ];
  expect(await throughLog(columns, rows)).toEqual(rows);
});

test('a line longer than any limit of the reader is read', async () => {
  const long = { a: `${'long "text",\n'.repeat(400_000)}end` };
  const rows = [{ a: 'short' }, long, { a: null }];
  const found = await throughLog([{ name: 'a', type: 'VARCHAR' }], rows);
  expect(found.map(({ a }) => (typeof a === 'string' ? a.length : a))).toEqual([
    5,
    long.a.length,
    null,
  ]);
});

test('every type of a column takes its values, and numbers as text', async () => {
  const columns = Object.entries({
    small: 'SMALLINT',
    whole: 'INTEGER',
    natural: 'UINTEGER',
    huge: 'HUGEINT',
    part: 'FLOAT',
    yes: 'BOOLEAN',
    day: 'DATE',
    text: 'VARCHAR',
  }).map(([name, type]) => ({ name, type }));
  const rows = [
    {
      small: -5,
      whole: '12',
      natural: 2 ** 32 - 1,
      huge: 2n ** 100n,
      part: 0.5,
      yes: true,
      text: 7,
    },
    { small: ' 6 ', whole: -0, natural: 0n, huge: 1, part: '-2', yes: 'false', day: '2020-01-02' },
    { text: new Utf8Text(Buffer.from('aéb'), 1, 3), whole: new Utf8Text(Buffer.from('345'), 1, 3) },
    { yes: false, text: new Date(0), day: new Date(0) },
  ];
  const none = Object.fromEntries(columns.map(({ name }) => [name, null]));
  expect(await throughLog(columns, rows, 3)).toEqual([
    {
      ...none,
      small: -5,
      whole: 12,
      natural: 2 ** 32 - 1,
      huge: 2n ** 100n,
      part: 0.5,
      yes: true,
      text: '7',
    },
    {
      ...none,
      small: 6,
      whole: 0,
      natural: 0,
      huge: 1n,
      part: -2,
      yes: false,
      day: new Date('2020-01-02'),
    },
    { ...none, text: 'é', whole: 45 },
    { ...none, yes: false, text: '1970-01-01T00:00:00.000Z', day: new Date(0) },
  ]);
});

test.for([
  ['INTEGER', 1.5],
  ['INTEGER', 2 ** 31],
  ['INTEGER', 'x'],
  ['INTEGER', ''],
  ['INTEGER', true],
  ['INTEGER', { n: 1 }],
  ['BIGINT', 2n ** 63n],
  ['BIGINT', 1e300],
  ['UBIGINT', 0.5],
  ['DOUBLE', 'x'],
  ['DOUBLE', ' '],
  ['DOUBLE', false],
  ['BOOLEAN', 1],
  ['BOOLEAN', 'yes'],
] as const)('a %s is not given as %s, and nothing of such a row stays', async ([type, value]) => {
  const columns = [
    { name: 'before', type: 'VARCHAR' },
    { name: 'n', type },
    { name: 'behind', type: 'BOOLEAN' },
  ];
  const buffer = new RowBuffer([{ name: 'rows', columns }]);
  const taken = () => buffer.take().map(({ rows, bytes }) => ({ rows, bytes }));
  const good = { before: 'a', behind: true };
  buffer.add(0, good);
  buffer.add(0, good);
  const wanted = taken();
  buffer.add(0, good);
  expect(() => buffer.add(0, { ...good, n: value })).toThrow(/does not fit its contract/);
  expect(() => buffer.add(0, { ...good, other: 1 })).toThrow(/has no column "other"/);
  buffer.add(0, good);
  expect(taken()).toEqual(wanted);
});
