// Keeps count of what is complete, for the `step` of a journal line: the highest ordinal up to
// which everything is done for that file (or group). It answers "where is it?" and decides nothing.
import type { MemberTable, Plan, PlanStep, TargetId } from '../plan/plan.ts';
import { targetId } from '../plan/plan.ts';

export class Ordinals {
  readonly #steps: readonly PlanStep[];
  readonly #complete: Uint8Array;

  constructor(plan: Plan) {
    this.#steps = [...plan.steps].sort((a, b) => a.config.ordinal - b.config.ordinal);
    this.#complete = new Uint8Array(plan.targetCount);
  }

  mark(id: TargetId, complete: boolean): void {
    this.#complete[id] = complete ? 1 : 0;
  }

  /** Highest ordinal done without a gap, over the steps that this member takes part in. */
  stepOf(table: MemberTable, member: number): number {
    let reached = 0;
    for (const step of this.#steps) {
      const members = this.#membersOf(step, { table, member });
      for (const each of members) if (!this.#isComplete(step, each)) return reached;
      if (members.length > 0) reached = step.config.ordinal;
    }
    return reached;
  }

  /** The same members of another step: itself, or the group that a file belongs to. */
  #membersOf(
    step: PlanStep,
    { table, member }: { table: MemberTable; member: number },
  ): readonly number[] {
    if (step.table === table) return [member];
    if (table.each.kind !== 'file' || step.table.each.kind !== 'group') return [];
    if (table.each.source !== step.table.each.source) return [];
    return [step.table.groupOfFile?.[member] ?? 0];
  }

  #isComplete(step: PlanStep, member: number): boolean {
    for (let cell = 0; cell < step.cellCount; cell += 1) {
      if (this.#complete[targetId(step, cell, member)] !== 1) return false;
    }
    return true;
  }
}
