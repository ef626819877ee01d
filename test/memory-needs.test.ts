// What is gathered for the estimate of a target's memory from real Parquet files and past traces.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { largestRowGroup } from '../src/parquet/footer.ts';
import { Rig } from './rig.ts';

const rigs: Rig[] = [];
afterEach(() => {
  for (const rig of rigs.splice(0)) rig.close();
});

function track(rig: Rig): Rig {
  rigs.push(rig);
  return rig;
}

test('the largest row group is that of the footer, whatever the codec', async () => {
  const rig = track(new Rig());
  const rows = (count: number) => `SELECT i, 'text ' || i AS text FROM range(${count}) r(i)`;
  for (const codec of ['uncompressed', 'snappy', 'gzip', 'zstd']) {
    const path = rig.path(`${codec}.parquet`);
    const options = `FORMAT parquet, COMPRESSION ${codec}, ROW_GROUP_SIZE 2048`;
    await rig.rows(`COPY (${rows(5000)}) TO '${path}' (${options})`);
    const [{ bytes } = {}] = await rig.rows(
      `SELECT max(total)::INTEGER AS bytes FROM (SELECT sum(total_uncompressed_size) AS total
        FROM parquet_metadata('${path}') GROUP BY row_group_id)`,
    );
    expect(largestRowGroup(path)).toBe(bytes);
  }
});

test('of what is no Parquet nothing is known, and of a file without rows that it is small', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'footer-'));
  const broken = join(folder, 'broken.parquet');
  const tails = ['', 'PAR1', `x${'\xff\xff\xff\x7f'}PAR1`, `${'\xff'.repeat(20)}\x10\0\0\0PAR1`];
  for (const tail of tails) {
    writeFileSync(broken, Buffer.from(tail, 'latin1'));
    expect(largestRowGroup(broken)).toBeUndefined();
  }
  expect(largestRowGroup(join(folder, 'missing.parquet'))).toBeUndefined();
  expect(largestRowGroup(folder)).toBeUndefined();
  rmSync(folder, { recursive: true });
  const rig = track(new Rig());
  const empty = rig.path('empty.parquet');
  await rig.rows(`COPY (SELECT 1 AS i WHERE false) TO '${empty}' (FORMAT parquet)`);
  expect(largestRowGroup(empty)).toBe(0);
});

test('what a target took, and for which row group, is in its trace', async () => {
  const rig = track(await Rig.small());
  expect((await rig.run()).code).toBe(0);
  const lines = rig.read('work/default/state/chunk_0-0.jsonl').trim().split('\n');
  const done = lines.find((line) => line.startsWith('{"target":"process","status":"done"'));
  const { peakBytes, rowGroupBytes } = JSON.parse(done ?? '{}').trace;
  expect(peakBytes).toBeGreaterThan(50e6);
  expect(rowGroupBytes).toBe(largestRowGroup(rig.path('data/chunk_0-0.parquet')));
});
