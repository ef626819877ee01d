// Which files a push sends, deletes and keeps, and that no crash leaves a file that nobody lists.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { HubError } from '../src/hub/client/error.ts';
import type { InputFile, TaskContext } from '../src/task.ts';
import postCheck, { type CheckOptions } from '../tasks/post_check.ts';
import { writeManifest } from '../tasks/publish/manifest.ts';
import { sha256 } from './hub-rig.ts';
import { conflict, PushRig } from './push-rig.ts';

const NEXT = 'manifests/chunk-0.next.parquet';

function crash(): never {
  throw new Error('crash');
}

/** Commits that succeed before the push is cut short. */
function crashAfter(rig: PushRig, commits: number): void {
  let left = commits;
  rig.dataset.onCommit = () => {
    if (left === 0) crash();
    left -= 1;
  };
}

test('what its target no longer makes is deleted, though the target makes nothing at all', async () => {
  const rig = new PushRig();
  await rig.push({ a: { 'en/a': 'one', 'de/a': 'two' }, b: { 'en/b': 'three' } });
  await rig.push({ a: { 'en/a': 'one' }, b: {} });
  expect(rig.dataset.data).toEqual(['data/language=en/a.parquet']);
  expect(await rig.listedPaths()).toEqual(rig.dataset.data);
});

test('what a target made that is gone stays, is listed, and is told; until somebody deletes it', async () => {
  const rig = new PushRig();
  await rig.push({ a: { 'en/a': 'one' }, b: { 'en/b': 'two', 'de/b': 'three' } });
  const before = [rig.dataset.data, await rig.listed()];
  for (const again of [1, 2]) {
    await rig.push({ a: { 'en/a': 'one' } });
    expect([rig.dataset.data, await rig.listed()]).toEqual(before);
    expect(rig.log.filter((line) => line.includes('2 of b'))).toHaveLength(again);
  }
  rig.dataset.add({}, ['data/language=de/b.parquet']);
  await rig.push({ a: { 'en/a': 'one' } });
  expect(await rig.listedPaths()).toEqual(rig.dataset.data);
  expect(rig.dataset.data).toHaveLength(2);
});

test('what was made of an excluded file goes, and the manifest, the record and the card say why', async () => {
  const rig = new PushRig();
  await rig.push({ 'split:a@f1': { 'en/f1': 'one' }, 'split:a@f2': { 'en/f2': 'two' } });
  expect(rig.card).not.toContain('left out');
  const excluded = { f2: 'broken | upstream\n(twice)' };
  await rig.push({ 'split:a@f1': { 'en/f1': 'one' } }, {}, excluded);
  expect(rig.dataset.data).toEqual(['data/language=en/f1.parquet']);
  expect(rig.card).toContain('- chunk-0: `f2` (broken | upstream (twice))');
  expect(JSON.parse(readFileSync(join(rig.root, 'record.json'), 'utf8'))).toMatchObject({
    excluded,
  });
  const sql = await rig.sql();
  const path = join(rig.root, 'manifest.parquet');
  const rows = await sql.rows('select decode(value) as text from parquet_kv_metadata($path)', {
    path,
  });
  expect(JSON.parse(String(rows[0]?.['text']))).toEqual(excluded);
  // Lines of other groups stay; its own go with the exclusion.
  const other = rig.card.replace('- chunk-0:', '- chunk-9: `x` (y)\n- chunk-0:');
  rig.dataset.add({ 'README.md': new TextEncoder().encode(other) });
  await rig.push({ 'split:a@f1': { 'en/f1': 'one' }, 'split:a@f2': { 'en/f2': 'two' } });
  expect(rig.card).toContain('- chunk-9: `x` (y)');
  expect(rig.card).not.toContain('chunk-0:');
});

test('what no manifest ever said who made it stays', async () => {
  const rig = new PushRig();
  const content = new TextEncoder().encode('old');
  const path = join(rig.root, 'old.parquet');
  const old = `data/language=en/old.parquet`;
  const sql = await rig.sql();
  await sql.run(
    `copy (select '${old}' as path, null as value, 3 as bytes, 1 as rows, null as min_id,
       null as max_id, '${sha256(content)}' as sha256) to '${path}' (format parquet)`,
  );
  rig.dataset.add({ [old]: content, 'manifests/chunk-0.parquet': readFileSync(path) });
  await rig.push({ a: { 'en/a': 'one' } });
  expect(await rig.listedPaths()).toEqual(['data/language=en/a.parquet', old]);
  expect(rig.dataset.data).toContain(old);
});

test.for([1, 2])(
  'a crash after %d commits leaves no file behind that nobody makes',
  async (count) => {
    const rig = new PushRig();
    const calm = new PushRig();
    await rig.push({ a: { 'en/a': 'one' } });
    crashAfter(rig, count);
    const first = { a: { 'en/a': 'one', 'xx/a': '1', 'yy/a': '2', 'zz/a': '3' } };
    await expect(rig.push(first, { commit_files: 1 })).rejects.toThrow('crash');
    expect(await rig.listedPaths(NEXT)).toHaveLength(4);
    // Another one that is cut short forgets nothing of the first.
    crashAfter(rig, 1);
    const second = { a: { 'en/a': 'one', 'vv/a': '4', 'ww/a': '5' } };
    await expect(rig.push(second, { commit_files: 1 })).rejects.toThrow('crash');
    rig.dataset.onCommit = () => {};
    for (const { push } of [{ push: rig }, { push: calm }]) {
      await push.push({ a: { 'en/a': 'one', 'fr/a': 'six' } });
    }
    expect(rig.dataset.data).toEqual(calm.dataset.data);
    expect([...rig.dataset.files.keys()].sort()).toEqual([...calm.dataset.files.keys()].sort());
    expect(await rig.listed()).toEqual(await calm.listed());
  },
);

test('a push that sends nothing, or nothing new, makes no second manifest', async () => {
  const rig = new PushRig();
  const seen: string[] = [];
  rig.dataset.onCommit = ({ put }) => seen.push(...put.map(({ path }) => path));
  const made = { a: { 'en/a': 'one', 'de/a': 'two' } };
  await rig.push(made);
  expect(seen.splice(0)).toContain(NEXT);
  expect(rig.dataset.takeTitles()).toHaveLength(2);
  await rig.push(made);
  expect(rig.dataset.takeTitles()).toEqual([]);
  rig.dataset.add({}, ['data/language=en/a.parquet']);
  await rig.push(made);
  expect(seen.splice(0)).toEqual(['data/language=en/a.parquet']);
  await rig.push({ a: { 'en/a': 'one' } });
  expect(seen).not.toContain(NEXT);
});

test('deletions are limited and halved like what is sent, before the manifest', async () => {
  const rig = new PushRig();
  const names = Array.from({ length: 9 }, (_, i) => [`en/${i}`, `${i}`] as const);
  await rig.push({ a: Object.fromEntries(names) });
  rig.dataset.takeTitles();
  rig.dataset.onCommit = ({ remove }) => {
    if (remove.length < 3) return;
    throw new HubError('hub-rejected', { message: 'too large', hint: '', lessMayDo: true });
  };
  await rig.push({ a: { 'en/0': '0' } }, { commit_files: 4 });
  expect(rig.dataset.takeTitles()).toEqual([
    'chunk-0: files 1 to 2 of 8, 2 deleted',
    'chunk-0: files 3 to 4 of 8, 2 deleted',
    'chunk-0: files 5 to 6 of 8, 2 deleted',
    'chunk-0: files 7 to 8 of 8, 2 deleted',
    'chunk-0: manifest and card',
  ]);
  expect(rig.dataset.data).toEqual(['data/language=en/0.parquet']);
});

test('a card has no subset of a folder that a crash emptied', async () => {
  const rig = new PushRig();
  await rig.push({ a: { 'en/a': 'one', 'de/a': 'two' } });
  crashAfter(rig, 1);
  const made = { a: { 'en/a': 'one' } };
  await expect(rig.push(made)).rejects.toThrow('crash');
  rig.dataset.onCommit = () => {};
  await rig.push(made);
  expect(Buffer.from(rig.dataset.files.get('README.md') ?? '').toString()).not.toContain('de');
});

test('conflicts end a push only in a row, and the same manifest is written once', async () => {
  const rig = new PushRig();
  const names = Array.from({ length: 12 }, (_, i) => [`en/${i}`, `${i}`] as const);
  let isNext = true;
  // Before each commit of ours somebody else makes one.
  rig.dataset.onCommit = () => {
    isNext = !isNext;
    if (isNext) return;
    rig.dataset.add({ other: new Uint8Array() });
    throw conflict();
  };
  await rig.push({ a: Object.fromEntries(names) }, { commit_files: 1 });
  expect(rig.dataset.data).toHaveLength(12);
  expect(rig.written).toBe(1);
});

test('a card that another group completes meanwhile keeps what both say', async () => {
  const rig = new PushRig();
  const theirs =
    '---\nconfigs:\n- config_name: fr\n  data_files: data/language=fr/*.parquet\n---\n\nText';
  let isTheirs = false;
  rig.dataset.onCommit = ({ put }) => {
    if (isTheirs || !put.some(({ path }) => path === 'README.md')) return;
    isTheirs = true;
    rig.dataset.add({
      'README.md': new TextEncoder().encode(theirs),
      'data/language=fr/b.parquet': new TextEncoder().encode('theirs'),
      'manifests/chunk-1.parquet': new TextEncoder().encode('their manifest'),
    });
  };
  await rig.push({ a: { 'en/a': 'one', 'de/a': 'two' } });
  expect(isTheirs).toBe(true);
  expect(rig.card.match(/config_name: \w+/g)).toEqual(
    ['de', 'en', 'fr'].map((name) => `config_name: ${name}`),
  );
  expect(rig.card).toContain('Text');
  expect(rig.dataset.data).toHaveLength(3);
  expect([...rig.dataset.files.keys()]).toContain('manifests/chunk-1.parquet');
});

const MANY = 150_000;

function manyFiles(): InputFile[] {
  return Array.from({ length: MANY }, (_, i) => {
    const digest = sha256('');
    const workPath = `results/language=en/${i}.parquet`;
    return { path: workPath, workPath, bytes: 0, sha256: digest, rows: 0, producer: 'a' };
  });
}

test('inputs of any number are pushed', async () => {
  const rig = new PushRig();
  const files = manyFiles();
  const there = files.map(({ workPath }) => [`data${workPath?.slice(7)}`, new Uint8Array()]);
  rig.dataset.add(Object.fromEntries(there));
  const run = async (_: string) => writeFileSync(join(rig.root, 'manifest.parquet'), 'PAR1');
  await rig.pushFiles(files, { producers: ['a'], sql: { run, rows: async () => [] } });
  expect(rig.log.join()).toContain(`sent 0 of ${MANY} files`);
});

async function check(rig: PushRig, more: readonly InputFile[] = []): Promise<void> {
  const file = (path: string): InputFile => ({ path, bytes: 0, sha256: '', rows: undefined });
  const own = ['manifest.parquet', 'record.json'].map((name) => file(join(rig.root, name)));
  const sql = await rig.sql();
  const context: Partial<TaskContext<CheckOptions>> = {
    with: { id_column: 'id', connections: 8 },
    inputs: { push: { path: '', files: async () => [...own, ...more], producers: ['push'] } },
    outputs: { output: { path: join(rig.root, 'checked.json') } },
    signal: new AbortController().signal,
    sql: async () => sql,
    hub: async () => ({ id: 'hub', isPrivate: false, repository: () => rig.dataset }),
    progress: () => {},
    log: () => {},
  };
  await postCheck.run(context as TaskContext<CheckOptions>);
}

test('a manifest of a push that did not end is a fault of the publication', async () => {
  const rig = new PushRig();
  await rig.push({});
  await check(rig);
  rig.dataset.add({ [NEXT]: new Uint8Array() });
  const record = { hub: 'hub', dataset: 'local/things', commit: await rig.dataset.head() };
  const path = 'manifests/chunk-0.parquet';
  const manifest = { path, sha256: sha256(rig.dataset.files.get(path) ?? '') };
  writeFileSync(join(rig.root, 'record.json'), JSON.stringify({ ...record, manifest }));
  await expect(check(rig)).rejects.toThrow(`${NEXT} is left over`);
});

test('faults of any number are told', async () => {
  const rig = new PushRig();
  const sql = await rig.sql();
  const files = manyFiles().map(({ workPath = '' }) => ({
    ...{ path: workPath, value: null, bytes: 12, rows: 0, minId: null, maxId: null, workPath },
    ...{ sha256: sha256('no parquet..'), producer: 'a', output: 'output' },
  }));
  const local = join(rig.root, 'manifest.parquet');
  await writeManifest(sql, { files, excluded: {}, to: local });
  const manifest = readFileSync(local);
  const content = new TextEncoder().encode('no parquet..');
  const there = Object.fromEntries(files.map(({ path }) => [path, content]));
  rig.dataset.add({ ...there, 'manifests/chunk-0.parquet': manifest });
  const record = {
    ...{ hub: 'hub', dataset: 'local/things', commit: await rig.dataset.head() },
    manifest: { path: 'manifests/chunk-0.parquet', sha256: sha256(manifest) },
  };
  writeFileSync(join(rig.root, 'record.json'), JSON.stringify(record));
  await expect(check(rig, manyFiles())).rejects.toThrow(`${MANY} of ${MANY} files`);
});
