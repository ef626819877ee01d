import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Event } from '../src/event.ts';
import { fractionDone, RunProgress, settledCount, waitingCount } from '../src/reporter/progress.ts';
import { SlidingWindow } from '../src/reporter/rate.ts';
import { at, failure, START_MS, samples } from './reporter-fixture.ts';

type Operation = 'fresh' | 'start' | 'progress' | 'retry' | 'done' | 'fail' | 'block' | 'stop';

/** Plays one step with so many targets; operations that cannot happen then are left out. */
function play(operations: readonly (readonly [Operation, number])[], targets: number) {
  const progress = new RunProgress();
  const model = { waiting: targets, running: [] as string[], ended: 0 };
  let ms = 0;
  const take = (event: Event) => progress.take(event);
  take({ ...samples['run-started'], steps: [{ step: 's', ordinal: 1, targets }] });
  for (const [operation, pick] of operations) {
    ms += pick;
    const time = { at: at(ms), step: 's' };
    if (['fresh', 'start', 'block'].includes(operation)) {
      if (model.waiting === 0) continue;
      model.waiting -= 1;
      if (operation === 'fresh') take({ type: 'fresh', ...time, count: 1 });
      if (operation === 'block') take({ type: 'blocked', ...time, count: 1, cause: 'x' });
      if (operation !== 'start') {
        model.ended += 1;
        continue;
      }
      const target = `s@${model.waiting}`;
      model.running.push(target);
      take({ type: 'target-started', ...time, target, attempt: 1, reasons: [] });
      continue;
    }
    const index = pick % Math.max(1, model.running.length);
    const target = model.running[index];
    if (target === undefined) continue;
    const which = { ...time, target };
    if (operation === 'progress') {
      take({
        type: 'target-progress',
        ...which,
        progress: { done: pick, total: 50, unit: 'rows' },
      });
      continue;
    }
    if (operation === 'retry') {
      const failed = failure();
      take({ type: 'target-retried', ...which, attempt: 1, failure: failed, waitMs: pick });
      continue;
    }
    model.running.splice(index, 1);
    model.ended += 1;
    const figures = { durationMs: pick, bytesIn: 1, bytesOut: 1, files: 1, changed: true };
    if (operation === 'done') take({ type: 'target-done', ...which, ...figures });
    if (operation === 'stop') take({ type: 'target-interrupted', ...which });
    if (operation === 'fail') {
      take({ type: 'target-failed', ...which, failure: failure(), log: 'l', durationMs: pick });
    }
  }
  return { progress, model, nowMs: START_MS + ms };
}

test('whatever happens, the counts of a step add up to its targets', () => {
  const operation = fc.tuple(
    fc.constantFrom<Operation>(
      'fresh',
      'start',
      'start',
      'progress',
      'retry',
      'done',
      'done',
      'fail',
      'block',
      'stop',
    ),
    fc.nat(2000),
  );
  fc.assert(
    fc.property(
      fc.array(operation, { maxLength: 200 }),
      fc.integer({ min: 1, max: 60 }),
      (operations, targets) => {
        const { progress, model, nowMs } = play(operations, targets);
        const step = progress.step('s');
        if (step === undefined) throw new Error('the step is gone');
        expect(settledCount(step)).toBe(model.ended);
        expect([...step.running.keys()].sort()).toEqual([...model.running].sort());
        expect(waitingCount(step)).toBe(model.waiting);
        expect(settledCount(step) + step.running.size + waitingCount(step)).toBe(targets);
        expect(fractionDone(step)).toBeGreaterThanOrEqual(settledCount(step) / targets);
        expect(fractionDone(step)).toBeLessThanOrEqual(1);
        expect(progress.recentFailures.length).toBeLessThanOrEqual(5);
        const pace = progress.pace('s', nowMs);
        if (pace) {
          expect(pace.perSecond).toBeGreaterThan(0);
          expect(pace.remainingMs).toBeGreaterThanOrEqual(0);
          expect(Number.isFinite(pace.remainingMs)).toBe(true);
        }
      },
    ),
  );
});

function finishTargets(
  progress: RunProgress,
  {
    step,
    count,
    everyMs,
    bytesIn,
  }: { step: string; count: number; everyMs: number; bytesIn: number },
): void {
  for (let index = 0; index < count; index++) {
    const which = { step, target: `${step}@${index}` };
    const startedMs = index * everyMs;
    progress.take({ type: 'target-started', at: at(startedMs), ...which, attempt: 1, reasons: [] });
    const figures = { durationMs: everyMs, bytesIn, bytesOut: 1, files: 1, changed: true };
    progress.take({ type: 'target-done', at: at(startedMs + everyMs), ...which, ...figures });
  }
}

test('rate and remaining time go by targets where the bytes are not known', () => {
  const progress = new RunProgress();
  progress.take({ ...samples['run-started'], steps: [{ step: 's', ordinal: 1, targets: 100 }] });
  finishTargets(progress, { step: 's', count: 20, everyMs: 500, bytesIn: 7 });
  expect(progress.pace('s', START_MS + 10_000)).toEqual({
    perSecond: 2,
    unit: 'targets',
    remainingMs: 40_000,
  });
});

test('rate and remaining time go by bytes where they are known, without what was up to date', () => {
  const progress = new RunProgress();
  const steps = [{ step: 's', ordinal: 1, targets: 100, bytesIn: 1_000_000 }];
  progress.take({ ...samples['run-started'], steps });
  progress.take({ type: 'fresh', at: at(0), step: 's', count: 10, bytesIn: 400_000 });
  finishTargets(progress, { step: 's', count: 20, everyMs: 500, bytesIn: 5_000 });
  expect(progress.pace('s', START_MS + 10_000)).toEqual({
    perSecond: 10_000,
    unit: 'bytes',
    remainingMs: 50_000,
  });
});

test('a single long target has a rate by what it tells of itself', () => {
  const progress = new RunProgress();
  progress.take({ ...samples['run-started'], steps: [{ step: 's', ordinal: 1, targets: 1 }] });
  const which = { step: 's', target: 's@0' };
  progress.take({ type: 'target-started', at: at(0), ...which, attempt: 1, reasons: [] });
  expect(progress.pace('s', START_MS + 60_000)).toBeUndefined();
  const quarter = { done: 25, total: 100, unit: 'records' } as const;
  progress.take({ type: 'target-progress', at: at(60_000), ...which, progress: quarter });
  expect(progress.pace('s', START_MS + 60_000)?.remainingMs).toBeCloseTo(180_000);
});

test('the sliding window forgets what is older than half a minute', () => {
  const window = new SlidingWindow();
  for (let second = 0; second < 100; second++) window.add(second * 1000, 1);
  expect(window.sum(99_000)).toEqual({ amount: 30, count: 30, spanMs: 29_000 });
  expect(window.sum(109_000)).toMatchObject({ amount: 20, count: 20 });
  expect(window.sum(200_000)).toMatchObject({ amount: 0, count: 0 });
});

test('a clock that is set back neither loses nor counts twice', () => {
  const window = new SlidingWindow();
  window.add(50_000, 1);
  window.add(20_000, 1);
  expect(window.sum(50_000)).toMatchObject({ amount: 2, count: 2 });
});

test('accounts are summed by cell', () => {
  const progress = new RunProgress();
  progress.take(samples['run-started']);
  for (const table of ['claims', 'claims', 'labels']) {
    progress.take({ ...samples['target-done'], target: `process:${table}@chunk_0` });
  }
  expect(progress.accounts).toEqual([
    {
      cell: 'process:claims',
      entriesIn: 10,
      kept: 6,
      drops: { null_value: 2 },
      rejects: 2,
      rows: 6,
    },
    {
      cell: 'process:labels',
      entriesIn: 5,
      kept: 3,
      drops: { null_value: 1 },
      rejects: 1,
      rows: 3,
    },
  ]);
});
