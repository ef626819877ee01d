// A part's files depend on its rows alone, not on the blocks in which these came into the log, nor on
// how many tables are made at once.
import { hash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openDatabase } from '../src/executor/duckdb.ts';
import { RowBuffer } from '../src/executor/row-block.ts';
import { RowLog } from '../src/executor/row-log.ts';
import { makePart, readPart } from '../src/executor/row-part.ts';

const root = mkdtempSync(join(tmpdir(), 'row-part-'));
afterAll(() => rmSync(root, { recursive: true }));

const TABLE = {
  name: 'rows',
  idColumn: 'id',
  columns: [
    { name: 'id', type: 'INTEGER' },
    { name: 'text', type: 'VARCHAR' },
    { name: 'even', type: 'BOOLEAN' },
  ],
};
const ODD = { ...TABLE, name: 'odd' };
const EMPTY = { ...TABLE, name: 'empty' };
const TABLES = [TABLE, ODD, EMPTY];
/** Two row groups of the part, and vectors that are not full. */
const ROWS = 40_001;

async function partOf(rowsPerBlock: number, atOnce: number) {
  const folder = join(root, `${rowsPerBlock}-${atOnce}`);
  const buffer = new RowBuffer(TABLES);
  const path = `${folder}.log`;
  const log = await RowLog.open(path, undefined);
  for (let id = 0; id < ROWS; id += 1) {
    buffer.add(0, {
      id,
      text: id % 3 === 0 ? null : `text ${(id * 7919) % 1009}`,
      even: id % 2 === 0,
    });
    if (id % 2 === 1) buffer.add(1, { id, text: 'odd', even: false });
    if ((id + 1) % rowsPerBlock === 0) await log.add(buffer.take());
  }
  await log.add(buffer.take());
  const length = await log.save();
  await log.close();
  const database = await openDatabase({
    memoryBytes: 0,
    temporaryFolder: join(root, 'spill'),
    root,
  });
  const databases = [database];
  while (databases.length < atOnce) databases.push(await database.connect());
  try {
    const order = { log: path, length, tables: TABLES, opened: new Set(['empty']), folder };
    const { signal } = new AbortController();
    const part = await makePart(databases, { ...order, signal });
    expect(readPart(folder)).toEqual(part);
    for (const { file, sha256 } of Object.values(part)) {
      expect(sha256).toBe(hash('sha256', readFileSync(join(folder, file))));
    }
    return part;
  } finally {
    for (const opened of databases.reverse()) opened.close();
  }
}

test('the same rows in other blocks become the same bytes', async () => {
  const wanted = await partOf(ROWS, 1);
  const sha256 = expect.any(String);
  expect(wanted).toEqual({
    rows: { file: 'rows.parquet', rows: ROWS, minId: '0', maxId: String(ROWS - 1), sha256 },
    odd: { file: 'odd.parquet', rows: ROWS >> 1, minId: '1', maxId: String(ROWS - 2), sha256 },
    empty: { file: 'empty.parquet', rows: 0, minId: null, maxId: null, sha256 },
  });
  for (const rowsPerBlock of [13, 1000, 2048, 2049]) {
    expect(await partOf(rowsPerBlock, 1)).toEqual(wanted);
  }
});

test('tables that are made at once have the same bytes', async () => {
  expect(await partOf(1000, 2)).toEqual(await partOf(ROWS, 1));
});
