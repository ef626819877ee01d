// Which files the manifests of partitioned results list. Whoever deletes by such a list must not
// take one that cannot be read for an empty one.
import type { Executor } from '../executor/executor.ts';
import { TargetFailure } from './failure.ts';

/** The run is asked to end: the target that wanted to know has neither failed nor ended. */
export class CalledOff extends Error {}

/**
 * Paths relative to the work folder; of manifests that are missing, none. Throws a TargetFailure
 * when one cannot be read, and CalledOff.
 */
export async function listedPaths(
  manifests: readonly string[],
  { executor, work }: { executor: () => Promise<Executor>; work: string },
): Promise<readonly string[]> {
  if (manifests.length === 0) return [];
  const answer = await (await executor()).ask({ kind: 'list', work, manifests });
  switch (answer.kind) {
    case 'listed':
      return answer.paths;
    case 'called-off':
      throw new CalledOff();
    case 'failed':
      throw new TargetFailure(answer.failure);
    default:
      throw new Error(`asked for a list, answered ${answer.kind}`);
  }
}
