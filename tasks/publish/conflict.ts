// Several publish into one dataset, and each commit is made on top of the newest: who loses looks
// again and sends what is still missing. Only conflicts in a row count, because who gets on between
// two of them will end; and each waits a while of its own, so that those who met part.
import { setTimeout } from 'node:timers/promises';

const MAX_CONFLICTS = 10;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5_000;

/** Publishes until no conflict is in the way; `landedCommits` only grows. */
export async function publishDespiteConflicts(
  work: { publish(): Promise<void>; readonly landedCommits: number },
  { signal, log }: { readonly signal: AbortSignal; readonly log: (line: string) => void },
): Promise<void> {
  let landed = 0;
  for (let conflicts = 0; ; ) {
    try {
      await work.publish();
      return;
    } catch (error) {
      if (!isConflict(error)) throw error;
      conflicts = work.landedCommits > landed ? 1 : conflicts + 1;
      landed = work.landedCommits;
      if (conflicts > MAX_CONFLICTS) throw error;
      log(`the dataset has a newer commit: ${String(error)}`);
      const wait = Math.min(FIRST_WAIT_MS * 2 ** (conflicts - 1), LONGEST_WAIT_MS);
      await setTimeout(wait * (0.5 + Math.random()), undefined, { signal });
    }
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'hub-conflict';
}
