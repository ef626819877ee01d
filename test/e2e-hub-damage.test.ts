// What happens to a dataset behind the runner's back, and two who publish to one dataset.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Fault } from '../src/hub/server/fault.ts';
import { type Dataset, HubPipeline } from './hub-pipeline-rig.ts';
import type { Run } from './rig.ts';

const EN = 'data/language=en/chunk_0-0.parquet';

/** All but publishing is done in the first; the second has published and freed everything. */
let prepared: HubPipeline;
let published: HubPipeline;
let dataset: Dataset;
let calm: Readonly<Record<string, string>>;
const open: HubPipeline[] = [];

beforeAll(async () => {
  prepared = await HubPipeline.start();
  expect(await prepared.run('partition')).toMatchObject({ code: 0 });
  published = prepared.copy();
  open.push(published);
  expect(await published.run()).toMatchObject({ code: 0 });
  dataset = published.hub.dataset('local/things-labels');
  calm = await dataset.content();
});
afterEach(() => prepared.hub.fault());
afterAll(async () => {
  for (const pipeline of [prepared, ...open]) pipeline.close();
  await prepared.hub.close();
});

/** The work folder as it was before publishing, with the results still there. */
function again(): HubPipeline {
  const pipeline = prepared.copy();
  open.push(pipeline);
  return pipeline;
}

/** The Hub's answer about files at the commit that was published, with one of them damaged. */
async function damagedAnswer(pipeline: HubPipeline, group: string): Promise<Fault> {
  const { hub, rig } = pipeline;
  const record = JSON.parse(rig.read(`work/default/published/labels/${group}.json`));
  const url = `${hub.url}/api/datasets/${record.dataset}/paths-info/${record.commit}`;
  const paths = Object.keys(calm);
  const answer = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${hub.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ paths }),
  });
  const text = (await answer.text()).replaceAll(calm[EN] ?? '', 'f'.repeat(64));
  const body: unknown = JSON.parse(text);
  return { route: 'paths-info', nth: 1, action: { kind: 'answer', status: 200, body } };
}

function messageOf(run: Run): string {
  return run.events.find(({ type }) => type === 'target-failed')?.failure.message ?? '';
}

test('a file that is damaged in the dataset fails the check by name, and is sent again', async () => {
  const fault = await damagedAnswer(published, 'chunk-0');
  await dataset.put({ [EN]: 'damaged' });
  const commits = (await dataset.commits()).length;
  published.hub.fault(fault);
  const checked = await published.run('--force', 'post_check@chunk=0');
  expect(checked).toMatchObject({ code: 1, failed: ['post_check:labels@chunk=0'] });
  expect(messageOf(checked)).toContain(EN);
  published.hub.fault();
  // Its local copy was freed, which the push finds out: it names what has to be made again.
  const found = await published.run();
  expect(found).toMatchObject({ code: 1, failed: ['push:labels@chunk=0'] });
  expect(messageOf(found)).toContain(EN);
  const repaired = await published.run();
  expect(repaired, repaired.text).toMatchObject({ code: 0, failed: [] });
  expect(repaired.done).toEqual([
    'clean@chunk=0',
    'partition:labels@chunk_0-0',
    'post_check:labels@chunk=0',
    'process:labels@chunk_0-0',
    'pull@chunk_0-0',
    'push:labels@chunk=0',
  ]);
  expect(await dataset.content()).toEqual(calm);
  expect((await dataset.commits()).length).toBe(commits + 1);
});

test('while the results are there, a forced push sends just what was damaged', async () => {
  const pipeline = again();
  expect(await pipeline.run('post_check')).toMatchObject({ code: 0 });
  await dataset.put({ [EN]: 'damaged' });
  const commits = (await dataset.commits()).length;
  expect(await pipeline.run('--force', 'push@chunk=0')).toMatchObject({ code: 0, failed: [] });
  expect(await dataset.content()).toEqual(calm);
  const titles = await dataset.commits();
  expect(titles.slice(0, titles.length - commits)).toEqual(['chunk-0: files 1 to 1 of 1']);
  expect(await pipeline.run('post_check')).toMatchObject({ code: 0, failed: [] });
});

test('a footer that cannot be read fails the check by name, and the next run looks again', async () => {
  const pipeline = again();
  expect(await pipeline.run('post_check')).toMatchObject({ code: 0 });
  const bytes = (await dataset.bytes(EN)).length;
  const path = encodeURI(EN).replace('=', '%3D');
  const action = { kind: 'wrong-bytes', at: bytes - 1 } as const;
  pipeline.hub.fault({ route: 'resolve', path, action });
  const checked = await pipeline.run('--force', 'post_check@chunk=0');
  expect(checked).toMatchObject({ code: 1, failed: ['post_check:labels@chunk=0'] });
  expect(messageOf(checked)).toContain(EN);
  pipeline.hub.fault();
  const commits = await dataset.commits();
  const next = await pipeline.run('post_check');
  expect(next).toMatchObject({ code: 0, failed: [] });
  expect(next.done).toEqual(['post_check:labels@chunk=0', 'push:labels@chunk=0']);
  expect(await dataset.commits()).toEqual(commits);
});

test('a file that somebody deleted in the dataset is sent again by a forced push', async () => {
  const pipeline = again();
  await dataset.put({ [EN]: undefined });
  expect(await pipeline.run('push@chunk=0')).toMatchObject({ code: 0, failed: [] });
  expect(await dataset.content()).toEqual(calm);
});

test('two work folders publish different chunks of one dataset at once, and both are complete', async () => {
  const [one, two] = [again(), again()];
  const runs = await Promise.all([
    one.run('--set', 'owner=both', '@chunk=0'),
    two.run('--set', 'owner=both', '@chunk=1'),
  ]);
  for (const run of runs) expect(run, run.text).toMatchObject({ code: 0, failed: [] });
  const both = one.hub.dataset('both/things-labels');
  expect(await both.content()).toEqual(calm);
  expect([...(await both.commits())].sort()).toEqual([
    'chunk-0: files 1 to 8 of 8',
    'chunk-0: manifest and card',
    'chunk-1: files 1 to 4 of 4',
    'chunk-1: manifest and card',
    'initial commit',
  ]);
});
