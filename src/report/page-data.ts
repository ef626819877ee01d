// The numbers that the page's script needs, as one compressed text: columns rather than objects,
// whole numbers, null for what is not known.
import { deflateRawSync } from 'node:zlib';
import { shortNames } from './html/rows.ts';
import type { Report, TargetsData } from './report.ts';
import type { RunSeries } from './run-series.ts';
import { STATES } from './shown-state.ts';

/** Base64 of deflated JSON (`PageData` in `page/data.js`). */
export function encodePageData(report: Report): string {
  const { runs, partitions, targets } = report;
  const data = {
    states: STATES,
    runs: runs.map(({ series }) => (series === undefined ? null : wholeSeries(series))),
    partitions: partitions.map(({ column, tables, values }) => ({
      column,
      tables: shortNames(tables),
      ranks: tables.map((_, table) =>
        values
          .map(({ rows }) => rows[table] ?? 0)
          .filter((rows) => rows > 0)
          .sort((a, b) => b - a),
      ),
    })),
    targets: targetColumns(targets),
  };
  return deflateRawSync(JSON.stringify(data), { level: 9 }).toString('base64');
}

function wholeSeries(series: RunSeries): RunSeries {
  const whole = (numbers: readonly number[]) => numbers.map(Math.round);
  return {
    ...series,
    // Rows and bytes of a piece are parts of an attempt's: fractions say nothing.
    rows: whole(series.rows),
    bytesIn: whole(series.bytesIn),
    bytesOut: whole(series.bytesOut),
  };
}

const KIBIBYTE = 1024;

function targetColumns(targets: TargetsData) {
  const { steps, members, states, startedMs } = targets;
  const known = startedMs.filter((ms) => !Number.isNaN(ms));
  const first = known.reduce((least, ms) => Math.min(least, ms), Number.POSITIVE_INFINITY);
  const fromMs = Number.isFinite(first) ? first : 0;
  const column = (numbers: Float64Array, scale = 1) =>
    Array.from(numbers, (each) => (Number.isNaN(each) ? null : Math.round(each / scale)));
  return {
    steps,
    members,
    fromMs,
    states: [...states],
    attempts: [...targets.attempts],
    /** Seconds after the first. */
    started: column(
      startedMs.map((ms) => ms - fromMs),
      1000,
    ),
    durationMs: column(targets.durationMs),
    rows: column(targets.rows),
    bytesIn: column(targets.bytesIn),
    bytesOut: column(targets.bytesOut),
    peakKib: column(targets.peakBytes, KIBIBYTE),
    worker: column(targets.worker),
  };
}
