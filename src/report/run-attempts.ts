// The attempts of each run as columns of numbers, for what is drawn over time: a few bytes an
// attempt, whatever their number.
import type { Attempt, AttemptStatus } from './attempts.ts';

/** Columns of the attempts that took time here, one after the other; a number that is not known is NaN. */
export interface AttemptColumns {
  readonly startedMs: readonly number[];
  readonly endedMs: readonly number[];
  /** Index of the step in the plan; -1 for one that it does not have. */
  readonly step: readonly number[];
  readonly worker: readonly number[];
  readonly rows: readonly number[];
  readonly bytesIn: readonly number[];
  readonly bytesOut: readonly number[];
  readonly peakBytes: readonly number[];
  readonly isDone: readonly boolean[];
}

type Growing<T> = { readonly [Key in keyof T]: T[Key] extends readonly (infer E)[] ? E[] : never };

export class RunAttempts {
  /** How many attempts have each status, retries among the failed. */
  readonly counts: Record<AttemptStatus, number> = {
    done: 0,
    failed: 0,
    interrupted: 0,
    accepted: 0,
    inferred: 0,
    unended: 0,
  };
  readonly columns: Growing<AttemptColumns> = {
    startedMs: [],
    endedMs: [],
    step: [],
    worker: [],
    rows: [],
    bytesIn: [],
    bytesOut: [],
    peakBytes: [],
    isDone: [],
  };
  rows = 0;
  bytesOut = 0;
  lastMs = 0;

  /** `nowMs` ends what is at work; undefined when nothing is. */
  add(
    attempt: Attempt,
    {
      step,
      bytesOut,
      nowMs,
    }: { readonly step: number; readonly bytesOut: number; readonly nowMs: number | undefined },
  ): void {
    this.counts[attempt.status] += 1;
    const { startedMs, durationMs, trace, effort, status } = attempt;
    this.lastMs = Math.max(this.lastMs, attempt.endedMs ?? startedMs ?? 0);
    const isDone = status === 'done';
    if (isDone) this.rows += trace?.rows ?? 0;
    if (isDone) this.bytesOut += bytesOut;
    const endedMs = durationMs === undefined ? nowMs : (startedMs ?? 0) + durationMs;
    if (startedMs === undefined || endedMs === undefined) return;
    const { columns } = this;
    columns.startedMs.push(startedMs);
    columns.endedMs.push(Math.max(startedMs, endedMs));
    columns.step.push(step);
    columns.worker.push(effort.worker ?? Number.NaN);
    columns.rows.push(trace?.rows ?? 0);
    columns.bytesIn.push(isDone ? (effort.bytesIn ?? 0) : 0);
    columns.bytesOut.push(bytesOut);
    columns.peakBytes.push(trace?.peakBytes ?? 0);
    columns.isDone.push(isDone);
  }
}
