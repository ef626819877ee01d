// Killed in the middle of what concerns a Hub: the next run ends with the very datasets of a run
// that nobody disturbed, and nothing was freed that was not proven to be there.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Fault } from '../src/hub/server/fault.ts';
import {
  type Dataset,
  HubPipeline,
  hubPipeline,
  SEED,
  sourceFiles,
  TestHub,
} from './hub-pipeline-rig.ts';
import { type Command, filesBelow, runOf, until } from './rig.ts';

/** Nothing was run in the first; in the second all but publishing is done. */
let fresh: HubPipeline;
let prepared: HubPipeline;
let calm: Readonly<Record<string, string>>;
let owners = 0;
const open: HubPipeline[] = [];

beforeAll(async () => {
  fresh = await HubPipeline.start();
  prepared = fresh.copy();
  const calmRun = fresh.copy();
  open.push(prepared, calmRun);
  expect(await prepared.run('partition')).toMatchObject({ code: 0 });
  expect(await calmRun.run('--set', 'owner=calm')).toMatchObject({ code: 0 });
  calm = await fresh.hub.dataset('calm/things-labels').content();
});
afterEach(() => fresh.hub.fault());
afterAll(async () => {
  for (const pipeline of [fresh, ...open]) pipeline.close();
  await fresh.hub.close();
});

interface Disturbed {
  readonly pipeline: HubPipeline;
  readonly dataset: Dataset;
  readonly command: Command;
  readonly finish: () => Promise<void>;
}

/** A run that will get stuck at the faults. */
function disturb(
  from: HubPipeline,
  faults: (owner: string) => readonly Fault[] = () => [],
): Disturbed {
  const pipeline = from.copy();
  open.push(pipeline);
  owners += 1;
  const owner = `owner${owners}`;
  const dataset = pipeline.hub.dataset(`${owner}/things-labels`);
  pipeline.hub.fault(...faults(owner));
  const args = ['--reporter', 'ndjson', '--set', `owner=${owner}`];
  const finish = async () => {
    pipeline.hub.fault();
    const run = await pipeline.run('--set', `owner=${owner}`);
    expect(run, run.text).toMatchObject({ code: 0, failed: [] });
    expect(await dataset.content()).toEqual(calm);
    expect(await pipeline.run('--set', `owner=${owner}`)).toMatchObject({
      code: 0,
      end: { nothingToDo: true },
    });
    for (const folder of ['data', 'flat', 'results']) {
      expect(filesBelow(pipeline.rig.path(`work/default/${folder}`))).toEqual([]);
    }
    expect(pipeline.leaks()).toEqual([]);
  };
  return { pipeline, dataset, command: pipeline.start(args), finish };
}

async function kill(command: Command): Promise<void> {
  command.kill('SIGKILL');
  await command.ended;
}

function hasEvent(command: Command, type: string, target: string): boolean {
  const { events } = runOf({ code: null, signal: null, ...command.output() });
  return events.some((event) => event.type === type && event.target?.startsWith(target));
}

/** Result files of chunk 1, which has one source file and four values. */
function resultsOfChunk1({ rig }: HubPipeline): readonly string[] {
  return filesBelow(rig.path('work/default/results')).filter((path) => path.includes('chunk_1'));
}

test('in a pull: the download goes on where it was', async () => {
  const { pipeline, command, finish } = disturb(fresh, () => [
    { route: 'resolve', path: 'chunk_0-0', nth: 1, action: { kind: 'stall', afterBytes: 100 } },
  ]);
  const folder = pipeline.rig.path('work/default/tmp');
  const part = () => filesBelow(folder).find((path) => path.endsWith('.incomplete'));
  await until(() => part() !== undefined && statSync(join(folder, part() ?? '')).size === 100);
  await kill(command);
  expect(filesBelow(pipeline.rig.path('work/default/data'))).not.toContain('chunk_0-0.parquet');
  const { served } = pipeline.hub;
  const before = served.length;
  await finish();
  const again = served
    .slice(before)
    .filter(({ path, status }) => path.endsWith('data/chunk_0-0.parquet') && status !== undefined);
  expect(again.map(({ status }) => status)).toEqual([206]);
});

test.for([
  ['between the upload and the commit', 1, undefined, 0],
  ['after the commit, before its answer', 1, 0, 1],
  ['before the commit of the manifest', 2, undefined, 1],
  ['after the commit of the manifest, before its answer', 2, 0, 2],
] as const)('in a push, %s', async ([, nth, afterBytes, commits]) => {
  const { pipeline, dataset, command, finish } = disturb(prepared, (owner) => [
    {
      route: 'commit',
      path: owner,
      nth,
      action: afterBytes === undefined ? { kind: 'stall' } : { kind: 'stall', afterBytes },
    },
  ]);
  const made = async () => (await dataset.commits()).length - 1;
  await until(() => command.output().stdout.includes('"type":"target-progress"'));
  while ((await made().catch(() => -1)) < commits) await new Promise(setImmediate);
  await kill(command);
  expect(resultsOfChunk1(pipeline)).toHaveLength(4);
  await finish();
});

test('in a post_check', async () => {
  const { pipeline, command, finish } = disturb(prepared, (owner) => [
    { route: 'resolve', path: `${owner}/things-labels/resolve`, action: { kind: 'stall' } },
  ]);
  await until(() => hasEvent(command, 'target-started', 'post_check'));
  await kill(command);
  expect(resultsOfChunk1(pipeline)).toHaveLength(4);
  await finish();
});

test('in a clean', async () => {
  const { command, finish } = disturb(prepared);
  await until(() => hasEvent(command, 'target-started', 'clean'));
  await kill(command);
  await finish();
});

test('in a push to the embedded Hub, which ends with the run', async () => {
  const rig = hubPipeline({ hub: SEED });
  onTestFinished(() => rig.close());
  for (const [path, bytes] of Object.entries(await sourceFiles(rig))) {
    rig.write(`seed/${path}`, bytes);
  }
  const command = rig.start(['--reporter', 'ndjson']);
  await until(() => hasEvent(command, 'target-progress', 'push'));
  await kill(command);
  expect(await rig.run()).toMatchObject({ code: 0, failed: [] });
  const hub = await TestHub.start(rig.path('work/default/hub'));
  onTestFinished(() => hub.close());
  expect(await hub.dataset('local/things-labels').content()).toEqual(calm);
});
