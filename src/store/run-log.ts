// Which runs there were and whether each ended cleanly (`state/@runs.jsonl`). A trace counts as
// proven only when the run that proved it is known to have ended cleanly: a run that is not in the
// log, or whose end is not, is not trusted.
import { frameLine, scanLines } from './line.ts';

/** Longest command line that is kept, so that a record always fits its line. */
const COMMAND_LIMIT = 800;

export interface RunStart {
  readonly run: string;
  /** ISO time. */
  readonly at: string;
  readonly pid: number;
  readonly host: string;
  readonly command: string;
}

export type RunRecord =
  | ({ readonly status: 'run-started' } & RunStart)
  | { readonly status: 'run-ended'; readonly run: string; readonly at: string }
  /** Every trace of the run was verified or voided by a later one. */
  | {
      readonly status: 'run-recovered';
      readonly run: string;
      readonly at: string;
      readonly by: string;
    };

/** A run as people are told of it. */
export interface PastRun extends RunStart {
  /** ISO time of a clean end. */
  readonly endedAt: string | undefined;
}

export interface RunLog {
  /** Runs whose traces are trusted. */
  readonly clean: ReadonlySet<string>;
  /** The others, oldest first. */
  readonly unended: readonly RunStart[];
  /** Bytes up to the torn tail, where there is one. */
  readonly tornAt: number | undefined;
  readonly newerVersion: number | undefined;
}

export function encodeRun(record: RunRecord): string {
  if (record.status !== 'run-started') return frameLine(record);
  return frameLine({ ...record, command: record.command.slice(0, COMMAND_LIMIT) });
}

/** All runs, oldest first; nothing decides by this. */
export function listRuns(content: Uint8Array): readonly PastRun[] {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const runs = new Map<string, PastRun>();
  for (const { start, end } of scanLines(bytes).whole) {
    const record: RunRecord = JSON.parse(bytes.toString('utf8', start, end));
    if (record.status === 'run-started') {
      const { status: _, ...run } = record;
      runs.set(run.run, { ...run, endedAt: undefined });
    } else if (record.status === 'run-ended') {
      const run = runs.get(record.run);
      if (run !== undefined) runs.set(record.run, { ...run, endedAt: record.at });
    }
  }
  return [...runs.values()];
}

/** Damaged lines are left out: what they said of a run is then not known, which is safe. */
export function decodeRuns(content: Uint8Array): RunLog {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const { whole, torn, newerVersion } = scanLines(bytes);
  const clean = new Set<string>();
  const started = new Map<string, RunStart>();
  for (const { start, end } of newerVersion === undefined ? whole : []) {
    const record: RunRecord = JSON.parse(bytes.toString('utf8', start, end));
    if (record.status === 'run-started') {
      const { status: _, ...run } = record;
      started.set(run.run, run);
    } else {
      clean.add(record.run);
    }
  }
  const unended = [...started.values()].filter(({ run }) => !clean.has(run));
  return { clean, unended, tornAt: torn?.start, newerVersion };
}
