// A few kills of the project's own pipeline, and a few faults of the machine that it runs on;
// `pnpm test:crash` plays hundreds.
import { beforeAll, expect, test } from 'vitest';
import { needsMounts, playFault } from './crash-fault.ts';
import { explainNoMounts } from './crash-mount.ts';
import { type Calm, playRound, runCalmly } from './crash-round.ts';

/** Only what hangs takes as long, even on a machine with other work. */
const TIMEOUT_MS = 240_000;
const noMounts = explainNoMounts();
let calm: Calm;

beforeAll(async () => {
  calm = await runCalmly();
}, TIMEOUT_MS);

test.each([5, 11])(
  'killed (seed %i), a run ends as if undisturbed',
  { timeout: TIMEOUT_MS },
  async (seed) => {
    const { flaws, kills } = await playRound(seed, calm);
    expect(flaws).toEqual([]);
    expect(kills.length).toBeGreaterThan(0);
  },
);

test.for([
  'a disk that fills up',
  'a disk that turns read-only',
  'a wall clock that jumps',
  'a terminal that closes',
  'a reader that goes away',
] as const)(
  '%s is survived, and the next run ends as if undisturbed',
  { timeout: TIMEOUT_MS },
  async (name, { skip }) => {
    skip(noMounts !== undefined && needsMounts(name), noMounts);
    expect(await playFault(name, { seed: 1, calm })).toEqual({ flaws: [], folder: undefined });
  },
);
