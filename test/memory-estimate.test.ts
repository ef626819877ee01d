// What a target is expected to need of the memory pool, from what is known of it beforehand.
import { expect, test } from 'vitest';
import { estimateMemory, type MemoryFacts, WORKER_BYTES } from '../src/run/memory-estimate.ts';

const MB = 1e6;
const sql: MemoryFacts = {
  rule: 'sql',
  poolBytes: 8000 * MB,
  shareBytes: 1000 * MB,
  declaredBytes: undefined,
  rowGroupBytes: undefined,
  inputBytes: 0,
  isSplit: false,
  samples: [],
};

function needs(facts: Partial<MemoryFacts>): { least: number; ample: number } {
  const { leastBytes, ampleBytes } = estimateMemory({ ...sql, ...facts });
  return { least: Math.round(leastBytes / MB), ample: Math.round(ampleBytes / MB) };
}

test('what the step declares is what it gets, no more and no less, as far as there is as much', () => {
  const samples = [{ rowGroupBytes: 400 * MB, peakBytes: 3000 * MB }];
  const known = { rowGroupBytes: 400 * MB, samples };
  expect(needs({ ...known, declaredBytes: 500 * MB })).toEqual({ least: 500, ample: 500 });
  expect(needs({ ...known, declaredBytes: 9000 * MB })).toEqual({ least: 8000, ample: 8000 });
});

test('without anything to go by it is an equal share', () => {
  expect(needs({})).toEqual({ least: 1000, ample: 1000 });
  expect(needs({ rule: 'task', rowGroupBytes: 5 * MB })).toEqual({ least: 1000, ample: 1000 });
  expect(needs({ rule: 'run' })).toEqual({ least: 1000, ample: 1000 });
});

test('of SQL the row groups decide, and whether its rows are split', () => {
  const worker = Math.round(WORKER_BYTES / MB);
  expect(needs({ rowGroupBytes: 0 })).toEqual({ least: worker, ample: 1000 });
  expect(needs({ rowGroupBytes: 800 * MB })).toEqual({
    least: worker + 2000,
    ample: worker + 2000,
  });
  const split = { rowGroupBytes: 10 * MB, isSplit: true };
  expect(needs({ ...split, inputBytes: 2 * MB }).least).toBe(worker + 25 + 64);
  expect(needs({ ...split, inputBytes: 2000 * MB }).least).toBe(worker + 25 + 537);
  expect(needs({ rowGroupBytes: 90_000 * MB })).toEqual({ least: 8000, ample: 8000 });
});

test('what others took counts more than any guess, in proportion to the row groups', () => {
  const samples = [
    { rowGroupBytes: 200 * MB, peakBytes: 700 * MB },
    { rowGroupBytes: 100 * MB, peakBytes: 500 * MB },
  ];
  // 500 MB, of which 332 grow with the row group, and a margin.
  const from100 = 1.2 * (500 + 332 * (201 / 101 - 1));
  expect(needs({ rowGroupBytes: 200 * MB, samples }).least).toBeCloseTo(from100, -1);
  expect(needs({ rowGroupBytes: 50 * MB, samples }).least).toBe(840);
  // Of what is not alike nothing follows.
  expect(needs({ rowGroupBytes: 1500 * MB, samples }).least).toBe(168 + 3750);
});

test('of a task whatever its like took, of a command nothing that was measured', () => {
  const samples = [{ rowGroupBytes: undefined, peakBytes: 300 * MB }];
  expect(needs({ rule: 'task', samples })).toEqual({ least: 360, ample: 1000 });
  expect(needs({ rule: 'run', samples })).toEqual({ least: 1000, ample: 1000 });
});
