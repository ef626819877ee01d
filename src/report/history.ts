// A row for every attempt that the journals know of, flat and named as in the output formats: what
// `pipeline history` gives to people and to other programs.
import type { Plan } from '../plan/plan.ts';
import { explainBytes, explainCount, explainDuration } from '../reporter/quantity.ts';
import { writtenBytes } from '../trace.ts';
import { type Attempt, type AttemptSource, type AttemptStatus, readAttempts } from './attempts.ts';
import { type Member, Members } from './members.ts';

/** Null is what is not known, or does not apply. */
export interface HistoryRow {
  readonly target: string;
  readonly step: string;
  readonly cell: string | null;
  readonly key: string | null;
  readonly group: string | null;
  /** Counts from 1, over all runs. */
  readonly attempt: number;
  readonly status: AttemptStatus;
  /** Stable code of a failure. */
  readonly failure: string | null;
  /** ISO times. */
  readonly started: string | null;
  readonly ended: string | null;
  readonly duration_ms: number | null;
  readonly bytes_in: number | null;
  readonly bytes_out: number | null;
  readonly rows: number | null;
  readonly rejects: number | null;
  readonly peak_bytes: number | null;
  readonly retries: number;
  readonly run: string;
  readonly worker: number | null;
  readonly eider: string | null;
  readonly node: string | null;
  readonly duckdb: string | null;
}

/** In the order of the journals; within one, in the order in which attempts began. */
export function* readHistory(plan: Plan, source: AttemptSource): Generator<HistoryRow> {
  const members = new Members(plan);
  for (const attempt of readAttempts(source))
    yield historyRow(attempt, members.of(attempt.journal));
}

function historyRow(attempt: Attempt, member: Member): HistoryRow {
  const { target, trace, effort } = attempt;
  const colon = target.indexOf(':');
  return {
    target: member.name === '' ? target : `${target}@${member.name}`,
    step: colon < 0 ? target : target.slice(0, colon),
    cell: colon < 0 ? null : target.slice(colon + 1),
    key: member.name === '' ? null : member.name,
    group: member.group ?? null,
    attempt: attempt.attempt,
    status: attempt.status,
    failure: attempt.failure?.code ?? null,
    started: isoOf(attempt.startedMs),
    ended: isoOf(attempt.endedMs),
    duration_ms: attempt.durationMs ?? null,
    bytes_in: effort.bytesIn ?? null,
    bytes_out: trace === undefined ? null : writtenBytes(trace),
    rows: trace?.rows ?? null,
    rejects: trace === undefined ? null : (trace.rejects ?? 0),
    peak_bytes: trace?.peakBytes ?? null,
    retries: attempt.retries,
    run: attempt.run,
    worker: effort.worker ?? null,
    eider: trace?.engine['eider'] ?? null,
    node: trace?.engine['node'] ?? null,
    duckdb: trace?.engine['duckdb'] ?? null,
  };
}

function isoOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}

const COLUMNS = [
  ['started', 24],
  ['status', -11],
  ['duration', 9],
  ['bytes in', 9],
  ['bytes out', 9],
  ['rows', 12],
  ['memory', 9],
  ['worker', 6],
  ['retries', 7],
] as const;

/** Of the table for people, whose widths are fixed because the rows are not read twice. */
export const HISTORY_HEAD = `${COLUMNS.map(([name, width]) => pad(name, width)).join('  ')}  target`;

export function historyLine(row: HistoryRow): string {
  const bytes = (count: number | null) => (count === null ? '' : explainBytes(count));
  const texts = [
    row.started ?? row.ended ?? '',
    row.status,
    row.duration_ms === null ? '' : explainDuration(row.duration_ms),
    bytes(row.bytes_in),
    bytes(row.bytes_out),
    row.rows === null ? '' : explainCount(row.rows),
    bytes(row.peak_bytes),
    row.worker === null ? '' : String(row.worker),
    row.retries === 0 ? '' : String(row.retries),
  ];
  const cells = texts.map((text, index) => pad(text, COLUMNS[index]?.[1] ?? 0));
  const what = row.attempt === 1 ? row.target : `${row.target} (attempt ${row.attempt})`;
  return `${cells.join('  ')}  ${what}`;
}

/** A negative width: to the left. */
function pad(text: string, width: number): string {
  return width < 0 ? text.padEnd(-width) : text.padStart(width);
}
