// The real command line, when nothing is to do: the second time it loads next to nothing and writes
// nothing, and every change that a run would see makes it look properly again.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HubPipeline } from './hub-pipeline-rig.ts';
import { type Command, PROJECT, Rig } from './rig.ts';

const STATE = 'work/default/state';

const MORE_STEPS = `  gather: { needs: partition, each: batch, run: "cat {input} | sha256sum > {output}", outputs: "gathered/{key}.txt" }
  clean: { needs: process, each: file, release: [pull] }
  tell: { run: "echo {factor} > {output}", outputs: told.txt }
profiles:
  other: { vars: { factor: 3 } }
`;

let base: Rig;
let rig: Rig;
let spy: string;

beforeAll(async () => {
  base = await Rig.small();
  base.write('tasks/part.ts', 'export const part = 1;\n');
  base.edit('tasks/copy.ts', 'export default', "import './part.ts';\nexport default");
  base.write('lookup.txt', 'a');
  base.edit(
    'pipeline.yaml',
    'outputs: total.txt',
    'outputs: total.txt\n    inputs: { names: lookup.txt }',
  );
  base.edit(
    'pipeline.yaml',
    'chunk_{chunk}-{part}.parquet" }',
    'chunk_{chunk}-{part}.parquet", groups: { batch: { files: 2 } } }',
  );
  base.write('pipeline.yaml', `${base.read('pipeline.yaml')}${MORE_STEPS}`);
  await base.ran();
  rig = base.copy();
  spy = spyIn(base);
});
afterAll(() => {
  base.close();
  rig.close();
});

/** As after the first run, whatever a test did, and once found to have nothing to do. */
async function settle(...args: readonly string[]): Promise<void> {
  for (const name of readdirSync(rig.root)) rmSync(rig.path(name), { recursive: true });
  execFileSync('cp', ['-a', `${base.root}/.`, rig.root]);
  await rig.plain(...args);
}

type Start = (args: readonly string[], env: Record<string, string>) => Command;

/** Tells when a command loads more than it takes to look. */
function spyIn(into: Rig): string {
  return into.write(
    'spy.mjs',
    `import { registerHooks } from 'node:module';
     registerHooks({ load(url, context, next) {
       if (url.endsWith('program.ts')) process.stderr.write('PROGRAM\\n');
       return next(url, context);
     } });`,
  );
}

/** What a call says, and whether it said so at a glance. */
async function call(
  args: readonly string[] = [],
  start: Start = (words, env) => rig.start(words, { env }),
): Promise<{ text: string; isGlance: boolean }> {
  const env = { NODE_OPTIONS: `--import=file://${spy}` };
  const { text } = await start(['--reporter', 'plain', ...args], env).ended;
  return { text: text.replace('PROGRAM\n', ''), isGlance: !text.includes('PROGRAM') };
}

test('the second time nothing is loaded, locked or written', async () => {
  await settle();
  const written = () =>
    execFileSync('find', [
      rig.path('work/default'),
      '-newer',
      rig.path('mark'),
      '-type',
      'f',
    ]).toString();
  await call();
  rig.write('mark', '');
  const { text, isGlance } = await call();
  expect(isGlance).toBe(true);
  expect(text).toMatch(/^Nothing to do: 18 targets are up to date \(.*s\)\.\n$/);
  expect(await call(['-n'])).toEqual({
    text: 'Nothing to do: 18 targets are up to date.\n',
    isGlance: true,
  });
  expect(written()).toBe('');
});

const CHANGES: Readonly<Record<string, () => Promise<void> | void>> = {
  'the SQL is another': () => rig.edit('tasks/process.sql', 'n * $factor', 'n + $factor'),
  'what a task imports is another': () => {
    rig.write('tasks/part.ts', 'export const part = 2;\n');
  },
  'a variable is another': () => rig.edit('pipeline.yaml', 'factor: 2', 'factor: 3'),
  'a step is new': () => {
    rig.write('pipeline.yaml', `${rig.read('pipeline.yaml')}`.replace('  tell:', '  say:'));
  },
  'a source file joins': () => rig.source('0-2'),
  'a source file leaves': () => rig.remove('data/chunk_0-1.parquet'),
  'a source file has other rows': () => rig.source('0-0', "SELECT '' AS id, 'en' AS lang, 2 AS n"),
  'a source file is touched': () => {
    utimesSync(rig.path('data/chunk_0-0.parquet'), 1, 1);
  },
  'an input is another': () => {
    rig.write('lookup.txt', 'b');
  },
  'an output is deleted': () => rig.remove('work/default/flat/chunk_0-1.parquet'),
  'a part of a split output is deleted': () =>
    rig.remove('work/default/results/lang=en/chunk_1-0.parquet'),
  'a folder of outputs is deleted': () => rig.remove('work/default/merged'),
  'a manifest is deleted': () => rig.remove('work/default/audit'),
  'a released file is there again': () => {
    rig.write('work/default/data/chunk_0-0.parquet', rig.read('data/chunk_0-0.parquet'));
  },
  'a journal is deleted': () => rig.remove(`${STATE}/chunk_0-0.jsonl`),
  "a group's journal is deleted": () => rig.remove(`${STATE}/@chunk=0.jsonl`),
  'the journal of what runs once is deleted': () => rig.remove(`${STATE}/@once.jsonl`),
  'a journal has a damaged line': () =>
    rig.edit(`${STATE}/chunk_1-0.jsonl`, '"target":"process"', '"target":"procesS"'),
  'a journal is cut': () => {
    rig.write(`${STATE}/chunk_1-0.jsonl`, rig.read(`${STATE}/chunk_1-0.jsonl`).slice(0, -9));
  },
  'the record of computed groups is deleted': () => rig.remove(`${STATE}/@source-rows.groups.json`),
  'the log of runs is deleted': () => rig.remove(`${STATE}/@runs.jsonl`),
  'a run was killed': () => {
    rig.write(`${STATE}/@lock`, '{"pid":1}\n');
  },
  'the work folder belongs to another pipeline': () =>
    rig.edit(`${STATE}/@pipeline.json`, '"small"', '"other"'),
  'the pipeline cannot be read': () => {
    rig.remove('pipeline.yaml');
    mkdirSync(rig.path('pipeline.yaml'));
  },
  'the work folder is deleted': () => rig.remove('work/default'),
};

for (const [name, change] of Object.entries(CHANGES)) {
  test(`${name}: it is looked into`, async () => {
    await settle();
    expect(readdirSync(rig.path('work/.cache')).length).toBe(1);
    await change();
    expect((await call(['-n'])).isGlance).toBe(false);
  });
}

describe('other words are another call', () => {
  beforeAll(async () => {
    await settle();
    rig.write('sub/pipeline.yaml', rig.read('pipeline.yaml'));
  });

  test.for([
    ['process'],
    ['--until', 'process'],
    ['--set', 'factor=3'],
    ['--profile', 'other'],
    ['--work', 'elsewhere'],
    ['--verify'],
    ['--reporter', 'ndjson'],
    ['-C', 'sub'],
    ['-f', 'sub/pipeline.yaml'],
  ])('%s', async (words) => {
    expect((await call(['-n', ...words])).isGlance).toBe(false);
  });
});

test('a selection has its own answer, from wherever it is called', async () => {
  const words = ['-C', rig.root, '-f', 'pipeline.yaml', 'process'];
  await settle(...words);
  expect(await call(words)).toMatchObject({ isGlance: true });
  rig.remove('work/default/told.txt');
  // Not needed by what was selected.
  expect((await call(words)).text).toMatch(/^Nothing to do: 6 targets/);
});

test('what is kept may be damaged or in the way', async () => {
  await settle();
  const [name = ''] = readdirSync(rig.path('work/.cache'));
  rig.write(`work/.cache/${name}`, rig.read(`work/.cache/${name}`).replace('18', '19'));
  expect(await call()).toMatchObject({
    isGlance: false,
    text: expect.stringMatching(/18 targets/),
  });
  expect((await call()).isGlance).toBe(true);
  rig.remove(`work/.cache/${name}`);
  mkdirSync(rig.path(`work/.cache/${name}`));
  expect(await call()).toMatchObject({
    isGlance: false,
    text: expect.stringMatching(/18 targets/),
  });
});

test('what was changed back is not what it was before', async () => {
  await settle();
  rig.edit('tasks/process.sql', 'n * $factor', 'n + $factor');
  expect((await rig.plain()).code).toBe(0);
  rig.edit('tasks/process.sql', 'n + $factor', 'n * $factor');
  expect((await call(['-n'])).text).toContain('process');
});

test('a Hub is not asked, and what is known of it counts', async () => {
  const pipeline = await HubPipeline.start();
  const start: Start = (args, env) => pipeline.start(args, env);
  expect((await pipeline.start([]).ended).code).toBe(0);
  await call([], start);
  const served = pipeline.hub.served.length;
  expect(await call([], start)).toMatchObject({ isGlance: true });
  expect(pipeline.hub.served.length).toBe(served);
  pipeline.rig.edit(`${STATE}/@source-things.jsonl`, 'chunk_0-0', 'chunk_0-7');
  expect((await call(['-n'], start)).isGlance).toBe(false);
  pipeline.close();
  await pipeline.hub.close();
});

test('another program judges again', async () => {
  await settle();
  const copy = rig.path('program');
  execFileSync('mkdir', [copy]);
  for (const name of ['src', 'schema', 'package.json', 'pnpm-lock.yaml']) {
    execFileSync('cp', ['-r', `${PROJECT}/${name}`, `${copy}/${name}`]);
  }
  symlinkSync(`${PROJECT}/node_modules`, `${copy}/node_modules`);
  const again = (program = copy) =>
    execFileSync(process.execPath, [`${program}/src/bin.js`], { cwd: rig.root }).toString();
  const runs = () => rig.read(`${STATE}/@runs.jsonl`);
  again(PROJECT);
  const first = runs();
  again();
  const before = runs();
  expect(before).not.toBe(first);
  again();
  expect(runs()).toBe(before);
  rig.edit('program/src/rebuilder.ts', '// Decides whether', '// decides whether');
  again();
  expect(runs()).not.toBe(before);
});
