// The embedded Hub as its users see it: through the real Hub client, over real HTTP.
import { readFileSync } from 'node:fs';
import {
  commit,
  countCommits,
  createBranch,
  createRepo,
  datasetInfo,
  deleteBranch,
  deleteFiles,
  deleteRepo,
  downloadFile,
  fileDownloadInfo,
  fileExists,
  listCommits,
  listFiles,
  pathsInfo,
  repoExists,
  snapshotDownload,
  uploadFiles,
  whoAmI,
} from '@huggingface/hub';
import { describe, expect, test, vi } from 'vitest';
import { describeHub } from '../src/hub/server/describe-hub.ts';
import { noise, sha256, startHub, temporaryFolder } from './hub-rig.ts';

const repo = { type: 'dataset', name: 'local/things' } as const;
const KIB = 1024;

function file(path: string, content: string | Uint8Array<ArrayBuffer>) {
  return { path, content: new Blob([content]) };
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  return Array.fromAsync(items);
}

/** Names of partitions as they really come. */
const odd = ['language=%5CN', 'language=a b', 'language=a#b?c', 'language=日本', 'language=a%2Fb'];

function encoded(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

describe('a repo with 200 small files and some in parts', async () => {
  const many = Array.from({ length: 200 }, (_, i) => file(`data/f=${i % 7}/${i}.parquet`, `p${i}`));
  const large = noise(300 * KIB);
  const files = [
    ...many,
    file('large.parquet', large),
    file('README.md', '# Things\n'),
    ...odd.map((name) => file(`odd/${name}/x.parquet`, name)),
  ];

  async function uploaded(options = {}) {
    const hub = await startHub({
      pageSize: 50,
      multipartThreshold: 128 * KIB,
      partSize: 64 * KIB,
      ...options,
    });
    await createRepo({ ...hub.client, repo });
    const output = await uploadFiles({ ...hub.client, repo, files, useXet: false });
    return { hub, head: output?.commit.oid ?? '' };
  }

  test('is uploaded, listed over several pages and downloaded again', async () => {
    const { hub } = await uploaded();
    expect(hub.count('upload')).toBe(205);
    expect(hub.count('upload-part')).toBe(5);
    expect(hub.count('commit')).toBe(1);

    const listed = await all(listFiles({ ...hub.client, repo, recursive: true }));
    expect(hub.count('tree')).toBe(5);
    const listedFiles = listed.filter(({ type }) => type === 'file');
    const contents = new Map(files.map(({ path, content }) => [path, content]));
    expect(listedFiles.map(({ path }) => path)).toEqual(
      ['.gitattributes', ...contents.keys()].sort(),
    );
    for (const { path, size, lfs } of listedFiles) {
      const content = contents.get(path);
      if (content === undefined) continue;
      expect(size).toBe(content.size);
      if (!path.endsWith('.parquet')) expect(lfs).toBeUndefined();
      else expect(lfs?.oid).toBe(sha256(new Uint8Array(await content.arrayBuffer())));
    }
    const folders = listed.filter(({ type }) => type === 'directory').map(({ path }) => path);
    expect(folders).toContain('data/f=0');

    const blob = await downloadFile({ ...hub.client, repo, path: 'large.parquet', xet: false });
    expect(new Uint8Array((await blob?.arrayBuffer()) ?? [])).toEqual(large);
    const slice = await blob?.slice(70_000, 70_010).arrayBuffer();
    expect(new Uint8Array(slice ?? [])).toEqual(large.slice(70_000, 70_010));
    for (const name of odd) {
      const path = encoded(`odd/${name}/x.parquet`);
      expect(await (await downloadFile({ ...hub.client, repo, path, xet: false }))?.text()).toBe(
        name,
      );
    }
  });

  test('is sent again without its contents', async () => {
    const { hub } = await uploaded();
    hub.served.length = 0;
    await uploadFiles({ ...hub.client, repo, files, useXet: false });
    expect([hub.count('upload'), hub.count('upload-part'), hub.count('commit')]).toEqual([0, 0, 1]);
  });

  test('is described by paths, by commits and by the folder itself', async () => {
    const { hub, head } = await uploaded();
    const paths = [
      'README.md',
      'data/f=1',
      'missing',
      ...odd.map((name) => `odd/${name}/x.parquet`),
    ];
    const infos = await pathsInfo({ ...hub.client, repo, paths, expand: true });
    expect(infos.map(({ path, type, lastCommit }) => [path, type, lastCommit.id])).toEqual(
      paths
        .filter((path) => path !== 'missing')
        .map((path) => [path, path === 'data/f=1' ? 'directory' : 'file', head]),
    );
    const info = await datasetInfo({ ...hub.client, name: repo.name, additionalFields: ['sha'] });
    expect(info.sha).toBe(head);
    expect(await describeHub(hub.folder)).toMatchObject({
      id: hub.id,
      url: hub.url,
      repos: [{ name: 'local/things', head, commits: 2, files: 208, private: false }],
    });
  });

  test('is downloaded as a snapshot, also when large files come from elsewhere', async () => {
    vi.spyOn(console, 'debug').mockImplementation(() => undefined);
    const { hub, head } = await uploaded({ cdnOrigin: true });
    const cacheDir = temporaryFolder();
    // Odd names are known to be beyond this function of the client: it does not encode them.
    const paths = odd.map((name) => `odd/${name}/x.parquet`);
    await deleteFiles({ ...hub.client, repo, paths });
    const folder = await snapshotDownload({ ...hub.client, repo, cacheDir, revision: 'main' });
    expect(folder.endsWith(head)).toBe(false);
    expect(readFileSync(`${folder}/README.md`, 'utf8')).toBe('# Things\n');
    expect(readFileSync(`${folder}/data/f=3/10.parquet`, 'utf8')).toBe('p10');
    expect(new Uint8Array(readFileSync(`${folder}/large.parquet`))).toEqual(large);
    expect(hub.count('cdn')).toBeGreaterThan(200);
  });
});

test('commits are refused on a stale parent, chained on the right one and listed in order', async () => {
  const hub = await startHub();
  await createRepo({ ...hub.client, repo });
  const { sha: first } = await datasetInfo({
    ...hub.client,
    name: repo.name,
    additionalFields: ['sha'],
  });
  const write = (text: string, parentCommit: string) =>
    commit({
      ...hub.client,
      repo,
      title: text,
      description: 'why',
      parentCommit,
      operations: [{ operation: 'addOrUpdate', path: 'a.txt', content: new Blob([text]) }],
    });
  const second = await write('one', first);
  await expect(write('two', first)).rejects.toMatchObject({ statusCode: 412 });
  const third = await write('two', second?.commit.oid ?? '');
  await deleteFiles({ ...hub.client, repo, paths: ['a.txt'], commitTitle: 'gone' });
  await expect(deleteFiles({ ...hub.client, repo, paths: ['a.txt'] })).rejects.toMatchObject({
    statusCode: 400,
  });
  const commits = await all(listCommits({ ...hub.client, repo, batchSize: 2 }));
  expect(commits.map(({ title }) => title)).toEqual(['gone', 'two', 'one', 'initial commit']);
  expect(commits.map(({ oid }) => oid)).toContain(third?.commit.oid);
  expect(await countCommits({ ...hub.client, repo })).toBe(4);
  const old = await downloadFile({
    ...hub.client,
    repo,
    path: 'a.txt',
    revision: second?.commit.oid ?? '',
  });
  expect(await old?.text()).toBe('one');
  expect(await downloadFile({ ...hub.client, repo, path: 'a.txt' })).toBeNull();
});

test('an empty file can be uploaded and downloaded', async () => {
  const hub = await startHub();
  await createRepo({ ...hub.client, repo });
  await uploadFiles({ ...hub.client, repo, files: [file('empty.txt', ''), file('e.parquet', '')] });
  const info = await fileDownloadInfo({ ...hub.client, repo, path: 'empty.txt' });
  expect(info?.size).toBe(0);
  const blob = await downloadFile({ ...hub.client, repo, path: 'e.parquet', xet: false });
  expect(await blob?.text()).toBe('');
});

test('branches live apart', async () => {
  const hub = await startHub();
  await createRepo({ ...hub.client, repo });
  await createBranch({ ...hub.client, repo, branch: 'next/one' });
  await uploadFiles({ ...hub.client, repo, branch: 'next/one', files: [file('a.txt', 'a')] });
  const revision = 'next/one';
  expect(await fileExists({ ...hub.client, repo, path: 'a.txt', revision })).toBe(true);
  expect(await fileExists({ ...hub.client, repo, path: 'a.txt' })).toBe(false);
  await expect(createBranch({ ...hub.client, repo, branch: 'next/one' })).rejects.toMatchObject({
    statusCode: 409,
  });
  await deleteBranch({ ...hub.client, repo, branch: 'next/one' });
  expect(await fileExists({ ...hub.client, repo, path: 'a.txt', revision })).toBe(false);
});

test('repos come and go, and only for the token', async () => {
  const hub = await startHub();
  const user = await whoAmI(hub.client);
  expect(user.name).toBe('local');
  expect(user.auth.accessToken?.role).toBe('write');
  const created = await createRepo({ ...hub.client, repo, visibility: 'private' });
  expect(created.repoUrl).toBe(`${hub.url}/datasets/local/things`);
  await expect(createRepo({ ...hub.client, repo })).rejects.toMatchObject({ statusCode: 409 });
  expect(await repoExists({ ...hub.client, repo })).toBe(true);
  const wrong = { ...hub.client, accessToken: 'hf_wrong' };
  await expect(all(listFiles({ ...wrong, repo }))).rejects.toMatchObject({
    statusCode: 401,
    message: expect.stringContaining('Invalid credentials in Authorization header'),
  });
  await deleteRepo({ ...hub.client, repo });
  expect(await repoExists({ ...hub.client, repo })).toBe(false);
  await createRepo({ ...hub.client, repo });
  const listed = await all(listFiles({ ...hub.client, repo }));
  expect(listed.map(({ path }) => path)).toEqual(['.gitattributes']);
});

test('files may be given when a repo is made', async () => {
  const hub = await startHub();
  await createRepo({ ...hub.client, repo, files: [file('README.md', '# Hi')] });
  const blob = await downloadFile({ ...hub.client, repo, path: 'README.md' });
  expect(await blob?.text()).toBe('# Hi');
  expect(await countCommits({ ...hub.client, repo })).toBe(1);
});
