// A plan that would download or upload again what was brought and published before: what it says,
// whom it asks, and that without a yes nothing is touched. The limit is tiny here.
import { type ChildProcess, spawn } from 'node:child_process';
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HubPipeline, SOURCE, sourceFile } from './hub-pipeline-rig.ts';
import { filesBelow, PROJECT, runOf, until } from './rig.ts';

const FIRST = 'SELECT id, language, label FROM';
const SECOND = 'SELECT id, language, upper(label) AS label FROM';

let base: HubPipeline;

beforeAll(async () => {
  base = await HubPipeline.start();
  base.rig.edit('pipeline.yaml', 'vars:', 'confirm_above: 1kB\nvars:');
  // The first time nothing is asked, however much there is.
  expect((await base.run()).code).toBe(0);
});
afterAll(async () => {
  base.close();
  await base.hub.close();
});

/** All that a question must leave as it is; the journal of runs says that there was one. */
function stateOf({ rig }: HubPipeline): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const path of filesBelow(rig.home)) {
    if (/^(state\/@(runs|meanings|lock)|tmp\/)/.test(path)) continue;
    found[path] = hash('sha256', readFileSync(join(rig.home, path)));
  }
  return found;
}

/** The same folder after an edit that makes every file's pull run again. */
function edited(): HubPipeline {
  const pipeline = base.copy();
  pipeline.rig.edit('pipeline.yaml', FIRST, SECOND);
  return pipeline;
}

const QUESTION = /would download or upload [\d.]+ kB again, more than 1.0 kB \(confirm_above\):/;

test('without a terminal nothing is begun, and it is said what it would cost', async () => {
  const pipeline = edited();
  const before = stateOf(pipeline);
  const served = base.hub.served.length;
  const result = await pipeline.command(['--reporter', 'plain']);
  expect(result.code).toBe(2);
  expect(result.stderr).toMatch(QUESTION);
  expect(result.stderr).toMatch(/download: [\d.]+ kB for 3 targets, of it [\d.]+ kB again\n/);
  expect(result.stderr).toMatch(/upload: at most [\d.]+ kB for 2 targets, of it [\d.]+ kB again\n/);
  expect(result.stderr).toMatch(/targets: 6 would run, \d+ more may\n/);
  expect(result.stderr).toMatch(
    /time: about [\d.]+ (ms|s), up to [\d.]+ (ms|s) if all runs that may/,
  );
  expect(result.stderr).toMatch(/because process:labels: sql/);
  expect(result.stderr).toContain('allow it with --yes');
  expect(stateOf(pipeline)).toEqual(before);
  expect(base.hub.served.slice(served).filter(({ method }) => method !== 'GET')).toEqual([]);
  pipeline.close();
});

test('programs are told by an event, and that the run was declined', async () => {
  const pipeline = edited();
  const run = await pipeline.run();
  expect(run.code).toBe(2);
  const confirmation = run.events.find(({ type }) => type === 'confirmation');
  expect(confirmation).toMatchObject({ answer: 'needed', limitBytes: 1000, unknownTargets: 0 });
  expect(run.end).toMatchObject({ outcome: 'declined', nothingToDo: false });
  expect([run.done, run.failed]).toEqual([[], []]);
  pipeline.close();
});

test('--yes goes on, and a run after it has nothing to ask', async () => {
  const pipeline = edited();
  const result = await pipeline.command(['--reporter', 'plain', '--yes']);
  expect([result.code, result.stderr]).toEqual([0, '']);
  expect(result.stdout).toMatch(QUESTION);
  expect((await pipeline.run()).end?.nothingToDo).toBe(true);
  const back = await pipeline.run('--yes', '--force', 'pull');
  const confirmation = back.events.find(({ type }) => type === 'confirmation');
  expect([back.code, confirmation]).toMatchObject([0, { answer: 'assumed', uploadAgainBytes: 0 }]);
  pipeline.close();
});

test('what stays below the limit is not asked about', async () => {
  const pipeline = edited();
  pipeline.rig.edit('pipeline.yaml', 'confirm_above: 1kB', 'confirm_above: 1MB');
  expect((await pipeline.run('pull')).end?.nothingToDo).toBe(true);
  const run = await pipeline.run('process');
  expect([run.code, run.events.some(({ type }) => type === 'confirmation')]).toEqual([0, false]);
  pipeline.close();
});

test('a dry run tells what would be transferred again, and that a run would ask', async () => {
  const pipeline = edited();
  const { stdout, code } = await pipeline.command(['-n']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/download: [\d.]+ kB for 3 targets, of it [\d.]+ kB again\n/);
  expect(stdout).toContain('a run asks first, as more than 1.0 kB (confirm_above) would go again');
  expect(stdout).toMatch(
    new RegExp(
      '\\n\\nprocess:labels: sql: SELECT id, .* -> SELECT id, .* \\(3 targets\\)\\n' +
        'pull@chunk_0-0: output data/chunk_0-0.parquet was released, and ' +
        'process:labels@chunk_0-0 has to read it \\(and 2 more like it\\)\\n\\n',
    ),
  );
  const words = ['pull@chunk_0-0', 'process@chunk_0-0'];
  const explained = await pipeline.command(['explain', ...words]);
  expect(explained.stdout).toMatch(
    /would run\n {2}because output .* has to read it\n {2}for the sake of process:labels@chunk_0-0\n {4}because sql: /,
  );
  const json = await pipeline.command(['-n', '--json']);
  const last = JSON.parse(json.stdout.trimEnd().split('\n').at(-1) ?? '');
  expect(last.estimate).toMatchObject({ needsConfirmation: true, unknownTargets: 0 });
  expect(last.estimate.downloadAgainBytes).toBe(last.estimate.downloadBytes);
  pipeline.close();
});

/** The command on a terminal of its own, as `script` makes one. */
class OnTerminal {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  text = '';

  constructor({ rig, hub }: HubPipeline, args: string) {
    const entry = join(PROJECT, 'src/bin.js');
    const command = `'${process.execPath}' '${entry}' ${args}`;
    this.child = spawn('script', ['-qefc', command, '/dev/null'], {
      cwd: rig.root,
      env: { PATH: process.env['PATH'], TERM: 'xterm', NO_COLOR: '1', HF_TOKEN: hub.token },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text) => {
      this.text += text;
    });
    this.ended = new Promise((resolve) => this.child.on('close', (code) => resolve(code)));
  }

  async answer(keys: string): Promise<number | null> {
    await until(() => this.text.includes('Go on? [y/N]') || this.child.exitCode !== null);
    this.child.stdin?.write(keys);
    return await this.ended;
  }
}

test.each([
  ['no', 'n\r', 2],
  ['nothing', '\r', 2],
  ['the end of the input', '\x04', 2],
  ['Ctrl-C', '\x03', 130],
] as const)('on a terminal %s leaves everything untouched', async (_, keys, code) => {
  const pipeline = edited();
  const before = stateOf(pipeline);
  const terminal = new OnTerminal(pipeline, '');
  expect([await terminal.answer(keys), terminal.text]).toEqual([
    code,
    expect.stringMatching(QUESTION),
  ]);
  expect(stateOf(pipeline)).toEqual(before);
  // The folder is free again, and the same question comes back.
  expect(runOf(await pipeline.command(['--reporter', 'ndjson'])).code).toBe(2);
  pipeline.close();
});

test('on a terminal a yes begins the run', async () => {
  const pipeline = edited();
  const terminal = new OnTerminal(pipeline, '--reporter plain process');
  expect([await terminal.answer('y\r'), terminal.text]).toEqual([
    0,
    expect.stringContaining('Done in'),
  ]);
  expect((await pipeline.run('process')).end?.nothingToDo).toBe(true);
  pipeline.close();
});

test('a file that is new or different on the Hub is no repeated download', async () => {
  const pipeline = await HubPipeline.start();
  pipeline.rig.edit('pipeline.yaml', 'vars:', 'confirm_above: 0\nvars:');
  expect((await pipeline.run()).code).toBe(0);
  const source = pipeline.hub.dataset(SOURCE);
  await source.put({ 'data/chunk_1-1.parquet': await sourceFile(pipeline.rig, '1-1') });
  const run = await pipeline.run('--refresh');
  expect([run.code, run.done]).toEqual([0, expect.arrayContaining(['pull@chunk_1-1'])]);
  expect(run.events.some(({ type }) => type === 'confirmation')).toBe(false);
  await source.put({ 'data/chunk_1-1.parquet': await sourceFile(pipeline.rig, '1-0') });
  const other = await pipeline.run('--refresh');
  const confirmation = other.events.find(({ type }) => type === 'confirmation');
  // Its results replace published ones, and that is an upload of the same part once more.
  expect(confirmation).toMatchObject({ answer: 'needed', downloadAgainBytes: 0 });
  pipeline.close();
  await pipeline.hub.close();
});
