// What is remembered of every target, in one journal a source file or group. Only the holder of
// the lock writes; anyone may read beside it. The store knows journals, targets and traces; it
// does not know plans, and never decides whether a trace is fresh.
import { type Clock, type FileSystem, isoTime } from '../file-system.ts';
import type { SharedSync } from '../shared-sync.ts';
import { Appender } from './appender.ts';
import { type Belonging, encodeBelonging, newerFormat } from './belonging.ts';
import { type CompactOptions, compactJournal, compactLarge } from './compact.ts';
import { decodeJournal, encodeRecord, type Journal } from './journal.ts';
import { foldJournal, type JournalState, NO_JOURNAL } from './journal-state.ts';
import type { Lock } from './lock.ts';
import type { StoreProblem } from './problem.ts';
import type { Entry } from './record.ts';
import { encodeRun, type RunRecord, type RunStart } from './run-log.ts';
import {
  journalPath,
  observeStateFolder,
  pipelinePath,
  runsPath,
  type StateFolder,
} from './state-folder.ts';

export interface StoreOptions {
  readonly fs: FileSystem;
  /** Absolute path of `state/`. */
  readonly folder: string;
  /** A folder that belongs to something else is refused. */
  readonly belonging: Belonging;
}

/** Reads beside a running process: skips torn tails, changes nothing. */
export interface StoreReader {
  /**
   * What the journal (`chunk_0-00001-of-00546`, `@chunk=0`, `@once`, `other/x`) says, read now:
   * nothing is kept. Costs nothing for a journal that did not exist when the store was opened.
   * Throws a RangeError for a name that would leave the folder.
   */
  load(journal: string): JournalState;
  /** Names of all journals there are, in no order, whether or not the pipeline knows them. */
  journals(): readonly string[];
  /** Runs without a clean end that nobody recovered, oldest first, the own run excepted. */
  unendedRuns(): readonly RunStart[];
}

export interface Store extends StoreReader {
  /**
   * Appends now; durable within 100 ms or by `flush`. Throws the operating system's error (such as
   * ENOSPC) when nothing was recorded: a half-written line is cut off before the next append.
   * Throws too once a sync has failed, for then nothing more can be promised.
   */
  append(journal: string, entry: Entry): void;
  /** Rewrites a journal with only what counts; what is in it otherwise is the same. */
  compact(journal: string, options: CompactOptions): void;
  /** Deletes a journal: durable with the next `flush`. */
  remove(journal: string): void;
  /** Resolves when all that was appended is durable; calls at the same time share one sync. */
  flush(): Promise<void>;
  /** Every trace that `run` proved has been verified or voided: it needs no more distrust. */
  recordRecovered(run: string): void;
  /** Flushes and records the clean end; without it the run's traces are rehashed next time. */
  end(): Promise<void>;
  /** Stops the timer without an end, as a crash would: after an internal error. */
  abandon(): void;
}

export type Opened<T> =
  | { readonly kind: 'open'; readonly store: T }
  | { readonly kind: 'refused'; readonly problem: StoreProblem };

export function readStore(options: StoreOptions): Opened<StoreReader> {
  const { fs } = options;
  const folder = observeStateFolder(fs, options);
  if ('code' in folder) return { kind: 'refused', problem: folder };
  const { journals, runs } = folder;
  const known = new Set(journals);
  const isClean = (run: string) => runs.clean.has(run);
  const load = (name: string): JournalState => {
    const content = known.has(name) ? fs.read(journalPath(folder.path, name)) : undefined;
    if (content === undefined) return NO_JOURNAL;
    return stateOf(decodeJournal(content), { name, isClean });
  };
  const store = { load, journals: () => journals, unendedRuns: () => runs.unended };
  return { kind: 'open', store };
}

/** For the holder of the lock: records the start of `run`, and cuts torn tails as it meets them. */
export function openStore(
  options: StoreOptions & {
    readonly clock: Clock;
    readonly sharedSync: SharedSync;
    readonly lock: Lock;
    readonly run: string;
  },
): Opened<Store> {
  const { fs, lock, clock, sharedSync, run } = options;
  const folder = observeStateFolder(fs, options);
  if ('code' in folder) return { kind: 'refused', problem: folder };
  fs.makeFolder(folder.path);
  const belonging = encodeBelonging(folder.belonging);
  if (folder.recorded !== belonging) fs.replace(pipelinePath(folder.path), belonging);
  const { tornAt } = folder.runs;
  if (tornAt !== undefined) fs.truncate(runsPath(folder.path), tornAt);
  const store = new Writer({ fs, clock, sharedSync, run, folder });
  store.begin(lock);
  return { kind: 'open', store };
}

class Writer implements Store {
  readonly #fs: FileSystem;
  readonly #clock: Clock;
  readonly #run: string;
  readonly #folder: StateFolder;
  readonly #journals: Set<string>;
  readonly #appender: Appender;
  /** Runs recovered by this one: trusted from then on. */
  readonly #recovered = new Set<string>();

  constructor(parts: {
    fs: FileSystem;
    clock: Clock;
    sharedSync: SharedSync;
    run: string;
    folder: StateFolder;
  }) {
    this.#fs = parts.fs;
    this.#clock = parts.clock;
    this.#run = parts.run;
    this.#folder = parts.folder;
    this.#journals = new Set(parts.folder.journals);
    this.#appender = new Appender({ ...parts, folder: parts.folder.path });
  }

  begin({ owner: { pid, host, command } }: Lock): void {
    const { path, runs, runsBytes } = this.#folder;
    this.#appender.open(runsPath(path), runs.tornAt ?? runsBytes);
    const at = isoTime(this.#clock);
    this.#appendRun({ status: 'run-started', run: this.#run, at, pid, host, command });
    this.#appender.touch(path.slice(0, path.lastIndexOf('/')));
  }

  load(name: string): JournalState {
    if (!this.#journals.has(name)) return NO_JOURNAL;
    const path = journalPath(this.#folder.path, name);
    this.#appender.mend(path);
    const content = this.#fs.read(path);
    if (content === undefined) return NO_JOURNAL;
    const journal = decodeJournal(content);
    const state = stateOf(journal, { name, isClean: (run) => this.#isClean(run) });
    if (state.problem === undefined && !this.#appender.isOpen(path)) {
      this.#appender.open(path, this.#endWell(path, { journal, step: state.step ?? 0 }));
    }
    return state;
  }

  journals(): readonly string[] {
    return [...this.#journals];
  }

  unendedRuns(): readonly RunStart[] {
    return this.#folder.runs.unended.filter(({ run }) => !this.#recovered.has(run));
  }

  append(name: string, entry: Entry): void {
    const path = journalPath(this.#folder.path, name);
    if (!this.#appender.isOpen(path)) this.#open(name, path);
    const at = isoTime(this.#clock);
    this.#appender.append(path, encodeRecord({ ...entry, at, run: this.#run }));
  }

  compact(name: string, options: CompactOptions): void {
    const path = journalPath(this.#folder.path, name);
    this.#appender.mend(path);
    const content = this.#fs.read(path);
    if (content === undefined) return;
    const text = compactJournal(decodeJournal(content), options);
    this.#appender.open(path, this.#rewrite(path, text));
  }

  remove(name: string): void {
    const path = journalPath(this.#folder.path, name);
    this.#fs.remove(path);
    this.#journals.delete(name);
    this.#appender.forget(path);
    this.#appender.touch(path.slice(0, path.lastIndexOf('/')));
  }

  flush(): Promise<void> {
    return this.#appender.flush();
  }

  recordRecovered(run: string): void {
    this.#appendRun({ status: 'run-recovered', run, at: isoTime(this.#clock), by: this.#run });
    this.#recovered.add(run);
  }

  async end(): Promise<void> {
    this.#appender.mendAll();
    await this.#appender.flush();
    this.#appendRun({ status: 'run-ended', run: this.#run, at: isoTime(this.#clock) });
    await this.#appender.flush();
  }

  abandon(): void {
    this.#appender.abandon();
  }

  #isClean(run: string): boolean {
    return run === this.#run || this.#recovered.has(run) || this.#folder.runs.clean.has(run);
  }

  #appendRun(record: RunRecord): void {
    this.#appender.append(runsPath(this.#folder.path), encodeRun(record));
  }

  /** Before the first append: the file must end in a whole line, and its folder must exist. */
  #open(name: string, path: string): void {
    if (this.#journals.has(name)) {
      const { problem } = this.load(name);
      if (problem !== undefined) throw new Error(problem.message);
      if (this.#appender.isOpen(path)) return;
    }
    if (name.includes('/')) {
      const parent = path.slice(0, path.lastIndexOf('/'));
      this.#fs.makeFolder(parent);
      this.#appender.touch(this.#folder.path);
    }
    this.#journals.add(name);
    this.#appender.open(path, 0);
  }

  /**
   * Gives the length of the file once it ends in a whole line. A torn tail is replaced by a record
   * that says so, in one step: from the missing line on nobody can tell a `started` that was lost
   * from one that never was, so the traces before it stay unproven until they are verified.
   */
  #endWell(path: string, { journal, step }: { journal: Journal; step: number }): number {
    const { bytes, torn, unterminated } = journal;
    if (unterminated) {
      this.#fs.append(path, '\n');
      return bytes.length + 1;
    }
    if (torn === undefined) {
      const compact = compactLarge(journal);
      return compact === undefined ? bytes.length : this.#rewrite(path, compact);
    }
    const head = { target: '', step, attempt: 0, at: isoTime(this.#clock), run: this.#run };
    const cut = encodeRecord({ ...head, status: 'cut', bytes: torn.bytes });
    return this.#rewrite(path, bytes.toString('utf8', 0, torn.start) + cut);
  }

  /** In one step, and what is appended from now on is durable only with the new file. */
  #rewrite(path: string, content: string): number {
    this.#fs.replace(path, content);
    this.#appender.touch(path.slice(0, path.lastIndexOf('/')));
    return Buffer.byteLength(content);
  }
}

function stateOf(
  journal: Journal,
  { name, isClean }: { readonly name: string; readonly isClean: (run: string) => boolean },
): JournalState {
  if (journal.newerVersion === undefined) return foldJournal(journal, isClean);
  return { ...NO_JOURNAL, problem: newerFormat(`state/${name}.jsonl`, journal.newerVersion) };
}
