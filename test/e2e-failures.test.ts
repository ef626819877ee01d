// What fails, what that blocks, what is tried again, and what the person is told to do.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import {
  type EventLine,
  PROJECT,
  processes,
  Rig,
  type Run,
  runOf,
  sourceRows,
  targets,
  until,
} from './rig.ts';

const rigs: Rig[] = [];
afterEach(() => {
  for (const rig of rigs.splice(0)) rig.close();
});

function track(rig: Rig): Rig {
  rigs.push(rig);
  return rig;
}

/** A folder with these steps (lines of YAML) and no source. */
function steps(lines: string, more = ''): Rig {
  const rig = track(new Rig());
  rig.write('pipeline.yaml', `name: failing\n${more}\nsteps:\n${lines}\n`);
  return rig;
}

function failureOf(run: Run, target: string): EventLine['failure'] {
  const event = run.events.find(
    (found) => found.type === 'target-failed' && found.target === target,
  );
  if (event === undefined) throw new Error(`${target} did not fail: ${run.text}`);
  return event.failure;
}

function started(run: Run, target: string): number {
  return run.events.filter((event) => event.type === 'target-started' && event.target === target)
    .length;
}

/** The words after a label of the summary, such as the path after `log`. */
function summary(text: string, label: 'log' | 'rerun'): readonly string[] {
  return [...text.matchAll(new RegExp(`^  ${label} +(.*)$`, 'gm'))].map(([, words]) => words ?? '');
}

/** Pastes a command into a shell, with the program for `pnpm pipeline`. */
function paste(rig: Rig, command: string): string {
  const program = `'${process.execPath}' '${join(PROJECT, 'src/bin.js')}'`;
  const line = command.replace(/^pnpm pipeline/, () => program);
  return execFileSync('sh', ['-c', line], { cwd: rig.root, encoding: 'utf8' });
}

test('a failure blocks what follows and nothing else, and is all that runs next time', async () => {
  const rig = track(await Rig.small());
  rig.write('data/chunk_0-1.parquet', 'this is no Parquet');
  const run = await rig.run();
  expect(run.code).toBe(1);
  expect(run.failed).toEqual(['process@chunk_0-1']);
  expect(failureOf(run, 'process@chunk_0-1').code).toBe('input-unreadable');
  expect(failureOf(run, 'process@chunk_0-1').message).toContain('chunk_0-1.parquet');
  const blocked = run.events.filter(({ type }) => type === 'blocked');
  expect(blocked.map(({ step, count, cause }) => [step, count, cause]).sort()).toEqual([
    ['merge', 1, 'process@chunk_0-1'],
    ['partition', 1, 'process@chunk_0-1'],
    ['total', 1, 'process@chunk_0-1'],
  ]);
  expect(run.done).toContain('merge@chunk=1');
  await rig.source('0-1');
  const rest = ['merge@chunk=0', 'partition@chunk_0-1', 'process@chunk_0-1', 'pull@chunk_0-1'];
  expect(await rig.ran()).toEqual([...rest, 'total']);
});

test('the summary names a log that exists and a command that works when it is pasted', async () => {
  const rig = track(await Rig.small());
  rig.edit('tasks/process.sql', 'lang, n', 'lang, nn');
  const args = ['--work', 'my work', '--set', "unused=it's", '--reporter', 'plain', 'process'];
  const run = await rig.command(args);
  expect(run.code).toBe(1);
  expect(run.text).toContain('tasks/process.sql:2:18');
  rig.edit('tasks/process.sql', 'lang, nn', 'lang, n');
  const [rerun = ''] = summary(run.stdout, 'rerun');
  expect(rerun).toMatch(/^pnpm pipeline /);
  expect(paste(rig, rerun)).toMatch(/Done in .*: 3 done/);
  expect((await rig.command(args)).stdout).toMatch(/^Nothing to do/);
  // "relative to the folder in which the command ran"
  for (const path of summary(run.stdout, 'log'))
    expect([path, rig.exists(path)]).toEqual([path, true]);
});

test('a rerun command keeps the profile', async () => {
  const rig = steps(
    '  one: { run: "test -e ok && echo {word} > {output}", outputs: one.txt }',
    ['vars: { word: a }', 'profiles: { other: { vars: { word: b } } }'].join('\n'),
  );
  const run = await rig.plain('--profile', 'other');
  rig.write('ok', '');
  paste(rig, summary(run.stdout, 'rerun')[0] ?? '');
  expect(rig.read('work/other/one.txt')).toBe('b\n');
});

test('--fail-fast starts nothing after the first failure', async () => {
  const rig =
    steps(`  bad: { run: "until [ -e at ]; do sleep 0.01; done; exit 1", outputs: bad.txt }
  long: { run: "touch at; until [ -e open ]; do sleep 0.01; done; echo > {output}", outputs: l.txt }
  late: { needs: long, matrix: { n: [1, 2, 3] }, run: "echo > {output}", outputs: "{n}.txt" }`);
  const command = rig.start(['--reporter', 'ndjson', '--fail-fast', '-j', '2']);
  await until(() => command.output().stdout.includes('"target-failed"'));
  rig.write('open', '');
  const run = runOf(await command.ended);
  expect([run.code, run.failed]).toEqual([1, ['bad']]);
  expect(run.events.filter(({ step, type }) => step === 'late' && type !== 'blocked')).toEqual([]);
  expect(run.end?.steps.at(-1)).toMatchObject({ left: 3, blocked: 0 });
});

test('exit code 75 of a command may pass: it is tried again, later and later', async () => {
  const rig = steps(`  flaky:
    run: echo x >> tries; test $(wc -l < tries) -ge 3 || exit 75; echo done > {output}
    retries: { count: 3, backoff: 20ms, max_backoff: 1s }
    outputs: flaky.txt`);
  const run = await rig.run();
  expect(run.code).toBe(0);
  const waits = run.events
    .filter(({ type }) => type === 'target-retried')
    .map(({ waitMs }) => waitMs);
  expect(waits).toHaveLength(2);
  expect(waits[0]).toBeLessThanOrEqual(30);
  expect(waits[1]).toBeLessThanOrEqual(60);
  expect(started(run, 'flaky')).toBe(3);
});

test('another exit code is never tried again, and retries: 0 tries nothing again', async () => {
  const rig = steps(`  wrong: { run: exit 3, retries: 5, outputs: a.txt }
  never: { run: exit 75, retries: 0, outputs: b.txt }
  killed: { task: die, retries: 0, outputs: c.txt }`);
  rig.task('die', "process.kill(process.pid, 'SIGKILL');");
  const run = await rig.run();
  expect([run.code, run.failed]).toEqual([1, ['killed', 'never', 'wrong']]);
  expect(['wrong', 'never', 'killed'].map((target) => started(run, target))).toEqual([1, 1, 1]);
  expect(failureOf(run, 'wrong')).toMatchObject({ code: 'exit-status', mayPass: false });
});

test('a timeout stops the command with all its children', async () => {
  const rig = steps(`  slow:
    run: sh -c 'echo $$ > pid; exec sleep 600' & sleep 600
    timeout: 1s
    retries: 0
    outputs: slow.txt
  stuck: { task: stuck, timeout: 200ms, retries: 0, outputs: stuck.txt }`);
  rig.task('stuck', 'for (;;) {}');
  const run = await rig.run();
  expect(run.code).toBe(1);
  expect(failureOf(run, 'slow')).toMatchObject({ code: 'timeout' });
  expect(failureOf(run, 'stuck')).toMatchObject({ code: 'timeout' });
  const left = Number(rig.read('pid'));
  expect(processes().filter(({ pid }) => pid === left)).toEqual([]);
});

test('more rejects than max_rejects fail the target, as many are kept aside', async () => {
  const rig = track(new Rig());
  rig.write(
    'reject.sql',
    `CREATE TEMP TABLE rejects AS SELECT 'Q1' AS id, 'broken' AS error, '{' AS text;
CREATE TEMP TABLE accounting AS SELECT * FROM (VALUES ('in', NULL, 2), ('kept', NULL, 1))
  line(kind, reason, entries);
SELECT 1 AS id`,
  );
  const pipeline = (limit: number) => `name: rejecting
steps:
  rows: { sql: reject.sql, max_rejects: ${limit}, outputs: rows.parquet }
`;
  rig.write('pipeline.yaml', pipeline(0));
  const run = await rig.run();
  expect(failureOf(run, 'rows').code).toBe('too-many-rejects');
  expect(rig.exists('work/default/rows.parquet')).toBe(false);
  rig.write('pipeline.yaml', pipeline(1));
  const second = await rig.run();
  expect([second.code, second.done]).toEqual([0, ['rows']]);
  expect(second.events.find(({ type }) => type === 'target-done')?.rejects).toBe(1);
  const rejects = await rig.rows("FROM '{root}/work/default/rejects/**/*.parquet'");
  expect(rejects).toEqual([expect.objectContaining({ id: 'Q1', error: 'broken', text: '{' })]);
});

test('an account that does not balance fails the target', async () => {
  const rig = steps('  rows: { task: rows, outputs: rows.txt }');
  rig.task(
    'rows',
    `fs.writeFileSync(output.path, 'x');
     context.account({ entriesIn: 5, kept: 3, drops: { wrong_kind: 1 } });`,
  );
  const { code, message } = failureOf(await rig.run(), 'rows');
  expect(code).toBe('account-unbalanced');
  expect(message).toMatch(/5 entries.*4/);
});

test('an output that breaks its contract is not published, and told column by column', async () => {
  const rig = steps(`  rows:
    sql: SELECT 1 AS id, 'x' AS named
    outputs: { path: rows.parquet, contract: "tasks/tables.ts#rows" }`);
  rig.write(
    'tasks/tables.ts',
    `import { Field, Int32, Schema, Utf8 } from '${import.meta.resolve('apache-arrow')}';
export const rows = new Schema([new Field('id', new Int32()), new Field('name', new Utf8())]);
`,
  );
  const { code, message, detail } = failureOf(await rig.run(), 'rows');
  expect(code).toBe('contract-broken');
  expect(`${message} ${detail}`).toContain('named');
  expect(rig.exists('work/default/rows.parquet')).toBe(false);
});

test('an output that was not made fails the target', async () => {
  const rig = steps(`  none: { run: "true", outputs: none.txt }
  glob: { task: none, outputs: "folder/*.txt" }
  half: { run: "echo > {output.a}", outputs: { a: a.txt, b: b.txt } }`);
  rig.task('none', '');
  const run = await rig.run();
  expect(failureOf(run, 'none').code).toBe('output-missing');
  expect(failureOf(run, 'half').code).toBe('output-missing');
  expect(rig.exists('work/default/a.txt')).toBe(false);
});

test.each([
  [
    'is truncated',
    async (_rig: Rig, path: string) => {
      const { readFileSync } = await import('node:fs');
      writeFileSync(path, readFileSync(path).subarray(0, 300));
    },
    /chunk_0-1.parquet/,
    'input-unreadable',
  ],
  [
    'is empty',
    async (_: Rig, path: string) => writeFileSync(path, ''),
    /chunk_0-1.parquet/,
    'input-unreadable',
  ],
  [
    'lacks a column',
    (rig: Rig) => rig.source('0-1', "SELECT 'Q1' AS id, 1 AS n"),
    /lang/,
    'sql-error',
  ],
] as const)('a source file that %s fails its own chain', async (_, damage, words, code) => {
  const rig = track(await Rig.small());
  await damage(rig, rig.path('data/chunk_0-1.parquet'));
  const run = await rig.run();
  expect([run.code, run.failed]).toEqual([1, ['process@chunk_0-1']]);
  const failure = failureOf(run, 'process@chunk_0-1');
  expect(`${failure.message} ${failure.detail} ${failure.hint}`).toMatch(words);
  expect(failure.code).toBe(code);
  expect(run.done).toContain('partition@chunk_0-0');
});

test('a source file without rows gives outputs without rows', async () => {
  const rig = track(await Rig.small());
  await rig.source('0-1', `FROM (${sourceRows('0-1')}) WHERE false`);
  expect(await rig.ran()).toEqual(targets('pull', 'process', 'partition', 'merge', 'total'));
  const [row] = await rig.rows(
    "SELECT count(*) AS n FROM '{root}/work/default/flat/chunk_0-1.parquet'",
  );
  expect(row).toEqual({ n: '0' });
  expect((await rig.run()).end?.nothingToDo).toBe(true);
});

test("an error that a task throws is told with its place, in the user's file", async () => {
  const rig = steps('  broken: { task: broken, outputs: a.txt }');
  rig.task('broken', "throw new Error('no such moon');");
  const { code, message, detail } = failureOf(await rig.run(), 'broken');
  expect([code, message]).toEqual(['task-error', 'no such moon']);
  expect(detail).toMatch(/tasks\/broken\.ts:6:9/);
});

test('parameters that the task does not take fail it without a retry', async () => {
  const rig = steps('  strict: { task: strict, with: { speed: fast }, outputs: a.txt }');
  rig.task('strict', '', "with: { type: 'object', properties: { speed: { type: 'number' } } },");
  const run = await rig.run();
  expect(failureOf(run, 'strict')).toMatchObject({ code: 'bad-parameters', mayPass: false });
  expect(failureOf(run, 'strict').message).toContain('speed');
});

test('a worker that dies while it makes the source files is tried again', async () => {
  const rig = track(new Rig());
  rig.task(
    'make',
    `if (!fs.existsSync('died')) { fs.writeFileSync('died', ''); process.kill(process.pid, 'SIGKILL'); }
     fs.mkdirSync(output.path, { recursive: true });
     fs.writeFileSync(output.path + '/one.txt', '1');`,
  );
  rig.write(
    'pipeline.yaml',
    `name: seeded
sources: { main: { files: "{work}/made/*.txt", seed: { task: make } } }
steps: { copy: { each: file, run: "cp {input} {output}", outputs: "copies/{file}" } }
`,
  );
  const run = await rig.run();
  expect(run.code).toBe(0);
  expect(rig.exists('died')).toBe(true);
  expect(rig.read('work/default/copies/one.txt')).toBe('1');
});
