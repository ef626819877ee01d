// A few of the kills of `pnpm test:crash dumps`, which tries hundreds.
import { expect, test } from 'vitest';
import { killExtractions } from './discogs-kills.ts';

test.for(['', '.gz'] as const)(
  'a dump that is killed again and again gives the tables of an undisturbed run: .xml%s',
  async (packed) => {
    const say = () => {};
    const report = await killExtractions({ kills: 3, records: 8_000, seed: 5, packed, say });
    expect(report.flaws).toEqual([]);
    expect(report.kills).toBeGreaterThanOrEqual(3);
  },
);
