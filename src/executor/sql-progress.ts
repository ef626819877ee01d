// How far a SQL target is, as the bytes of its input that count as done. Statements weigh what they
// took the last time that this process ran the script, at first alike; definitions weigh nothing.
// Within a statement DuckDB's own estimate counts, or, as a scan of JSON text has none before its
// end, the share of the input that was read since the statement began.
import { readFileSync } from 'node:fs';
import type { Attempt } from './rule.ts';
import type { Statement } from './sql-text.ts';

const PROGRESS_MS = 500;
/** Scripts whose weights are kept: a worker meets one for each cell of a step. */
const MAX_SCRIPTS = 100;

export interface ProgressWatch {
  /** The statement is done. */
  next(): void;
  /** How much of it is done, 0 to 1, where DuckDB does not know. */
  readonly share: (share: number) => void;
  end(): void;
}

export interface WatchedScript {
  readonly text: string;
  readonly statements: readonly Statement[];
  /** DuckDB's estimate for the running statement, 0 to 100. */
  readonly percent: () => number | undefined;
  /** What the process has read so far; undefined where the system does not say. */
  readonly readBytes?: () => number | undefined;
}

export interface WatchedAttempt {
  readonly order: Pick<Attempt['order'], 'inputs'>;
  readonly control: Pick<Attempt['control'], 'progress'>;
}

/** Milliseconds of each statement, by script. */
const lastTimes = new Map<string, readonly number[]>();

export function watchProgress(
  { order, control }: WatchedAttempt,
  { text, statements, percent, readBytes = bytesReadByProcess }: WatchedScript,
): ProgressWatch {
  const files = order.inputs.flatMap((input) => input.files);
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const weights = lastTimes.get(text) ?? statements.map((each) => (isDefinition(each) ? 0 : 1));
  const whole = sum(weights);
  const times: number[] = [];
  let begunMs = performance.now();
  let readBefore = readBytes();
  let known: number | undefined;
  let highest = 0;
  const shareOfStatement = () => {
    const read = (readBytes() ?? 0) - (readBefore ?? 0);
    return Math.min(1, known ?? Math.max((percent() ?? 0) / 100, read / total));
  };
  const tell = () => {
    const current = (weights[times.length] ?? 0) * shareOfStatement();
    highest = Math.max(highest, (sum(weights.slice(0, times.length)) + current) / (whole || 1));
    control.progress({ done: Math.round(highest * total), total, unit: 'bytes' });
  };
  const timer = total === 0 ? undefined : setInterval(tell, PROGRESS_MS);
  return {
    next: () => {
      const nowMs = performance.now();
      times.push(nowMs - begunMs);
      begunMs = nowMs;
      readBefore = readBytes();
    },
    share: (share) => {
      known = share;
    },
    end: () => {
      clearInterval(timer);
      if (times.length < statements.length) return;
      if (lastTimes.size >= MAX_SCRIPTS) lastTimes.clear();
      lastTimes.set(text, times);
    },
  };
}

/** Whether a statement only says something for later ones, which takes no time. */
function isDefinition({ tokens }: Statement): boolean {
  const words = tokens.slice(0, 5).map((token) => token.text.toLowerCase());
  if (['set', 'reset', 'pragma', 'drop'].includes(words[0] ?? '')) return true;
  return (
    words[0] === 'create' && ['macro', 'function', 'view', 'type'].some((w) => words.includes(w))
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}

function bytesReadByProcess(): number | undefined {
  try {
    const count = /^rchar: (\d+)/m.exec(readFileSync('/proc/self/io', 'latin1'))?.[1];
    return count === undefined ? undefined : Number(count);
  } catch {
    return undefined; // Not Linux.
  }
}
