// What happened over the time of one run, as sums in equal pieces of time and as stretches of work
// per worker: as many numbers for a hundred thousand attempts as for some hundred. Pure.
import type { AttemptColumns } from './run-attempts.ts';

/** Sums over the pieces of time; what an attempt did counts evenly over the time that it took. */
export interface RunSeries {
  /** Milliseconds since 1970. */
  readonly fromMs: number;
  readonly widthMs: number;
  readonly targets: readonly number[];
  readonly rows: readonly number[];
  readonly bytesIn: readonly number[];
  readonly bytesOut: readonly number[];
  /** The largest peak of a target at work in the piece. */
  readonly peakBytes: readonly number[];
  /** The most that targets at work at the same moment took, each at its own peak: a bound. */
  readonly togetherBytes: readonly number[];
  readonly lanes: readonly Lane[];
}

/** What one worker did. */
export interface Lane {
  /** `worker 3`; `runner` for what the runner does itself; `not recorded`. */
  readonly name: string;
  readonly attempts: number;
  readonly busyMs: number;
  /** Triples: start and length in ms from the start of the run, and the index of the step. */
  readonly stretches: readonly number[];
  /** Each stretch is an attempt; otherwise the share of a step in a piece of time. */
  readonly isExact: boolean;
}

export const MAX_PIECES = 240;
/** Attempts that are drawn one by one; more are put together. */
export const MAX_EXACT = 2000;
/** Workers that have a lane of their own. */
export const MAX_LANES = 32;

const WIDTHS_S = [
  0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400,
  28_800, 86_400, 604_800,
];

export interface SeriesOptions {
  readonly isRunnerStep: (step: number) => boolean;
  readonly stepCount: number;
}

/** Undefined where no attempt of the run took any time. */
export function seriesOf(columns: AttemptColumns, options: SeriesOptions): RunSeries | undefined {
  const { startedMs, endedMs } = columns;
  if (startedMs.length === 0) return undefined;
  const fromMs = startedMs.reduce((least, each) => Math.min(least, each));
  const toMs = endedMs.reduce((most, each) => Math.max(most, each));
  const widthMs = pieceWidth(toMs - fromMs);
  const pieces = Math.floor((toMs - fromMs) / widthMs) + 1;
  const spread = { columns, fromMs, widthMs, pieces };
  const targets = new Float64Array(pieces);
  for (const [index, ended] of endedMs.entries()) {
    if (columns.isDone[index] === true) add(targets, Math.floor((ended - fromMs) / widthMs), 1);
  }
  return {
    fromMs,
    widthMs,
    targets: [...targets],
    rows: spreadEvenly(columns.rows, spread),
    bytesIn: spreadEvenly(columns.bytesIn, spread),
    bytesOut: spreadEvenly(columns.bytesOut, spread),
    ...memoryOf(spread),
    lanes: lanesOf(spread, options),
  };
}

interface Spread {
  readonly columns: AttemptColumns;
  readonly fromMs: number;
  readonly widthMs: number;
  readonly pieces: number;
}

function pieceWidth(totalMs: number): number {
  for (const seconds of WIDTHS_S) {
    if (totalMs / (seconds * 1000) < MAX_PIECES) return seconds * 1000;
  }
  return Math.ceil(totalMs / MAX_PIECES);
}

function add(sums: Float64Array, piece: number, amount: number): void {
  sums[piece] = (sums[piece] ?? 0) + amount;
}

function spreadEvenly(amounts: readonly number[], spread: Spread): readonly number[] {
  const sums = new Float64Array(spread.pieces);
  for (const [index, amount] of amounts.entries()) {
    if (amount === 0) continue;
    forEachPiece(index, spread, (piece, share) => add(sums, piece, amount * share));
  }
  return [...sums];
}

/** The share of the attempt's time that falls into each piece: they add up to 1. */
function forEachPiece(
  index: number,
  { columns, fromMs, widthMs }: Spread,
  use: (piece: number, share: number) => void,
): void {
  const start = (columns.startedMs[index] ?? 0) - fromMs;
  const end = (columns.endedMs[index] ?? 0) - fromMs;
  const first = Math.floor(start / widthMs);
  const last = Math.floor(end / widthMs);
  if (first === last) {
    use(first, 1);
    return;
  }
  for (let piece = first; piece <= last; piece += 1) {
    const from = Math.max(start, piece * widthMs);
    const to = Math.min(end, (piece + 1) * widthMs);
    if (to > from) use(piece, (to - from) / (end - start));
  }
}

function memoryOf(spread: Spread): Pick<RunSeries, 'peakBytes' | 'togetherBytes'> {
  const { columns, fromMs, widthMs, pieces } = spread;
  const peakBytes = new Float64Array(pieces);
  const together = new Float64Array(pieces);
  const changes: { at: number; bytes: number }[] = [];
  for (const [index, bytes] of columns.peakBytes.entries()) {
    if (bytes === 0) continue;
    forEachPiece(index, spread, (piece) => {
      peakBytes[piece] = Math.max(peakBytes[piece] ?? 0, bytes);
    });
    const at = (columns.startedMs[index] ?? 0) - fromMs;
    // What took less than a millisecond was there all the same.
    const end = Math.max((columns.endedMs[index] ?? 0) - fromMs, at + 1);
    changes.push({ at, bytes }, { at: end, bytes: -bytes });
  }
  changes.sort((a, b) => a.at - b.at || a.bytes - b.bytes);
  let now = 0;
  let next = 0;
  for (let piece = 0; piece < pieces; piece += 1) {
    let most = now;
    for (let change = changes[next]; change !== undefined; change = changes[next]) {
      if (change.at >= (piece + 1) * widthMs) break;
      now += change.bytes;
      most = Math.max(most, now);
      next += 1;
    }
    together[piece] = most;
  }
  return { peakBytes: [...peakBytes], togetherBytes: [...together] };
}

function lanesOf(spread: Spread, { isRunnerStep, stepCount }: SeriesOptions): readonly Lane[] {
  const { columns } = spread;
  const byLane = new Map<number, number[]>();
  for (const [index, worker] of columns.worker.entries()) {
    const lane = Number.isNaN(worker)
      ? isRunnerStep(columns.step[index] ?? -1)
        ? -1
        : -2
      : worker;
    const key = Math.min(lane, MAX_LANES);
    const found = byLane.get(key);
    if (found === undefined) byLane.set(key, [index]);
    else found.push(index);
  }
  const isExact = columns.worker.length <= MAX_EXACT;
  const order = (lane: number) => (lane < 0 ? MAX_LANES - lane : lane);
  const lanes = [...byLane].sort(([a], [b]) => order(a) - order(b));
  return lanes.map(([lane, indices]) => {
    const busy = (index: number) => (columns.endedMs[index] ?? 0) - (columns.startedMs[index] ?? 0);
    return {
      name: laneName(lane),
      attempts: indices.length,
      busyMs: indices.reduce((sum, index) => sum + busy(index), 0),
      stretches: isExact
        ? exactStretches(indices, spread)
        : sharedStretches(indices, { spread, stepCount }),
      isExact,
    };
  });
}

function laneName(lane: number): string {
  if (lane === -1) return 'runner';
  if (lane === -2) return 'not recorded';
  return lane === MAX_LANES ? `worker ${lane} and above` : `worker ${lane}`;
}

function exactStretches(indices: readonly number[], { columns, fromMs }: Spread) {
  return indices.flatMap((index) => {
    const start = columns.startedMs[index] ?? 0;
    const length = (columns.endedMs[index] ?? 0) - start;
    return [start - fromMs, length, columns.step[index] ?? -1];
  });
}

/** In each piece the steps after each other, as wide as their share of its time. */
function sharedStretches(
  indices: readonly number[],
  { spread, stepCount }: { readonly spread: Spread; readonly stepCount: number },
): readonly number[] {
  const { columns, widthMs, pieces } = spread;
  const kinds = stepCount + 1;
  const busy = new Float64Array(pieces * kinds);
  for (const index of indices) {
    const length = (columns.endedMs[index] ?? 0) - (columns.startedMs[index] ?? 0);
    const kind = (columns.step[index] ?? -1) + 1;
    forEachPiece(index, spread, (piece, share) => add(busy, piece * kinds + kind, share * length));
  }
  const stretches: number[] = [];
  for (let piece = 0; piece < pieces; piece += 1) {
    const shares = busy.subarray(piece * kinds, (piece + 1) * kinds);
    const total = shares.reduce((sum, each) => sum + each, 0);
    // Several at once on one lane: their shares of the whole piece.
    const scale = total > widthMs ? widthMs / total : 1;
    let at = piece * widthMs;
    for (const [kind, length] of shares.entries()) {
      if (length === 0) continue;
      stretches.push(Math.round(at), Math.round(length * scale), kind - 1);
      at += length * scale;
    }
  }
  return stretches;
}
