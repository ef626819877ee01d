// Makes the report's data of the plan, of what was judged, and of what the journals say. How it
// looks is not decided here.
import { lastLinesOf } from '../executor/target-log.ts';
import { locateTarget, type Plan, targetKey, targetName } from '../plan/plan.ts';
import type { PastRun } from '../store/run-log.ts';
import type { AttemptSource } from './attempts.ts';
import { type CellSums, type Gathered, gather } from './gather.ts';
import { groupMatrix } from './group-matrix.ts';
import { partitionTables } from './partition-table.ts';
import type {
  CellData,
  Counts,
  FailureData,
  Report,
  RunData,
  SlowTarget,
  SourceData,
  StepData,
  TargetsData,
} from './report.ts';
import type { RunAttempts } from './run-attempts.ts';
import { type RunSeries, seriesOf } from './run-series.ts';
import { STATES, shownState } from './shown-state.ts';

export interface ReportOptions {
  readonly plan: Plan;
  /** As people are shown it. */
  readonly work: string;
  readonly nowMs: number;
  readonly running: string | undefined;
  readonly isFresh: (id: number) => boolean;
  /** When it was asked what is fresh: a run beside it goes on making targets. */
  readonly judgedMs: number;
  readonly source: AttemptSource;
  readonly runs: readonly PastRun[];
}

const SHOWN_FAILURES = 100;
const SHOWN_SLOW = 50;
const SHOWN_RUNS = 100;
/** Runs that are drawn over time: a few kilobytes each. */
const DRAWN_RUNS = 12;
const LOG_LINES = 20;

export async function collectReport(options: ReportOptions): Promise<Report> {
  const { plan, nowMs, running, source } = options;
  const gathered = gather(plan, { source, nowMs: running === undefined ? undefined : nowMs });
  const states = statesOf(options, gathered);
  const { name, profile } = plan.config;
  return {
    pipeline: name,
    profile,
    work: options.work,
    madeAtMs: nowMs,
    running,
    steps: plan.steps.map((step) => stepData(plan, { step: step.index, gathered, states })),
    sources: sourcesOf(plan, states),
    states: countStates(states, { from: 0, to: plan.targetCount }),
    matrix: groupMatrix(plan, states),
    cells: cellsOf(plan, gathered),
    failures: failuresOf(plan, { gathered, states }),
    slowest: slowestOf(plan, gathered.targets.durationMs),
    runs: runsOf(plan, { runs: options.runs, gathered, isRunning: running !== undefined }),
    partitions: await partitionTables(plan, gathered.cells),
    datasets: [...gathered.datasets]
      .map(([dataset, sums]) => ({ dataset, ...sums }))
      .sort((a, b) => (a.dataset < b.dataset ? -1 : 1)),
    findings: gathered.findings,
    unplanned: gathered.unplanned,
    targets: targetsOf(plan, { gathered, states }),
  };
}

const RECORDED = {
  done: 'done',
  accepted: 'accepted',
  inferred: 'done',
  failed: 'failed',
  interrupted: 'interrupted',
  unended: 'started',
} as const;

function statesOf(
  { plan, isFresh, judgedMs, running }: ReportOptions,
  { targets }: Gathered,
): Uint8Array {
  const isRunning = running !== undefined;
  return Uint8Array.from({ length: plan.targetCount }, (_, id) => {
    const recorded = () => {
      const status = targets.status[id];
      return status === undefined ? undefined : RECORDED[status];
    };
    const isMadeSince = targets.status[id] === 'done' && (targets.endedMs[id] ?? 0) >= judgedMs;
    const isDone = isFresh(id) || isMadeSince;
    return STATES.indexOf(shownState({ isFresh: isDone, isRunning, recorded }));
  });
}

export function countStates(
  states: Uint8Array,
  { from, to }: { readonly from: number; readonly to: number },
): Counts {
  const counts = STATES.map(() => 0);
  for (let id = from; id < to; id += 1) {
    const state = states[id] ?? 0;
    counts[state] = (counts[state] ?? 0) + 1;
  }
  return counts;
}

interface Known {
  readonly gathered: Gathered;
  readonly states: Uint8Array;
}

function stepData(
  plan: Plan,
  { step: index, gathered, states }: Known & { step: number },
): StepData {
  const step = plan.steps[index];
  if (step === undefined) throw new RangeError(`no step ${index}`);
  const { each, cells, rule } = step.config;
  const to = step.base + step.cellCount * step.memberCount;
  const range = { from: step.base, to };
  const sums = gathered.cells[index] ?? [];
  const total = (of: (cell: CellSums) => number) => sums.reduce((sum, cell) => sum + of(cell), 0);
  const { peakBytes, durationMs } = gathered.targets;
  const peaks = peakBytes.subarray(range.from, range.to).filter((bytes) => bytes > 0);
  const readsSource = step.needs.length === 0 && each.kind !== 'once';
  return {
    name: step.name,
    each: each.kind === 'once' ? 'once' : `each ${each.kind === 'file' ? 'file' : each.group}`,
    cells: cells.map((cell) => cell.name).filter((cell) => cell !== ''),
    targets: range.to - range.from,
    states: countStates(states, range),
    needs: step.needs.map((need) => need.step),
    sources: readsSource ? [each.source] : [],
    rule: rule.kind,
    time: timeOf(durationMs.subarray(range.from, range.to)),
    rows: sums.some(({ hasRows }) => hasRows) ? total((cell) => cell.rows) : undefined,
    bytesOut: total((cell) => cell.bytesOut),
    bytesFreed: total((cell) => cell.bytesFreed),
    peakBytes: peaks.reduce((most, each) => Math.max(most, each), 0),
  };
}

function timeOf(durations: Float64Array): StepData['time'] {
  const known = durations.filter((duration) => !Number.isNaN(duration)).sort();
  const medianMs = known[known.length >> 1];
  if (medianMs === undefined) return undefined;
  const totalMs = known.reduce((sum, each) => sum + each, 0);
  return { totalMs, medianMs, maxMs: known.at(-1) ?? 0 };
}

function sourcesOf(plan: Plan, states: Uint8Array): readonly SourceData[] {
  const done = STATES.indexOf('done');
  return plan.config.sources.map((source) => {
    const steps = plan.steps.filter(
      ({ needs, table }) => needs.length === 0 && table.listing?.source === source.name,
    );
    const listing = steps[0]?.table.listing;
    const taken = steps.map((step) => {
      const of = { step: step.name, files: 0, bytes: 0 };
      for (let id = step.base; id < step.base + step.memberCount; id += 1) {
        if (states[id] !== done) continue;
        for (const file of step.table.filesOf(id - step.base)) {
          of.files += 1;
          of.bytes += listing?.files[file]?.bytes ?? 0;
        }
      }
      return of;
    });
    return {
      name: source.name,
      where: source.kind === 'hub' ? source.dataset : 'local files',
      files: listing?.files.length ?? 0,
      bytes: listing?.files.reduce((sum, { bytes }) => sum + bytes, 0) ?? 0,
      excluded: listing?.excluded.length ?? 0,
      taken,
    };
  });
}

function cellsOf({ steps }: Plan, { cells }: Gathered): readonly CellData[] {
  return steps.flatMap((step) =>
    (cells[step.index] ?? []).map((sums, cell) => {
      const { drops, manifests: _, partition: __, ...rest } = sums;
      return { name: targetKey(step, cell), ...rest, drops: [...drops] };
    }),
  );
}

function failuresOf(plan: Plan, { gathered, states }: Known): FailureData {
  const isFailed = ({ id }: { readonly id: number }) => states[id] === STATES.indexOf('failed');
  const failed = gathered.failed.filter(isFailed);
  const byCode = Map.groupBy(failed, ({ failure }) => failure.code);
  return {
    total: failed.length,
    byCode: [...byCode]
      .map(([code, some]) => [code, some.length] as const)
      .sort(([, a], [, b]) => b - a),
    shown: failed.slice(0, SHOWN_FAILURES).map(({ id, failure, attempt, log, atMs }) => ({
      target: targetName(plan, id),
      code: failure.code,
      message: failure.message,
      hint: failure.hint,
      attempt,
      atMs,
      log,
      logEnd: log === '' ? '' : lastLinesOf(`${plan.config.work}/${log}`, LOG_LINES),
    })),
  };
}

function slowestOf(plan: Plan, durationMs: Float64Array): readonly SlowTarget[] {
  const known = [...durationMs.keys()].filter((id) => !Number.isNaN(durationMs[id]));
  known.sort((a, b) => (durationMs[b] ?? 0) - (durationMs[a] ?? 0) || a - b);
  return known.slice(0, SHOWN_SLOW).map((id) => {
    return { id, target: targetName(plan, id), step: locateTarget(plan, id).step.index };
  });
}

/** Newest first; those that did nothing are left out. */
function runsOf(
  plan: Plan,
  {
    runs,
    gathered,
    isRunning,
  }: {
    readonly runs: readonly PastRun[];
    readonly gathered: Gathered;
    readonly isRunning: boolean;
  },
): readonly RunData[] {
  const active = runs.flatMap((run) => {
    const attempts = gathered.runs.get(run.run);
    return attempts === undefined ? [] : [{ run, attempts }];
  });
  const shown = active.slice(-SHOWN_RUNS).toReversed();
  return shown.map(({ run, attempts }, index) => {
    const series = index < DRAWN_RUNS ? seriesIn(plan, attempts) : undefined;
    const isAtWork = isRunning && run === runs.at(-1);
    return runData(run, { attempts, series, isAtWork });
  });
}

function seriesIn({ steps }: Plan, { columns }: RunAttempts): RunSeries | undefined {
  const isRunnerStep = (step: number) => steps[step]?.config.rule.kind === 'release';
  return seriesOf(columns, { isRunnerStep, stepCount: steps.length });
}

function runData(
  { run, at, command, host, endedAt }: PastRun,
  {
    attempts,
    series,
    isAtWork,
  }: { attempts: RunAttempts; series: RunSeries | undefined; isAtWork: boolean },
): RunData {
  const endedMs = endedAt === undefined ? attempts.lastMs : Date.parse(endedAt);
  return {
    run,
    command,
    host,
    startedMs: Date.parse(at),
    endedMs,
    end: endedAt !== undefined ? 'clean' : isAtWork ? 'at work' : 'none',
    counts: attempts.counts,
    rows: attempts.rows,
    bytesOut: attempts.bytesOut,
    series,
  };
}

function targetsOf({ steps, tables }: Plan, { gathered, states }: Known): TargetsData {
  const { status: _, ...columns } = gathered.targets;
  return {
    ...columns,
    states,
    steps: steps.map(({ name, config, table }) => ({
      name,
      cells: config.cells.map((cell) => cell.name),
      table: table.index,
    })),
    members: tables.map(({ names }) => names),
  };
}
