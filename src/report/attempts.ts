// What the journals say of every attempt at every target, in the order in which it was written: one
// journal after the other, so that memory does not grow with their number. For people: nothing is
// decided by it. Reads beside whoever writes.
import type { FileSystem } from '../file-system.ts';
import { compareNaturally } from '../plan/catalog.ts';
import {
  decodeJournal,
  type Journal,
  type JournalLine,
  parseOrigin,
  parseRecord,
} from '../store/journal.ts';
import type { Effort, JournalRecord } from '../store/record.ts';
import { journalPath } from '../store/state-folder.ts';
import type { Failure, Trace } from '../trace.ts';

/**
 * `accepted`: called up to date by a person. `inferred`: taken from a dataset or from outputs, not
 * made here. `unended`: it runs, or its run died.
 */
export type AttemptStatus = 'done' | 'failed' | 'interrupted' | 'accepted' | 'inferred' | 'unended';

export interface Attempt {
  readonly journal: string;
  /** Step and cell. */
  readonly target: string;
  readonly attempt: number;
  readonly status: AttemptStatus;
  readonly run: string;
  /** Milliseconds since 1970; undefined where it never began here, or the line is not kept. */
  readonly startedMs: number | undefined;
  readonly endedMs: number | undefined;
  /** Of the work; what was made elsewhere took no time here. */
  readonly durationMs: number | undefined;
  /** Earlier attempts of the same run that failed and were tried again. */
  readonly retries: number;
  readonly effort: Effort;
  /** Of one that is done, accepted or inferred. */
  readonly trace: Trace | undefined;
  readonly failure: Failure | undefined;
  /** Relative to the work folder; '' where there is none. */
  readonly log: string;
  /** Nothing newer is known of the target. */
  readonly isLast: boolean;
}

export interface AttemptSource {
  readonly fs: Pick<FileSystem, 'read'>;
  /** Absolute path of `state/`. */
  readonly folder: string;
  readonly journals: readonly string[];
}

/** Journals in natural order. Those of a newer version, and damaged lines, are left out. */
export function* readAttempts({ fs, folder, journals }: AttemptSource): Generator<Attempt> {
  for (const name of [...journals].sort(compareNaturally)) {
    const content = fs.read(journalPath(folder, name));
    if (content === undefined) continue;
    const journal = decodeJournal(content);
    if (journal.newerVersion === undefined) yield* attemptsOf(journal, name);
  }
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

function attemptsOf(journal: Journal, name: string): readonly Attempt[] {
  const attempts: Mutable<Attempt>[] = [];
  const lastOf = new Map<string, Mutable<Attempt>>();
  const add = (line: JournalLine, origin: { readonly at: string; readonly run: string }) => {
    const before = lastOf.get(line.target);
    const isNewer = before === undefined || line.attempt >= before.attempt;
    if (before !== undefined && isNewer) before.isLast = false;
    const attempt = begin(line, { journal: name, run: origin.run, before, isLast: isNewer });
    attempts.push(attempt);
    if (isNewer) lastOf.set(line.target, attempt);
    return attempt;
  };
  for (const [index, line] of journal.lines.entries()) {
    switch (line.status) {
      case 'started': {
        const origin = parseOrigin(journal, line);
        if (origin !== undefined) add(line, origin).startedMs = Date.parse(origin.at);
        break;
      }
      case 'done':
      case 'failed':
      case 'interrupted':
      case 'accepted': {
        const record = parseRecord(journal, index);
        if (record === undefined) break;
        const open = lastOf.get(line.target);
        const isItsEnd =
          open?.attempt === line.attempt && open.status === 'unended' && open.run === record.run;
        finish(isItsEnd ? open : add(line, record), record);
        break;
      }
      case 'checkpoint':
      case 'released':
      case 'verified':
      case 'note':
      case 'part':
      case 'cut':
        break;
      default:
        line.status satisfies never;
    }
  }
  return attempts;
}

function begin(
  { target, attempt }: JournalLine,
  {
    journal,
    run,
    before,
    isLast,
  }: { journal: string; run: string; before: Attempt | undefined; isLast: boolean },
): Mutable<Attempt> {
  const isRetry = before?.run === run && before.failure?.mayPass === true;
  return {
    journal,
    target,
    attempt,
    status: 'unended',
    run,
    startedMs: undefined,
    endedMs: undefined,
    durationMs: undefined,
    retries: isRetry ? before.retries + 1 : 0,
    effort: {},
    trace: undefined,
    failure: undefined,
    log: '',
    isLast,
  };
}

function finish(attempt: Mutable<Attempt>, record: JournalRecord): void {
  const { startedMs } = attempt;
  attempt.endedMs = Date.parse(record.at);
  attempt.durationMs = startedMs === undefined ? undefined : attempt.endedMs - startedMs;
  switch (record.status) {
    case 'done': {
      const { trace, effort } = record;
      attempt.trace = trace;
      attempt.effort = effort ?? {};
      const isHere = trace.inferred === undefined;
      attempt.status = isHere ? 'done' : 'inferred';
      attempt.durationMs = isHere ? trace.durationMs : undefined;
      // Its first line may be gone: long journals keep only what counts.
      if (isHere) attempt.startedMs ??= attempt.endedMs - trace.durationMs;
      return;
    }
    case 'accepted':
      attempt.status = 'accepted';
      attempt.trace = record.trace;
      attempt.durationMs = undefined;
      return;
    case 'failed':
      attempt.status = 'failed';
      attempt.effort = record.effort ?? {};
      attempt.failure = record.failure;
      attempt.log = record.log;
      return;
    case 'interrupted':
      attempt.status = 'interrupted';
      attempt.effort = record.effort ?? {};
      return;
    default:
      throw new Error(`${record.status} ends no attempt`);
  }
}
