// How far a run is, summed from its events: counts per step, the few targets that run, accounts,
// the last failures. Pure: time comes with the events or as an argument. Memory is bounded by the
// number of steps, of cells and of targets that run at once, never by the number of targets.
import type { Event, StepSummary } from '../event.ts';
import type { Progress } from '../task.ts';
import type { AccountRecord } from '../trace.ts';
import { Findings } from './findings.ts';
import { SlidingWindow } from './rate.ts';
import { explainPaused, RESUMED } from './space.ts';

export interface RunningTarget {
  readonly target: string;
  readonly startedMs: number;
  readonly attempt: number;
  /** The last that the target told of itself. */
  readonly progress: Progress | undefined;
  /** Set while it waits for its next attempt. */
  readonly retryAtMs: number | undefined;
}

export interface StepProgress extends StepSummary {
  readonly fresh: number;
  readonly done: number;
  readonly failed: number;
  readonly blocked: number;
  readonly interrupted: number;
  /** By target, the one that began first comes first. Includes those that wait for a retry. */
  readonly running: ReadonlyMap<string, RunningTarget>;
  readonly rows: number;
  readonly rejects: number;
  readonly bytesOut: number;
  /** Sum over all attempts that ended, so with several at once more than has passed. */
  readonly targetMs: number;
  readonly firstStartedMs: number | undefined;
  readonly lastEndedMs: number | undefined;
}

/** Sums of the accounts of all targets of a cell that ran. */
export interface CellAccount extends AccountRecord {
  /** `process:claims`, or the step alone where it has no matrix. */
  readonly cell: string;
  readonly rejects: number;
  readonly rows: number;
}

export interface Pace {
  readonly perSecond: number;
  readonly unit: 'bytes' | 'targets';
  readonly remainingMs: number;
}

export interface RecentFailure {
  readonly target: string;
  readonly code: string;
  readonly message: string;
}

const MAX_RECENT = 5;
const MAX_CELLS = 200;
/** With fewer ends in the window the average since the first start says more. */
const MIN_ENDS_IN_WINDOW = 5;
const MIN_PACE_MS = 1000;

interface StepState extends StepProgress {
  targets: number;
  fresh: number;
  done: number;
  failed: number;
  blocked: number;
  interrupted: number;
  readonly running: Map<string, RunningTarget>;
  rows: number;
  rejects: number;
  bytesOut: number;
  targetMs: number;
  firstStartedMs: number | undefined;
  lastEndedMs: number | undefined;
  /** Work by this run and without it, in bytes of input or in targets. */
  workDone: number;
  workSettled: number;
  readonly window: SlidingWindow;
}

type AccountState = { -readonly [K in keyof Omit<CellAccount, 'drops'>]: CellAccount[K] } & {
  drops: Record<string, number>;
};

export class RunProgress {
  readonly #steps = new Map<string, StepState>();
  readonly findings = new Findings();
  readonly #accounts = new Map<string, AccountState>();
  readonly #recentFailures: RecentFailure[] = [];
  readonly #recentNotes: string[] = [];
  #started: Extract<Event, { type: 'run-started' }> | undefined;
  #draining = false;

  /** In the order of the pipeline. */
  get steps(): readonly StepProgress[] {
    return [...this.#steps.values()];
  }

  step(name: string): StepProgress | undefined {
    return this.#steps.get(name);
  }

  get running(): number {
    let sum = 0;
    for (const step of this.#steps.values()) sum += step.running.size;
    return sum;
  }

  /** Undefined while nothing can be said: in the first second, or before anything has ended. */
  pace(name: string, nowMs: number): Pace | undefined {
    const step = this.#steps.get(name);
    const sinceStartMs = nowMs - (step?.firstStartedMs ?? nowMs);
    if (step === undefined || sinceStartMs < MIN_PACE_MS) return undefined;
    const partly = runningFraction(step) * meanWork(step);
    const recent = step.window.sum(nowMs);
    const perSecond =
      recent.count >= MIN_ENDS_IN_WINDOW
        ? (recent.amount * 1000) / Math.min(recent.spanMs, sinceStartMs)
        : ((step.workDone + partly) * 1000) / sinceStartMs;
    if (perSecond <= 0) return undefined;
    const remaining = Math.max(0, totalWork(step) - step.workSettled - partly);
    const unit = step.bytesIn ? 'bytes' : 'targets';
    return { perSecond, unit, remainingMs: (remaining / perSecond) * 1000 };
  }

  get started(): Extract<Event, { type: 'run-started' }> | undefined {
    return this.#started;
  }

  get draining(): boolean {
    return this.#draining;
  }

  get accounts(): readonly CellAccount[] {
    return [...this.#accounts.values()];
  }

  /** The last few, oldest first. */
  get recentFailures(): readonly RecentFailure[] {
    return this.#recentFailures;
  }

  get recentNotes(): readonly string[] {
    return this.#recentNotes;
  }

  take(event: Event): void {
    switch (event.type) {
      case 'run-started':
        this.#started = event;
        for (const step of event.steps) this.#steps.set(step.step, newStep(step));
        return;
      case 'draining':
        this.#draining = true;
        return;
      case 'note':
        remember(this.#recentNotes, event.message);
        return;
      case 'paused':
        remember(this.#recentNotes, explainPaused(event));
        return;
      case 'resumed':
        remember(this.#recentNotes, RESUMED);
        return;
      case 'confirmation':
      case 'run-ended':
        return;
      case 'target-failed':
        remember(this.#recentFailures, {
          target: event.target,
          code: event.failure.code,
          message: event.failure.message,
        });
        break;
      case 'target-done':
        this.#addAccount(event);
        for (const finding of event.findings ?? []) this.findings.add(finding);
        break;
      default:
    }
    const step = this.#steps.get(event.step);
    if (step) takeIntoStep(step, event);
  }

  #addAccount(event: Extract<Event, { type: 'target-done' }>): void {
    if (event.account === undefined && !event.rejects) return;
    const cell = event.target.split('@', 1)[0] ?? event.step;
    let sum = this.#accounts.get(cell);
    if (sum === undefined) {
      if (this.#accounts.size === MAX_CELLS) return;
      sum = { cell, entriesIn: 0, kept: 0, drops: {}, rejects: 0, rows: 0 };
      this.#accounts.set(cell, sum);
    }
    sum.entriesIn += event.account?.entriesIn ?? 0;
    sum.kept += event.account?.kept ?? 0;
    for (const [reason, count] of Object.entries(event.account?.drops ?? {})) {
      sum.drops[reason] = (sum.drops[reason] ?? 0) + count;
    }
    sum.rejects += event.rejects ?? 0;
    sum.rows += event.rows ?? 0;
  }
}

/** Targets of which nothing more is to come in this run. */
export function settledCount(step: StepProgress): number {
  return step.fresh + step.done + step.failed + step.blocked + step.interrupted;
}

/** Targets that have not begun. */
export function waitingCount(step: StepProgress): number {
  return Math.max(0, step.targets - settledCount(step) - step.running.size);
}

/** 0 to 1 by targets, those running by what they tell of themselves. */
export function fractionDone(step: StepProgress): number {
  if (step.targets === 0) return 1;
  return Math.min(1, (settledCount(step) + runningFraction(step)) / step.targets);
}

function newStep(summary: StepSummary): StepState {
  return {
    ...summary,
    fresh: 0,
    done: 0,
    failed: 0,
    blocked: 0,
    interrupted: 0,
    running: new Map(),
    rows: 0,
    rejects: 0,
    bytesOut: 0,
    targetMs: 0,
    firstStartedMs: undefined,
    lastEndedMs: undefined,
    workDone: 0,
    workSettled: 0,
    window: new SlidingWindow(),
  };
}

type StepEvent = Extract<Event, { readonly step: string }>;

function takeIntoStep(step: StepState, event: StepEvent): void {
  switch (event.type) {
    case 'fresh':
      step.fresh += event.count;
      step.workSettled +=
        (step.bytesIn ? event.bytesIn : undefined) ?? event.count * meanWork(step);
      return;
    case 'blocked':
      step.blocked += event.count;
      step.workSettled += event.count * meanWork(step);
      return;
    case 'target-started':
      start(step, event);
      return;
    case 'target-progress':
      change(step, event.target, { progress: event.progress });
      return;
    case 'checkpoint':
      // A task that tells nothing else is at least as far as its last checkpoint.
      if (step.running.get(event.target)?.progress === undefined) {
        change(step, event.target, { progress: { done: event.records, unit: 'records' } });
      }
      return;
    case 'target-retried':
      change(step, event.target, {
        progress: undefined,
        retryAtMs: Date.parse(event.at) + event.waitMs,
      });
      return;
    case 'target-done':
      step.done += 1;
      step.rows += event.rows ?? 0;
      step.rejects += event.rejects ?? 0;
      step.bytesOut += event.bytesOut;
      step.targetMs += event.durationMs;
      end(step, event, step.bytesIn ? event.bytesIn : 1);
      return;
    case 'target-failed':
      step.failed += 1;
      step.targetMs += event.durationMs;
      end(step, event, meanWork(step));
      return;
    case 'target-interrupted':
      step.interrupted += 1;
      end(step, event, meanWork(step));
      return;
    default:
      unreachable(event);
  }
}

function start(step: StepState, event: Extract<Event, { type: 'target-started' }>): void {
  const atMs = Date.parse(event.at);
  step.firstStartedMs ??= atMs;
  step.running.set(event.target, {
    target: event.target,
    startedMs: step.running.get(event.target)?.startedMs ?? atMs,
    attempt: event.attempt,
    progress: undefined,
    retryAtMs: undefined,
  });
}

function change(
  step: StepState,
  target: string,
  change: Partial<Pick<RunningTarget, 'progress' | 'retryAtMs'>>,
): void {
  const running = step.running.get(target);
  if (running) step.running.set(target, { ...running, ...change });
}

function end(step: StepState, event: { target: string; at: string }, work: number): void {
  const atMs = Date.parse(event.at);
  step.running.delete(event.target);
  step.lastEndedMs = atMs;
  step.workDone += work;
  step.workSettled += work;
  step.window.add(atMs, work);
}

function totalWork(step: StepState): number {
  return step.bytesIn || step.targets;
}

function meanWork(step: StepState): number {
  return step.targets === 0 ? 0 : totalWork(step) / step.targets;
}

function runningFraction(step: StepProgress): number {
  let sum = 0;
  for (const { progress } of step.running.values()) {
    if (progress?.total) sum += Math.min(1, progress.done / progress.total);
  }
  return sum;
}

function remember<T>(recent: T[], item: T): void {
  if (recent.push(item) > MAX_RECENT) recent.shift();
}

function unreachable(event: never): never {
  throw new Error(`Unknown event: ${JSON.stringify(event)}`);
}
