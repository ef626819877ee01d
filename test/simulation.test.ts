// The whole runner, simulated: see `simulation.ts` for what happens and what must hold. Each seed is
// a history of its own; `pnpm test:crash 1 SEED` plays one again.
import { expect, test } from 'vitest';
import { findFlaw } from './simulation.ts';

const HISTORIES = 400;

test('whatever happens on the way, what was made step by step is what a run from nothing makes', async () => {
  const flaws: string[] = [];
  for (let seed = 1; seed <= HISTORIES && flaws.length === 0; seed += 1) {
    const flaw = await findFlaw(seed);
    if (flaw !== undefined) flaws.push(flaw);
  }
  expect(flaws.join('\n')).toBe('');
});
