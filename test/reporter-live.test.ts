import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import type { Event } from '../src/event.ts';
import { noPaint } from '../src/reporter/paint.ts';
import { RunProgress, type StepProgress } from '../src/reporter/progress.ts';
import { createReporter } from '../src/reporter/reporter.ts';
import {
  drawFinishedRow,
  drawRow,
  drawRunning,
  layOutRows,
  runningLinesThatFit,
} from '../src/reporter/row.ts';
import {
  at,
  FakeClock,
  FakeStream,
  failure,
  runEnded,
  START_MS,
  samples,
  stepResult,
} from './reporter-fixture.ts';

const started: Event = {
  ...samples['run-started'],
  steps: [
    { step: 'pull', ordinal: 1, targets: 5 },
    { step: 'process', ordinal: 2, targets: 25 },
    { step: 'push', ordinal: 3, targets: 1 },
  ],
};
const target = 'process:claims@chunk_0-00001-of-00546';
const begun: Event = { ...samples['target-started'], target, at: at(0) };

async function open() {
  const clock = new FakeClock();
  const stdout = new FakeStream({ isTTY: true });
  const stderr = new FakeStream();
  const reporter = await createReporter('live', {
    stdout,
    stderr,
    invocation: 'pnpm pipeline',
    clock,
  });
  /** Lets the view draw until it has drawn this; what it drew since the last time. */
  const until = async (wanted: RegExp) => {
    const deadlineMs = performance.now() + 60_000;
    while (performance.now() < deadlineMs) {
      const text = stripVTControlCharacters(stdout.text);
      if (wanted.test(text)) {
        stdout.text = '';
        return text;
      }
      clock.advance(100);
      await new Promise(setImmediate);
    }
    throw new Error(`${wanted} was never drawn, but:\n${stripVTControlCharacters(stdout.text)}`);
  };
  return { reporter, clock, stdout, stderr, until };
}

test('the live view draws a row per step, keeps failures, drains and gives the screen back', async () => {
  const { reporter, stdout, stderr, until } = await open();
  reporter.report(started);
  reporter.report({ type: 'fresh', at: at(0), step: 'pull', count: 5 });
  reporter.report(begun);
  const first = await until(/0\/25/);
  expect(first).toMatch(/✔ pull +5 up to date\n/);
  expect(first).toMatch(/. process {2}·+ +0\/25\s/);
  expect(first).toContain(`    ${target}`);
  expect(first).toMatch(/◼ push +1 target\n/);

  const broken = failure({ message: 'Could not convert' });
  reporter.report({ ...samples['target-failed'], target, failure: broken });
  reporter.report({ ...begun, target: 'process:labels@a' });
  await until(
    /1 failed\n {2}✖ process:claims@chunk_0-00001-of-00546 {2}sql-error: Could not convert/,
  );

  reporter.report({ type: 'draining', at: at(5000), running: 1 });
  await until(/draining: 1 target finishes, press Ctrl-C again to stop now/);

  reporter.report(
    runEnded({
      outcome: 'interrupted',
      steps: [stepResult({ step: 'process', failed: 1, left: 24 })],
    }),
  );
  await reporter.close();
  expect(stdout.text).toContain('\u001b[?25h');
  expect(stdout.text).not.toContain('\u001b[?25l');
  const last = stripVTControlCharacters(stdout.text);
  expect(last).toMatch(/Interrupted after 1m 01s: .*\nThe same command goes on/);
  expect(stderr.text).toBe('');
});

test('a run with nothing to do draws nothing but its one line', async () => {
  const { reporter, clock, stdout } = await open();
  reporter.report(started);
  reporter.report({ type: 'fresh', at: at(0), step: 'pull', count: 5 });
  for (let frame = 0; frame < 20; frame++) {
    clock.advance(100);
    await new Promise(setImmediate);
  }
  const steps = [stepResult({ step: 'pull', fresh: 5 })];
  reporter.report(runEnded({ nothingToDo: true, durationMs: 200, steps }));
  await reporter.close();
  expect(stdout.text).toBe('Nothing to do: 5 targets are up to date (0.2 s).\n');
});

test('Ctrl-C stays with the command line, and the cursor comes back without an end', async () => {
  const listeners = process.listenerCount('SIGINT');
  const { reporter, stdout, until } = await open();
  reporter.report(started);
  reporter.report(begun);
  await until(/0\/25/);
  expect(process.listenerCount('SIGINT')).toBe(listeners);
  await reporter.close();
  expect(stdout.text.lastIndexOf('\u001b[?25h')).toBeGreaterThan(stdout.text.lastIndexOf('[?25l'));
});

test.each([
  ['all lines where there is room', { height: 24, rows: 5, below: 3 }, 2, 4],
  ['fewer where there is little', { height: 24, rows: 5, below: 3 }, 5, 2],
  ['none where there is none', { height: 8, rows: 5, below: 1 }, 3, 0],
  ['less than none where the rows do not fit', { height: 8, rows: 8, below: 0 }, 3, -1],
])('running targets get %s', (_, screen, inWork, lines) => {
  expect(runningLinesThatFit(screen, inWork)).toBe(lines);
});

function stepOf(events: readonly Event[]): { step: StepProgress; progress: RunProgress } {
  const progress = new RunProgress();
  for (const event of [started, ...events]) progress.take(event);
  const step = progress.step('process');
  if (step === undefined) throw new Error('no such step');
  return { step, progress };
}

test('a row fills its width exactly, and so the columns of all rows are aligned', () => {
  const { step, progress } = stepOf([begun, { ...samples['target-done'], target, at: at(900) }]);
  const layout = layOutRows(progress.steps, 60);
  const pace = { perSecond: 3, unit: 'targets', remainingMs: 65_000 } as const;
  const row = drawRow(step, { layout, pace, paint: noPaint });
  expect(row).toBe('process  ▊···················   1/25      3.0/s  eta 1m 05s');
});

test('a finished row says what came of the step', () => {
  const { step, progress } = stepOf([begun, { ...samples['target-done'], target, at: at(900) }]);
  const layout = layOutRows(progress.steps, 76);
  expect(drawFinishedRow(step, { layout, paint: noPaint })).toBe(
    'process  1 done, 24 not finished in 0.9 s, 3 rows, 20 B',
  );
});

test('running targets: the oldest three, how far they are, and how many more', () => {
  const progressOf = (name: string, progress: (typeof samples)['target-progress']['progress']) =>
    ({ ...samples['target-progress'], target: name, progress }) satisfies Event;
  const { step } = stepOf([
    ...['a', 'b', 'c', 'd', 'e'].map((name) => ({ ...begun, target: name }) satisfies Event),
    progressOf('a', { done: 425, total: 1000, unit: 'bytes' }),
    progressOf('b', { done: 12_345, unit: 'records' }),
    { ...samples['target-retried'], target: 'c', at: at(0), waitMs: 9000 },
  ]);
  const nowMs = START_MS + 4000;
  const draw = (most: number) => drawRunning(step, { most, width: 40, nowMs });
  expect(draw(4)).toEqual([
    'a  42 % of 1.0 kB  4 s',
    'b  12,345 records  4 s',
    'c  attempt 2 in 5 s  4 s',
    '… and 2 more',
  ]);
  expect(draw(2)).toEqual(['a  42 % of 1.0 kB  4 s', '… and 4 more']);
  expect(draw(1)).toEqual(['5 running']);
  expect(draw(0)).toEqual([]);
});

test('a long name loses its middle, never how far the target is', () => {
  const long = `process:claims@${'x'.repeat(100)}-end`;
  const { step } = stepOf([{ ...begun, target: long }]);
  const [line] = drawRunning(step, { most: 4, width: 40, nowMs: START_MS + 4000 });
  expect(line).toMatch(/^process:claims@x+…x+-end {2}4 s$/);
  expect(line).toHaveLength(40);
});
