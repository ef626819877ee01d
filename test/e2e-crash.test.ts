// Killed at any step: nothing half-made is ever published, nothing keeps running, and the next run
// ends with the bytes of a run that nobody disturbed.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Command, filesBelow, kill, processes, Rig, runOf, until } from './rig.ts';

const STEPS = ['pull', 'process', 'partition', 'merge', 'total'] as const;
type Step = (typeof STEPS)[number];

let calm: Rig;

beforeAll(async () => {
  calm = await gated();
  calm.write('open', '');
  expect(await calm.ran()).toHaveLength(8);
});
afterAll(() => calm.close());

/**
 * Two files and five steps, each of which says `at-STEP` when it is in the middle of its work and
 * waits there for the file `open-STEP`, or `open` for all.
 */
async function gated(): Promise<Rig> {
  const rig = new Rig();
  const gate = (step: string) =>
    `touch ${rig.path(`at-${step}`)}; until [ -e ${rig.path('open')} ] || ` +
    `[ -e ${rig.path(`open-${step}`)} ]; do sleep 0.01; done`;
  const wait = (step: string) => `fs.writeFileSync('${rig.path(`at-${step}`)}', '');
    while (!fs.existsSync('${rig.path('open')}') && !fs.existsSync('${rig.path(`open-${step}`)}'))
      await new Promise((resolve) => setTimeout(resolve, 5));`;
  rig.task(
    'pull',
    `fs.writeFileSync(output.path, 'half'); ${wait('pull')} fs.copyFileSync(input.path, output.path);`,
  );
  rig.task(
    'process',
    `fs.writeFileSync(output.path, 'half'); ${wait('process')}
     const sql = await context.sql();
     await sql.run(
       'COPY (SELECT id, lang, n * 2 AS n FROM read_parquet($path)) TO $to (FORMAT parquet)',
       { path: input.path, to: output.path });`,
  );
  rig.task(
    'partition',
    `fs.mkdirSync(output.path, { recursive: true });
     const sql = await context.sql();
     for (const lang of ['de', 'en', 'fr']) {
       const folder = output.path + '/' + lang;
       fs.mkdirSync(folder, { recursive: true });
       const to = folder + '/' + context.variables.key + '.parquet';
       await sql.run('COPY (SELECT * FROM read_parquet($path) WHERE lang = $lang) TO $to (FORMAT parquet)',
         { path: input.path, lang, to });
       ${wait('partition')}
     }`,
  );
  rig.write(
    'pipeline.yaml',
    `name: gated
sources: { rows: { files: data/*.parquet, name: "{chunk}-{part}.parquet" } }
steps:
  pull: { each: file, task: pull, outputs: "data/{file}" }
  process: { needs: pull, each: file, task: process, outputs: "flat/{key}.parquet" }
  partition: { needs: process, each: file, task: partition, outputs: "results/*/{key}.parquet" }
  merge:
    needs: partition
    each: chunk
    run: printf half > {output}; ${gate('merge')}; cat {input} > {output}
    outputs: merged/{chunk}.txt
  total:
    needs: merge
    run: printf half > {output}; ${gate('total')}; cat {input} > {output}
    outputs: total.txt
`,
  );
  const rows = `SELECT 'Q' || i AS id, ['en', 'de', 'fr'][i % 3 + 1] AS lang, i AS n FROM range(12) r(i)`;
  await rig.parquet('data/0-0.parquet', rows);
  await rig.parquet('data/0-1.parquet', rows);
  return rig;
}

/** Runs until the step is in the middle of its work; every step before it is let through. */
async function startUpTo(rig: Rig, step: Step): Promise<Command> {
  for (const before of STEPS.slice(0, STEPS.indexOf(step))) rig.write(`open-${before}`, '');
  const command = rig.start(['--reporter', 'ndjson']);
  await until(() => rig.exists(`at-${step}`) || command.child.exitCode !== null);
  return command;
}

/** Files under final names are whole: the ones of the undisturbed run, byte for byte. */
function expectOnlyWholeFiles(rig: Rig): void {
  const wanted = calm.results();
  for (const [name, digest] of Object.entries(rig.results())) {
    expect([name, digest]).toEqual([name, wanted[name]]);
  }
}

function expectReadableJournals(rig: Rig): void {
  const state = join(rig.home, 'state');
  for (const name of filesBelow(state).filter((found) => found.endsWith('.jsonl'))) {
    const lines = readFileSync(join(state, name), 'utf8').split('\n');
    expect(lines.pop()).toBe('');
    for (const line of lines) expect(JSON.parse(line)).toBeTypeOf('object');
  }
}

async function expectRecovery(rig: Rig): Promise<void> {
  rig.write('open', '');
  const second = await rig.run();
  expect([second.code, second.stderr]).toEqual([0, '']);
  expect(rig.results()).toEqual(calm.results());
  expect((await rig.run()).end?.nothingToDo).toBe(true);
  expectReadableJournals(rig);
  expect(processes().filter(({ command }) => command.includes(rig.root))).toEqual([]);
  expect(filesBelow(join(rig.home, 'tmp'))).toEqual([]);
}

/** Every process that descends from the command, itself left out. */
function descendants(pid: number): readonly number[] {
  const all = processes();
  const below = (parent: number): number[] =>
    all
      .filter((found) => found.parent === parent)
      .flatMap((found) => [found.pid, ...below(found.pid)]);
  return below(pid);
}

test.each(STEPS)('kill -9 of the runner while %s runs loses nothing', async (step) => {
  const rig = await gated();
  const command = await startUpTo(rig, step);
  const children = descendants(command.pid);
  command.kill('SIGKILL');
  await command.ended;
  expectOnlyWholeFiles(rig);
  // Workers exit when their channel closes, shell steps with their supervisor: nobody asks them to.
  await until(() => !processes().some(({ pid }) => children.includes(pid)));
  await expectRecovery(rig);
  rig.close();
});

test.each(STEPS)('kill -9 of the worker while %s runs is one attempt lost', async (step) => {
  const rig = await gated();
  const command = await startUpTo(rig, step);
  const children = command.workers();
  const victims = step === 'merge' || step === 'total' ? descendants(command.pid) : children;
  expect(victims.length).toBeGreaterThan(0);
  for (const pid of victims) kill(pid);
  rig.write('open', '');
  const run = runOf(await command.ended);
  const retried = run.events.filter(({ type }) => type === 'target-retried');
  expect(new Set(retried.map(({ failure }) => failure.code))).toEqual(new Set(['worker-died']));
  expect(retried.map((event) => event.step)).toContain(step);
  expect(run.code).toBe(0);
  await expectRecovery(rig);
  rig.close();
});

test('a worker that dies every time fails its target with what it said last', async () => {
  const rig = new Rig();
  rig.task('die', "console.error('last words'); process.kill(process.pid, 'SIGKILL');");
  rig.write(
    'pipeline.yaml',
    `name: dying
steps:
  die: { task: die, outputs: a.txt, retries: { count: 1, backoff: 1ms } }
  live: { run: "echo alive > {output}", outputs: b.txt }
`,
  );
  const run = await rig.run();
  expect([run.code, run.failed, run.done]).toEqual([1, ['die'], ['live']]);
  const { failure } = run.events.find(({ type }) => type === 'target-failed') ?? {};
  expect(failure?.code).toBe('worker-died');
  expect(`${failure?.message}${failure?.detail}`).toContain('last words');
  rig.close();
});

test('a second run at the same time is refused and told who runs', async () => {
  const rig = await gated();
  const command = await startUpTo(rig, 'pull');
  const second = await rig.command(['--reporter', 'plain', 'total']);
  expect(second.code).toBe(2);
  expect(second.text).toContain(String(command.pid));
  expect(second.text).toContain('pnpm pipeline');
  expect(second.text).toMatch(/20\d\d-\d\d-\d\d|\d\d:\d\d|\d s ago/);
  expect(second.text).toContain(readFileSync('/proc/sys/kernel/hostname', 'utf8').trim());
  // Readers only read: they work beside it.
  const status = await rig.command(['status', '--json']);
  expect([status.code, status.stdout.includes('running')]).toEqual([0, true]);
  rig.write('open', '');
  expect((await command.ended).code).toBe(0);
  rig.close();
});

test('Ctrl-C once lets the running targets end, and the next run does the rest', async () => {
  const rig = await gated();
  const command = await startUpTo(rig, 'process');
  command.kill('SIGINT');
  await until(() => command.output().stdout.includes('"draining"'));
  rig.write('open', '');
  const run = runOf(await command.ended);
  expect(run.code).toBe(130);
  expect(run.end?.outcome).toBe('interrupted');
  expect(run.done.filter((target) => target.startsWith('process'))).not.toEqual([]);
  expect(run.done.filter((target) => target.startsWith('merge'))).toEqual([]);
  expectOnlyWholeFiles(rig);
  await expectRecovery(rig);
  rig.close();
});

test.each(['process', 'merge'] as const)(
  'Ctrl-C twice stops at once while %s runs, with all its processes',
  async (step) => {
    const rig = await gated();
    const command = await startUpTo(rig, step);
    const children = descendants(command.pid);
    command.kill('SIGINT');
    await until(() => command.output().stdout.includes('"draining"'));
    command.kill('SIGINT');
    // Nothing of it would ever end by itself.
    const run = runOf(await command.ended);
    expect(run.code).toBe(130);
    expect(run.events.some(({ type }) => type === 'target-interrupted')).toBe(true);
    expect(processes().filter(({ pid }) => children.includes(pid))).toEqual([]);
    expectOnlyWholeFiles(rig);
    await expectRecovery(rig);
    rig.close();
  },
);

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  '%s when all is done still lets the run give its folder back',
  async (signal) => {
    const rig = await gated();
    rig.write('open', '');
    const command = rig.start(['--reporter', 'ndjson']);
    await until(() => command.output().stdout.includes('"run-ended"'));
    for (let count = 0; count < 3; count += 1) command.kill(signal);
    await command.ended;
    expect(rig.exists('work/default/state/@lock')).toBe(false);
    expect(rig.read('work/default/state/@runs.jsonl')).toContain('"run-ended"');
    rig.close();
  },
);

test('SIGTERM ends the run in order, and the next run finishes', async () => {
  const rig = await gated();
  const command = await startUpTo(rig, 'merge');
  const children = descendants(command.pid);
  command.kill('SIGTERM');
  const ended = command.ended;
  await until(
    () => command.child.exitCode !== null || command.output().stdout.includes('"draining"'),
  );
  rig.write('open', '');
  const run = runOf(await ended);
  expect(run.code).not.toBe(0);
  expect(run.events.at(-1)?.type).toBe('run-ended');
  expect(processes().filter(({ pid }) => children.includes(pid))).toEqual([]);
  await expectRecovery(rig);
  expect(existsSync(join(rig.home, 'state/@lock'))).toBe(false);
  rig.close();
});
