// A source that changes after everything was published: exactly what differs is made and sent, and
// what others put into the dataset stays, as does what a file that vanished gave.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Dataset, HubPipeline, SOURCE, sourceFile } from './hub-pipeline-rig.ts';
import type { Run } from './rig.ts';

const HAND_WRITTEN = 'Written by hand: do not trust row 7.';

let pipeline: HubPipeline;
let dataset: Dataset;
let source: Dataset;
let refreshed: string;
let run: Run;
/** The dataset and its commits before the source changed, and after the run that followed. */
let before: Snapshot;
let after: Snapshot;

interface Snapshot {
  readonly digests: Readonly<Record<string, string>>;
  readonly commits: readonly string[];
}

async function snapshot(): Promise<Snapshot> {
  return { digests: await dataset.digests(), commits: await dataset.commits() };
}

beforeAll(async () => {
  pipeline = await HubPipeline.start();
  dataset = pipeline.hub.dataset('local/things-labels');
  source = pipeline.hub.dataset(SOURCE);
  await source.put({
    'data/chunk_0-0.parquet': await sourceFile(pipeline.rig, '0-0', `['en', 'de', 'fr', 'tlh']`),
  });
  expect(await pipeline.run()).toMatchObject({ code: 0, failed: [] });
  await dataset.put({ 'extra/readme.txt': 'not yours\n', 'README.md': await editedCard() });
  before = await snapshot();
  await source.put({
    'data/chunk_0-0.parquet': await sourceFile(pipeline.rig, '0-0', `['en', 'de', 'it', NULL]`),
    'data/chunk_0-1.parquet': undefined,
    'data/chunk_1-1.parquet': await sourceFile(
      pipeline.rig,
      '1-1',
      `['en', 'EN', 'a/b %c', 'ü #?']`,
    ),
  });
  refreshed = (await pipeline.command(['refresh'])).text;
  run = await pipeline.run();
  after = await snapshot();
});
afterAll(async () => {
  pipeline.close();
  await pipeline.hub.close();
});

/** As a person would: a license, a subset of all data, and a sentence. */
async function editedCard(): Promise<string> {
  const card = await dataset.text('README.md');
  const all = '  - { config_name: all, data_files: [{ split: train, path: "data/*/*.parquet" }] }';
  return card
    .replace('---\n', '---\nlicense: cc0-1.0\n')
    .replace('configs:\n', `configs:\n${all}\n`)
    .replace('# local/things-labels\n', `# Things\n\n${HAND_WRITTEN}\n`);
}

async function head(): Promise<{
  readonly license: string;
  readonly configs: readonly { readonly config_name: string; readonly data_files: unknown }[];
}> {
  return parse((await dataset.text('README.md')).split('---\n')[1] ?? '');
}

test('`refresh` says which files are added, changed and removed', () => {
  expect(refreshed).toMatch(/^someone\/things at [0-9a-f]{12}: 3 files\n/);
  expect(refreshed).toContain('added data/chunk_1-1.parquet');
  expect(refreshed).toContain('changed data/chunk_0-0.parquet');
  expect(refreshed).toContain('removed data/chunk_0-1.parquet');
  expect(refreshed).not.toContain('chunk_1-0');
});

test('exactly the chains of what changed run, and what their groups publish', () => {
  expect(run).toMatchObject({ code: 0, failed: [] });
  const chains = ['pull', 'process:labels', 'partition:labels'];
  const groups = ['push:labels', 'post_check:labels', 'clean'];
  expect(run.done).toEqual(
    [
      ...chains.flatMap((step) => [`${step}@chunk_0-0`, `${step}@chunk_1-1`]),
      ...groups.flatMap((step) => [`${step}@chunk=0`, `${step}@chunk=1`]),
    ].sort(),
  );
});

test('only what differs is sent, in one commit of files and one of the manifest a group', () => {
  const commits = after.commits.slice(0, after.commits.length - before.commits.length);
  expect([...commits].sort()).toEqual([
    'chunk-0: files 1 to 4 of 4, 2 deleted',
    'chunk-0: manifest and card',
    'chunk-1: files 1 to 4 of 4',
    'chunk-1: manifest and card',
  ]);
  const data = (path: string) => path.startsWith('data/');
  const added = Object.keys(after.digests).filter((path) => !(path in before.digests));
  const changed = Object.keys(after.digests).filter(
    (path) => path in before.digests && before.digests[path] !== after.digests[path],
  );
  expect(added.filter(data)).toEqual([
    'data/language=%C3%BC%20%23%3F/chunk_1-1.parquet',
    'data/language=EN~69374b09b168/chunk_1-1.parquet',
    'data/language=__null__/chunk_0-0.parquet',
    'data/language=a%2Fb%20%25c/chunk_1-1.parquet',
    'data/language=en/chunk_1-1.parquet',
    'data/language=it/chunk_0-0.parquet',
  ]);
  expect(changed.filter(data)).toEqual([]);
});

test('files of values that a changed file has no more are deleted, all others stay', () => {
  const gone = Object.keys(before.digests).filter((path) => !(path in after.digests));
  expect(gone).toEqual([
    'data/language=fr/chunk_0-0.parquet',
    'data/language=tlh/chunk_0-0.parquet',
  ]);
  expect(after.digests['extra/readme.txt']).toBe(before.digests['extra/readme.txt']);
});

test('rows of a file that vanished from the source stay published, and the log says so', async () => {
  const { rig } = pipeline;
  const kept = Object.keys(before.digests).filter((path) => path.includes('chunk_0-1'));
  expect(kept).toHaveLength(4);
  for (const path of kept) expect(after.digests[path]).toBe(before.digests[path]);
  rig.write('down/manifest.parquet', await dataset.bytes('manifests/chunk-0.parquet'));
  const listed = await rig.rows(
    `SELECT path FROM read_parquet('{root}/down/manifest.parquet') WHERE path LIKE '%chunk_0-1%'`,
  );
  expect(listed.map(({ path }) => path)).toEqual(kept);
  expect(rig.read('work/default/logs/push/labels/chunk=0.log')).toContain(
    'kept files of targets that are no input any more: 4 of partition:labels@chunk_0-1',
  );
  const checked = JSON.parse(rig.read('work/default/checked/labels/chunk-0.json'));
  expect(checked).toMatchObject({ files: 8 });
});

test('what people wrote into the card stays', async () => {
  expect(await dataset.text('README.md')).toContain(`# Things\n\n${HAND_WRITTEN}\n`);
  const { license, configs } = await head();
  expect(license).toBe('cc0-1.0');
  expect(configs.find(({ config_name: name }) => name === 'all')?.data_files).toEqual([
    { split: 'train', path: 'data/*/*.parquet' },
  ]);
});

test('the card has a subset for each value that the dataset has, and no other', async () => {
  const values = Object.keys(after.digests).flatMap(
    (path) => /language=([^/]+)/.exec(path)?.[1] ?? [],
  );
  const names = (await head()).configs.map(({ config_name: name }) => name);
  expect(names.filter((name) => name !== 'all')).toEqual([...new Set(values)].sort());
});

test('the rows are those of the source as it is now and of the file that vanished from it', async () => {
  const { rig } = pipeline;
  for (const path of Object.keys(after.digests)) {
    if (path.startsWith('data/')) rig.write(`down/${path}`, await dataset.bytes(path));
  }
  for (const path of await source.paths()) rig.write(`now/${path}`, await source.bytes(path));
  rig.write('now/data/chunk_0-1.parquet', await sourceFile(rig, '0-1'));
  const read = (glob: string) => `read_parquet('{root}/${glob}', hive_partitioning = false)`;
  const found = await rig.rows(`SELECT * FROM ${read('down/data/*/*.parquet')} ORDER BY ALL`);
  const wanted = `SELECT id, language, label FROM ${read('now/data/*.parquet')}`;
  expect(found).toEqual(await rig.rows(`${wanted} WHERE kind = 'labels' ORDER BY ALL`));
});

test('when nothing is different nothing runs, and a push that is forced commits nothing', async () => {
  expect((await pipeline.command(['refresh'])).stdout).toContain('nothing is different');
  expect(await pipeline.run()).toMatchObject({ code: 0, done: [], end: { nothingToDo: true } });
  const forced = await pipeline.run('--force', 'push');
  expect(forced).toMatchObject({ code: 0, failed: [] });
  expect(forced.done).toEqual(['push:labels@chunk=0', 'push:labels@chunk=1']);
  expect(await snapshot()).toEqual(after);
});
