// What a task appends is what DuckDB reads back, whatever the text: through the lines of a row log.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Column, type Database, openDatabase } from '../src/executor/duckdb.ts';
import { type Row, RowBuffer, readRowText } from '../src/executor/row-text.ts';

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

async function throughText(
  columns: readonly Column[],
  rows: readonly Row[],
): Promise<readonly Row[]> {
  const buffer = new RowBuffer([{ name: 'rows', columns }]);
  for (const row of rows) buffer.add(0, row);
  const [block] = buffer.take();
  if (block === undefined) throw new Error('no rows');
  expect(block.rows).toBe(rows.length);
  const path = join(folder, 'rows.csv');
  writeFileSync(path, block.bytes);
  return await database.rows(readRowText(path, { columns, longest: block.longest }));
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
      expect(await throughText(columns, rows)).toEqual(rows);
    }),
    { numRuns: 60 },
  );
});

test('a table of one column keeps its empty lines apart from NULL', async () => {
  const rows = [{ a: null }, { a: '' }, { a: '\n' }, { a: null }, { a: 'x' }];
  expect(await throughText([{ name: 'a', type: 'VARCHAR' }], rows)).toEqual(rows);
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
  expect(await throughText(columns, rows)).toEqual(rows);
});

test('a line longer than any limit of the reader is read', async () => {
  const long = { a: `${'long "text",\n'.repeat(400_000)}end` };
  const rows = [{ a: 'short' }, long, { a: null }];
  const found = await throughText([{ name: 'a', type: 'VARCHAR' }], rows);
  expect(found.map(({ a }) => (typeof a === 'string' ? a.length : a))).toEqual([
    5,
    long.a.length,
    null,
  ]);
});

test('a number with a fraction is refused where a whole one belongs', () => {
  const buffer = new RowBuffer([{ name: 'rows', columns: [{ name: 'n', type: 'INTEGER' }] }]);
  expect(() => buffer.add(0, { n: 1.5 })).toThrow(/does not fit its contract/);
});
