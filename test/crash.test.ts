// A few kills of the project's own pipeline, and a few faults of the machine that it runs on;
// `pnpm test:crash` plays hundreds.
import { beforeAll, expect, test } from 'vitest';
import { needsMounts, playFault } from './crash-fault.ts';
import { explainNoMounts } from './crash-mount.ts';
import { type Calm, playRound, runCalmly } from './crash-round.ts';
import type { KillPlan } from './crash-switch.ts';

const noMounts = explainNoMounts();
let calm: Calm;

beforeAll(async () => {
  calm = await runCalmly();
});

test.for<readonly [string, string, KillPlan]>([
  [
    'between a commit and its trace',
    'push: outputs, no trace',
    { change: 'runner append journal done push', nth: 3, moment: 'before', victims: 'runner' },
  ],
  [
    'with its workers while files are freed',
    'released, not all deleted',
    { change: 'runner rm results', nth: 5, moment: 'after', victims: 'both' },
  ],
])('killed %s, a run ends as if undisturbed', async ([, window, plan]) => {
  const { victims } = plan;
  const round = await playRound(
    [{ moment: { kind: 'change', plan }, victims, isLate: false }],
    calm,
  );
  expect(round.flaws.join('\n')).toBe('');
  expect(round.kills.flatMap(({ windows }) => windows)).toContain(window);
});

test.for([
  'a disk that fills up',
  'a disk that turns read-only',
  'a terminal that closes',
  'a reader that goes away',
] as const)('%s is survived, and the next run ends as if undisturbed', async (name, { skip }) => {
  skip(noMounts !== undefined && needsMounts(name), noMounts);
  const { flaws, folder } = await playFault(name, { seed: 1, calm });
  expect(flaws.join('\n'), `left in ${folder}`).toBe('');
});
