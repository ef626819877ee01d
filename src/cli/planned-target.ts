// The targets that a run would or may bring up to date, as data for programs.
import { targetName } from '../plan/plan.ts';
import { explainReason } from '../rebuilder.ts';
import type { Look } from './look.ts';

export interface PlannedTarget {
  /** As written on the command line: `process:claims@chunk_0-00001-of-00546`. */
  readonly target: string;
  /** `pending` waits for something that runs, and runs only if that comes out different. */
  readonly state: 'stale' | 'pending';
  /** Why, in words; empty while it is pending. */
  readonly reasons: readonly string[];
}

/** In the order of steps. */
export function* plannedTargets({ graph, survey }: Look): Generator<PlannedTarget> {
  const { assessment } = survey;
  for (let id = 0; id < graph.plan.targetCount; id += 1) {
    const state = assessment.stateOf(id);
    if (state !== 'stale' && state !== 'pending') continue;
    const reasons = state === 'stale' ? assessment.reasonsOf(id).map(explainReason) : [];
    yield { target: targetName(graph.plan, id), state, reasons };
  }
}
