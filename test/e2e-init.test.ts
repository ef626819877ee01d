// `pipeline init`: every template passes `validate` and runs at once, asked for or chosen by options.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TEMPLATES } from '../src/cli/template.ts';
import { PROJECT, Rig } from './rig.ts';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.close());

async function runsIn(folder: string): Promise<void> {
  const call = ['-C', folder];
  expect((await rig.command([...call, 'validate'])).text).toMatch(/is valid/);
  const run = await rig.command([...call, '--reporter', 'plain']);
  expect(run.text).toMatch(/Done in .*: \d+ done, 0 up to date/);
  expect((await rig.command(call)).stdout).toMatch(/^Nothing to do/);
}

test.each(TEMPLATES)('the template %s runs at once, over a sample', async (template) => {
  const made = await rig.command(['init', 'sub/My Pipe', '--template', template]);
  expect([made.code, made.stderr]).toEqual([0, '']);
  expect(made.stdout).toContain("pnpm pipeline -C 'sub/My Pipe'\n");
  expect(rig.read('sub/My Pipe/pipeline.yaml')).toMatch(
    /^# yaml-language-server: \$schema=.*json\n/,
  );
  expect(rig.read('sub/My Pipe/pipeline.yaml')).toContain('name: my-pipe\n');
  expect(rig.read('sub/My Pipe/.gitignore')).toContain('work/');
  await runsIn('sub/My Pipe');
});

test('source files may lie anywhere', async () => {
  await rig.source('0-0');
  const words = ['--template', 'parquet', '--source', 'data', '--yes'];
  expect((await rig.command(['init', 'mine', ...words])).code).toBe(0);
  await runsIn('mine');
  expect(rig.exists('mine/work/default/clean/chunk_0-0.parquet')).toBe(true);
  rig.write('odd "x": \\y/a.txt', 'one two two\n');
  const odd = ['--template', 'shell', '--source', 'odd "x": \\y', '--yes'];
  expect((await rig.command(['init', '.', ...odd])).code).toBe(0);
  await runsIn('.');
  expect(rig.read('work/default/total.txt')).toBe('2 two\n1 one\n');
});

test('a dataset of a real Hub is read with the profile for it', async () => {
  const words = ['--template', 'hub', '--source', 'somebody/words', '--yes'];
  expect((await rig.command(['init', 'mine', ...words])).stdout).toContain('--set owner=ACCOUNT');
  expect((await rig.command(['-C', 'mine', 'validate'])).text).toMatch(/is valid: profile real/);
});

test('files that are there are listed and left', async () => {
  rig.write('mine/pipeline.yaml', 'mine');
  const { code, stderr } = await rig.command(['init', 'mine', '--yes']);
  expect([code, stderr]).toEqual([2, expect.stringContaining('  mine/pipeline.yaml\n')]);
  expect(rig.read('mine/pipeline.yaml')).toBe('mine');
  expect(rig.exists('mine/sql')).toBe(false);
});

test.each([
  ['a template that does not exist', ['--template', 'parket'], /Allowed choices are parquet/],
  ['nothing, where nobody can be asked', [], /--template parquet\|hub\|shell, or --yes/],
  ['a folder that is not there', ['--yes', '--source', 'nowhere'], /There is no folder nowhere/],
  ['a folder that is a glob', ['--yes', '--source', 'a*'], /without any of/],
  ['no dataset', ['--template', 'hub', '--source', 'words'], /owner\/name/],
  ['no name', ['--yes', '--name', 'My Pipe'], /small letters/],
] as const)('%s', async (_, words, said) => {
  const { code, stderr } = await rig.command(['init', 'mine', ...words]);
  expect([code, stderr]).toEqual([2, expect.stringMatching(said)]);
  expect(rig.exists('mine')).toBe(false);
});

/** At a terminal, where each answer is typed once its question has come. */
async function asked(answers: readonly (readonly [question: string, answer: string])[]) {
  const command = `"${process.execPath}" "${join(PROJECT, 'src/bin.js')}" init mine`;
  const child = spawn('script', ['-qec', command, '/dev/null'], { cwd: rig.root });
  const left = [...answers];
  let text = '';
  let seen = 0;
  child.stdout.on('data', (bytes: Buffer) => {
    text += bytes;
    // One piece may bring what several entries wait for.
    for (let next = left[0]; next !== undefined; next = left[0]) {
      const at = text.indexOf(next[0], seen);
      if (at < 0) return;
      left.shift();
      seen = at + next[0].length;
      child.stdin.write(next[1]);
    }
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  return { code, text };
}

const terminalTest = test.skipIf(process.platform !== 'linux');

terminalTest('at a terminal it asks, and again for what it cannot take', async () => {
  const { code, text } = await asked([
    ['Name of the pipeline [mine]: ', 'words\r'],
    ['Which one [parquet]: ', 'shel\r'],
    ['did you mean "shell"?', ''],
    ['Which one [parquet]: ', 'shell\r'],
    ['[a small sample]: ', '\r'],
  ]);
  expect([code, text]).toEqual([0, expect.stringContaining('Began a pipeline in mine')]);
  expect(rig.read('mine/pipeline.yaml')).toContain('name: words\n');
  await runsIn('mine');
});

terminalTest('Ctrl-C leaves nothing', async () => {
  const { code } = await asked([
    ['Name of the pipeline', '\r'],
    ['Which one', '\x03'],
  ]);
  expect([code, rig.exists('mine')]).toEqual([130, false]);
});
