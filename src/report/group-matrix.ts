// How far each group is in each step: targets counted by state.
import type { Plan } from '../plan/plan.ts';
import { groupKind, groupsOf } from './members.ts';
import { STATES } from './shown-state.ts';

export interface GroupMatrix {
  /** `chunk`. */
  readonly kind: string;
  readonly rows: readonly GroupRow[];
  /** Groups beyond those in `rows`. */
  readonly more: number;
}

export interface GroupRow {
  readonly group: string;
  /** Of each step, how many targets are in each of STATES; all 0 where it has none. */
  readonly steps: readonly (readonly number[])[];
}

const MAX_ROWS = 1000;

/** Undefined where no file belongs to any group. */
export function groupMatrix(plan: Plan, states: Uint8Array): GroupMatrix | undefined {
  const kind = groupKind(plan);
  if (kind === undefined) return undefined;
  const groups = new Map<string, number[][]>();
  const ofTable = plan.tables.map((table) => groupsOf(plan, { table, kind }));
  for (const { base, cellCount, memberCount, table, index } of plan.steps) {
    const groupOfMember = ofTable[table.index] ?? [];
    for (let offset = 0; offset < cellCount * memberCount; offset += 1) {
      const group = groupOfMember[offset % memberCount];
      if (group === undefined) continue;
      const steps = groups.get(group) ?? plan.steps.map(() => STATES.map(() => 0));
      groups.set(group, steps);
      const counts = steps[index];
      const state = states[base + offset] ?? 0;
      if (counts !== undefined) counts[state] = (counts[state] ?? 0) + 1;
    }
  }
  const rows = [...groups].map(([group, steps]) => ({
    group: group.slice(kind.length + 1),
    steps,
  }));
  return { kind, rows: rows.slice(0, MAX_ROWS), more: Math.max(0, rows.length - MAX_ROWS) };
}
