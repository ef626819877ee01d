// What survives: a server that is killed between, before and during everything; a folder that two
// want to serve; and a server that is closed while it works.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createRepo, listCommits, listFiles, uploadFiles } from '@huggingface/hub';
import { expect, onTestFinished, test } from 'vitest';
import { describeHub } from '../src/hub/server/describe-hub.ts';
import { startEmbeddedHub } from '../src/hub/server/embedded-hub.ts';
import { findServer, HubFolderInUse } from '../src/hub/server/hub-folder.ts';
import { ndjson, noise, post, sha256, startHub, temporaryFolder } from './hub-rig.ts';

const repo = { type: 'dataset', name: 'local/things' } as const;

interface Running {
  readonly child: ChildProcess;
  readonly id: string;
  readonly client: { readonly hubUrl: string; readonly accessToken: string };
}

async function startProcess(folder: string, args: readonly string[] = []): Promise<Running> {
  const script = join(import.meta.dirname, 'hub-server-process.ts');
  const child = spawn(process.execPath, [script, folder, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const lines = createInterface({ input: child.stdout });
  const line: unknown = (await once(lines, 'line'))[0];
  const { url, token, id }: { url: string; token: string; id: string } = JSON.parse(String(line));
  return { child, id, client: { hubUrl: url, accessToken: token } };
}

async function kill({ child }: Running): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** Small and large files, some in parts; the number says which upload. */
function filesOf(round: number) {
  const sizes = [10, 5_000, 25_000];
  const large = sizes.map((size, i) => {
    return { path: `data/${round}-${i}.parquet`, content: noise(size, round * 10 + i + 1) };
  });
  return [...large, { path: `notes/${round}.txt`, content: new TextEncoder().encode(`${round}`) }];
}

/**
 * When a server kills itself. A round renames four contents, the commit and the branch, so the
 * first six die in their first round, with `after 6` everything is done and nobody was told, and
 * the rest die in their second or third.
 */
const crashes: readonly (readonly [moment: 'before' | 'after', rename: number])[] = [
  ['before', 1],
  ['before', 4],
  ['after', 4],
  ['before', 5],
  ['before', 6],
  ['after', 6],
  ['before', 8],
  ['after', 11],
  ['before', 18],
];

test('a killed server loses no acknowledged commit and shows none by halves', async () => {
  const folder = temporaryFolder();
  const first = await startProcess(folder);
  await createRepo({ ...first.client, repo });
  await kill(first);
  const acknowledged: number[] = [];
  let round = 0;
  for (const [moment, rename] of crashes) {
    const victim = await startProcess(folder, [moment, String(rename)]);
    expect(victim.id).toBe(first.id);
    await checkRounds(victim, { round, acknowledged });
    const ended = once(victim.child, 'exit');
    try {
      for (;;) {
        round += 1;
        await uploadRound(victim, round);
        acknowledged.push(round);
      }
    } catch {
      await ended;
    }
  }
  expect([round, acknowledged.length]).toEqual([crashes.length + 4, 4]);
  expect(findServer(folder)).toBeUndefined();
  const description = await describeHub(folder);
  expect(description?.url).toBeUndefined();
  // The first, the acknowledged, and the one whose answer was lost.
  expect(description?.repos[0]?.commits).toBe(1 + 4 + 1);
  const last = await startProcess(folder);
  await checkRounds(last, { round, acknowledged });
});

test('a commit outlives a kill at the moment of its answer, and what is torn is sent anew', async () => {
  const folder = temporaryFolder();
  const first = await startProcess(folder);
  await createRepo({ ...first.client, repo });
  await kill(first);
  const acknowledged: number[] = [];
  for (let round = 1; round <= 4; round += 1) {
    // As a disk may leave them: half of a content and of what nobody had finished to write.
    const torn = filesOf(round)[1]?.content ?? new Uint8Array();
    const digest = sha256(torn);
    const place = `${folder}/lfs/${digest.slice(0, 2)}/${digest.slice(2, 4)}`;
    mkdirSync(place, { recursive: true });
    writeFileSync(`${place}/${digest}`, torn.slice(0, 100));
    const running = await startProcess(folder);
    writeFileSync(`${folder}/tmp/torn`, 'half');
    await checkRounds(running, { round: round - 1, acknowledged });
    const ended = once(running.child, 'exit');
    await uploadRound(running, round, () => running.child.kill('SIGKILL'));
    acknowledged.push(round);
    await ended;
  }
  const last = await startProcess(folder);
  await checkRounds(last, { round: 4, acknowledged });
  expect(readdirSync(`${folder}/tmp`)).toEqual([]);
});

async function uploadRound(
  { client }: Running,
  round: number,
  onCommitted: () => void = () => {},
): Promise<void> {
  const files = filesOf(round).map(({ path, content }) => ({ path, content: new Blob([content]) }));
  const watching: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    if (response.ok && String(input).includes('/commit/')) onCommitted();
    return response;
  };
  const upload = { ...client, repo, files, commitTitle: `round ${round}`, fetch: watching };
  await uploadFiles({ ...upload, useXet: false });
}

interface Rounds {
  /** The last that was begun. */
  readonly round: number;
  readonly acknowledged: readonly number[];
}

async function checkRounds({ client }: Running, { round, acknowledged }: Rounds): Promise<void> {
  const listed = await Array.fromAsync(listFiles({ ...client, repo, recursive: true }));
  const known = new Map(listed.map(({ path, lfs, oid }) => [path, lfs?.oid ?? oid]));
  for (let each = 1; each <= round; each += 1) {
    const files = filesOf(each);
    const present = files.filter(({ path }) => known.has(path));
    // All of a commit or nothing; and all that was acknowledged.
    expect([0, files.length]).toContain(present.length);
    if (acknowledged.includes(each)) expect(present).toHaveLength(files.length);
    for (const { path, content } of present) {
      if (path.endsWith('.parquet')) expect(known.get(path)).toBe(sha256(content));
      const url = `${client.hubUrl}/datasets/${repo.name}/resolve/main/${path}`;
      const headers = { authorization: `Bearer ${client.accessToken}` };
      const received = await (await fetch(url, { headers })).arrayBuffer();
      expect(Buffer.compare(Buffer.from(received), content)).toBe(0);
    }
  }
  const commits = await Array.fromAsync(listCommits({ ...client, repo }));
  const titles = commits.map(({ title }) => title);
  expect(titles).toEqual(expect.arrayContaining(acknowledged.map((each) => `round ${each}`)));
  expect(new Set(titles).size).toBe(titles.length);
}

test('a folder has one server at a time, which others can find', async () => {
  const folder = temporaryFolder();
  expect(findServer(folder)).toBeUndefined();
  expect(await describeHub(folder)).toBeUndefined();
  const first = await startEmbeddedHub({ folder });
  await expect(startEmbeddedHub({ folder })).rejects.toBeInstanceOf(HubFolderInUse);
  const { url, token, id } = first;
  expect(findServer(folder)).toEqual({ url, token, id });
  await first.close();
  expect(findServer(folder)).toBeUndefined();
  const second = await startEmbeddedHub({ folder });
  expect([second.id, second.token]).toEqual([id, token]);
  await second.close();
});

test('servers of other processes count, and their addresses only while they live', async () => {
  const folder = temporaryFolder();
  const running = await startProcess(folder);
  expect(findServer(folder)?.url).toBe(running.client.hubUrl);
  await expect(startEmbeddedHub({ folder })).rejects.toThrow(`served by pid ${running.child.pid}`);
  await kill(running);
  expect(findServer(folder)).toBeUndefined();
  const next = await startEmbeddedHub({ folder });
  await next.close();
});

test('the token is for nobody else, and the folder keeps nothing that is half received', async () => {
  const hub = await startHub();
  expect(statSync(`${hub.folder}/token`).mode & 0o777).toBe(0o600);
  expect(hub.token).toMatch(/^hf_[0-9a-zA-Z]{34}$/);
  const others = ['hub.json', 'server.json', '@lock'].map((name) => `${hub.folder}/${name}`);
  for (const path of others) expect(readFileSync(path, 'utf8')).not.toContain(hub.token);
  expect(readdirSync(`${hub.folder}/tmp`)).toEqual([]);
  await hub.close();
  writeFileSync(`${hub.folder}/tmp/rest`, 'of an upload');
  const again = await startHub({ folder: hub.folder });
  expect(readdirSync(`${again.folder}/tmp`)).toEqual([]);
});

test('a folder of a newer version is refused and left alone', async () => {
  const folder = temporaryFolder();
  const content = '{"format":2,"id":"x"}';
  writeFileSync(`${folder}/hub.json`, content);
  await expect(startEmbeddedHub({ folder })).rejects.toThrow('newer version');
  expect(readFileSync(`${folder}/hub.json`, 'utf8')).toBe(content);
  expect(findServer(folder)).toBeUndefined();
});

test('a folder that is something else is refused and left alone', async () => {
  const folder = temporaryFolder();
  mkdirSync(`${folder}/tmp`);
  writeFileSync(`${folder}/tmp/mine`, 'x');
  writeFileSync(`${folder}/notes.txt`, 'x');
  await expect(startEmbeddedHub({ folder })).rejects.toThrow('notes.txt');
  expect(readdirSync(folder, { recursive: true }).sort()).toEqual(['notes.txt', 'tmp', 'tmp/mine']);
});

test('what breaks off while it is sent leaves nothing, and keeps no server from closing', async () => {
  const hub = await startHub();
  await createRepo({ ...hub.client, repo });
  const oid = sha256('never');
  const body = { operation: 'upload', transfers: ['basic'], objects: [{ oid, size: 1000 }] };
  const url = `/datasets/${repo.name}.git/info/lfs/objects/batch`;
  const answer: { objects: { actions: { upload: { href: string } } }[] } = JSON.parse(
    await (await hub.call(url, post(body))).text(),
  );
  const href = answer.objects[0]?.actions.upload.href ?? '';
  const sendHalf = async () => {
    const headers = { 'content-length': '1000' };
    const sending = request(href, { method: 'PUT', headers }).on('error', () => undefined);
    sending.write('x'.repeat(500));
    await expect.poll(() => readdirSync(`${hub.folder}/tmp`)).toHaveLength(1);
    return sending;
  };
  (await sendHalf()).destroy();
  await expect.poll(() => readdirSync(`${hub.folder}/tmp`)).toEqual([]);
  await sendHalf();
  await hub.close();
  expect(readdirSync(`${hub.folder}/tmp`)).toEqual([]);
  expect(findServer(hub.folder)).toBeUndefined();
});

test('every old commit is read again after a restart, near a snapshot or not', async () => {
  const hub = await startHub();
  await createRepo({ ...hub.client, repo });
  const contents = ['one', 'two'].map((text) => ({ sha256: sha256(text), text }));
  const files = contents.map(({ text }) => ({ path: `${text}.bin`, content: new Blob([text]) }));
  await uploadFiles({ ...hub.client, repo, files, useXet: false });
  const expected: { oid: string; changed: number; content: string }[] = [];
  for (let round = 0; round < 8; round += 1) {
    // Each commit changes 400 of 500 files to the other content.
    const oid = contents[round % 2]?.sha256 ?? '';
    const lines = Array.from({ length: 400 }, (_, i) => {
      const path = `d/${(round * 50 + i) % 500}.bin`;
      return ['lfsFile', { path, algo: 'sha256', oid, size: 3 }] as const;
    });
    const init = ndjson({ summary: `round ${round}` }, ...lines);
    const response = await hub.call(`/api/datasets/${repo.name}/commit/main`, init);
    const { commitOid }: { commitOid: string } = JSON.parse(await response.text());
    expected.push({ oid: commitOid, changed: round * 50, content: oid });
  }
  await hub.close();
  expect(readdirSync(`${hub.folder}/repos/datasets/${repo.name}/snapshots`)).toHaveLength(1);
  const again = await startHub({ folder: hub.folder });
  for (const { oid, changed, content } of expected) {
    const path = `d/${changed % 500}.bin`;
    const init = post({ paths: [path], expand: true });
    const info = await again.json(`/api/datasets/${repo.name}/paths-info/${oid}`, init);
    expect(info).toMatchObject([{ path, lfs: { oid: content }, lastCommit: { id: oid } }]);
  }
  const description = await describeHub(hub.folder);
  expect(description?.repos[0]).toMatchObject({ files: 503, commits: 10 });
});

test('listens on loopback and nowhere else', async () => {
  const hub = await startHub();
  const { port } = new URL(hub.url);
  const outside = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4');
  for (const { address } of outside) {
    await expect(fetch(`http://${address}:${port}/api/whoami-v2`)).rejects.toThrow('fetch failed');
  }
});

test('two clients that commit at once both win, one after the other', async () => {
  const hub = await startHub();
  await createRepo({ ...hub.client, repo });
  const one = (i: number) =>
    uploadFiles({
      ...hub.client,
      repo,
      files: [{ path: `${i}.txt`, content: new Blob([`${i}`]) }],
    });
  await Promise.all(Array.from({ length: 20 }, (_, i) => one(i)));
  const commits = await Array.fromAsync(listCommits({ ...hub.client, repo }));
  expect(commits).toHaveLength(21);
  const listed = await Array.fromAsync(listFiles({ ...hub.client, repo }));
  expect(listed).toHaveLength(21);
});
