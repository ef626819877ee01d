import { expect, test } from 'vitest';
import type { Event, FailedTarget } from '../src/event.ts';
import { groupFailures } from '../src/reporter/cause.ts';
import { RunProgress } from '../src/reporter/progress.ts';
import {
  explainBytes,
  explainCount,
  explainDuration,
  explainSeconds,
} from '../src/reporter/quantity.ts';
import { explainSummary, type RunEnded, rerunCommand } from '../src/reporter/summary.ts';
import { failure, runEnded, samples, stepResult } from './reporter-fixture.ts';

const invocation = 'pnpm pipeline --profile full';

function check(
  { ended, before = [] }: { ended: RunEnded; before?: readonly Event[] },
  expected: string,
): void {
  const progress = new RunProgress();
  for (const event of before) progress.take(event);
  expect(`\n${explainSummary(ended, { invocation, progress })}`).toBe(expected);
}

function failed(target: string, overrides: Parameters<typeof failure>[0] = {}): FailedTarget {
  const step = target.split(/[:@]/, 1)[0] ?? target;
  return { target, step, failure: failure(overrides), log: `work/full/logs/${target}.log` };
}

test('a run with nothing to do is one line', () => {
  const steps = [
    stepResult({ step: 'pull', fresh: 5 }),
    stepResult({ step: 'process', fresh: 40 }),
  ];
  check(
    { ended: runEnded({ steps, nothingToDo: true, durationMs: 187 }) },
    `
Nothing to do: 45 targets are up to date (0.2 s).
`,
  );
});

test('a run that did everything counts by step, and leaves out what is zero everywhere', () => {
  const steps = [
    stepResult({ step: 'pull', fresh: 1200, done: 8487, bytesOut: 1_560_000_000_000 }),
    stepResult({ step: 'process', done: 48_435, rows: 1_234_567_890, bytesOut: 812_300_000_000 }),
    stepResult({ step: 'push' }),
  ];
  check(
    { ended: runEnded({ steps }) },
    `
  step       done  up to date           rows   bytes
✔ pull      8,487       1,200              ·  1.6 TB
✔ process  48,435           ·  1,234,567,890  812 GB

Done in 1m 01s: 56,922 done, 1,200 up to date.
`,
  );
});

test('accounts, rejects and broken rules are shown when there are any', () => {
  const steps = [stepResult({ step: 'process', done: 1, rows: 3, rejects: 1, bytesOut: 20 })];
  const target = 'process:claims@chunk_0';
  const before = [samples['run-started'], { ...samples['target-done'], target }];
  check(
    { ended: runEnded({ steps }), before },
    `
  step     done  rows  rejects  bytes  time
✔ process     1     3        1   20 B  2 ms

  account of what ran  entries in  kept  dropped  rejects  rows out
  process:claims                5     3        1        1         3
    dropped: null_value 1

  rules: 0 of 1 are kept by every row
    error label: id is there is broken by 1 of 3 rows

Done in 1m 01s: 1 done, 0 up to date.
`,
  );
});

test('failures are grouped by cause, with what to look at and what to type', () => {
  const detail = [...Array(10).keys()].map((line) => `line ${line}`).join('\n');
  const failures = [
    failed('process:claims@chunk_0-00001-of-00546', {
      message: "Could not convert string 'Q7' to INT64",
      detail,
      hint: 'correct tasks/claims.sql',
    }),
    failed('push@chunk=0', { code: 'exit-status', message: 'The command ended with status 1' }),
    ...[2, 3, 4, 5].map((part) =>
      failed(`process:claims@chunk_0-0000${part}-of-00546`, {
        message: `Could not convert string 'Q${part * 11}' to INT64`,
      }),
    ),
  ];
  const steps = [
    stepResult({ step: 'process', done: 20, failed: 5 }),
    stepResult({ step: 'push', failed: 1, blocked: 3 }),
  ];
  check(
    { ended: runEnded({ outcome: 'failed', steps, failures }) },
    `
  step     done  failed  blocked
✖ process    20       5        ·
✖ push        ·       1        3

✖ process: 5 targets failed (sql-error)
  Could not convert string 'Q7' to INT64
  | line 0
  | line 1
  | line 2
  | line 3
  | line 4
  | line 5
  | line 6
  | line 7
  | … 2 more lines in the log
  target process:claims@chunk_0-00001-of-00546
         process:claims@chunk_0-00002-of-00546
         process:claims@chunk_0-00003-of-00546
         … and 2 more
  log    work/full/logs/process:claims@chunk_0-00001-of-00546.log
  hint   correct tasks/claims.sql
  rerun  pnpm pipeline --profile full process:claims

✖ push: 1 target failed (exit-status)
  The command ended with status 1
  target push@chunk=0
  log    work/full/logs/push@chunk=0.log
  rerun  pnpm pipeline --profile full push@chunk=0

Failed after 1m 01s: 6 failed, 20 done, 0 up to date.
3 targets are blocked by these failures; the same command runs all that is left.
`,
  );
});

test('an interrupted run says what remains and that the same command goes on', () => {
  const steps = [
    stepResult({ step: 'pull', done: 5 }),
    stepResult({ step: 'process', done: 3, interrupted: 2, left: 20 }),
  ];
  check(
    { ended: runEnded({ outcome: 'interrupted', steps }) },
    `
  step     done  left
✔ pull        5     ·
◼ process     3    22

Interrupted after 1m 01s: 8 done, 22 targets remain (2 of them were running).
The same command goes on where this run stopped.
`,
  );
});

test('a dry run says what would run', () => {
  check(
    {
      ended: runEnded({ steps: [stepResult({ step: 'pull', fresh: 2, left: 3 })] }),
      before: [{ ...samples['run-started'], dryRun: true }],
    },
    `
  step  up to date  left
◼ pull           2     3

Dry run: 3 targets would run, 2 up to date.
`,
  );
});

test('what comes from outside cannot move the cursor', () => {
  const message = 'bad \u001b[2J value\r\nsecond line\u0007';
  const failures = [failed('pull@a', { message, detail: 'x\u001b]0;title\u0007y\tz\r\n\n' })];
  const text = explainSummary(runEnded({ outcome: 'failed', failures }), {
    invocation,
    progress: new RunProgress(),
  });
  expect(text).toContain('  bad  value second line\n  | xy\tz\n  target');
});

test('failures of one cause differ only in names, numbers and quoted values', () => {
  const groups = groupFailures([
    failed('process:a@one', { message: 'process:a@one: "x" at line 3 of /tmp/one/x.sql' }),
    failed('process:a@two', { message: 'process:a@two: "yy" at line 1,204 of /tmp/two/y.sql' }),
    failed('process:a@one', { message: "can't read deadbeef01" }),
    failed('process:a@two', { message: "can't read 0123456789ab" }),
    failed('process:a@two', { message: "can't write 0123456789ab" }),
    failed('push@one', { message: "can't read deadbeef01" }),
    failed('push@one', { message: "can't read deadbeef01", code: 'timeout' }),
  ]);
  expect(groups.map((group) => group.failures.length)).toEqual([2, 2, 1, 1, 1]);
});

test('the rerun command names few targets one by one and many by cell or step', () => {
  const rerun = (...targets: string[]) =>
    rerunCommand(
      targets.map((name) => failed(name)),
      'eider',
    );
  expect(rerun('a:x@1', "a:x@it's")).toBe("eider a:x@1 'a:x@it'\\''s'");
  expect(rerun('a:x@1', 'a:x@2', 'a:y@1', 'a:y@2')).toBe('eider a:x a:y');
  expect(rerun('a:x@1', 'a:y@1', 'a:z@1', 'a:u@1')).toBe('eider a');
});

test.each([
  [0, '0'],
  [999, '999'],
  [19_374, '19,374'],
  [1_234_567, '1,234,567'],
])('the count %d is %s', (count, text) => expect(explainCount(count)).toBe(text));

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1.0 kB'],
  [99_949, '99.9 kB'],
  [99_950, '100 kB'],
  [999_600, '1.0 MB'],
  [787_000_000, '787 MB'],
  [1.78e12, '1.8 TB'],
  [5e18, '5,000 PB'],
])('%d bytes are %s', (bytes, text) => expect(explainBytes(bytes)).toBe(text));

test.each([
  [3, '3 ms'],
  [187, '0.2 s'],
  [59_940, '59.9 s'],
  [59_960, '1m 00s'],
  [3_599_900, '1h 00m'],
  [7_500_000, '2h 05m'],
  [86_390_000, '1d 00h'],
  [273_600_000, '3d 04h'],
])('%d ms are %s', (ms, text) => expect(explainDuration(ms)).toBe(text));

test('what changes while it is shown has no fractions', () => {
  expect([0, 1, 59_000, 59_001].map(explainSeconds)).toEqual(['0 s', '1 s', '59 s', '1m 00s']);
});
