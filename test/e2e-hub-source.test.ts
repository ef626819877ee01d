// A source on a Hub that misbehaves: what passes ends with the listed bytes, what does not pass
// says what to do, and nothing wrong is ever shown as a file or written outside.
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Fault, FaultAction } from '../src/hub/server/fault.ts';
import { HubPipeline, SOURCE, TestHub } from './hub-pipeline-rig.ts';
import { type Command, filesBelow, until } from './rig.ts';

let shared: HubPipeline;
/** Takes half a minute to give up, while the other tests run. */
let withoutHub: { readonly pipeline: HubPipeline; readonly command: Command };
const open: HubPipeline[] = [];

beforeAll(async () => {
  shared = await HubPipeline.start();
  const gone = await TestHub.start();
  await gone.close();
  const pipeline = fresh();
  pipeline.rig.edit('pipeline.yaml', shared.hub.url, gone.url);
  withoutHub = { pipeline, command: pipeline.start(['--reporter', 'plain', 'pull']) };
});
afterEach(() => shared.hub.fault());
afterAll(async () => {
  for (const pipeline of [shared, ...open]) pipeline.close();
  await shared.hub.close();
});

/** Nothing was run yet. */
function fresh(...faults: readonly Fault[]): HubPipeline {
  const pipeline = shared.copy();
  open.push(pipeline);
  pipeline.hub.fault(...faults);
  return pipeline;
}

/** A dataset of its own, for a test that changes it. */
async function own(): Promise<HubPipeline> {
  const pipeline = await HubPipeline.start();
  onTestFinished(async () => {
    pipeline.close();
    await pipeline.hub.close();
  });
  return pipeline;
}

function pulled({ rig }: HubPipeline): Readonly<Record<string, string>> {
  const results = Object.entries(rig.results()).map(([path, digest]) => [path, digest] as const);
  return Object.fromEntries(results.filter(([path]) => path.startsWith('data/')));
}

async function wanted(): Promise<Readonly<Record<string, string>>> {
  return shared.hub.dataset(SOURCE).digests();
}

function answer(status: number, body: unknown = '', headers = {}): FaultAction {
  return { kind: 'answer', status, headers, ...(body === '' ? {} : { body }) };
}
const page = '<html><body>Bad gateway</body></html>';
const ONE = { route: 'resolve', path: 'chunk_0-0' } as const;

test.for<[string, ...Fault[]]>([
  [
    'a listing after 500, 503 and pages of a proxy',
    { route: 'repo-info', nth: 1, action: answer(500) },
    { route: 'tree', nth: 1, action: answer(503, page) },
    { route: 'tree', nth: 2, action: answer(200, page) },
  ],
  [
    'a download that breaks off, is slow to come, or stops being known',
    { ...ONE, nth: 1, action: { kind: 'truncate', afterBytes: 100 } },
    { ...ONE, nth: 2, action: { kind: 'reset', when: 'before' } },
    { route: 'resolve', path: 'chunk_0-1', nth: 1, action: answer(503, page) },
  ],
  ['wrong bytes, once', { ...ONE, nth: 1, action: { kind: 'wrong-bytes', at: 500 } }],
  [
    'a server without ranges',
    { ...ONE, nth: 1, action: { kind: 'truncate', afterBytes: 100 } },
    { ...ONE, nth: 2, action: { kind: 'ignore-range' } },
  ],
])('%s: the files are those that were listed', async ([, ...faults]) => {
  const pipeline = fresh(...faults);
  expect(await pipeline.run('pull')).toMatchObject({ code: 0, failed: [] });
  expect(pulled(pipeline)).toEqual(await wanted());
  expect(pipeline.leaks()).toEqual([]);
});

test('bytes that stay wrong fail the pull, and nothing of them is shown', async () => {
  const pipeline = fresh({ ...ONE, action: { kind: 'wrong-bytes', at: 500 } });
  const run = await pipeline.run('pull');
  expect(run).toMatchObject({ code: 1, failed: ['pull@chunk_0-0'] });
  const failed = run.events.find(({ type }) => type === 'target-failed');
  expect(failed?.failure).toMatchObject({ code: 'integrity', mayPass: false });
  expect(failed?.failure.message).toContain('data/chunk_0-0.parquet');
  expect(Object.keys(pulled(pipeline))).toEqual([
    'data/chunk_0-1.parquet',
    'data/chunk_1-0.parquet',
  ]);
  pipeline.hub.fault();
  expect((await pipeline.run('pull')).done).toEqual(['pull@chunk_0-0']);
  expect(pulled(pipeline)).toEqual(await wanted());
});

interface Refused {
  readonly name: string;
  readonly faults?: readonly Fault[];
  readonly env?: NodeJS.ProcessEnv;
  readonly dataset?: string;
  readonly says: readonly RegExp[];
}

const WRONG = 'hf_wrongwrongwrongwrongwrongwrong';
const DENIED = [/HF_TOKEN/, /HF_HOME/];

test.for<Refused>([
  { name: 'a wrong token', env: { HF_TOKEN: WRONG }, says: [/401/, ...DENIED] },
  { name: 'a token that is none', env: { HF_TOKEN: 'my-secret' }, says: [/HF_TOKEN/, /hf_/] },
  { name: 'no token', env: { HF_TOKEN: '' }, says: [/401/, ...DENIED] },
  {
    name: '403',
    faults: [{ route: 'repo-info', action: answer(403) }],
    says: [/403/, /the token may not/],
  },
  { name: 'a dataset that is not there', dataset: 'someone/nothing', says: [/someone\/nothing/] },
  {
    name: '404 from something that is no Hub',
    faults: [{ route: 'repo-info', action: answer(404, page) }],
    says: [/404/, /endpoint/],
  },
])('$name ends the listing, says what to do, and is no mistake of the program', async (refused) => {
  const { faults = [], env = {}, dataset = SOURCE, says, name } = refused;
  const pipeline = fresh(...faults);
  pipeline.rig.edit('pipeline.yaml', SOURCE, dataset);
  const result = await pipeline.command(['--reporter', 'plain'], env);
  for (const text of says) expect(result.text).toMatch(text);
  if (!name.includes('not there')) expect(result.text).not.toContain('there is no dataset');
  expect(result.text).not.toMatch(/internal error|\n {4}at /);
  expect([1, 2]).toContain(result.code);
  expect(pipeline.leaks(WRONG, 'my-secret')).toEqual([]);
});

test.for([
  ['leads out of its folder', 'data/../../../chunk_0-9.parquet'],
  ['is absolute', '/chunk_0-9.parquet'],
  ['is absolute in a folder of its own', '{root}/outside/chunk_0-9.parquet'],
  ['holds a backslash', 'data\\..\\chunk_0-9.parquet'],
])('a listing with a path that %s is refused, and nothing is written', async ([, path = '']) => {
  const pipeline = fresh();
  const { rig } = pipeline;
  const name = path.replace('{root}', rig.root);
  const oid = 'a'.repeat(64);
  const entry = { type: 'file', path: name, size: 10, oid: 'b'.repeat(40), lfs: { oid, size: 10 } };
  pipeline.hub.fault({ route: 'tree', action: answer(200, [entry]) });
  rig.edit('pipeline.yaml', '"data/chunk_*.parquet"', '"**/*.parquet"');
  const result = await pipeline.command(['--reporter', 'plain']);
  expect(result.code, result.text).toBe(2);
  expect(result.text).toMatch(/would leave its folder|Nothing|no files/);
  expect(result.text).not.toContain('internal error');
  expect(filesBelow(rig.root).filter((file) => file.includes('chunk_0-9'))).toEqual([]);
});

test('a source that changes after its listing is still read as it was listed', async () => {
  const pipeline = await own();
  const source = pipeline.hub.dataset(SOURCE);
  const before = await source.digests();
  expect((await pipeline.command(['refresh'])).stdout).toMatch(
    /someone\/things at \w{12}: 3 files/,
  );
  await source.put({ 'data/chunk_0-0.parquet': 'other', 'data/chunk_0-1.parquet': undefined });
  expect((await pipeline.run('pull')).done).toHaveLength(3);
  expect(pulled(pipeline)).toEqual(before);
});

test('a source file that vanished from the Hub fails its pull alone, and says to refresh', async () => {
  const gone = answer(404, { error: 'Entry not found' }, { 'X-Error-Code': 'EntryNotFound' });
  const pipeline = fresh({ ...ONE, action: gone });
  const run = await pipeline.run('pull');
  expect(run).toMatchObject({ code: 1, failed: ['pull@chunk_0-0'] });
  expect(run.done).toEqual(['pull@chunk_0-1', 'pull@chunk_1-0']);
  const failed = run.events.find(({ type }) => type === 'target-failed');
  expect(failed?.failure).toMatchObject({ code: 'hub-missing', mayPass: false });
  expect(failed?.failure.hint).toContain('not in the repository');
});

test('a second run over the same work folder is refused while the first one runs', async () => {
  const pipeline = fresh({ ...ONE, nth: 1, action: { kind: 'stall', afterBytes: 100 } });
  const command = pipeline.start(['--reporter', 'ndjson', 'pull']);
  await until(() => command.output().stdout.includes('"target-progress"'));
  const second = await pipeline.command(['--reporter', 'plain']);
  expect(second.code, second.text).toBe(2);
  expect(second.text).toContain(`pid ${command.pid}`);
  command.kill('SIGINT');
  await until(() => command.output().stdout.includes('"draining"'));
  command.kill('SIGINT');
  expect((await command.ended).code).toBe(130);
  expect(await pipeline.run('pull')).toMatchObject({ code: 0 });
  expect(pulled(pipeline)).toEqual(await wanted());
});

test('Ctrl-C during the listing ends the run as one that was interrupted', async () => {
  const pipeline = fresh({ route: 'repo-info', action: { kind: 'answer', status: 503 } });
  const { served } = shared.hub;
  const before = served.length;
  const command = pipeline.start(['--reporter', 'plain']);
  // Others may still be answered: only the new run meets the fault.
  await until(() => served.slice(before).some(({ status }) => status === 503));
  command.kill('SIGINT');
  const result = await command.ended;
  expect(result.text).not.toContain('internal error');
  expect(result.code).toBe(130);
});

test('a Hub that is down ends the listing after some patience, and says so', async () => {
  const { pipeline, command } = withoutHub;
  const result = await command.ended;
  expect(result.text).toContain('ECONNREFUSED');
  expect(result.text).toContain('check the network and the endpoint');
  expect(result.text).not.toMatch(/internal error|\n {4}at /);
  expect([1, 2]).toContain(result.code);
  expect(filesBelow(pipeline.rig.path('work/default/data'))).toEqual([]);
});
