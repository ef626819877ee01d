// The whole way over the embedded Hub, without account or network: what is published, that nothing
// is done twice, and that people can look at it with any client.
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import {
  Dataset,
  hubPipeline,
  leaksOf,
  SEED,
  sourceFile,
  sourceFiles,
} from './hub-pipeline-rig.ts';
import { type Command, filesBelow, processes, type Rig, type Run, until } from './rig.ts';

const LABELS = 'local/things-labels';
const DESCRIPTIONS = 'local/things-descriptions';

let rig: Rig;
let first: Run;
const outputs: string[] = [];

beforeAll(async () => {
  rig = hubPipeline({ hub: SEED, tables: 2 });
  for (const [path, bytes] of Object.entries(await sourceFiles(rig)))
    rig.write(`seed/${path}`, bytes);
  first = await run();
});
afterAll(() => rig.close());

async function run(...args: readonly string[]): Promise<Run> {
  const result = await rig.run(...args);
  outputs.push(result.text);
  return result;
}

/** Serves the work folder as a person would, until the test ends. */
async function serve(...args: readonly string[]): Promise<{ command: Command; url: string }> {
  const command = rig.start(['hub', 'serve', ...args]);
  onTestFinished(async () => {
    command.kill('SIGINT');
    await command.ended;
  });
  await until(() => command.output().stdout.includes('Ctrl-C'));
  return { command, url: /http:\/\/[\d.:]+/.exec(command.output().stdout)?.[0] ?? '' };
}

/** A dataset as a client of the served folder sees it. */
async function served(): Promise<(name: string) => Dataset> {
  const { url } = await serve();
  const token = rig.read('work/default/hub/token').trim();
  return (name) => new Dataset(name, { url, token });
}

test('the first run publishes all groups of all tables and says what is in the datasets', () => {
  expect(first).toMatchObject({ code: 0, failed: [] });
  expect(first.done.filter((name) => name.startsWith('push'))).toEqual([
    'push:descriptions@chunk=0',
    'push:descriptions@chunk=1',
    'push:labels@chunk=0',
    'push:labels@chunk=1',
  ]);
  const summary = { published: 2, targets: 2, files: 12, rows: 30 };
  const datasets = [DESCRIPTIONS, LABELS].map((dataset) => ({ dataset, ...summary }));
  expect(first.end).toMatchObject({ datasets });
});

test('a second run has nothing to do, and starts neither a Hub nor a worker', async () => {
  // A server makes this folder anew when it begins.
  const before = statSync(rig.path('work/default/hub/tmp')).mtimeMs;
  const command = rig.start(['--reporter', 'plain']);
  const children = new Set<string>();
  const running = () => command.child.exitCode === null && command.child.signalCode === null;
  await until(() => {
    for (const { parent, command: line } of processes()) {
      if (parent === command.pid) children.add(line);
    }
    return !running();
  });
  const result = await command.ended;
  expect(result).toMatchObject({ code: 0, stderr: '' });
  expect(result.stdout).toMatch(/^Nothing to do/);
  expect([...children]).toEqual([]);
  expect(statSync(rig.path('work/default/hub/tmp')).mtimeMs).toBe(before);
});

test('all rows come back from the datasets as the SQL gives them', async () => {
  const dataset = await served();
  const files = `['{root}/made/*.parquet']`;
  for (const [name, table] of [
    [LABELS, 'labels'],
    [DESCRIPTIONS, 'descriptions'],
  ] as const) {
    const data = (await dataset(name).paths()).filter((path) => path.startsWith('data/'));
    for (const path of data) rig.write(`down/${table}/${path}`, await dataset(name).bytes(path));
    expect(data).toHaveLength(12);
    const wanted = await rig.rows(
      `SELECT id, language, label FROM read_parquet(${files}) WHERE kind = '${table}' ORDER BY ALL`,
    );
    const found = await rig.rows(`SELECT * FROM
      read_parquet('{root}/down/${table}/data/*/*.parquet', hive_partitioning = false)
      ORDER BY ALL`);
    expect(found).toEqual(wanted);
    expect(found).toHaveLength(30);
  }
});

test('each value is a subset of the card, and the first one is shown first', async () => {
  const dataset = await served();
  for (const [name, first] of [
    [LABELS, 'en'],
    [DESCRIPTIONS, 'de'],
  ] as const) {
    const card = await dataset(name).text('README.md');
    const head = parse(card.split('---\n')[1] ?? '');
    const subset = (value: string) => ({
      config_name: value,
      data_files: `data/language=${value}/*.parquet`,
      ...(value === first ? { default: true } : {}),
    });
    expect(head).toEqual({ configs: ['__null__', 'de', 'en', 'fr'].map(subset) });
    expect(card).toContain('| `language` | Utf8 |');
  }
});

test('the manifest of a group lists each of its files as it is in the dataset', async () => {
  const dataset = (await served())(LABELS);
  const digests = await dataset.digests();
  rig.write('down/manifest.parquet', await dataset.bytes('manifests/chunk-0.parquet'));
  const rows = await rig.rows(`SELECT * FROM read_parquet('{root}/down/manifest.parquet')`);
  expect(rows).toHaveLength(8);
  for (const row of rows) expect(digests[String(row['path'])]).toBe(row['sha256']);
  expect(rows[0]).toEqual({
    path: 'data/language=__null__/chunk_0-0.parquet',
    value: null,
    bytes: expect.stringMatching(/^\d+$/),
    rows: '2',
    min_id: 'Q14-0-0',
    max_id: 'Q6-0-0',
    sha256: digests['data/language=__null__/chunk_0-0.parquet'],
    producer: 'partition:labels@chunk_0-0',
    output: 'output',
    work_path: 'results/labels/language=__null__/chunk_0-0.parquet',
  });
});

test('what was published is freed, its records stay, and it is not made again', async () => {
  for (const folder of ['data', 'flat', 'results', 'tmp/scratch']) {
    expect(filesBelow(rig.path(`work/default/${folder}`))).toEqual([]);
  }
  expect(filesBelow(rig.path('work/default/audit'))).toHaveLength(6);
  const cleaned = first.events.filter(
    ({ type, step }) => type === 'target-done' && step === 'clean',
  );
  expect(cleaned.map((event) => 'bytesFreed' in event && Number(event.bytesFreed) > 3000)).toEqual([
    true,
    true,
  ]);
  expect(rig.read('work/default/state/chunk_0-0.jsonl')).toContain('"status":"released"');
  expect(rig.read('work/default/state/@chunk=0.jsonl')).toContain('"bytesFreed":');
  expect(await run()).toMatchObject({ code: 0, done: [], end: { nothingToDo: true } });
  expect(await run('--verify')).toMatchObject({ code: 0, done: [], end: { nothingToDo: true } });
  const status = await rig.command(['status', '--json']);
  expect(status.stdout).not.toMatch(/stale|pending/);
});

test('`hub ls` lists the repositories with their files, bytes and commits', async () => {
  const plain = await rig.command(['hub', 'ls']);
  expect(plain).toMatchObject({ code: 0, stderr: '' });
  expect(plain.stdout).toMatch(/^repository +files +bytes +commits +head/);
  expect(plain.stdout).toMatch(/things-labels +\d+ +[\d.]+ kB +\d+ +[0-9a-f]{12}/);
  const json = JSON.parse((await rig.command(['hub', 'ls', '--json'])).stdout);
  expect(json.repos.map(({ name }: { readonly name: string }) => name)).toHaveLength(3);
});

test('`hub serve` takes the port that it is given', async () => {
  const port = await freePort();
  const { command } = await serve('--port', String(port));
  expect(command.output().stdout).toContain(`http://127.0.0.1:${port}\n`);
  expect((await fetch(`http://127.0.0.1:${port}/api/whoami-v2`)).status).toBe(401);
  command.kill('SIGTERM');
  expect(await command.ended).toMatchObject({ code: 0, stderr: '' });
});

test('`hub serve` says so when the folder is served already, and by whom', async () => {
  const { command } = await serve();
  const second = await rig.command(['hub', 'serve']);
  expect(second.text).toContain(`pid ${command.pid}`);
  expect(second.text).not.toContain('internal error');
  expect(second.code).toBe(2);
});

test.for<[string, () => Promise<number>]>([
  ['is taken', takenPort],
  ['does not exist', async () => 99_999],
])('`hub serve` says so when the port %s', async ([, choosePort]) => {
  const port = await choosePort();
  const result = await rig.command(['hub', 'serve', '--port', String(port)]);
  expect(result.text).toContain(String(port));
  expect(result.text).not.toContain('internal error');
  expect(result.code).toBe(2);
});

test('a run uses the server that is there and leaves it running', async () => {
  const { command, url } = await serve();
  expect(await run('--force', 'post_check@chunk=1')).toMatchObject({
    code: 0,
    done: ['post_check:descriptions@chunk=1', 'post_check:labels@chunk=1'],
  });
  expect(command.child.exitCode).toBe(null);
  expect((await fetch(`${url}/api/whoami-v2`)).status).toBe(401);
});

test('the embedded Hub asks for its token, which only its user can read', async () => {
  expect(statSync(rig.path('work/default/hub/token')).mode & 0o777).toBe(0o600);
  const stranger = (await served())(LABELS).withToken('hf_wrong');
  await expect(stranger.paths()).rejects.toThrow(/credentials/);
});

test('seed files that change are the source from then on', async () => {
  rig.write(
    'seed/data/chunk_1-0.parquet',
    await sourceFile(rig, '1-0', `['en', 'de', 'sv', NULL]`),
  );
  rig.write('seed/data/chunk_2-0.parquet', await sourceFile(rig, '2-0'));
  const changed = await run();
  expect(changed).toMatchObject({ code: 0, failed: [] });
  expect(changed.done.filter((name) => /^(pull|push)/.test(name))).toEqual([
    'pull@chunk_1-0',
    'pull@chunk_2-0',
    ...['descriptions', 'labels'].flatMap((table) => [
      `push:${table}@chunk=1`,
      `push:${table}@chunk=2`,
    ]),
  ]);
  const paths = await (await served())(LABELS).paths();
  expect(paths.filter((path) => path.endsWith('chunk_1-0.parquet'))).toEqual([
    'data/language=__null__/chunk_1-0.parquet',
    'data/language=de/chunk_1-0.parquet',
    'data/language=en/chunk_1-0.parquet',
    'data/language=sv/chunk_1-0.parquet',
  ]);
});

test('the token of the embedded Hub is in no other file and in no output', async () => {
  outputs.push((await rig.command(['status', '--json'])).text);
  outputs.push((await rig.command(['log', 'push:labels@chunk=0'])).text);
  const token = rig.read('work/default/hub/token').trim();
  expect(token).toMatch(/^hf_/);
  expect(leaksOf(rig.root, [token], outputs)).toEqual([]);
});

async function listen(): Promise<{ server: Server; port: number }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return { server, port: typeof address === 'object' ? (address?.port ?? 0) : 0 };
}

async function takenPort(): Promise<number> {
  const { server, port } = await listen();
  onTestFinished(() => void server.close());
  return port;
}

async function freePort(): Promise<number> {
  const { server, port } = await listen();
  server.close();
  await once(server, 'close');
  return port;
}
