// Histories that once left files behind, or had a replaced result called fresh: each is short, and
// was found by the simulation.
import { expect, test } from 'vitest';
import { KEEP_ALL } from './fake-disk.ts';
import { expectTargets } from './simulation-model.ts';
import type { OutputSketch, Project, StepSketch } from './simulation-pipeline.ts';
import { Random } from './simulation-random.ts';
import type { RunReport } from './simulation-report.ts';
import { PLAIN_RUN, type RunRequest, World } from './simulation-world.ts';

const WORK = '/simulated/work';

function step(name: string, changes: Partial<StepSketch> = {}): StepSketch {
  return {
    name,
    kind: 'run',
    each: { kind: 'file', source: 'main' },
    needs: [],
    hasMatrix: false,
    meaning: 0,
    form: 0,
    isLossy: false,
    hasVersion: false,
    importsShared: false,
    uses: [],
    mode: 0,
    interval: 0,
    outputs: [output('d0')],
    releases: [],
    acceptsReleased: false,
    readsExtra: false,
    countsEngine: false,
    retries: 0,
    cpu: 1,
    publishes: false,
    ...changes,
  };
}

function output(folder: string, kind: OutputSketch['kind'] = 'plain'): OutputSketch {
  return { name: 'o0', kind, folder, style: 0 };
}

function world(steps: readonly StepSketch[], seed = 1): World {
  const project: Project = {
    sources: [{ name: 'main', files: new Map([['c0-1.txt', 'one']]), batch: undefined }],
    steps: [...steps],
    values: new Map([['x', 1]]),
    scale: 1,
    shared: 1,
    engine: 1,
    extra: '',
  };
  return new World(project, { random: new Random(seed), work: WORK });
}

function run(of: World, changes: Partial<RunRequest> = {}): Promise<RunReport> {
  of.place();
  return of.run({ ...PLAIN_RUN, choose: KEEP_ALL, ...changes });
}

/** Dies at the `at`-th such call, which still takes effect. */
function killed(call: 'rename' | 'remove', at: number): Partial<RunRequest> {
  return { crash: { call, at, effect: 'all' } };
}

/** Expects that everything is done and nothing else lies in the work folder. */
function expectResults(of: World): void {
  const expected = [...expectTargets(of.project, of.plan()).values()];
  const wanted = expected.flatMap(({ files }) => files.map(({ path }) => path)).sort();
  const lying = of.fs
    .files()
    .filter((path) => path.startsWith(WORK))
    .map((path) => path.slice(WORK.length + 1))
    .filter((path) => !/^(state|audit|logs)\//.test(path));
  expect(lying).toEqual(wanted);
  for (const { files } of expected) {
    for (const { path, content } of files) expect(of.fs.text(`${WORK}/${path}`)).toBe(content);
  }
}

test('what a killed publication put in place is removed when the target makes its file elsewhere', async () => {
  const one = step('one');
  const it = world([one]);
  await run(it, killed('rename', 1));
  expect(it.fs.text(`${WORK}/d0/c0-1.txt`)).toBeDefined();
  one.outputs = [output('d1')];
  await run(it);
  expectResults(it);
});

test('a manifest in place without its trace still tells what to remove', async () => {
  const one = step('one', { outputs: [output('d0', 'glob')] });
  const it = world([one]);
  // Renames: the list as `.next`, the files, the list in its place. Then the stage is removed.
  await run(it, killed('remove', 1));
  expect(it.fs.text(`${WORK}/audit/one/c0-1.parquet`)).toBeDefined();
  one.outputs = [output('d1', 'glob')];
  await run(it);
  expectResults(it);
});

test('a second killed publication does not lose the list of the first', async () => {
  const one = step('one', { outputs: [output('d0', 'glob')] });
  const it = world([one]);
  await run(it, killed('rename', 2));
  one.outputs = [output('d1', 'glob')];
  await run(it, killed('rename', 1));
  await run(it);
  expectResults(it);
});

test('a result whose place another target took meanwhile is made again when an edit is undone', async () => {
  const one = step('one');
  const two = step('two', { needs: ['one'], outputs: [output('d1')] });
  const it = world([one, two]);
  await run(it);
  one.outputs = [output('d1')];
  two.outputs = [output('d2')];
  const { done } = await run(it, { words: ['one'] });
  expect([...done]).toEqual(['one@c0-1']);
  one.outputs = [output('d0')];
  two.outputs = [output('d1')];
  await run(it);
  expectResults(it);
});

test('a step that was renamed, changed, and renamed back is made again', async () => {
  const one = step('one');
  const it = world([one]);
  await run(it);
  one.name = 'other';
  one.meaning = 1;
  await run(it);
  one.name = 'one';
  one.meaning = 0;
  await run(it);
  expectResults(it);
});

test('what a renamed step had in its place and it has not any more is removed', async () => {
  const one = step('one', { outputs: [output('d0', 'glob')] });
  const it = world([one]);
  await run(it);
  one.name = 'other';
  one.meaning = 1;
  await run(it);
  expectResults(it);
});

test('a file that becomes the result of another target in that very moment is not removed', async () => {
  // The heir has nothing to remove, and with some seeds both wait for the same sync of the journals.
  for (let seed = 1; seed <= 60; seed += 1) {
    const one = step('one', { outputs: [output('d0', 'glob')] });
    const it = world([one], seed);
    await run(it);
    one.outputs = [output('d1', 'glob')];
    it.project.steps.push(step('heir', { outputs: [output('d0', 'glob')] }));
    await run(it, { cpu: 2 });
    expectResults(it);
  }
});

test('a checkpoint of a source that changed meanwhile is not gone on from', async () => {
  // With some seeds the first attempt saves a position before the write, and fails after it.
  for (let seed = 1; seed <= 60; seed += 1) {
    const it = world([step('one', { kind: 'task', retries: 1 })], seed);
    let attempts = 0;
    await run(it, {
      meanwhile: [{ kind: 'write', afterMs: 60, pick: 0, content: 'two' }],
      troubleOf: () => {
        attempts += 1;
        return attempts > 1 ? undefined : { kind: 'fails', mayPass: true, when: 'staged' };
      },
    });
    await run(it);
    expectResults(it);
  }
});
