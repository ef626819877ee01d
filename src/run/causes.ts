// Follows a target that is not up to date down to what was changed: "input process is different" is
// true and helps nobody, the edited SQL of `process` does.
import { forEachDependent, forEachProducer, type Graph } from '../plan/graph.ts';
import type { TargetId } from '../plan/plan.ts';
import type { Reason } from '../rebuilder.ts';
import type { Assessment } from './assess.ts';

export interface RootCause {
  readonly target: TargetId;
  /** `reader`: the target has to be made again only for this one to read. */
  readonly relation: 'itself' | 'upstream' | 'reader';
  readonly reasons: readonly Reason[];
}

interface Context {
  readonly graph: Graph;
  readonly assessment: Assessment;
}

/** Its own reasons first, then the others from the beginning of the chain on. */
export function findCauses(id: TargetId, context: Context): readonly RootCause[] {
  const own = reasonsOf(id, context);
  const itself: RootCause = { target: id, relation: 'itself', reasons: own };
  const readers = own.some(isWanted) ? staleReadersOf(id, context) : [];
  return [
    ...(own.length === 0 ? [] : [itself]),
    ...upstreamCauses(id, context),
    ...readers.map((target): RootCause => {
      return { target, relation: 'reader', reasons: reasonsOf(target, context) };
    }),
  ];
}

/** What follows from another target of the plan, which tells the cause itself. */
export function isConsequent(reason: Reason): boolean {
  return isWanted(reason) || reason.kind === 'unreleased';
}

function isWanted(reason: Reason): boolean {
  return reason.kind === 'output' && reason.change === 'wanted';
}

function upstreamCauses(id: TargetId, context: Context): readonly RootCause[] {
  const causes: RootCause[] = [];
  const seen = new Set([id]);
  const open = [id];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const producers = unfreshProducersOf(next, context);
    for (const producer of producers) {
      if (seen.has(producer)) continue;
      seen.add(producer);
      open.push(producer);
    }
    if (next === id) continue;
    const reasons = rootReasonsOf(next, { producers, context });
    if (reasons.length > 0) causes.push({ target: next, relation: 'upstream', reasons });
  }
  return causes.sort((a, b) => a.target - b.target);
}

/** Without what only says that something before it runs; that an input is gone nobody else says. */
function rootReasonsOf(
  id: TargetId,
  { producers, context }: { readonly producers: readonly TargetId[]; readonly context: Context },
): readonly Reason[] {
  const reasons = reasonsOf(id, context).filter((reason) => !isConsequent(reason));
  if (producers.length === 0) return reasons;
  const isNew = (reason: Reason) => reason.kind === 'new';
  const comesNew = producers.some((producer) => reasonsOf(producer, context).some(isNew));
  return reasons.filter((reason) => !comesFromProducer(reason) && !(comesNew && isNew(reason)));
}

function comesFromProducer(reason: Reason): boolean {
  const isOutside = reason.kind === 'input' && reason.input.startsWith('./');
  return reason.kind === 'input' && reason.change !== 'removed' && !isOutside;
}

function reasonsOf(id: TargetId, { assessment }: Context): readonly Reason[] {
  return assessment.stateOf(id) === 'stale' ? assessment.reasonsOf(id) : [];
}

function unfreshProducersOf(id: TargetId, { graph, assessment }: Context): readonly TargetId[] {
  const found: TargetId[] = [];
  forEachProducer(graph, id, (producer) => {
    if (assessment.stateOf(producer) !== 'fresh') found.push(producer);
  });
  return found;
}

function staleReadersOf(id: TargetId, { graph, assessment }: Context): readonly TargetId[] {
  const found: TargetId[] = [];
  forEachDependent(graph, id, (node) => {
    if (node < graph.plan.targetCount && assessment.stateOf(node) === 'stale') found.push(node);
  });
  return found;
}
