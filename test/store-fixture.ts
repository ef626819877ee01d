// Records, stores and a fake lock for the tests of the store.

import { crc32 } from 'node:zlib';
import type { CheckpointRecord } from '../src/executor/executor.ts';
import { SharedSync } from '../src/shared-sync.ts';
import type { Belonging } from '../src/store/belonging.ts';
import type { Lock } from '../src/store/lock.ts';
import type { Entry, EntryBody, EntryHead, JournalRecord } from '../src/store/record.ts';
import { openStore, readStore, type Store, type StoreReader } from '../src/store/store.ts';
import type { Json } from '../src/task.ts';
import type { Artifact, Trace } from '../src/trace.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeFileSystem } from './fake-file-system.ts';

export const STATE = '/work/state';
export const BELONGING: Belonging = { pipeline: 'wikidata', sources: { rows: 'data/*.parquet' } };

export function artifact(path: string, sha256 = 'a1'): Artifact {
  return { output: 'table', path, bytes: 10, mtimeMs: 1000, rows: 2, sha256 };
}

export function trace(digest: string, change: Partial<Trace> = {}): Trace {
  return {
    fields: { rule: 'sql', code: 'c0', with: {}, values: {}, outputs: {} },
    inputs: { pull: 'd0' },
    artifacts: [artifact(`flat/${digest}.parquet`, digest)],
    digest,
    engine: { eider: '0.1.0' },
    durationMs: 5,
    ...change,
  };
}

/** A checkpoint after so many records. */
export function checkpointRecord(records: number, position: Json): CheckpointRecord {
  const at = '2026-01-02T03:04:05.678Z';
  const saved = { part: 0, log: { bytes: 0, crc: 0 }, rows: {} };
  const rest = { saved, outside: {}, ignored: [] };
  return { records, rows: 0, position, started: at, updated: at, ...rest };
}

export function record(entry: Entry): JournalRecord {
  return { ...entry, at: '2026-01-02T03:04:05.678Z', run: 'r1' };
}

export const NOTHING_LEFT = { paths: [], manifests: [] } as const;

/** `process:claims`, attempt 1, step 2 unless said otherwise. */
export function entry(body: EntryBody, head: Partial<EntryHead> = {}): Entry {
  return { target: 'process:claims', step: 2, attempt: 1, ...head, ...body };
}

/** A later version keeps the frame. */
export function newerLine(): string {
  const covered = '{"whatever":true,"v":2';
  return `${covered},"sum":"${crc32(covered).toString(16).padStart(8, '0')}"}\n`;
}

export const LOCK: Lock = {
  owner: {
    pid: 7,
    started: '100',
    host: 'here',
    boot: 'b1',
    pidSpace: '',
    command: 'pipeline process',
    at: '2026-01-01T00:00:00.000Z',
  },
  addGroup: () => undefined,
  removeGroup: () => undefined,
  release: () => undefined,
};

/** One machine: a clock and a disk, and whatever process runs on it now. */
export class Machine {
  readonly clock = new FakeClock();
  fs = new FakeFileSystem(this.clock);

  constructor() {
    this.fs.makeFolder('/work');
  }

  open(run: string, belonging = BELONGING): Store {
    const { fs, clock } = this;
    const sharedSync = new SharedSync({ fs, clock });
    const folder = STATE;
    const opened = openStore({ fs, clock, sharedSync, folder, belonging, lock: LOCK, run });
    if (opened.kind === 'refused') throw new Error(opened.problem.message);
    return opened.store;
  }

  read(belonging = BELONGING): StoreReader {
    const opened = readStore({ fs: this.fs, folder: STATE, belonging });
    if (opened.kind === 'refused') throw new Error(opened.problem.message);
    return opened.store;
  }
}
