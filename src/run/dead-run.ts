// What a run that did not end still owes for targets that turn out to be up to date: it was killed
// after their traces, before what follows them.
import { posix } from 'node:path';
import type { TargetId } from '../plan/plan.ts';
import type { Scheduler } from '../scheduler.ts';
import type { RunContext } from './context.ts';
import type { Recorder } from './recorder.ts';
import { targetPaths } from './work-order.ts';

interface Parts {
  readonly recorder: Recorder;
  /** At its end. */
  readonly scheduler: Scheduler;
}

/** Writes the notes about them, and removes what only their attempts needed. */
export function finishDeadRuns(context: RunContext, { recorder, scheduler }: Parts): void {
  if (context.store.unendedRuns().length === 0) return;
  const isFresh = (id: TargetId) => scheduler.stateOf(id) === 'fresh';
  recorder.completeNotes(isFresh);
  removeScratch(context, isFresh);
}

function removeScratch({ graph, fs }: RunContext, isFresh: (id: TargetId) => boolean): void {
  const { plan } = graph;
  const { work } = plan.config;
  const left = new Set(fs.list(posix.join(work, 'tmp/scratch')));
  for (let id = 0; id < plan.targetCount && left.size > 0; id += 1) {
    if (!isFresh(id)) continue;
    const { scratch } = targetPaths(graph, id, 0);
    if (left.delete(posix.basename(scratch))) fs.remove(posix.join(work, scratch));
  }
}
