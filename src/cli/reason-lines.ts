// Why stale targets are stale, in few lines: equal reasons of a step are told once, because an edit
// gives 10,000 targets the same one.
import type { Graph } from '../plan/graph.ts';
import { locateTarget, type TargetId, targetKey, targetName } from '../plan/plan.ts';
import { explainReason } from '../rebuilder.ts';
import type { Assessment } from '../run/assess.ts';

/** Groups of equal reasons that are shown; more are counted. */
const SHOWN_REASONS = 20;

export function reasonLines({
  graph,
  assessment,
}: {
  readonly graph: Graph;
  readonly assessment: Assessment;
}): readonly string[] {
  const groups = new Map<string, { count: number; example: string }>();
  for (const id of staleTargets(graph.plan.targetCount, assessment)) {
    const { step, cell } = locateTarget(graph.plan, id);
    const reasons = assessment.reasonsOf(id).map(explainReason);
    // The same edit gives every member the same reason; what names a file differs.
    const key = `${targetKey(step, cell)}: ${reasons.join('; ')}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { count: 1, example: targetName(graph.plan, id) });
    else group.count += 1;
  }
  const lines = [...groups]
    .slice(0, SHOWN_REASONS)
    .map(([key, { count, example }]) =>
      count === 1 ? `${example}: ${key.slice(key.indexOf(': ') + 2)}` : `${key} (${count} targets)`,
    );
  const more = groups.size - lines.length;
  return more > 0 ? [...lines, `… and ${more} more`] : lines;
}

function* staleTargets(count: number, assessment: Assessment): Generator<TargetId> {
  for (let id = 0; id < count; id += 1) {
    if (assessment.stateOf(id) === 'stale') yield id;
  }
}
