// Everything that may go wrong while a group is published: what passes leaves the dataset as an
// undisturbed run does, with no commit twice; what does not pass says what to do.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Fault, FaultAction } from '../src/hub/server/fault.ts';
import { type Dataset, HubPipeline, TestHub } from './hub-pipeline-rig.ts';
import { type Command, PROJECT, type Run, runOf } from './rig.ts';

/** All but publishing is done here; tests work in copies, each with an owner of its own. */
let prepared: HubPipeline;
let calm: Readonly<Record<string, string>>;
/** Takes half a minute to give up, while the other tests run. */
let withoutHub: { readonly pipeline: HubPipeline; readonly command: Command };
let owners = 0;
const open: HubPipeline[] = [];

beforeAll(async () => {
  prepared = await HubPipeline.start();
  expect(await prepared.run('partition')).toMatchObject({ code: 0 });
  withoutHub = await startWithoutHub();
  const { run, dataset } = await publish();
  expect(run.code).toBe(0);
  calm = await dataset.content();
});
afterEach(() => prepared.hub.fault());
afterAll(async () => {
  for (const pipeline of [prepared, ...open]) pipeline.close();
  await prepared.hub.close();
});

async function startWithoutHub(): Promise<typeof withoutHub> {
  const pipeline = prepared.copy();
  open.push(pipeline);
  const gone = await TestHub.start();
  await gone.close();
  const task = `${PROJECT}/tasks/push.ts`;
  pipeline.rig.edit('pipeline.yaml', task, `${task}\n    hub: { endpoint: "${gone.url}" }`);
  return { pipeline, command: pipeline.start(['--reporter', 'ndjson', 'push']) };
}

interface Published {
  readonly pipeline: HubPipeline;
  readonly run: Run;
  readonly dataset: Dataset;
  readonly again: () => Promise<Run>;
}

interface Disturbed {
  readonly faults?: readonly Fault[];
  readonly env?: NodeJS.ProcessEnv;
  readonly args?: readonly string[];
  readonly before?: (dataset: Dataset) => Promise<void>;
}

async function publish({
  faults = [],
  env = {},
  args = [],
  before,
}: Disturbed = {}): Promise<Published> {
  const pipeline = prepared.copy();
  open.push(pipeline);
  owners += 1;
  const owner = `owner${owners}`;
  const dataset = pipeline.hub.dataset(`${owner}/things-labels`);
  await before?.(dataset);
  pipeline.hub.fault(...faults);
  const set = ['--set', `owner=${owner}`];
  const run = await pipeline.runIn(env, ...set, ...args);
  return { pipeline, run, dataset, again: () => pipeline.run(...set) };
}

const answer = (status: number, headers: Readonly<Record<string, string>> = {}): FaultAction => ({
  kind: 'answer',
  status,
  headers,
});
const html = (status: number): FaultAction => ({
  kind: 'answer',
  status,
  body: '<html><body>Bad gateway</body></html>',
});
const reset = (when: 'before' | 'after'): FaultAction => ({ kind: 'reset', when });

const COMMITS = [
  'chunk-0: files 1 to 8 of 8',
  'chunk-0: manifest and card',
  'chunk-1: files 1 to 4 of 4',
  'chunk-1: manifest and card',
  'initial commit',
];

test.for<[string, ...Fault[]]>([
  [
    '429, 500 and pages of a proxy',
    { route: 'create-repo', nth: 1, action: answer(409) },
    { route: 'repo-info', nth: 1, action: html(200) },
    { route: 'paths-info', nth: 1, action: answer(429, { RateLimit: '"api";r=0;t=0' }) },
    { route: 'paths-info', nth: 3, action: html(503) },
    { route: 'preupload', nth: [1, 2], action: answer(500) },
    { route: 'upload', nth: 1, action: reset('before') },
  ],
  [
    '429, 500 and a page of a proxy for commits',
    { route: 'commit', nth: 1, action: answer(429, { 'Retry-After': '0' }) },
    { route: 'commit', nth: 2, action: answer(500) },
    { route: 'commit', nth: 4, action: html(502) },
  ],
  ['a connection lost before a commit', { route: 'commit', nth: [1, 4], action: reset('before') }],
  ['a lost answer to a commit', { route: 'commit', nth: [1, 3, 5], action: reset('after') }],
])('%s passes: every file is there, and no commit is lost or made twice', async ([, ...faults]) => {
  // Somebody made the repository already.
  const { pipeline, run, dataset } = await publish({ faults, before: (set) => set.create() });
  expect(run, run.text).toMatchObject({ code: 0, failed: [] });
  expect(await dataset.content()).toEqual(calm);
  expect([...(await dataset.commits())].sort()).toEqual(COMMITS);
  expect(pipeline.leaks()).toEqual([]);
});

test.for([413, 504])('%d for a commit sends its files in two of half the size', async (status) => {
  const faults: Fault[] = [{ route: 'commit', nth: 1, action: answer(status) }];
  const { run, dataset } = await publish({ faults, args: ['@chunk=0'] });
  expect(run, run.text).toMatchObject({ code: 0, failed: [] });
  expect([...(await dataset.commits())].reverse()).toEqual([
    'initial commit',
    'chunk-0: files 1 to 4 of 8',
    'chunk-0: files 5 to 8 of 8',
    'chunk-0: manifest and card',
  ]);
});

interface Refused {
  readonly name: string;
  readonly faults?: readonly Fault[];
  readonly token?: string;
  readonly code: string;
  readonly says: RegExp;
}

const WRONG = 'hf_wrongwrongwrongwrongwrongwrong';

test.for<Refused>([
  { name: 'a wrong token', token: WRONG, code: 'hub-denied', says: /HF_TOKEN.*HF_HOME/ },
  { name: 'a token that is none', token: 'my-secret', code: 'hub-denied', says: /HF_TOKEN.*hf_/ },
  { name: 'no token', token: '', code: 'hub-denied', says: /HF_TOKEN.*log in/ },
  {
    name: '403 for a new repository',
    faults: [{ route: 'create-repo', action: answer(403) }],
    code: 'hub-denied',
    says: /write token/,
  },
  {
    name: '403 for a commit',
    faults: [{ route: 'commit', action: answer(403) }],
    code: 'hub-denied',
    says: /write token/,
  },
  {
    name: '401 for a repository that is there',
    faults: [{ route: 'repo-info', action: answer(401) }],
    code: 'hub-denied',
    says: /HF_TOKEN/,
  },
  {
    name: '413 for every commit',
    faults: [{ route: 'commit', action: answer(413) }],
    code: 'hub-rejected',
    says: /413/,
  },
])('$name fails the push at once and says what to do', async (refused) => {
  const { faults = [], token, code, says } = refused;
  const env = token === undefined ? {} : { HF_TOKEN: token };
  const { pipeline, run } = await publish({ faults, env, args: ['@chunk=1'] });
  expect(run.code, run.text).toBe(1);
  const [failed, ...more] = run.events.filter(({ type }) => type === 'target-failed');
  expect(more).toEqual([]);
  expect(failed).toMatchObject({ target: 'push:labels@chunk=1', failure: { code } });
  expect(`${failed?.failure.message} ${failed?.failure.hint}`).toMatch(says);
  expect(run.end?.steps.slice(4).map(({ blocked }) => blocked)).toEqual([1, 1]);
  expect(pipeline.leaks(WRONG, 'my-secret')).toEqual([]);
});

test('after a push that failed half-way the next run sends only what is missing', async () => {
  const faults: Fault[] = [{ route: 'commit', nth: 2, action: answer(403) }];
  const { pipeline, run, dataset, again } = await publish({ faults, args: ['@chunk=0'] });
  expect(run).toMatchObject({ code: 1, failed: ['push:labels@chunk=0'] });
  pipeline.hub.fault();
  expect(await again()).toMatchObject({ code: 0, failed: [] });
  expect(await dataset.content()).toEqual(calm);
  expect([...(await dataset.commits())].sort()).toEqual(COMMITS);
});

test('a Hub that is down fails the push after some patience, and says so', async () => {
  const { pipeline, command } = withoutHub;
  const run = runOf(await command.ended);
  expect(run.code, run.text).toBe(1);
  expect(run.failed).toEqual(['push:labels@chunk=0', 'push:labels@chunk=1']);
  for (const { type, failure } of run.events) {
    if (type !== 'target-failed') continue;
    expect(failure).toMatchObject({ code: 'hub-unavailable', mayPass: true });
    expect(failure.message).toContain('ECONNREFUSED');
    expect(failure.hint).toContain('check the network and the endpoint');
  }
  expect(pipeline.leaks()).toEqual([]);
});
