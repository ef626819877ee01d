// What the lines about one target mean together, kept as the indexes of those that count, so that a
// hundred thousand of these stay small; a record is parsed when somebody asks for it. Pure.
import type { Trace } from '../trace.ts';
import type { JournalLine, RecordReader } from './journal.ts';
import { lineId } from './journal.ts';
import type { TargetState } from './journal-state.ts';
import type { EntryStatus, JournalRecord, Leftovers, Mtimes, WorkIdentity } from './record.ts';

/** Line numbers before which something may be missing. */
export interface Damage {
  /** Of the last damaged line or cut tail: what was proven before it is unproven. */
  readonly untrusted: number;
  /** Of the last damaged line. A torn tail was never durable, so nothing was built upon it. */
  readonly lost: number;
}

const NO_LINES: readonly number[] = [];

/** The lines, by index, that answers about a target come from; -1 and none where there are none. */
export interface TargetLines {
  readonly last: number;
  readonly trace: number;
  readonly accepted: number;
  readonly failure: number;
  readonly checkpoint: number;
  readonly verified: readonly number[];
  readonly released: readonly number[];
  readonly started: readonly number[];
  readonly voided: readonly number[];
}

export class RecordedTarget implements TargetState {
  status: EntryStatus = 'started';
  attempt = 0;
  damage: Damage = { untrusted: 0, lost: 0 };
  readonly #reader: RecordReader;
  readonly #isClean: (run: string) => boolean;
  #last = -1;
  #trace = -1;
  #accepted = -1;
  #failure = -1;
  #checkpoint = -1;
  #verified = NO_LINES;
  #released = NO_LINES;
  /** `started` lines and voided traces since the last success. */
  #started = NO_LINES;
  #voided = NO_LINES;

  constructor(reader: RecordReader, isClean: (run: string) => boolean) {
    this.#reader = reader;
    this.#isClean = isClean;
  }

  take(line: JournalLine, index: number, status: EntryStatus): void {
    // A straggler of an attempt that was given up can change nothing any more.
    if (line.attempt < this.attempt) return;
    if (line.attempt > this.attempt || status === 'started') {
      // Without a `started` line, which damage can take, the attempt began all the same.
      this.#void();
      if (status !== 'started') this.#checkpoint = -1;
    }
    this.#last = index;
    this.status = status;
    this.attempt = line.attempt;
    switch (status) {
      case 'started':
        this.#started = [...this.#started, index];
        return;
      case 'checkpoint':
        this.#checkpoint = index;
        return;
      case 'failed':
        this.#failure = index;
        return;
      case 'interrupted':
        return;
      case 'done':
        this.#succeed(index);
        return;
      case 'accepted':
        // Its files may lie elsewhere than those of the trace before it.
        if (this.#trace >= 0) this.#voided = [...this.#voided, this.#trace];
        this.#trace = index;
        this.#accepted = index;
        this.#verified = NO_LINES;
        this.#failure = -1;
        return;
      case 'released':
        this.#released = [...this.#released, index];
        return;
      case 'verified':
        this.#verified = [...this.#verified, index];
        return;
      case 'note':
        return;
      default:
        status satisfies never;
    }
  }

  get lines(): TargetLines {
    return {
      last: this.#last,
      trace: this.#trace,
      accepted: this.#accepted,
      failure: this.#failure,
      checkpoint: this.#checkpoint,
      verified: this.#verifications().map(({ index }) => index),
      released: this.#released,
      started: this.#started,
      voided: this.#voided,
    };
  }

  get at(): string {
    return this.#parse(this.#last)?.at ?? '';
  }

  get trace(): Trace | undefined {
    const record = this.#traceRecord(this.#trace);
    if (record === undefined) return undefined;
    const touches = this.#verifications().map(({ record }) => record.mtimes);
    return touches.reduce(touch, record.trace);
  }

  get traceId(): string | undefined {
    return this.#trace < 0 ? undefined : lineId(this.#reader.journal, this.#trace);
  }

  get provenBy(): string | undefined {
    return this.#proof()?.run;
  }

  get proven(): boolean {
    const proof = this.#proof();
    if (proof === undefined || !this.#isClean(proof.run)) return false;
    // A bit that flipped says nothing of when: in a damaged journal only a rehash since is proof.
    if (this.damage.lost > 0 && !proof.isRehash) return false;
    return proof.number > this.damage.untrusted;
  }

  get previous(): Leftovers {
    const paths = new Set<string>();
    const manifests = new Set<string>();
    for (const index of this.#started) {
      const record = this.#parse(index);
      if (record?.status !== 'started') continue;
      for (const path of record.previous.paths) paths.add(path);
      for (const path of record.previous.manifests) manifests.add(path);
    }
    for (const index of [...this.#voided, this.#trace]) {
      const trace = this.#traceRecord(index)?.trace;
      for (const artifact of trace?.artifacts ?? []) paths.add(artifact.path);
      if (trace?.manifest !== undefined) manifests.add(trace.manifest.path);
    }
    return { paths: [...paths], manifests: [...manifests] };
  }

  get checkpoint(): TargetState['checkpoint'] {
    const record = this.#parse(this.#checkpoint);
    if (record?.status !== 'checkpoint') return undefined;
    if (this.#reader.numberOf(this.#checkpoint) < this.damage.lost) return undefined;
    let work: WorkIdentity | undefined;
    for (const index of this.#started) {
      const start = this.#parse(index);
      if (start?.status !== 'started') continue;
      // Its own attempt says what the work was; each later one must have gone on from here.
      if (start.attempt === record.attempt) work = start.work;
      if (start.attempt > record.attempt && start.resumed !== true) return undefined;
    }
    return work === undefined ? undefined : { record: record.checkpoint, work };
  }

  get released(): TargetState['released'] {
    if (this.#released.length === 0) return undefined;
    const records = this.#released
      .map((index) => this.#parse(index))
      .filter((record) => record?.status === 'released');
    return {
      paths: records.flatMap((record) => record.paths),
      manifests: records.flatMap((record) => record.manifests),
      bytes: records.reduce((sum, record) => sum + record.bytes, 0),
    };
  }

  get accepted(): TargetState['accepted'] {
    const record = this.#parse(this.#accepted);
    if (record?.status !== 'accepted') return undefined;
    return { who: record.who, why: record.why, at: record.at };
  }

  get failure(): TargetState['failure'] {
    const record = this.#parse(this.#failure);
    if (record?.status !== 'failed') return undefined;
    return { failure: record.failure, log: record.log, at: record.at };
  }

  #void(): void {
    if (this.#trace >= 0) this.#voided = [...this.#voided, this.#trace];
    this.#trace = -1;
    this.#accepted = -1;
    this.#verified = NO_LINES;
    this.#released = NO_LINES;
  }

  #succeed(index: number): void {
    this.#void();
    this.#trace = index;
    this.#checkpoint = -1;
    this.#failure = -1;
    this.#started = NO_LINES;
    this.#voided = NO_LINES;
  }

  #parse(index: number): JournalRecord | undefined {
    return this.#reader.parse(index);
  }

  #traceRecord(index: number) {
    const record = this.#parse(index);
    return record?.status === 'done' || record?.status === 'accepted' ? record : undefined;
  }

  /** Of this very trace: after damage a line may speak of one that is lost. */
  #verifications() {
    return this.#verified.flatMap((index) => {
      const record = this.#parse(index);
      return record?.status === 'verified' && record.of === this.traceId ? [{ index, record }] : [];
    });
  }

  /** The line that last proved the trace. */
  #proof():
    | { readonly run: string; readonly number: number; readonly isRehash: boolean }
    | undefined {
    const record = this.#traceRecord(this.#trace);
    if (record === undefined) return undefined;
    const { index, record: proof } = this.#verifications().at(-1) ?? { index: this.#trace, record };
    const isRehash = index !== this.#trace;
    return { run: proof.run, number: this.#reader.numberOf(index), isRehash };
  }
}

function touch(trace: Trace, mtimes: Mtimes): Trace {
  const touched = <T extends { readonly path: string; readonly mtimeMs: number }>(file: T): T => ({
    ...file,
    mtimeMs: mtimes.artifacts[file.path] ?? file.mtimeMs,
  });
  const outside = Object.entries(trace.outside ?? {}).map(([name, file]) => [
    name,
    { ...file, mtimeMs: mtimes.outside?.[name] ?? file.mtimeMs },
  ]);
  return {
    ...trace,
    artifacts: trace.artifacts.map(touched),
    ...(trace.manifest === undefined ? {} : { manifest: touched(trace.manifest) }),
    ...(trace.outside === undefined ? {} : { outside: Object.fromEntries(outside) }),
  };
}
