// `pnpm test:crash [COUNT] [FIRST]`: simulates as many histories as are asked for, from a first
// seed on, and prints every flaw that it finds.
import { findFlaw } from './simulation.ts';

const [count = 100_000, first = 1] = process.argv.slice(2).map(Number);
let flaws = 0;
const begun = performance.now();
for (let seed = first; seed < first + count; seed += 1) {
  const flaw = await findFlaw(seed);
  if (flaw === undefined) continue;
  flaws += 1;
  process.stdout.write(`${flaw}\n\n`);
}
const seconds = ((performance.now() - begun) / 1000).toFixed(1);
process.stdout.write(`${count} histories from seed ${first}, ${flaws} flaws, ${seconds} s\n`);
process.exitCode = flaws === 0 ? 0 : 1;
