// Reads every attempt once and keeps what the report tells: figures of each target as columns, sums
// per step and cell, runs, failures, datasets. Sums over targets are of what is valid now; those of
// runs are of all that happened.
import { locateTarget, type Plan, targetId, targetKey } from '../plan/plan.ts';
import type { Failure, Trace } from '../trace.ts';
import { writtenBytes } from '../trace.ts';
import { type Attempt, type AttemptSource, type AttemptStatus, readAttempts } from './attempts.ts';
import { Members } from './members.ts';
import { RunAttempts } from './run-attempts.ts';

/** Of the last attempt at each target, by its id in the plan; NaN is what is not known. */
export interface TargetColumns {
  readonly status: (AttemptStatus | undefined)[];
  readonly attempts: Uint32Array;
  readonly startedMs: Float64Array;
  readonly endedMs: Float64Array;
  readonly durationMs: Float64Array;
  readonly rows: Float64Array;
  readonly bytesIn: Float64Array;
  readonly bytesOut: Float64Array;
  readonly peakBytes: Float64Array;
  readonly worker: Float64Array;
}

/** Sums over the targets of a step and cell whose result is valid now. */
export interface CellSums {
  targets: number;
  rows: number;
  /** Whether any of them counts its rows. */
  hasRows: boolean;
  rejects: number;
  files: number;
  bytesOut: number;
  bytesFreed: number;
  /** Targets that account for their entries, and their sums. */
  accounts: number;
  entriesIn: number;
  kept: number;
  readonly drops: Map<string, number>;
  /** Manifests of a partitioned output, relative to the work folder. */
  readonly manifests: string[];
  /** The column it is partitioned by, and the output. */
  partition: { readonly output: string; readonly column: string } | undefined;
}

export interface FailedTarget {
  readonly id: number;
  readonly failure: Failure;
  readonly attempt: number;
  readonly log: string;
  readonly atMs: number;
}

export interface PublishedSums {
  parts: number;
  files: number;
  bytes: number;
  rows: number;
}

export interface RuleFinding {
  readonly table: string;
  readonly rule: string;
  readonly severity: 'error' | 'warning';
  rows: number;
  broken: number;
}

export interface Gathered {
  readonly targets: TargetColumns;
  /** By step, then cell. */
  readonly cells: readonly (readonly CellSums[])[];
  readonly runs: ReadonlyMap<string, RunAttempts>;
  /** Those whose last attempt failed, in the order of the journals. */
  readonly failed: readonly FailedTarget[];
  readonly datasets: ReadonlyMap<string, PublishedSums>;
  readonly findings: readonly RuleFinding[];
  /** Attempts at targets that the plan does not have any more. */
  readonly unplanned: number;
}

/** `nowMs`: a run is at work, so that what did not end goes on; undefined when none is. */
export function gather(
  plan: Plan,
  { source, nowMs }: { readonly source: AttemptSource; readonly nowMs: number | undefined },
): Gathered {
  const gatherer = new Gatherer(plan, nowMs);
  for (const attempt of readAttempts(source)) gatherer.take(attempt);
  return gatherer.result();
}

class Gatherer {
  readonly #plan: Plan;
  readonly #nowMs: number | undefined;
  readonly #members: Members;
  readonly #targets: TargetColumns;
  readonly #cells: readonly (readonly CellSums[])[];
  /** Step and cell by the name that they have in journals. */
  readonly #keys = new Map<string, { readonly step: number; readonly cell: number }>();
  readonly #runs = new Map<string, RunAttempts>();
  readonly #failed: FailedTarget[] = [];
  readonly #datasets = new Map<string, PublishedSums>();
  readonly #findings = new Map<string, RuleFinding>();
  #unplanned = 0;

  constructor(plan: Plan, nowMs: number | undefined) {
    this.#plan = plan;
    this.#nowMs = nowMs;
    this.#members = new Members(plan);
    this.#targets = noTargets(plan.targetCount);
    this.#cells = plan.steps.map((step) => step.config.cells.map(noSums));
    for (const step of plan.steps) {
      for (let cell = 0; cell < step.cellCount; cell += 1) {
        this.#keys.set(targetKey(step, cell), { step: step.index, cell });
      }
    }
  }

  take(attempt: Attempt): void {
    const id = this.#idOf(attempt);
    const { trace, run } = attempt;
    const step = id === undefined ? -1 : locateTarget(this.#plan, id).step.index;
    const bytesOut = trace === undefined ? 0 : writtenBytes(trace);
    const attempts = this.#runs.get(run) ?? new RunAttempts();
    this.#runs.set(run, attempts);
    attempts.add(attempt, { step, bytesOut, nowMs: attempt.isLast ? this.#nowMs : undefined });
    if (id === undefined) this.#unplanned += 1;
    else if (attempt.isLast) this.#takeLast(id, attempt);
  }

  result(): Gathered {
    return {
      targets: this.#targets,
      cells: this.#cells,
      runs: this.#runs,
      failed: this.#failed,
      datasets: this.#datasets,
      findings: [...this.#findings.values()],
      unplanned: this.#unplanned,
    };
  }

  #idOf({ journal, target }: Attempt): number | undefined {
    const { place } = this.#members.of(journal);
    const key = this.#keys.get(target);
    const step = this.#plan.steps[key?.step ?? -1];
    if (place === undefined || key === undefined || step?.table !== place.table) return undefined;
    return targetId(step, key.cell, place.member);
  }

  #takeLast(id: number, attempt: Attempt): void {
    const targets = this.#targets;
    const { trace, effort, failure, startedMs, durationMs } = attempt;
    targets.status[id] = attempt.status;
    targets.attempts[id] = attempt.attempt;
    targets.startedMs[id] = startedMs ?? Number.NaN;
    targets.endedMs[id] = attempt.endedMs ?? Number.NaN;
    targets.durationMs[id] = durationMs ?? Number.NaN;
    targets.rows[id] = trace?.rows ?? Number.NaN;
    targets.bytesIn[id] = effort.bytesIn ?? Number.NaN;
    targets.bytesOut[id] = trace === undefined ? Number.NaN : writtenBytes(trace);
    targets.peakBytes[id] = trace?.peakBytes ?? Number.NaN;
    targets.worker[id] = effort.worker ?? Number.NaN;
    if (failure !== undefined) {
      const atMs = attempt.endedMs ?? 0;
      this.#failed.push({ id, failure, attempt: attempt.attempt, log: attempt.log, atMs });
    }
    if (trace === undefined) return;
    const { step, cell } = locateTarget(this.#plan, id);
    const sums = this.#cells[step.index]?.[cell];
    if (sums !== undefined) addTrace(sums, trace);
    this.#takePublished(trace);
    this.#takeFindings(trace);
  }

  #takePublished({ published }: Trace): void {
    if (published === undefined) return;
    const before = this.#datasets.get(published.dataset);
    const sums = before ?? { parts: 0, files: 0, bytes: 0, rows: 0 };
    this.#datasets.set(published.dataset, sums);
    sums.parts += 1;
    sums.files += published.files;
    sums.bytes += published.bytes;
    sums.rows += published.rows;
  }

  #takeFindings({ findings }: Trace): void {
    for (const { table, rule, severity, rows, broken } of findings ?? []) {
      const key = `${table} ${rule}`;
      const sums = this.#findings.get(key) ?? { table, rule, severity, rows: 0, broken: 0 };
      this.#findings.set(key, sums);
      sums.rows += rows;
      sums.broken += broken ?? 0;
    }
  }
}

function noTargets(count: number): TargetColumns {
  const unknown = () => new Float64Array(count).fill(Number.NaN);
  return {
    status: new Array(count).fill(undefined),
    attempts: new Uint32Array(count),
    startedMs: unknown(),
    endedMs: unknown(),
    durationMs: unknown(),
    rows: unknown(),
    bytesIn: unknown(),
    bytesOut: unknown(),
    peakBytes: unknown(),
    worker: unknown(),
  };
}

function noSums(): CellSums {
  return {
    targets: 0,
    rows: 0,
    hasRows: false,
    rejects: 0,
    files: 0,
    bytesOut: 0,
    bytesFreed: 0,
    accounts: 0,
    entriesIn: 0,
    kept: 0,
    drops: new Map(),
    manifests: [],
    partition: undefined,
  };
}

function addTrace(sums: CellSums, trace: Trace): void {
  const { account, manifest, artifacts, rows } = trace;
  sums.targets += 1;
  sums.rows += rows ?? 0;
  sums.hasRows ||= rows !== undefined;
  sums.rejects += trace.rejects ?? 0;
  sums.files += manifest?.files ?? artifacts.length;
  sums.bytesOut += writtenBytes(trace);
  sums.bytesFreed += trace.bytesFreed ?? 0;
  if (account !== undefined) {
    sums.accounts += 1;
    sums.entriesIn += account.entriesIn;
    sums.kept += account.kept;
    for (const [reason, entries] of Object.entries(account.drops)) {
      sums.drops.set(reason, (sums.drops.get(reason) ?? 0) + entries);
    }
  }
  if (manifest === undefined) return;
  sums.partition ??= partitionOf(trace);
  if (sums.partition !== undefined) sums.manifests.push(manifest.path);
}

function partitionOf({ fields }: Trace): CellSums['partition'] {
  for (const [output, description] of Object.entries(fields.outputs)) {
    if (typeof description !== 'object' || description === null) continue;
    const column: unknown = Reflect.get(description, 'partition_by');
    if (typeof column === 'string') return { output, column };
  }
  return undefined;
}
