// `pipeline report`: what the page says equals what the journals of a real run say.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bytesOf, type RecordedLine, recordedLines, sumOf } from './recorded-lines.ts';
import { type ReportPage, readReportPage } from './report-page.ts';
import { FILES, Rig, until } from './rig.ts';

let rig: Rig;
let page: ReportPage;

/** `merge` of one group fails with a message that would be markup. */
const FAILS = `run: |
      test {chunk} = 0 || (echo '</pre></script><img src=x onerror=alert(1)> & "more"'; exit 3) || exit 3
      cat {input} | sha256sum > {output}`;

beforeAll(async () => {
  rig = await Rig.small();
  rig.edit('pipeline.yaml', 'run: cat {input} | sha256sum > {output}', FAILS);
  expect((await rig.run('-j', '2')).failed).toEqual(['merge@chunk=1']);
  page = await report(rig);
});
afterAll(() => rig.close());

async function report(on: Rig, ...args: readonly string[]): Promise<ReportPage> {
  const { code, stdout, stderr } = await on.command(['report', ...args]);
  if (code !== 0) throw new Error(stderr);
  return readReportPage(on.path(stdout.trim()));
}

function done(step: string): readonly RecordedLine[] {
  const lines = recordedLines(rig).filter(({ status }) => status === 'done');
  return lines.filter(({ target }) => target === step);
}

const rowsOf = (lines: readonly RecordedLine[]) =>
  sumOf(lines.map(({ trace }) => trace?.rows ?? 0));

test('it lies in the work folder unless it is told where to, and asks no network for anything', async () => {
  const { stdout } = await rig.command(['report']);
  expect(stdout).toBe('work/default/report.html\n');
  await rig.command(['report', '--out', 'other.html']);
  expect(rig.exists('other.html')).toBe(true);
  const outside = page.text.match(/(?:src|href)="(?!#|data:)[^"]*"|https?:\/\/[^\s"')]+/g) ?? [];
  expect(outside.filter((url) => !/w3\.org|github\.com/.test(url))).toEqual([]);
  const { code, stderr } = await rig.command(['report', '--out', 'no/where.html']);
  expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('--out') });
});

test('steps have the states that status counts, and the rows and bytes of their traces', async () => {
  const status = await rig.command(['status']);
  for (const row of page.table('steps-table')) {
    const line = status.stdout.split('\n').find((text) => text.startsWith(`${row['step']} `));
    const [, ...counts] = line?.trim().split(/\s+/) ?? [];
    const told = ['targets', 'done', 'stale', 'failed', 'running', 'interrupted', 'to do'];
    expect(told.map((name) => row[name]?.replace('–', '0'))).toEqual(counts);
  }
  const [, process, partition, merge] = page.table('steps-table');
  expect(process?.['rows']).toBe(String(rowsOf(done('process'))));
  expect(partition?.['rows']).toBe(String(rowsOf(done('partition'))));
  expect(merge).toMatchObject({ done: '1', failed: '1' });
});

test('the matrix counts done targets per group and step', () => {
  expect(page.table('groups-table')).toEqual([
    { chunk: '0', pull: '2/2', process: '2/2', partition: '2/2', merge: '1/1', total: '–' },
    { chunk: '1', pull: '1/1', process: '1/1', partition: '1/1', merge: '0/11 failed', total: '–' },
  ]);
});

test('partition values have the rows that are in the files', async () => {
  const found = await rig.rows(
    `SELECT lang, count(*)::INTEGER AS n FROM read_parquet('{root}/work/default/results/**/*.parquet')
     GROUP BY lang ORDER BY lang`,
  );
  const told = page.table('values-0').map((row) => ({ lang: row['lang'], n: Number(row['rows']) }));
  expect(told.sort((a, b) => ((a.lang ?? '') < (b.lang ?? '') ? -1 : 1))).toEqual(found);
  expect(page.data.partitions[0]?.ranks).toEqual([[12, 12, 12]]);
});

test('a failure is told with its code, its message and the end of its log, as text', () => {
  const [, failures = ''] = /<section id="failures"(.*?)<\/section>/s.exec(page.text) ?? [];
  expect(failures).toContain('merge@chunk=1');
  expect(failures).toContain('exit-status');
  expect(failures).toContain('logs/merge/chunk=1.log');
  expect(failures).toContain('&#60;/pre&#62;&#60;/script&#62;&#60;img src=x');
  expect(page.text).not.toContain('<img');
});

test('columns of targets are the figures of their last attempts', async () => {
  const { stdout } = await rig.command(['history', '--format', 'json']);
  const rows = stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
  const names = ['pull', 'process', 'partition'].flatMap((step) =>
    FILES.map((file) => `${step}@${file}`),
  );
  const all = [...names, 'merge@chunk=0', 'merge@chunk=1', 'total'];
  const { targets, states } = page.data;
  const first = Math.min(...rows.map(({ started }) => Date.parse(started)));
  for (const [id, name] of all.entries()) {
    const row = rows.find(({ target }) => target === name);
    const told = {
      state: states[targets.states[id] ?? -1],
      started: targets.started[id],
      time: targets.durationMs[id],
      rows: targets.rows[id],
      read: targets.bytesIn[id],
      written: targets.bytesOut[id],
      worker: targets.worker[id],
    };
    expect(told).toEqual({
      state: row?.status ?? 'to do',
      started: row === undefined ? null : Math.round((Date.parse(row.started) - first) / 1000),
      time: row?.duration_ms ?? null,
      rows: row?.rows ?? null,
      read: row?.bytes_in ?? null,
      written: row?.bytes_out ?? null,
      worker: row?.worker ?? null,
    });
  }
});

test('what is drawn over time adds up to what the run did', () => {
  const [series] = page.data.runs;
  const lines = ['pull', 'process', 'partition', 'merge'].flatMap(done);
  expect(sumOf(series?.targets ?? [])).toBe(lines.length);
  const isNear = (told: readonly number[] | undefined, sum: number) =>
    // Each piece of time is rounded.
    expect(Math.abs(sumOf(told ?? []) - sum)).toBeLessThanOrEqual((told?.length ?? 0) / 2);
  isNear(series?.rows, rowsOf(lines));
  isNear(series?.bytesOut, sumOf(lines.map(bytesOf)));
  isNear(series?.bytesIn, sumOf(lines.map(({ effort }) => effort?.bytesIn ?? 0)));
  const peaks = lines.map(({ trace }) => trace?.peakBytes ?? 0);
  expect(Math.max(...(series?.peakBytes ?? []))).toBe(Math.max(...peaks));
  const attempts = recordedLines(rig).filter(({ status }) => status === 'started').length;
  expect(sumOf(series?.lanes.map((lane) => lane.attempts) ?? [])).toBe(attempts);
  const workers = new Set(lines.map(({ effort }) => `worker ${effort?.worker}`));
  expect(series?.lanes.map(({ name }) => name)).toEqual([...workers].sort());
});

test('runs are told with how they ended', () => {
  expect(page.table('runs-table')).toMatchObject([
    { done: '10', failed: '1', interrupted: '–', 'not ended': '–', end: 'clean' },
  ]);
});

test('beside a running pipeline it tells what is at work, and takes no lock', async () => {
  const busy = await Rig.small();
  try {
    const waits = 'run: touch begun; until test -e go; do sleep 0.01; done; cat {input} > {output}';
    busy.edit('pipeline.yaml', 'run: cat {input} > {output}', waits);
    const run = busy.start(['--reporter', 'ndjson']);
    await until(() => busy.exists('begun'));
    const during = await report(busy);
    expect(during.text).toContain('<b>Running:</b> pid ');
    expect(during.table('steps-table').at(-1)).toMatchObject({ step: 'total', running: '1' });
    busy.write('go', '');
    expect((await run.ended).code).toBe(0);
    const after = await report(busy);
    expect(after.text).not.toContain('<b>Running:</b>');
    expect(after.table('steps-table').at(-1)).toMatchObject({ running: '–', done: '1' });
  } finally {
    busy.close();
  }
});

test('the account of rows is that of the trace, and a failure that succeeded since is none', async () => {
  const accounts = new Rig();
  try {
    accounts.write(
      'rows.sql',
      `CREATE TEMP TABLE rejects AS SELECT 'Q1' AS id, 'broken' AS error, '{' AS text;
CREATE TEMP TABLE accounting AS SELECT * FROM (VALUES ('in', NULL, 9), ('kept', NULL, 3),
  ('drop', 'no value', 4), ('drop', 'odd kind', 1)) line(kind, reason, entries);
SELECT range AS id FROM range(7)`,
    );
    const step = (limit: number) =>
      `name: rows\nsteps:\n  rows: { sql: rows.sql, max_rejects: ${limit}, outputs: rows.parquet }\n`;
    accounts.write('pipeline.yaml', step(0));
    expect((await accounts.run()).failed).toEqual(['rows']);
    const failed = await report(accounts);
    expect(failed.text).toContain('too-many-rejects');
    expect(failed.table('steps-table')).toMatchObject([{ done: '–', failed: '1' }]);
    accounts.write('pipeline.yaml', step(1));
    await accounts.ran();
    const mended = await report(accounts);
    expect(mended.table('rows-table')).toMatchObject([
      {
        table: 'rows',
        'entries in': '9',
        kept: '3',
        dropped: '5',
        rejects: '1',
        'rows out': '7',
        'reasons of drops': 'no value 4, odd kind 1',
      },
    ]);
    expect(mended.text).not.toContain('too-many-rejects');
    expect(mended.table('runs-table')).toMatchObject([
      { done: '1', failed: '–' },
      { done: '–', failed: '1' },
    ]);
  } finally {
    accounts.close();
  }
});

test('where nothing was ever run, it says so and what to do', async () => {
  const work = rig.path('elsewhere');
  const { code, stderr } = await rig.command(['report', '--work', work]);
  expect(stderr).toContain('Nothing was ever run in');
  expect(code).toBe(2);
});
