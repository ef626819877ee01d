import { expect, test } from 'vitest';
import type { Event } from '../src/event.ts';
import { chooseReporter, createReporter, type ReporterKind } from '../src/reporter/reporter.ts';
import {
  at,
  FakeClock,
  FakeStream,
  failure,
  runEnded,
  samples,
  stepResult,
} from './reporter-fixture.ts';

const started: Event = {
  ...samples['run-started'],
  steps: [
    { step: 'pull', ordinal: 1, targets: 2 },
    { step: 'process', ordinal: 2, targets: 3 },
    { step: 'push', ordinal: 3, targets: 1 },
  ],
};

function begin(ms: number, target: string): Event {
  const step = target.split(/[:@]/, 1)[0] ?? target;
  return { type: 'target-started', at: at(ms), target, step, attempt: 1, reasons: [] };
}

function done(ms: number, target: string): Event {
  const step = target.split(/[:@]/, 1)[0] ?? target;
  const figures = {
    durationMs: 900,
    bytesIn: 1,
    bytesOut: 2_000,
    files: 1,
    rows: 10,
    changed: true,
  };
  return { type: 'target-done', at: at(ms), target, step, ...figures };
}

async function open(kind: ReporterKind, stdout = new FakeStream(), environment = {}) {
  const clock = new FakeClock();
  const stderr = new FakeStream();
  const options = { stdout, stderr, invocation: 'pnpm pipeline', clock, environment };
  return { reporter: await createReporter(kind, options), clock, stdout, stderr };
}

test('plain lines tell a run from its start to its summary', async () => {
  const { reporter, clock, stdout } = await open('plain');
  const message = 'Could not convert';
  const broken = failure({ message, detail: 'claims.sql:3:1\nSELECT x', hint: 'correct it' });
  const log = 'work/sample/logs/process@b.log';
  for (const event of [
    started,
    { type: 'note', at: at(0), message: 'The lock of a dead run was taken over.' },
    { type: 'fresh', at: at(0), step: 'pull', count: 2 },
    begin(0, 'process@a'),
    begin(0, 'process@b'),
  ] satisfies Event[]) {
    reporter.report(event);
  }
  clock.advance(30_000);
  for (const event of [
    done(30_000, 'process@a'),
    {
      type: 'target-retried',
      at: at(31_000),
      target: 'process@b',
      step: 'process',
      attempt: 1,
      failure: failure({ code: 'worker-died', message: 'Killed', mayPass: true }),
      waitMs: 5000,
    },
    begin(36_000, 'process@b'),
    {
      type: 'target-failed',
      at: at(40_000),
      target: 'process@b',
      step: 'process',
      failure: broken,
      log,
      durationMs: 4000,
    },
    { type: 'blocked', at: at(40_000), step: 'push', count: 1, cause: 'process@b' },
    begin(40_000, 'process@c'),
    { type: 'draining', at: at(41_000), running: 1 },
    done(61_000, 'process@c'),
    runEnded({
      outcome: 'failed',
      steps: [
        stepResult({ step: 'pull', fresh: 2 }),
        stepResult({ step: 'process', done: 2, failed: 1, rows: 20, bytesOut: 4000 }),
        stepResult({ step: 'push', blocked: 1 }),
      ],
      failures: [{ target: 'process@b', step: 'process', failure: broken, log }],
    }),
  ] satisfies Event[]) {
    reporter.report(event);
  }
  await reporter.close();
  expect(stdout.text).toBe(`wikidata, profile sample, run 20260102-030405: 6 targets in 3 steps
note: The lock of a dead run was taken over.
pull: 2 up to date
process: started, 3 targets
30.0 s: 2/6 targets, 2 running | process 0/3
process@b: attempt 1 failed (worker-died: Killed), again in 5.0 s
process@b: failed after 4.0 s (sql-error): Could not convert
  claims.sql:3:1
  SELECT x
  hint: correct it
  log: work/sample/logs/process@b.log
push: 1 blocked
draining: 1 target finishes, press Ctrl-C again to stop now
process: 2 done, 1 failed in 1m 01s, 20 rows, 4.0 kB

  step     done  up to date  failed  blocked  rows   bytes   time
✔ pull        ·           2       ·        ·     ·       ·      ·
✖ process     2           ·       1        ·    20  4.0 kB  5.8 s
◼ push        ·           ·       ·        1     ·       ·      ·

✖ process: 1 target failed (sql-error)
  Could not convert
  | claims.sql:3:1
  | SELECT x
  target process@b
  log    work/sample/logs/process@b.log
  hint   correct it
  rerun  pnpm pipeline process@b

Failed after 1m 01s: 1 failed, 2 done, 2 up to date.
1 target is blocked by these failures; the same command runs all that is left.
`);
});

test('a heartbeat comes every half minute with rate and remaining time, until the end', async () => {
  const { reporter, clock, stdout } = await open('plain');
  reporter.report({ ...started, steps: [{ step: 's', ordinal: 1, targets: 100 }] });
  for (let index = 0; index < 60; index++) {
    reporter.report(begin(index * 500, `s@${index}`));
    if (index < 59) reporter.report(done(index * 500 + 500, `s@${index}`));
  }
  clock.advance(30_000);
  clock.advance(30_000);
  reporter.report(runEnded({ nothingToDo: true }));
  clock.advance(300_000);
  await reporter.close();
  expect(stdout.text.split('\n').filter((line) => line.includes('running'))).toEqual([
    '30.0 s: 59/100 targets, 1 running | s 59/100, 2.0/s, eta 21 s',
    '1m 00s: 59/100 targets, 1 running | s 59/100, 3,540/h, eta 42 s',
  ]);
});

test('a mistake that many targets make is told in full three times', async () => {
  const { reporter, stdout } = await open('plain');
  reporter.report(started);
  for (let index = 0; index < 10; index++) {
    const broken = failure({ message: `row ${index} is bad`, detail: 'the whole story' });
    const target = `process@${index}`;
    reporter.report({ ...samples['target-failed'], target, failure: broken });
  }
  await reporter.close();
  expect(stdout.text.match(/failed after/g)).toHaveLength(10);
  expect(stdout.text.match(/the whole story/g)).toHaveLength(3);
});

test('in GitHub Actions a failure is a group, and no text of it is a command', async () => {
  const { reporter, stdout } = await open('plain', undefined, { GITHUB_ACTIONS: 'true' });
  const broken = failure({ message: 'broken', detail: '::stop-commands::x\nthe end' });
  reporter.report(started);
  reporter.report({ ...samples['target-failed'], target: 'process@a', failure: broken });
  await reporter.close();
  const [head, ...rest] = stdout.text.split('\n').slice(1);
  expect(head).toMatch(/^::group::process@a: failed after .*: broken$/);
  expect(rest).toContain('| ::stop-commands::x');
  expect(rest.filter((line) => line.trimStart().startsWith('::'))).toEqual(['::endgroup::']);
});

test('silent says only what failed, on stderr', async () => {
  const { reporter, stdout, stderr } = await open('silent');
  for (const event of Object.values(samples)) reporter.report(event);
  await reporter.close();
  expect(stdout.text).toBe('');
  expect(stderr.text).toMatch(/^✖ process: 1 target failed \(worker-died\)\n/);
});

test.each<ReporterKind>(['plain', 'ndjson', 'live'])(
  '%s goes on quietly when nobody reads any more',
  async (kind) => {
    const stdout = new FakeStream({ isTTY: kind === 'live' });
    stdout._write = (_chunk, _encoding, written) => {
      written(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    };
    const { reporter, stderr } = await open(kind, stdout);
    for (const event of Object.values(samples)) {
      reporter.report(event);
      await new Promise(setImmediate);
    }
    await reporter.close();
    expect(stderr.text).toBe('');
  },
);

test('a reporter that fails says so once and never throws into the run', async () => {
  const { reporter, stderr } = await open('plain');
  const impossible = { type: 'target-failed', at: at(0), step: 'pull', target: 'pull@a' };
  reporter.report(started);
  for (let index = 0; index < 3; index++) reporter.report(impossible as Event);
  await reporter.close();
  expect(stderr.text).toMatch(/^The display failed \(.+\); the run goes on\.\n$/);
});

test('the live view is chosen only where a person looks at a terminal', () => {
  const terminal = new FakeStream({ isTTY: true });
  expect(chooseReporter(terminal, {})).toBe('live');
  expect(chooseReporter(terminal, { CI: 'false' })).toBe('live');
  expect(chooseReporter(terminal, { CI: 'true' })).toBe('plain');
  expect(chooseReporter(terminal, { TERM: 'dumb' })).toBe('plain');
  expect(chooseReporter(new FakeStream(), {})).toBe('plain');
});
