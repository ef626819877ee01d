// `log TARGET --follow` beside a run: what is there, what is added, across attempts, to the end.
import { appendFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { FollowedLog } from '../src/cli/followed-log.ts';
import { type Command, Rig, until } from './rig.ts';

let rig: Rig;
afterEach(() => rig.close());

/** Runs a step that is this script of shell, in which `waitFor NAME` waits for a file. */
async function running(script: string, more = ''): Promise<Command> {
  rig = new Rig();
  rig.write(
    'one.sh',
    `cd "$(dirname "$0")"
waitFor() { while [ ! -e "$1" ]; do sleep 0.02; done; }
${script}
`,
  );
  rig.write(
    'pipeline.yaml',
    `name: following
steps:
  one:
    run: sh ${rig.path('one.sh')} {output}
    outputs: one.txt
${more}`,
  );
  const run = rig.start(['--reporter', 'silent']);
  await until(() => rig.exists('work/default/state/@lock'));
  return run;
}

/** Follows the log until it says this. */
async function following(text: string): Promise<Command> {
  const follow = rig.start(['log', 'one', '--follow']);
  await until(() => follow.output().stdout.includes(text));
  return follow;
}

test('it shows what is there and what is added, and ends with the target', async () => {
  const run = await running('echo early; waitFor go; echo late; echo x > $1');
  const follow = await following('early');
  expect(follow.output().stdout).not.toContain('late');
  rig.write('go', '');
  const { stdout, stderr, code } = await follow.ended;
  expect([code, stdout]).toEqual([0, rig.read('work/default/logs/one.log')]);
  expect(stdout).toMatch(/^== one, attempt 1.*\n\$ .*\nearly\nlate\n/);
  expect(stderr).toMatch(/^one: done at .*\n$/);
  expect((await run.ended).code).toBe(0);
});

test('it waits for a target that has not begun in the run that goes on', async () => {
  const run = await running(
    'echo x > $1',
    `    needs: zero
  zero:
    run: while [ ! -e ${'$PWD'}/go ]; do sleep 0.02; done; echo x > {output}
    outputs: zero.txt
`,
  );
  const follow = rig.start(['log', 'one', '--follow']);
  await until(() => /^one has not begun in the run of pid \d+/.test(follow.output().stderr));
  rig.write('go', '');
  expect((await follow.ended).stdout).toMatch(/^== one, attempt 1/);
  expect((await run.ended).code).toBe(0);
});

test('it goes on over an attempt that failed, also when the log was begun anew', async () => {
  const run = await running(
    `if [ -e again ]; then echo second; waitFor go; echo x > $1; exit; fi
echo first; touch again; waitFor fail; exit 75`,
    '    retries: { count: 1, backoff: 1ms }\n',
  );
  const follow = await following('first');
  rig.remove('work/default/logs/one.log');
  rig.write('fail', '');
  await until(() => follow.output().stdout.includes('second'));
  expect(follow.output().stdout).toMatch(/attempt 1[\s\S]*first[\s\S]*attempt 2[\s\S]*second/);
  rig.write('go', '');
  expect((await follow.ended).stderr).toMatch(/one: done at/);
  expect((await run.ended).code).toBe(0);
});

test('Ctrl-C ends it and leaves the run alone; without a run it ends by itself', async () => {
  const run = await running('echo early; waitFor go; echo x > $1');
  const follow = await following('early');
  follow.kill('SIGINT');
  expect((await follow.ended).code).toBe(130);
  rig.write('go', '');
  expect((await run.ended).code).toBe(0);
  const after = await rig.command(['log', 'one', '--follow']);
  expect([after.code, after.stdout]).toEqual([0, (await rig.command(['log', 'one'])).stdout]);
  expect(after.stderr).toMatch(/one: done at/);
});

test('a log that is replaced, cut or missing is read from its new beginning', () => {
  rig = new Rig();
  const path = rig.path('a.log');
  const log = new FollowedLog(path);
  const added = () => Buffer.concat([...log.added()]).toString();
  expect(added()).toBe('');
  writeFileSync(path, 'one\n');
  expect([added(), added()]).toEqual(['one\n', '']);
  appendFileSync(path, 'two\n');
  expect(added()).toBe('two\n');
  writeFileSync(path, 'new\n');
  expect(added()).toBe('new\n');
  writeFileSync(rig.path('b.log'), 'another, and longer\n');
  renameSync(rig.path('b.log'), path);
  expect(added()).toBe('another, and longer\n');
  rmSync(path);
  expect(added()).toBe('');
  const large = 'x'.repeat(200_000);
  writeFileSync(path, large);
  expect(added()).toBe(large);
  log.close();
});
