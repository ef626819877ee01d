// What the lines of one journal mean together: per target its last state. Pure. It decides which
// trace is valid and whether it is proven; never whether it is fresh.
//
//            started             done             started
//   nothing ────────▶ unfinished ────▶ valid trace ────────▶ unfinished ..
//                      checkpoint       verified, released    (old trace void,
//                      failed           accepted              its files in `previous`)
//                      interrupted
import type { CheckpointRecord } from '../executor/executor.ts';
import type { Failure, Trace } from '../trace.ts';
import type { Journal } from './journal.ts';
import { RecordReader } from './journal.ts';
import type { StoreProblem } from './problem.ts';
import type { EntryStatus, Leftovers, WorkIdentity } from './record.ts';
import { RecordedTarget } from './recorded-target.ts';

/** A journal that does not exist, or an empty one, has no targets and no step. */
export interface JournalState {
  /** By step and cell; only targets of which something was recorded. */
  readonly targets: ReadonlyMap<string, TargetState>;
  /** The last note about each group target, by its whole name: which attempt it is about. */
  readonly notes: ReadonlyMap<string, { readonly attempt: number }>;
  /** The `step` of the last line. */
  readonly step: number | undefined;
  /** The last `{"step": N}` of the original project's state file, which proves nothing. */
  readonly foreignStep: number | undefined;
  /** 1-based numbers of damaged lines; traces proven before them are unproven. */
  readonly damagedLines: readonly number[];
  /** Length of a tail that was cut off, or skipped by a reader. */
  readonly tornBytes: number;
  /** Set when the journal must not be used at all; everything else is empty then. */
  readonly problem: StoreProblem | undefined;
}

/** Getters parse when asked: ask only for what is needed, and once. */
export interface TargetState {
  /** Of the last line about the target. */
  readonly status: EntryStatus;
  /** ISO time of that line. */
  readonly at: string;
  /** Highest attempt so far; the next one is one more. */
  readonly attempt: number;
  /** The last success, unless an attempt began after it. Mtimes as last verified. */
  readonly trace: Trace | undefined;
  /** Names the trace for a `verified` entry. */
  readonly traceId: string | undefined;
  /**
   * False when the journal was damaged after the trace was last proven, or the run that proved it
   * did not end cleanly: its outputs are to be rehashed before use, then `verified` is recorded.
   */
  readonly proven: boolean;
  /** The run that recorded or last verified the trace. */
  readonly provenBy: string | undefined;
  /**
   * All that past attempts may have left on disk: the trace's own artifacts and manifest and those
   * of unfinished attempts before. For `started` and for the work order.
   */
  readonly previous: Leftovers;
  /** Of the unfinished attempt, or of the one that it resumed. */
  readonly checkpoint:
    | { readonly record: CheckpointRecord; readonly work: WorkIdentity }
    | undefined;
  /** What `clean` deleted of the trace's files. */
  readonly released: (Leftovers & { readonly bytes: number }) | undefined;
  /** Who called the trace up to date, and why. */
  readonly accepted:
    | { readonly who: string; readonly why: string; readonly at: string }
    | undefined;
  /** The last failure since the last success; `log` relative to the work folder. */
  readonly failure:
    | { readonly failure: Failure; readonly log: string; readonly at: string }
    | undefined;
}

export const NO_JOURNAL: JournalState = {
  targets: new Map(),
  notes: new Map(),
  step: undefined,
  foreignStep: undefined,
  damagedLines: [],
  tornBytes: 0,
  problem: undefined,
};

export interface FoldedJournal extends JournalState {
  readonly targets: ReadonlyMap<string, RecordedTarget>;
}

/** `isClean` says whether a run ended cleanly (or is the one that asks). */
export function foldJournal(journal: Journal, isClean: (run: string) => boolean): FoldedJournal {
  const targets = new Map<string, RecordedTarget>();
  const notes = new Map<string, { readonly attempt: number }>();
  const lost = journal.damaged.at(-1) ?? 0;
  let untrusted = lost;
  let step: number | undefined;
  const reader = new RecordReader(journal);
  for (const [index, line] of journal.lines.entries()) {
    step = line.step;
    if (line.status === 'cut') {
      untrusted = Math.max(untrusted, line.number);
    } else if (line.status === 'note') {
      notes.set(line.target, { attempt: line.attempt });
    } else if (line.status !== 'part') {
      const target = targets.get(line.target) ?? new RecordedTarget(reader, isClean);
      targets.set(line.target, target);
      target.take(line, index, line.status);
    }
  }
  if (journal.torn !== undefined) untrusted = Number.POSITIVE_INFINITY;
  const damage = { untrusted, lost };
  for (const target of targets.values()) target.damage = damage;
  return {
    targets,
    notes,
    step,
    foreignStep: journal.foreignStep,
    damagedLines: journal.damaged,
    tornBytes: journal.torn?.bytes ?? 0,
    problem: undefined,
  };
}
