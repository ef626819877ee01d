// A part's files depend on its rows alone, not on the blocks in which these came into the log.
import { hash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openDatabase } from '../src/executor/duckdb.ts';
import { RowBuffer } from '../src/executor/row-block.ts';
import { RowLog } from '../src/executor/row-log.ts';
import { makePart } from '../src/executor/row-part.ts';

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
/** Two row groups of the part, and vectors that are not full. */
const ROWS = 40_001;

async function partOf(rowsPerBlock: number) {
  const folder = join(root, String(rowsPerBlock));
  const buffer = new RowBuffer([TABLE]);
  const path = `${folder}.log`;
  const log = await RowLog.open(path, undefined);
  for (let id = 0; id < ROWS; id += 1) {
    buffer.add(0, {
      id,
      text: id % 3 === 0 ? null : `text ${(id * 7919) % 1009}`,
      even: id % 2 === 0,
    });
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
  try {
    const opened = new Set<string>();
    const part = await makePart(database, { log: path, length, tables: [TABLE], opened, folder });
    return { part, digest: hash('sha256', readFileSync(join(folder, 'rows.parquet'))) };
  } finally {
    database.close();
  }
}

test('the same rows in other blocks become the same bytes', async () => {
  const wanted = await partOf(ROWS);
  expect(wanted.part).toEqual({
    rows: { file: 'rows.parquet', rows: ROWS, minId: '0', maxId: String(ROWS - 1) },
  });
  for (const rowsPerBlock of [13, 1000, 2048, 2049]) {
    expect(await partOf(rowsPerBlock)).toEqual(wanted);
  }
});
