// Values of a partition column on their way to a Hub and back: whatever they hold, every row comes
// back as it was, for our client, for the Hub's public one, and for whoever takes a snapshot.
import { join } from 'node:path';
import { downloadFile, listFiles, snapshotDownload } from '@huggingface/hub';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createHub } from '../src/hub/client/hub.ts';
import { HubPipeline, TestHub } from './hub-pipeline-rig.ts';
import { filesBelow, PROJECT, Rig, type Run } from './rig.ts';

const NAME = 'local/odd';
const VALUES = [
  ...[null, '', '.', '..', '/', 'a/b', '../../escape', '%', '%2F', '%5CN', '\\N', '#', '?'],
  ...['a#b?c=d&e', ' ', 'a b', ' a', 'a+b', "quote'", '"', '*', '[a]', '{a}', ':', '|', '~'],
  ...['plain', '日本', 'é', 'e\u0301', '😀', 'Zh', 'zh', 'ZH', '__null__', '__empty__'],
  ...['line\nbreak', 'x'.repeat(300), 'é'.repeat(150), 'language=en', 'null', '0'],
];
const task = (name: string) => join(PROJECT, `tasks/${name}.ts`);

let rig: Rig;
let hub: TestHub;
let run: Run;
let access: {
  readonly repo: { readonly type: 'dataset'; readonly name: string };
  readonly hubUrl: string;
  readonly accessToken: string;
};

beforeAll(async () => {
  rig = new Rig();
  hub = await TestHub.start();
  access = { repo: { type: 'dataset', name: NAME }, hubUrl: hub.url, accessToken: hub.token };
  const rows = VALUES.map((value, i) => {
    const text = value === null ? 'NULL' : `'${value.replaceAll("'", "''")}'`;
    return `('Q${i}', ${text}), ('Q${i + 100}', ${text})`;
  });
  await rig.parquet('in.parquet', `FROM (VALUES ${rows.join(', ')}) row(id, v)`);
  rig.write(
    'pipeline.yaml',
    `name: odd
hub: { endpoint: "${hub.url}" }
sources: { rows: { files: in.parquet } }
steps:
  partition:
    each: file
    sql: SELECT * FROM read_parquet($input, hive_partitioning = false)
    outputs: { path: "results/v={value}/{key}.parquet", partition_by: v }
  push:
    needs: partition
    each: file
    task: ${task('push')}
    publish: { dataset: ${NAME} }
    with: { strip: results }
    outputs: { manifest: "published/{key}.parquet", record: "published/{key}.json" }
  post_check: { needs: push, each: file, task: ${task('post_check')}, outputs: "checked/{key}.json" }
`,
  );
  run = await new HubPipeline(rig, hub).run();
});
afterAll(async () => {
  rig.close();
  await hub.close();
});

/** Rows that are in the source and not below the folder, or the other way round. */
async function difference(folder: string) {
  const files = filesBelow(rig.path(folder)).filter((path) => path.endsWith('in.parquet'));
  expect(files.filter((path) => !path.includes('manifests/'))).toHaveLength(VALUES.length);
  const back = `read_parquet('{root}/${folder}/data/**/in.parquet', hive_partitioning = false)`;
  return rig.rows(`(FROM '{root}/in.parquet' EXCEPT ALL FROM ${back})
    UNION ALL (FROM ${back} EXCEPT ALL FROM '{root}/in.parquet')`);
}

function encoded(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

test('they are published and proven: a folder and a subset each', async () => {
  expect(run, run.text).toMatchObject({ code: 0, failed: [] });
  const paths = (await hub.dataset(NAME).paths()).filter((path) => path.startsWith('data/'));
  expect(paths).toHaveLength(VALUES.length);
  expect(new Set(paths.map((path) => path.toLowerCase())).size).toBe(VALUES.length);
  const card = await hub.dataset(NAME).text('README.md');
  expect(card.match(/config_name:/g)).toHaveLength(VALUES.length);
});

test('our client gets every row back', async () => {
  const { signal } = new AbortController();
  const { url: endpoint, token } = hub;
  const client = createHub({ endpoint, id: 'x', token, signal, xet: 'off' });
  const repository = client.repository(NAME);
  const head = (await repository.head()) ?? '';
  for await (const file of repository.list(head, 'data')) {
    await repository.download(head, { file, to: rig.path(`ours/${file.path}`) });
  }
  expect(await difference('ours')).toEqual([]);
});

test('the public client gets every row back, file by file', async () => {
  for await (const { path, type } of listFiles({ ...access, recursive: true, path: 'data' })) {
    if (type !== 'file') continue;
    const blob = await downloadFile({ ...access, path: encoded(path), xet: false });
    rig.write(`theirs/${path}`, new Uint8Array((await blob?.arrayBuffer()) ?? []));
  }
  expect(await difference('theirs')).toEqual([]);
});

test('a snapshot has every row, once its addresses are encoded', async () => {
  vi.spyOn(console, 'debug').mockImplementation(() => undefined);
  const cacheDir = rig.path('cache');
  // The client puts a path into the address as it is: `%5C` would arrive as a backslash.
  await expect(snapshotDownload({ ...access, cacheDir })).rejects.toThrow('invalid response');
  const encoding: typeof fetch = (input, init) => {
    const [, before = '', path = ''] = /^(.*?\/resolve\/[^/]+\/)(.*)$/.exec(String(input)) ?? [];
    // It asks again for the address that answered, which is encoded.
    return fetch(path.includes('=') ? before + encoded(path) : input, init);
  };
  const folder = await snapshotDownload({ ...access, cacheDir, fetch: encoding });
  expect(await difference(folder.slice(rig.root.length + 1))).toEqual([]);
});
