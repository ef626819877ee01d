// The pool with real processes: commands, crashes, interrupts, timeouts, and what is left of it all.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startTime } from '../src/executor/process-group.ts';
import {
  firstGroup,
  firstProgress,
  isAlive,
  output,
  Rig,
  statOf,
  untilGone,
} from './executor-rig.ts';

let rig: Rig;
beforeAll(() => {
  rig = new Rig();
});
afterAll(() => rig.close());

/** A task that says when it is there and then waits for ever. */
const WAITING = `context.progress({ done: 1, unit: 'rows' }); setInterval(() => {}, 1000);
  await new Promise(() => {});`;

test('a command writes its outputs; values reach it quoted, in order and whole', async () => {
  const first = rig.write("it's a $HOME.txt", 'one\n');
  const second = rig.write('two.txt', 'two\n');
  const order = rig.order(
    {
      kind: 'run',
      command: [
        'cat ',
        { input: undefined },
        ' > ',
        { output: 'all' },
        ' && echo ',
        { value: '$(x) "y"' },
        ' >&2; echo "$PIPELINE_TARGET $HF_TOKEN"; cp ',
        { input: 'b' },
        ' ',
        { output: 'copy' },
      ],
    },
    {
      inputs: [rig.outside('a', first), rig.outside('b', second)],
      outputs: [output('all', 'x/all.txt'), output('copy', 'x/copy.txt')],
      log: rig.path('work/logs/command.log'),
    },
  );
  vi.stubEnv('HF_TOKEN', 'secret');
  const fresh = new Rig();
  const result = await fresh.done(order).finally(() => fresh.close());
  vi.unstubAllEnvs();
  const texts = result.files.map(({ staged }) => readFileSync(staged, 'utf8'));
  expect(texts).toEqual(['one\ntwo\n', 'two\n']);
  const log = readFileSync(order.log, 'utf8').split('\n');
  expect(log[1]).toContain(`'$(x) "y"'`);
  expect(log.slice(2)).toEqual(['$(x) "y"', 'step@member ', '']);
});

test('a command that ends badly fails with its status and its last lines', async () => {
  const log = rig.path('work/logs/bad.log');
  const failure = await rig.failure(
    rig.runOrder('for i in $(seq 30); do echo line $i; done; exit 3', { log }),
  );
  expect(failure).toMatchObject({
    code: 'exit-status',
    message: 'The command ended with exit status 3',
    mayPass: false,
  });
  expect(failure.detail?.split('\n')).toHaveLength(20);
  expect(failure.detail).toMatch(/^line 11\n[\s\S]*line 30$/);
  const text = readFileSync(log, 'utf8');
  expect(text.match(/line 30/g)).toHaveLength(1);
  expect(text).toMatch(/failed \(exit-status\): The command ended with exit status 3\n$/);
});

test.each([
  ['exit 75', { mayPass: true }],
  ['kill -9 $$', { mayPass: true, message: 'The command was killed by SIGKILL' }],
  ['false | cat', { message: 'The command ended with exit status 1' }],
  ['false\necho goes on', { message: 'The command ended with exit status 1' }],
  ['no-such-program x', { message: 'There is no program "no-such-program"' }],
])('%j fails as it should', async (command, expected) => {
  expect(await rig.failure(rig.runOrder(command))).toMatchObject({
    code: 'exit-status',
    ...expected,
  });
});

test('a command leaves nothing running behind', async () => {
  const { group, listener } = firstGroup();
  await rig.done(rig.runOrder('sleep 1000 & sleep 1000 & true'), listener);
  const { pid, started } = await group;
  expect(startTime(process.pid)).toMatch(/^\d+$/);
  expect(started).toMatch(/^\d+$/);
  await untilGone(-pid);
});

test('stop ends a command with everything it started', async () => {
  const { group, listener } = firstGroup();
  const outcome = rig.execute(
    rig.runOrder(`trap '' TERM; sleep 1000 & sleep 1000; wait`),
    listener,
  );
  const { pid } = await group;
  rig.pool.interrupt('stop', 'step@member');
  expect(await outcome).toEqual({ kind: 'interrupted' });
  await untilGone(-pid);
});

test('workers at the same time have different numbers, and a free number is given out again', async () => {
  const own = new Rig();
  const begin = () => {
    const { group, listener } = firstGroup();
    let number = 0;
    const taken = (worker: number) => {
      number = worker;
    };
    const outcome = own.execute(own.runOrder('sleep 1000'), { ...listener, taken });
    return { begun: group.then(() => number), outcome };
  };
  const some = [begin(), begin(), begin()];
  const numbers = await Promise.all(some.map(({ begun }) => begun));
  expect(numbers.toSorted()).toEqual([1, 2, 3]);
  own.pool.interrupt('stop');
  await Promise.all(some.map(({ outcome }) => outcome));
  const again = begin();
  expect(numbers).toContain(await again.begun);
  own.pool.interrupt('stop');
  await again.outcome;
  await own.close();
});

test('draining lets a command finish', async () => {
  const { group, listener } = firstGroup();
  const outcome = rig.execute(rig.runOrder('sleep 0.2; true'), listener);
  await group;
  rig.pool.interrupt('drain');
  expect((await outcome).kind).toBe('done');
});

test('stop ends a query and a task that ignores its signal', async () => {
  const { seen, listener } = firstProgress();
  const deaf = rig.execute(rig.taskOrder(WAITING), listener);
  await seen;
  const source = await rig.parquet('ten.parquet', 'select range as id from range(10)');
  const { seen: begun, listener: progress } = firstProgress();
  const query = rig.execute(
    rig.sqlOrder(
      `select count(*) as n from read_parquet($input) s, range(100000000) a, range(1000) b
       where a.range % 7 = b.range % 5`,
      { inputs: [rig.outside('source', source)] },
    ),
    progress,
  );
  await begun;
  // Neither would end by itself before the test does.
  rig.pool.interrupt('stop');
  expect(await query).toEqual({ kind: 'interrupted' });
  expect(await deaf).toEqual({ kind: 'interrupted' });
  expect((await rig.execute(rig.runOrder('true'))).kind).toBe('done');
});

test('a timeout is a failure that may pass', async () => {
  const { group, listener } = firstGroup();
  const order = rig.runOrder('sleep 1000', { timeoutMs: 100, log: rig.path('work/logs/slow.log') });
  expect(await rig.failure(order, listener)).toMatchObject({
    code: 'timeout',
    message: 'It took longer than 0.1 s',
    mayPass: true,
  });
  await untilGone(-(await group).pid);
  expect(readFileSync(order.log, 'utf8')).toContain('failed (timeout)');
});

test('a worker that is killed fails its target, with its last words, and is replaced', async () => {
  const { seen, listener } = firstProgress();
  const order = rig.taskOrder(
    `process.stderr.write('terminate called after throwing\\n');
     await new Promise((resolve) => setTimeout(resolve, 50));
     context.progress({ done: process.pid, unit: 'rows' }); await new Promise(() => {});`,
    { log: rig.path('work/logs/killed.log') },
  );
  const outcome = rig.execute(order, listener);
  const { done: pid } = await seen;
  process.kill(pid, 'SIGKILL');
  expect(await outcome).toMatchObject({
    kind: 'failed',
    failure: {
      code: 'worker-died',
      message: 'The worker process was killed by SIGKILL',
      detail: 'terminate called after throwing',
      mayPass: true,
    },
  });
  expect(readFileSync(order.log, 'utf8')).toContain('failed (worker-died)');
  expect(rig.groups).toContain(`begun ${pid}`);
  expect(rig.groups).toContain(`ended ${pid}`);
  expect((await rig.execute(rig.runOrder('true'))).kind).toBe('done');
});

test('a command does not outlive its killed worker', async () => {
  const { group, listener } = firstGroup();
  const outcome = rig.execute(rig.runOrder('sleep 1000; echo $PPID'), listener);
  const { pid } = await group;
  const worker = Number(statOf(pid)[1]);
  process.kill(worker, 'SIGKILL');
  expect(await outcome).toMatchObject({ kind: 'failed', failure: { code: 'worker-died' } });
  await untilGone(-pid);
});

test('workers are used again, unless they hold much more than the next target needs', async () => {
  const one = new Rig({ workers: 1 });
  const pid = `(await import('node:fs')).writeFileSync(outputs.pid.path, String(process.pid));`;
  const ask = async (body: string, memoryBytes: number) => {
    const outputs = [output('pid', 'pid.txt')];
    const result = await one.done(one.taskOrder(`${body} ${pid}`, { memoryBytes, outputs }));
    return readFileSync(result.files[0]?.staged ?? '', 'utf8');
  };
  const first = await ask('', 1e9);
  const second = await ask(`globalThis.kept = Buffer.alloc(300e6, 1);`, 1e9);
  const third = await ask('', 1e9);
  const fourth = await ask('', 1e6);
  expect([second, third]).toEqual([first, first]);
  expect(fourth).not.toBe(first);
  await untilGone(Number(first));
  await one.close();
});

test('orders beyond the number of workers wait, and an interrupt takes them back', async () => {
  const one = new Rig({ workers: 1 });
  const { seen, listener } = firstProgress();
  const first = one.execute(one.taskOrder(WAITING), listener);
  const second = one.execute(one.runOrder('touch made', { target: 'other' }));
  await seen;
  one.pool.interrupt('drain', 'other');
  expect(await second).toEqual({ kind: 'interrupted' });
  const { length } = one.groups;
  await one.close();
  expect(await first).toEqual({ kind: 'interrupted' });
  expect(one.groups.length).toBe(length + 1);
  expect(existsSync(one.path('made'))).toBe(false);
});

test('questions are answered', async () => {
  const file = rig.write('work/a.txt', 'hello');
  const sha256 = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';
  const { pool } = rig;
  const recorded = { path: 'a.txt', bytes: 5, sha256 };
  const verify = (files: readonly (typeof recorded)[]) =>
    pool.ask({ kind: 'verify', work: rig.work, files, manifest: undefined });
  expect(await pool.ask({ kind: 'digest', path: file })).toEqual({ kind: 'digest', sha256 });
  expect(await pool.ask({ kind: 'digest', path: `${file}x` })).toMatchObject({ kind: 'failed' });
  expect(await verify([recorded])).toEqual({ kind: 'verified', wrong: undefined });
  expect(await verify([recorded, { ...recorded, path: 'b.txt' }])).toMatchObject({
    wrong: { path: 'b.txt', problem: 'missing' },
  });
  expect(await verify([{ ...recorded, sha256: '' }])).toMatchObject({
    wrong: { path: 'a.txt', problem: 'changed' },
  });
  const meaning = async (text: string) => {
    const rule = { kind: 'sql', text, file: 'x.sql', firstLine: 1 } as const;
    return await pool.ask({ kind: 'describe', rule, contracts: [] });
  };
  const one = await meaning('set threads = 1; select a, b from t where x = $p -- why');
  expect(one).toMatchObject({ kind: 'description' });
  expect(await meaning('set threads  = 1;\nSELECT a,b\nFROM t WHERE (x = $p)')).toEqual(one);
  expect(await meaning('set threads = 1; select a, B from t where x = $q')).not.toEqual(one);
  expect(await meaning('set threads = 2; select a, b from t where x = $p')).not.toEqual(one);
});

test.each([
  [2, 'digest'],
  [3, 'failed'],
] as const)('a question whose worker dies %i times is answered: %s', async (deaths, kind) => {
  let left: number = deaths;
  const onGroup = ({ pid }: { pid: number }, state: string) => {
    if (state !== 'begun' || left === 0) return;
    left -= 1;
    process.kill(pid, 'SIGKILL');
  };
  const deadly = new Rig({ onGroup });
  const path = deadly.write('work/a.txt', 'hello');
  expect(await deadly.pool.ask({ kind: 'digest', path })).toMatchObject({ kind });
  await deadly.close();
});

test('when the runner is killed, its workers and their commands vanish', async () => {
  const script = rig.write(
    'parent.ts',
    `import { firstGroup, firstProgress, Rig } from '${new URL('./executor-rig.ts', import.meta.url).href}';
     const rig = new Rig();
     const { group, listener } = firstGroup();
     const { seen, listener: progress } = firstProgress();
     void rig.execute(rig.runOrder('sleep 1000; true'), listener);
     void rig.execute(rig.taskOrder(${JSON.stringify(WAITING)}), progress);
     await Promise.all([group, seen]);
     const workers = rig.groups.map((text) => Number(text.split(' ')[1]));
     console.log(JSON.stringify([rig.root, (await group).pid, ...workers]));`,
  );
  const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: parent.stdout });
  const [root, ...pids] = await new Promise<[string, ...number[]]>((resolve) =>
    lines.once('line', (line) => resolve(JSON.parse(line))),
  );
  expect(pids).toHaveLength(3);
  expect(pids.every(isAlive)).toBe(true);
  parent.kill('SIGKILL');
  await Promise.all(pids.map(untilGone));
  const { rmSync } = await import('node:fs');
  rmSync(root, { recursive: true, force: true });
});
