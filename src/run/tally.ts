// Adds up what a run did, step by step, for its summary. Counts, never a list of targets; only
// failures are kept one by one.
import type { DatasetSummary, FailedTarget, RunSummary, StepResult } from '../event.ts';
import { type Plan, type PlanStep, stepOfTarget, type TargetId } from '../plan/plan.ts';
import type { TargetState } from '../scheduler.ts';
import type { Trace } from '../trace.ts';

interface StepTally {
  targets: number;
  rows: number;
  bytesOut: number;
  rejects: number;
  bytesFreed: number;
  blocked: number;
}

export class Tally {
  readonly #plan: Plan;
  readonly #steps: StepTally[];
  readonly #failures: FailedTarget[] = [];

  constructor(plan: Plan, needed: Uint8Array) {
    this.#plan = plan;
    this.#steps = plan.steps.map((step) => ({
      targets: countSelected(step, needed),
      rows: 0,
      bytesOut: 0,
      rejects: 0,
      bytesFreed: 0,
      blocked: 0,
    }));
  }

  done(id: TargetId, { trace, bytes }: { trace: Trace; bytes: number }): void {
    const tally = this.#tallyOf(stepOfTarget(this.#plan, id));
    tally.rows += trace.rows ?? 0;
    tally.bytesOut += bytes;
    tally.rejects += trace.rejects ?? 0;
    tally.bytesFreed += trace.bytesFreed ?? 0;
  }

  failed(failure: FailedTarget): void {
    this.#failures.push(failure);
  }

  /** How many targets of the step became blocked since this was asked last. */
  newlyBlocked(step: PlanStep, blocked: number): number {
    const tally = this.#tallyOf(step);
    const more = blocked - tally.blocked;
    tally.blocked = blocked;
    return more;
  }

  summarize(options: {
    readonly counts: (step: PlanStep) => Readonly<Record<TargetState, number>>;
    readonly interrupted: boolean;
    readonly diskHeldBy: readonly string[];
    /** Nobody allowed what it would have cost. */
    readonly declined: boolean;
    readonly nothingToDo: boolean;
    readonly durationMs: number;
    readonly datasets: readonly DatasetSummary[];
  }): RunSummary {
    const { counts, interrupted, declined, diskHeldBy, nothingToDo, durationMs, datasets } =
      options;
    const steps = this.#plan.steps.map((step) => this.#result(step, counts(step)));
    const isHeld = diskHeldBy.length > 0;
    const failed = isHeld || steps.some((step) => step.failed > 0 || step.blocked > 0);
    const end = declined ? 'declined' : failed ? 'failed' : 'ok';
    return {
      outcome: interrupted ? 'interrupted' : end,
      durationMs: Math.round(durationMs),
      steps,
      failures: this.#failures,
      datasets,
      diskHeldBy,
      nothingToDo,
    };
  }

  #result(step: PlanStep, counts: Readonly<Record<TargetState, number>>): StepResult {
    const { targets, rows, bytesOut, rejects, bytesFreed } = this.#tallyOf(step);
    const { fresh, done, failed, blocked, interrupted } = counts;
    const left = targets - fresh - done - failed - blocked - interrupted;
    return {
      step: step.name,
      targets,
      fresh,
      done,
      failed,
      blocked,
      interrupted,
      left,
      rows,
      bytesOut,
      rejects,
      bytesFreed,
    };
  }

  #tallyOf(step: PlanStep): StepTally {
    const tally = this.#steps[step.index];
    if (tally === undefined) throw new RangeError(`no step ${step.name}`);
    return tally;
  }
}

export function countSelected(step: PlanStep, needed: Uint8Array): number {
  const end = step.base + step.cellCount * step.memberCount;
  let count = 0;
  for (let id = step.base; id < end; id += 1) count += needed[id] ?? 0;
  return count;
}
