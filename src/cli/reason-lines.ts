// Why stale targets are stale, in few lines: equal reasons of a step are told once, because an edit
// gives 10,000 targets the same one.
import type { Graph } from '../plan/graph.ts';
import { locateTarget, type TargetId, targetKey, targetName } from '../plan/plan.ts';
import { explainReason, type Reason } from '../rebuilder.ts';
import { explainCount, explainCounted } from '../reporter/quantity.ts';
import type { Assessment } from '../run/assess.ts';
import { isConsequent } from '../run/causes.ts';

/** Groups of equal reasons that are shown; more are counted. */
const SHOWN_REASONS = 20;

interface Group {
  readonly key: string;
  readonly example: TargetId;
  readonly text: string;
  readonly isConsequence: boolean;
  count: number;
  /** The text names files, which differ from target to target. */
  isMixed: boolean;
}

export function reasonLines({
  graph,
  assessment,
}: {
  readonly graph: Graph;
  readonly assessment: Assessment;
}): readonly string[] {
  const groups = new Map<string, Group>();
  for (const id of staleTargets(graph.plan.targetCount, assessment)) {
    const { step, cell } = locateTarget(graph.plan, id);
    const reasons = assessment.reasonsOf(id);
    const text = reasons.map(explainReason).join('; ');
    const key = targetKey(step, cell);
    const same = `${key}: ${reasons.map(kindOf).join('; ')}`;
    const group = groups.get(same);
    if (group === undefined) {
      const isConsequence = reasons.every(isConsequent);
      groups.set(same, { key, example: id, text, isConsequence, count: 1, isMixed: false });
    } else {
      group.count += 1;
      group.isMixed ||= group.text !== text;
    }
  }
  // What is only wanted by something else comes last: it explains nothing.
  const sorted = [...groups.values()].sort(
    (a, b) => Number(a.isConsequence) - Number(b.isConsequence),
  );
  const lines = sorted.slice(0, SHOWN_REASONS).map((group) => lineOf(group, graph));
  const more = sorted.length - lines.length;
  return more > 0 ? [...lines, `… and ${more} more`] : lines;
}

function lineOf({ key, example, text, count, isMixed }: Group, { plan }: Graph): string {
  const name = targetName(plan, example);
  if (count === 1) return `${name}: ${text}`;
  if (!isMixed) return `${key}: ${text} (${explainCounted(count, 'target')})`;
  return `${name}: ${text} (and ${explainCount(count - 1)} more like it)`;
}

/** The reason without what tells one member from another. */
function kindOf(reason: Reason): string {
  switch (reason.kind) {
    case 'input':
      return `input ${reason.change} ${reason.input.replace(/[@/].*$/, '')}`;
    case 'output':
      return `output ${reason.change}`;
    case 'unreleased':
      return reason.kind;
    case 'new':
    case 'unfinished':
    case 'forced':
    case 'field':
    case 'rejects':
      return explainReason(reason);
  }
}

function* staleTargets(count: number, assessment: Assessment): Generator<TargetId> {
  for (let id = 0; id < count; id += 1) {
    if (assessment.stateOf(id) === 'stale') yield id;
  }
}
