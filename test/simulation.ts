// Whole runs of the real runner through random histories of edits, damage, failures, interruptions,
// releases and crashes, on a fake disk with a fake clock. After each history what was made step by
// step must be what a run from nothing makes, and nothing more may have run than had to. A history
// that fails is shortened to its essence.
import { type History, type Round, randomHistory } from './simulation-history.ts';
import { Simulation } from './simulation-player.ts';
import { SimulationError } from './simulation-report.ts';

/** Undefined when all held; else what did not, with the shortest history found that shows it. */
export async function findFlaw(seed: number): Promise<string | undefined> {
  let history = randomHistory(seed);
  let flaw = await tryHistory(history);
  if (flaw === undefined) return undefined;
  const first = flaw.split('\n')[0];
  for (let shorter = true; shorter; ) {
    shorter = false;
    for (const candidate of shorten(history)) {
      const found = await tryHistory(candidate);
      if (found === undefined || kindOf(found) !== kindOf(flaw)) continue;
      history = candidate;
      flaw = found;
      shorter = true;
      break;
    }
  }
  return `seed ${seed}: ${first}\nshortened:\n${flaw}`;
}

async function tryHistory(history: History): Promise<string | undefined> {
  const said: string[] = [];
  try {
    await new Simulation(history, said).play();
    return undefined;
  } catch (error) {
    const text = error instanceof SimulationError ? error.message : String(asStack(error));
    return [text, ...said.map((line) => `  ${line}`)].join('\n');
  }
}

/** A flaw's first line without names and digests: a shorter history must show the same flaw. */
function kindOf(flaw: string): string {
  const [first = ''] = flaw.split('\n');
  return first.replace(/\S*[\d@/]\S*/g, '').slice(0, 40);
}

function asStack(error: unknown): unknown {
  return error instanceof Error ? error.stack : error;
}

/** Histories with one part less. */
function* shorten(history: History): Generator<History> {
  const { rounds } = history;
  const replace = (index: number, round: Partial<Round>) => ({
    ...history,
    rounds: rounds.map((old, at) => (at === index ? { ...old, ...round } : old)),
  });
  const without = <T>(items: readonly T[], index: number) => items.filter((_, at) => at !== index);
  for (const index of rounds.keys()) yield { ...history, rounds: without(rounds, index) };
  for (const [index, { edits, damages, run }] of rounds.entries()) {
    for (const at of edits.keys()) yield replace(index, { edits: without(edits, at) });
    for (const at of damages.keys()) yield replace(index, { damages: without(damages, at) });
    for (const at of run.twists.keys()) {
      yield replace(index, { run: { ...run, twists: without(run.twists, at) } });
    }
  }
}
