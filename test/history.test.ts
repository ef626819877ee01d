// `pipeline history`: its figures are those of the journals, whatever the format.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { HistoryRow } from '../src/report/history.ts';
import { frameLine } from '../src/store/line.ts';
import { bytesOf, journalsOf, type RecordedLine, recordedLines } from './recorded-lines.ts';
import { PROJECT, Rig } from './rig.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await Rig.small();
  // `merge` fails twice with the status that is tried again, then for good.
  rig.edit('pipeline.yaml', 'run: cat {input} | sha256sum > {output}', TRIED_AGAIN);
  await rig.run('-j', '2');
  rig.edit('pipeline.yaml', 'exit 75', 'true');
  await rig.ran('-j', '2');
});
afterAll(() => rig.close());

const TRIED_AGAIN = `retries: { count: 1, backoff: 1ms }
    run: exit 75; cat {input} | sha256sum > {output}`;

async function history(on: Rig, ...args: readonly string[]): Promise<readonly HistoryRow[]> {
  const { code, stdout, stderr } = await on.command(['history', '--format', 'json', ...args]);
  if (code !== 0) throw new Error(stderr);
  return stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
}

/** The line that ended the attempt, and the one that began it. */
function linesOf(row: HistoryRow): { readonly end: RecordedLine; readonly start: RecordedLine } {
  const own = recordedLines(rig).filter(
    ({ name, attempt }) => name === row.target && attempt === row.attempt,
  );
  const start = own.find(({ status }) => status === 'started');
  const end = own.find(({ status }) => status === row.status);
  if (start === undefined || end === undefined) throw new Error(`no lines of ${row.target}`);
  return { start, end };
}

test('each attempt has a row with the figures of its journal', async () => {
  const rows = await history(rig);
  expect(rows).toHaveLength(recordedLines(rig).filter((line) => line.status === 'started').length);
  for (const row of rows) {
    const { start, end } = linesOf(row);
    expect(row).toMatchObject({ started: start.at, ended: end.at, run: end.run });
    if (end.trace === undefined) continue;
    const { trace, effort } = end;
    expect(row).toMatchObject({
      duration_ms: trace.durationMs,
      rows: trace.rows ?? null,
      bytes_out: bytesOf(end),
      bytes_in: effort?.bytesIn,
      worker: effort?.worker,
      peak_bytes: trace.peakBytes,
      eider: trace.engine['eider'],
      node: trace.engine['node'],
      duckdb: trace.engine['duckdb'],
    });
  }
});

test('a row tells step, cell, key and group, failures and retries', async () => {
  const rows = await history(rig);
  const [file] = rows.filter(({ target }) => target === 'process@chunk_0-1');
  expect(file).toMatchObject({ step: 'process', cell: null, key: 'chunk_0-1', group: 'chunk=0' });
  const merges = rows.filter(({ target }) => target === 'merge@chunk=1');
  const seen = merges.map(({ status, attempt, retries, failure }) => ({
    status,
    attempt,
    retries,
    failure,
  }));
  expect(seen).toEqual([
    { status: 'failed', attempt: 1, retries: 0, failure: 'exit-status' },
    { status: 'failed', attempt: 2, retries: 1, failure: 'exit-status' },
    { status: 'done', attempt: 3, retries: 0, failure: null },
  ]);
  expect(new Set(merges.map(({ run }) => run)).size).toBe(2);
});

test('bytes read are those of the inputs', async () => {
  const rows = await history(rig);
  const of = (target: string) => rows.find((row) => row.target === target);
  expect(of('process@chunk_0-0')?.bytes_in).toBe(of('pull@chunk_0-0')?.bytes_out);
  // Those of a manifest count as its files do.
  const parts = [of('partition@chunk_0-0'), of('partition@chunk_0-1')];
  const bytes = parts.reduce((sum, part) => sum + (part?.bytes_out ?? 0), 0);
  expect(of('merge@chunk=0')?.bytes_in).toBe(bytes);
});

test('Arrow has the same rows as the JSON lines, as a file and as a stream', async () => {
  const rows = await history(rig);
  const out = rig.path('history.arrow');
  expect((await rig.command(['history', '--format', 'arrow', '--out', out])).code).toBe(0);
  expect(rowsOfArrow(readFileSync(out))).toEqual(rows);
  expect(readFileSync(out).toString('latin1', 0, 6)).toBe('ARROW1');
  const bin = join(PROJECT, 'src/bin.js');
  const args = [bin, 'history', '--format', 'arrow'];
  const piped = execFileSync(process.execPath, args, { cwd: rig.root, maxBuffer: 1e8 });
  expect(rowsOfArrow(piped)).toEqual(rows);
  const lost = await rig.command(['history', '--format', 'arrow', '--out', 'no/where.arrow']);
  expect(lost).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot be written') });
});

function rowsOfArrow(bytes: Uint8Array): readonly unknown[] {
  const times = new Set(['started', 'ended']);
  return tableFromIPC(bytes)
    .toArray()
    .map((row) =>
      Object.fromEntries(
        Object.entries(row.toJSON()).map(([name, value]) => {
          if (typeof value === 'bigint') return [name, Number(value)];
          const isTime = times.has(name) && typeof value === 'number';
          return [name, isTime ? new Date(value).toISOString() : value];
        }),
      ),
    );
}

test('the table has a line for each row', async () => {
  const rows = await history(rig);
  const { stdout } = await rig.command(['history']);
  const [head, ...lines] = stdout.trimEnd().split('\n');
  expect(head).toMatch(/started +status +duration .* worker +retries +target$/);
  expect(lines).toHaveLength(rows.length);
  expect(stdout).toMatch(/failed .* 1 {2}merge@chunk=1 \(attempt 2\)/);
});

test('journals from before workers were recorded give the same rows without them', async () => {
  const older = rig.copy();
  try {
    for (const journal of journalsOf(older)) {
      const path = join(older.home, 'state', journal);
      const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
      const without = lines.map((line) => {
        const { effort: _, v: __, sum: ___, ...record } = JSON.parse(line);
        return frameLine(record);
      });
      writeFileSync(path, without.join(''));
    }
    const unknown = { worker: null, bytes_in: null };
    const rows = await history(rig);
    expect(await history(older)).toEqual(rows.map((row) => ({ ...row, ...unknown })));
    expect(await older.ran()).toEqual([]);
  } finally {
    older.close();
  }
});

test('where nothing was ever run, it says so and what to do', async () => {
  const work = rig.path('elsewhere');
  const { code, stderr } = await rig.command(['history', '--work', work]);
  expect(stderr).toContain('Nothing was ever run in');
  expect(stderr).toContain(`run it first: pnpm pipeline --work ${work}`);
  expect(code).toBe(2);
});
