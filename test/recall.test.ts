// A new work folder over datasets that were published before: what they prove is not made again,
// what differs is. Each test has a copy of the same published Hub.
import { readFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseProvenance, provenanceLine } from '../src/provenance.ts';
import { HubPipeline, hubPipeline, SOURCE, sourceFiles, TestHub } from './hub-pipeline-rig.ts';
import type { Rig, Run } from './rig.ts';

const LABELS = 'local/things-labels';
const TABLES = ['labels', 'descriptions'];
const CHUNKS = ['chunk=0', 'chunk=1'];
const FILES = ['chunk_0-0', 'chunk_0-1', 'chunk_1-0'];
const provenance = (chunk: number) => `manifests/chunk-${chunk}.provenance.jsonl.gz`;

let base: Rig;
let baseUrl: string;
let first: Run;
let askedBefore: readonly string[];

beforeAll(async () => {
  base = hubPipeline({ hub: '{ endpoint: "http://hub" }', tables: 2 });
  const hub = await TestHub.start(base.path('hub'));
  baseUrl = hub.url;
  base.edit('pipeline.yaml', 'http://hub', hub.url);
  const source = hub.dataset(SOURCE);
  await source.create();
  await source.put(await sourceFiles(base));
  const setUp = hub.served.length;
  first = await new HubPipeline(base, hub).run();
  const paths = hub.served.slice(setUp).map(({ path }) => path);
  const asked = paths.slice(0, paths.indexOf('/api/repos/create'));
  askedBefore = asked.filter((path) => path.includes('/things-')).sort();
  await hub.close();
  base.remove('work');
});
afterAll(() => base.close());

interface Place {
  readonly pipeline: HubPipeline;
  readonly hub: TestHub;
  readonly rig: Rig;
  /** Titles of all commits in the datasets, the newest first. */
  commits(): Promise<readonly (readonly string[])[]>;
}

/** A folder without any state and a Hub where all is published. */
async function elsewhere(use: (place: Place) => Promise<void>): Promise<void> {
  const rig = base.copy();
  const hub = await TestHub.start(rig.path('hub'));
  try {
    rig.edit('pipeline.yaml', baseUrl, hub.url);
    const commits = () =>
      Promise.all(TABLES.map((table) => hub.dataset(`local/things-${table}`).commits()));
    await use({ pipeline: new HubPipeline(rig, hub), hub, rig, commits });
  } finally {
    await hub.close();
    rig.close();
  }
}

/** All targets of some steps, or those of one table or file. */
function targets(steps: readonly string[], only: { table?: string; file?: string } = {}) {
  const tables = TABLES.filter((table) => (only.table ?? table) === table);
  const files = FILES.filter((file) => (only.file ?? file) === file);
  const chunks = CHUNKS.filter((chunk) =>
    files.some((file) => file.startsWith(chunk.replace('=', '_'))),
  );
  return steps
    .flatMap((step) => {
      if (step === 'pull') return files.map((file) => `pull@${file}`);
      if (step === 'clean') return chunks.map((chunk) => `clean@${chunk}`);
      const members = step === 'push' || step === 'post_check' ? chunks : files;
      return tables.flatMap((table) => members.map((member) => `${step}:${table}@${member}`));
    })
    .sort();
}

const PUSHES = targets(['push']);
const PROVING = targets(['push', 'post_check', 'clean']);

test('the first run of all asks each dataset once whether it is there', () => {
  expect(first.code).toBe(0);
  expect(first.done).toEqual(
    targets(['pull', 'process', 'partition', 'push', 'post_check', 'clean']),
  );
  const head = (table: string) => `/api/datasets/local/things-${table}/revision/main`;
  expect(askedBefore).toEqual([head('descriptions'), head('labels')]);
  expect(first.notes).not.toContain('Recalled');
});

test('what was published is not made again, only proven, and nothing is committed', async () => {
  await elsewhere(async ({ pipeline, hub, rig, commits }) => {
    const before = await commits();
    const run = await pipeline.run();
    expect([run.code, run.done]).toEqual([0, PROVING]);
    expect(run.notes).toMatch(/Recalled from local\/things-labels@[0-9a-f]{12} .*: \d+ targets/);
    expect(await commits()).toEqual(before);
    expect(rig.exists('work/default/data')).toBe(false);
    expect(rig.exists('work/default/audit/partition/labels/chunk_0-1.parquet')).toBe(true);
    const { text } = await pipeline.command(['explain', 'partition:labels@chunk_0-1']);
    expect(text).toMatch(/is up to date\n.*published in local\/things-labels@[0-9a-f]{40}/);
    const served = hub.served.length;
    const again = await pipeline.run();
    expect([again.end?.nothingToDo, hub.served.length]).toEqual([true, served]);
  });
});

test('another form of the SQL changes nothing, and one table may come after the other', async () => {
  await elsewhere(async ({ pipeline, rig }) => {
    rig.edit('pipeline.yaml', 'SELECT id, language', 'select /* the id */ id,  language');
    const labels = targets(['push'], { table: 'labels' });
    expect((await pipeline.run('push:labels')).done).toEqual(labels);
    const rest = PROVING.filter((target) => !labels.includes(target));
    expect((await pipeline.run()).done).toEqual(rest);
  });
});

test('another meaning of the SQL is made, from the sources on', async () => {
  await elsewhere(async ({ pipeline, rig }) => {
    rig.edit('pipeline.yaml', 'kind = $table', "kind = $table AND id <> 'Q0-0-0'");
    const run = await pipeline.run('push');
    expect([run.code, run.done]).toEqual([
      0,
      [...targets(['pull', 'process', 'partition']), ...PUSHES].sort(),
    ]);
  });
});

test('of a changed source file only its own chain is made, and only that is sent', async () => {
  await elsewhere(async ({ pipeline, hub, rig }) => {
    await rig.parquet(
      'new.parquet',
      `SELECT 'Q' || i AS id, ['en', 'fr'][i % 2 + 1] AS language,
         ['labels', 'descriptions'][i // 2 % 2 + 1] AS kind, 'new ' || i AS label
       FROM range(20) row(i)`,
    );
    await hub
      .dataset(SOURCE)
      .put({ 'data/chunk_0-1.parquet': readFileSync(rig.path('new.parquet')) });
    const dataset = hub.dataset(LABELS);
    const before = await dataset.digests();
    const run = await pipeline.run('push');
    const chain = targets(['pull', 'process', 'partition'], { file: 'chunk_0-1' });
    expect([run.code, run.done]).toEqual([0, [...chain, ...PUSHES].sort()]);
    const after = await dataset.digests();
    const kept = Object.keys(before).filter((path) => path.includes('chunk_0-0.parquet'));
    expect(kept).toHaveLength(4);
    for (const path of kept) expect(after[path]).toBe(before[path]);
    expect(rig.read('work/default/logs/push/labels/chunk=0.log')).toContain('sent 2 of 6 files');
  });
});

test('a table whose record is damaged is made again, the other one is not', async () => {
  await elsewhere(async ({ pipeline, hub }) => {
    const dataset = hub.dataset(LABELS);
    const packed = await dataset.bytes(provenance(1));
    // Files that lie where the pipeline would not put them are not taken for its own.
    const text = gunzipSync(await dataset.bytes(provenance(0))).toString('utf8');
    const outside = text.replaceAll(/("artifacts":\[.*?"path":")flat/g, '$1..');
    await dataset.put({
      [provenance(0)]: gzipSync(outside),
      [provenance(1)]: packed.subarray(0, packed.length / 2),
    });
    const run = await pipeline.run('push');
    const made = [...targets(['pull']), ...targets(['process', 'partition'], { table: 'labels' })];
    expect([run.code, run.done]).toEqual([0, [...made, ...PUSHES].sort()]);
    expect(run.notes).toContain('of its making cannot be used');
    expect((await dataset.commits())[0]).toContain('manifest');
  });
});

test('what is missing in the dataset is made and sent again', async () => {
  await elsewhere(async ({ pipeline, hub }) => {
    const dataset = hub.dataset(LABELS);
    const lost = (await dataset.paths()).find((path) => path.includes('chunk_1-0')) ?? '';
    await dataset.put({ [lost]: undefined });
    const run = await pipeline.run('push');
    const made = [
      'pull@chunk_1-0',
      ...targets(['process', 'partition'], { table: 'labels', file: 'chunk_1-0' }),
    ];
    expect([run.code, run.done]).toEqual([0, [...made, ...PUSHES].sort()]);
    expect(await dataset.paths()).toContain(lost);
  });
});

test('a Hub that refuses ends the run with its own words', async () => {
  await elsewhere(async ({ pipeline, hub }) => {
    hub.fault({ path: 'things-labels', action: { kind: 'answer', status: 403 } });
    const result = await pipeline.command(['--reporter', 'plain']);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/^error: local\/things-labels: .*\[hub-denied\]\n/);
  });
});

test('a line of provenance that is not one is nothing', () => {
  const trace = {
    fields: { rule: 'sql' as const, code: 'c', with: {}, values: {}, outputs: {} },
    inputs: { pull: 'd' },
    artifacts: [],
    digest: 'd',
    engine: { node: '1' },
    durationMs: 5,
  };
  const line = provenanceLine('process@a', trace);
  expect(parseProvenance(line)?.trace).toEqual({ ...trace, durationMs: 0 });
  const damaged = [
    'no json',
    '[]',
    '{"target":"process@a"}',
    line.replace('"rule":"sql"', '"rule":"SQL"'),
    line.replace('"inputs":{"pull":"d"}', '"inputs":{"pull":1}'),
    line.replace('"artifacts":[]', '"artifacts":[{"output":"o"}]'),
    line.replace('"with":{}', '"contracts":{"o":null},"with":{}'),
  ];
  expect(damaged.map(parseProvenance)).toEqual(damaged.map(() => undefined));
});

test('the text of a command is not published', () => {
  const line = provenanceLine('pull@a', {
    fields: {
      rule: 'run',
      code: 'c0',
      text: 'get --key s3cret',
      with: {},
      values: {},
      outputs: {},
    },
    inputs: {},
    artifacts: [],
    digest: 'd0',
    engine: {},
    durationMs: 5,
  });
  expect(line).not.toContain('s3cret');
  expect(parseProvenance(line)?.trace.fields).toEqual({
    rule: 'run',
    code: 'c0',
    with: {},
    values: {},
    outputs: {},
  });
});
