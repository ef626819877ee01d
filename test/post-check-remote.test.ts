// What post_check asks of a real Hub, and what it makes of answers that are not as published.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Fault, FaultAction } from '../src/hub/server/fault.ts';
import type { Sql, TaskContext } from '../src/task.ts';
import postCheck, { type CheckOptions } from '../tasks/post_check.ts';
import { type PublishedFile, writeManifest } from '../tasks/publish/manifest.ts';
import { connect, NAME, putting, startClient } from './hub-client-rig.ts';
import { sha256 } from './hub-rig.ts';
import { PushRig } from './push-rig.ts';

/** SQL of each file's rows; one has none, and the footer of one is longer than the first request. */
const FILES: Readonly<Record<string, string>> = {
  'data/language=en/a.parquet': "select 'Q' || i as id from range(10, 15) row(i)",
  'data/language=de/a.parquet': "select 'Q' || i as id from range(3, 5) row(i)",
  'data/language=__null__/none.parquet': "select 'Q' as id where false",
  'data/language=%5CN/wide.parquet': `select 'Q1' as id, ${Array.from(
    { length: 900 },
    (_, i) => `${i} as a_column_with_a_long_name_${i}`,
  ).join(', ')}`,
};
const EN = 'data/language=en/a.parquet';
const MANIFEST = 'manifests/chunk-0.parquet';

interface Publication {
  /** What the manifest says, changed. */
  readonly listed?: Partial<PublishedFile>;
  /** What the dataset has in place of the file in English; null for nothing. */
  readonly there?: string | null;
  readonly faults?: readonly Fault[];
}

async function published({ listed = {}, there, faults = [] }: Publication) {
  const rig = new PushRig();
  const sql = await rig.sql();
  const files: PublishedFile[] = [];
  const contents: Record<string, Uint8Array> = {
    'data/language=en/of-others.parquet': Buffer.from('x'),
  };
  mkdirSync(join(rig.root, 'made'));
  for (const [path, query] of Object.entries(FILES)) {
    const { content, ...known } = await makeFile(sql, join(rig.root, 'made/file.parquet'), query);
    contents[path] = content;
    files.push({ ...known, path, ...(path === EN ? listed : {}) });
  }
  const local = join(rig.root, 'manifest.parquet');
  await writeManifest(sql, { files, excluded: {}, to: local });
  const manifest = readFileSync(local);
  if (there === null) delete contents[EN];
  else if (there !== undefined) contents[EN] = Buffer.from(there);
  const { hub, repository, head } = await startClient();
  const commit = await repository.commit(putting(head, { ...contents, [MANIFEST]: manifest }));
  const record = { hub: 'hub', dataset: NAME, commit, files: files.length, rows: 8 };
  const own = { path: MANIFEST, sha256: sha256(manifest) };
  writeFileSync(join(rig.root, 'record.json'), JSON.stringify({ ...record, manifest: own }));
  hub.served.length = 0;
  hub.injectFaults({ faults });
  return { hub, rig, sql };
}

async function makeFile(sql: Sql, to: string, query: string) {
  await sql.run(`copy (${query}) to '${to}' (format parquet, compression zstd)`);
  const [row] = await sql.rows(`select count(*) as rows, min(id) as a, max(id) as z from '${to}'`);
  const content = new Uint8Array(readFileSync(to));
  const text = (value: unknown) => (typeof value === 'string' ? value : null);
  return {
    ...{ content, value: null, bytes: content.length, rows: Number(row?.['rows']) },
    ...{ minId: text(row?.['a']), maxId: text(row?.['z']), sha256: sha256(content) },
    ...{ producer: 'split', output: 'output', workPath: '' },
  };
}

async function check({ hub, rig, sql }: Awaited<ReturnType<typeof published>>) {
  const client = connect(hub);
  const inputs = ['manifest.parquet', 'record.json'].map((name) => {
    return { path: join(rig.root, name), bytes: 0, sha256: '', rows: undefined };
  });
  const context: Partial<TaskContext<CheckOptions>> = {
    with: { id_column: 'id', connections: 2 },
    inputs: { push: { path: '', files: async () => inputs, producers: ['push'] } },
    outputs: { output: { path: join(rig.root, 'checked.json') } },
    signal: new AbortController().signal,
    sql: async () => sql,
    hub: async () => ({ id: 'hub', isPrivate: false, repository: () => client.repository }),
    progress: () => {},
    log: () => {},
  };
  await postCheck.run(context as TaskContext<CheckOptions>);
  return client;
}

test('a sound publication costs one listing, and a range of each listed file', async () => {
  const publication = await published({});
  await check(publication);
  const { hub } = publication;
  const paths = hub.served.filter(({ route }) => route === 'resolve').map(({ path }) => path);
  const asked = paths.map((path) => decodeURIComponent(path.replace(/^.*\/resolve\/[^/]+\//, '')));
  // The rest of the long footer is a request of its own; what others put there is not looked at.
  const wide = 'data/language=%5CN/wide.parquet';
  expect(asked.sort()).toEqual([...Object.keys(FILES), wide].sort());
  expect(hub.served.filter(({ status }) => status === 206)).toHaveLength(asked.length);
  expect(hub.served.map(({ route }) => route).filter((route) => route !== 'resolve')).toEqual([
    'paths-info',
  ]);
});

test.for<[string, Publication, RegExp]>([
  ['is missing', { there: null }, /a\.parquet is missing/],
  ['is shorter', { there: 'PAR1' }, /has 4 bytes instead of \d+/],
  ['has other bytes', { listed: { sha256: 'f'.repeat(64) } }, /digest [0-9a-f]{64} instead of f/],
  ['has fewer rows', { listed: { rows: 6 } }, /has 5 rows instead of 6/],
  ['ends earlier', { listed: { maxId: 'Q15' } }, /has the ids Q10 to Q14 instead of Q10 to Q15/],
  ['begins later', { listed: { minId: 'Q1' } }, /has the ids Q10 to Q14 instead of Q1 to Q14/],
  [
    'is no Parquet file',
    { there: 'no Parquet', listed: { bytes: 10, sha256: sha256('no Parquet') } },
    /has a footer that cannot be read/,
  ],
])('a file that %s is named, and no other', async ([, publication, says]) => {
  const failed = check(await published(publication));
  await expect(failed).rejects.toThrow(says);
  await expect(failed).rejects.toThrow(`1 of 4 files in ${NAME}`);
});

const once = (action: FaultAction): Fault => ({ route: 'resolve', nth: 1, action });

test.for<[string, Fault]>([
  ['ignores ranges', { route: 'resolve', action: { kind: 'ignore-range' } }],
  ['breaks off', once({ kind: 'truncate', afterBytes: 10 })],
  ['resets the connection', once({ kind: 'reset', when: 'before' })],
  ['answers 503', once({ kind: 'answer', status: 503, body: '<h1>no</h1>' })],
])('a Hub that %s is no fault of the publication', async ([, fault]) => {
  await check(await published({ faults: [fault] }));
});

test('a Hub that has enough of requests for files is waited for', async () => {
  const headers = { RateLimit: '"resolvers";r=0;t=55' };
  const publication = await published({
    faults: [once({ kind: 'answer', status: 429, headers })],
  });
  const { waits } = await check(publication);
  expect(waits).toContain(56_000);
});
