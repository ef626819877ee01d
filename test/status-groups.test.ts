// What `status` says of groups: plan and counts in, lines out.
import { expect, test } from 'vitest';
import { groupLines } from '../src/cli/status-groups.ts';
import type { PlanStep } from '../src/plan/plan.ts';
import { type StepSketch, sketchPlan } from './plan-fixture.ts';

/** `done` are members by step. */
function check(
  steps: readonly StepSketch[],
  options: {
    readonly chunks: readonly number[];
    readonly done: Readonly<Record<string, readonly number[]>>;
    readonly lines: readonly string[];
  },
) {
  const plan = sketchPlan(steps, { main: options.chunks });
  const count = (step: PlanStep, member: number) => ({
    all: step.cellCount,
    done: options.done[step.name]?.includes(member) === true ? step.cellCount : 0,
  });
  expect(groupLines({ plan, count }).map((line) => line.replace(/ +/g, ' ').trim())).toEqual(
    options.lines,
  );
}

test('files count in the groups of the last step that has any, whatever kind these are', () => {
  check(
    [
      { name: 'pull', each: 'file' },
      { name: 'merge', needs: ['pull'], each: 'chunk' },
      { name: 'push', needs: ['merge'], each: 'part', tables: ['a', 'b'] },
    ],
    {
      chunks: [0, 0, 1],
      done: { pull: [0, 1], merge: [0], push: [1] },
      lines: ['', 'part pull merge push', '0 1/1 1/1 0/2', '1 1/1 2/2', '2 0/1 0/1 0/2'],
    },
  );
});

test('without a step for groups, files count by the first capture of their names', () => {
  check(
    [
      { name: 'pull', each: 'file' },
      { name: 'total', needs: ['pull'] },
    ],
    {
      chunks: [0, 0, 1],
      done: { pull: [1] },
      lines: ['', 'chunk pull', '0 1/2', '1 0/1'],
    },
  );
});

test('of many groups those in work are shown and the others counted', () => {
  const chunks = Array.from({ length: 60 }, (_, chunk) => chunk);
  check(
    [
      { name: 'pull', each: 'file' },
      { name: 'push', needs: ['pull'], each: 'chunk' },
    ],
    {
      chunks,
      done: { pull: chunks.slice(0, 32), push: chunks.slice(0, 30) },
      lines: [
        '',
        'chunk pull push',
        '30 1/1 0/1',
        '31 1/1 0/1',
        '… and 30 that are done, 28 that are not begun',
      ],
    },
  );
});
