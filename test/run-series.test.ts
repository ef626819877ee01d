// What is drawn over time: pieces add up to the whole, whatever the attempts, and stay few.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AttemptColumns } from '../src/report/run-attempts.ts';
import { MAX_EXACT, MAX_LANES, MAX_PIECES, seriesOf } from '../src/report/run-series.ts';
import { sumOf } from './recorded-lines.ts';

const STEPS = 3;

const attempt = fc.record({
  at: fc.nat(10_000_000),
  length: fc.oneof(fc.constant(0), fc.nat(50), fc.nat(5_000_000)),
  step: fc.integer({ min: -1, max: STEPS - 1 }),
  worker: fc.oneof(fc.constant(Number.NaN), fc.integer({ min: 1, max: 50 })),
  rows: fc.nat(1000),
  peak: fc.nat(1000),
  isDone: fc.boolean(),
});

function columnsOf(
  attempts: readonly (typeof attempt extends fc.Arbitrary<infer T> ? T : never)[],
) {
  const columns: AttemptColumns = {
    startedMs: attempts.map(({ at }) => at),
    endedMs: attempts.map(({ at, length }) => at + length),
    step: attempts.map(({ step }) => step),
    worker: attempts.map(({ worker }) => worker),
    rows: attempts.map(({ rows }) => rows),
    bytesIn: attempts.map(() => 1),
    bytesOut: attempts.map(() => 2),
    peakBytes: attempts.map(({ peak }) => peak),
    isDone: attempts.map(({ isDone }) => isDone),
  };
  return columns;
}

const options = { isRunnerStep: (step: number) => step === 0, stepCount: STEPS };

test('sums, peaks and lanes are those of the attempts', () => {
  fc.assert(
    fc.property(fc.array(attempt, { minLength: 1, maxLength: 60 }), (attempts) => {
      const series = seriesOf(columnsOf(attempts), options);
      if (series === undefined) throw new Error('attempts give a series');
      expect(series.targets.length).toBeLessThanOrEqual(MAX_PIECES);
      expect(sumOf(series.targets)).toBe(attempts.filter(({ isDone }) => isDone).length);
      expect(sumOf(series.rows)).toBeCloseTo(sumOf(attempts.map(({ rows }) => rows)), 6);
      expect(sumOf(series.bytesOut)).toBeCloseTo(attempts.length * 2, 6);
      const peaks = attempts.map(({ peak }) => peak);
      expect(Math.max(...series.peakBytes)).toBe(Math.max(...peaks));
      expect(Math.max(...series.togetherBytes)).toBeGreaterThanOrEqual(Math.max(...peaks));
      expect(Math.max(...series.togetherBytes)).toBeLessThanOrEqual(sumOf(peaks));
      expect(sumOf(series.lanes.map((lane) => lane.attempts))).toBe(attempts.length);
      const busy = sumOf(attempts.map(({ length }) => length));
      expect(sumOf(series.lanes.map(({ busyMs }) => busyMs))).toBe(busy);
      expect(series.lanes.length).toBeLessThanOrEqual(MAX_LANES + 2);
    }),
  );
});

test('memory at the same moment is that of attempts that overlap', () => {
  const one = { step: 1, worker: 1, rows: 0, isDone: true };
  const apart = seriesOf(
    columnsOf([
      { ...one, at: 0, length: 100, peak: 5 },
      { ...one, at: 100, length: 100, peak: 7 },
    ]),
    options,
  );
  expect(Math.max(...(apart?.togetherBytes ?? []))).toBe(7);
  const together = seriesOf(
    columnsOf([
      { ...one, at: 0, length: 101, peak: 5 },
      { ...one, at: 100, length: 100, peak: 7 },
    ]),
    options,
  );
  expect(Math.max(...(together?.togetherBytes ?? []))).toBe(12);
});

test('many attempts are drawn as shares of steps, each piece at most full', () => {
  const attempts = Array.from({ length: MAX_EXACT + 1 }, (_, index) => ({
    at: index * 100,
    length: index % 2 === 0 ? 100 : 50,
    step: index % STEPS,
    worker: 1,
    rows: 1,
    peak: 1,
    isDone: true,
  }));
  const series = seriesOf(columnsOf(attempts), { ...options, isRunnerStep: () => false });
  const [lane] = series?.lanes ?? [];
  expect(lane?.isExact).toBe(false);
  const stretches = lane?.stretches ?? [];
  expect(stretches.length).toBeLessThanOrEqual(3 * STEPS * MAX_PIECES);
  const lengths = stretches.filter((_, index) => index % 3 === 1);
  expect(sumOf(lengths)).toBeCloseTo(lane?.busyMs ?? 0, -3);
  for (let at = 3; at < stretches.length; at += 3) {
    const end = (stretches[at - 3] ?? 0) + (stretches[at - 2] ?? 0);
    expect(stretches[at] ?? 0).toBeGreaterThanOrEqual(end - 1);
  }
});

test('a run in which nothing took time has no series', () => {
  expect(seriesOf(columnsOf([]), options)).toBeUndefined();
});
