// What survives: a server that is killed between, before and during everything; a folder that two
// want to serve; and a server that is closed while it works.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createRepo, listCommits, listFiles, uploadFiles } from '@huggingface/hub';
import { expect, onTestFinished, test } from 'vitest';
import { describeHub } from '../src/hub/server/describe-hub.ts';
import { startEmbeddedHub } from '../src/hub/server/embedded-hub.ts';
import { findServer, HubFolderInUse } from '../src/hub/server/hub-folder.ts';
import { noise, sha256, startHub, temporaryFolder } from './hub-rig.ts';

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

/** An upload of `filesOf` renames four contents, the commit and the branch. */
const RENAMES = 6;

const crashes: readonly Crash[] = [
  ...Array.from({ length: RENAMES }, (_, i) => ({ args: ['before', String(i + 1)], delayMs: 0 })),
  // Everything is done and nobody was told.
  { args: ['after', String(RENAMES)], delayMs: 0 },
  ...[30, 60, 120].map((delayMs) => ({ args: [], delayMs })),
];

interface Crash {
  readonly args: readonly string[];
  /** When the test itself kills the server; 0 for when it kills itself. */
  readonly delayMs: number;
}

test('a killed server loses no acknowledged commit and shows none by halves', async () => {
  const folder = temporaryFolder();
  const first = await startProcess(folder);
  await createRepo({ ...first.client, repo });
  await kill(first);
  const acknowledged: number[] = [];
  let round = 0;
  for (const { args, delayMs } of crashes) {
    const victim = await startProcess(folder, args);
    expect(victim.id).toBe(first.id);
    const ended = once(victim.child, 'exit');
    const working = (async () => {
      for (;;) {
        round += 1;
        await uploadRound(victim, round);
        acknowledged.push(round);
      }
    })().catch(() => undefined);
    if (delayMs > 0) {
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      victim.child.kill('SIGKILL');
    }
    await Promise.all([ended, working]);

    const next = await startProcess(folder);
    await checkRounds(next, { round, acknowledged });
    await kill(next);
  }
  expect(round).toBeGreaterThanOrEqual(crashes.length);
  const done = acknowledged.length;
  expect(done).toBeGreaterThan(0);
  expect(findServer(folder)).toBeUndefined();
  const description = await describeHub(folder);
  expect(description?.url).toBeUndefined();
  expect(description?.repos[0]?.commits).toBeGreaterThan(done);
}, 20_000);

async function uploadRound({ client }: Running, round: number): Promise<void> {
  const files = filesOf(round).map(({ path, content }) => ({ path, content: new Blob([content]) }));
  await uploadFiles({ ...client, repo, files, commitTitle: `round ${round}`, useXet: false });
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
