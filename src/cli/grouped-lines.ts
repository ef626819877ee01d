// Lists targets by what is said of them: an edit or a fault mostly concerns many at once.
import { locateTarget, type Plan, type TargetId, targetKey, targetName } from '../plan/plan.ts';

export interface SaidOfTarget {
  readonly id: TargetId;
  readonly text: string;
}

const SHOWN_GROUPS = 20;

/** One line for a single target, and one for all targets of a step and cell with the same text. */
export function groupedLines(plan: Plan, said: readonly SaidOfTarget[]): readonly string[] {
  const keyOf = (id: TargetId) => {
    const { step, cell } = locateTarget(plan, id);
    return targetKey(step, cell);
  };
  const groups = Map.groupBy(said, ({ id, text }) => `${keyOf(id)}: ${text}`);
  const lines = [...groups].map(([line, [first, ...others]]) =>
    first !== undefined && others.length === 0
      ? `  ${targetName(plan, first.id)}: ${first.text}`
      : `  ${line} (${others.length + 1} targets)`,
  );
  const more = lines.length - SHOWN_GROUPS;
  return more > 0 ? [...lines.slice(0, SHOWN_GROUPS), `  … and ${more} more`] : lines;
}

/** `1 target`, `3 targets`. */
export function countTargets(count: number): string {
  return `${count} ${count === 1 ? 'target' : 'targets'}`;
}
