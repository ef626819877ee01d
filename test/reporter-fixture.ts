// What the reporter tests share: a clock that ticks when told, a stream that remembers, and one
// sample of every event with every field it can have.
import { Writable } from 'node:stream';
import type { Event, RunSummary, StepResult } from '../src/event.ts';
import type { Clock } from '../src/file-system.ts';
import type { Failure } from '../src/trace.ts';

export const START_MS = Date.parse('2026-01-02T03:04:05.000Z');

/** ISO time so many milliseconds after the start. */
export function at(ms: number): string {
  return new Date(START_MS + ms).toISOString();
}

export class FakeClock implements Clock {
  #nowMs = START_MS;
  readonly #timers = new Map<object, { dueMs: number; action: () => void }>();

  now(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(ms: number, action: () => void): () => void {
    const key = {};
    this.#timers.set(key, { dueMs: this.#nowMs + ms, action });
    return () => this.#timers.delete(key);
  }

  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const next = [...this.#timers].sort(([, a], [, b]) => a.dueMs - b.dueMs)[0];
      if (next === undefined || next[1].dueMs > endMs) break;
      this.#timers.delete(next[0]);
      this.#nowMs = next[1].dueMs;
      next[1].action();
    }
    this.#nowMs = endMs;
  }
}

/** A terminal, or with `isTTY` false a pipe, that keeps what is written. */
export class FakeStream extends Writable {
  text = '';
  readonly isTTY: boolean;
  columns = 80;
  rows = 24;

  constructor({ isTTY = false }: { isTTY?: boolean } = {}) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
  }

  override _write(chunk: string, _encoding: string, written: (error?: Error) => void): void {
    this.text += chunk;
    written();
  }
}

export function failure(overrides: Partial<Failure> = {}): Failure {
  return {
    code: 'sql-error',
    message: 'Parser Error: no such column',
    mayPass: false,
    ...overrides,
  };
}

export function stepResult(overrides: Partial<StepResult> & { step: string }): StepResult {
  const zero = { fresh: 0, done: 0, failed: 0, blocked: 0, interrupted: 0, left: 0 };
  const counts = { ...zero, rows: 0, bytesOut: 0, rejects: 0, bytesFreed: 0, ...overrides };
  const { fresh, done, failed, blocked, interrupted, left } = counts;
  return { targets: fresh + done + failed + blocked + interrupted + left, ...counts };
}

export function runEnded(summary: Partial<RunSummary>): Extract<Event, { type: 'run-ended' }> {
  return {
    type: 'run-ended',
    at: at(61_000),
    outcome: 'ok',
    durationMs: 61_000,
    steps: [],
    failures: [],
    datasets: [],
    diskHeldBy: [],
    nothingToDo: false,
    ...summary,
  };
}

const step = 'process';
const target = 'process:claims@chunk_0-00001-of-00546';
const fullFailure: Required<Failure> = {
  code: 'worker-died',
  message: 'The worker was killed by SIGKILL',
  detail: 'last line of its output',
  hint: 'give the step more memory',
  mayPass: true,
};
const log = 'work/sample/logs/process/claims/chunk_0-00001-of-00546.log';

/** In the order of a run; the type demands every event and every field. */
export const samples: {
  readonly [K in Event['type']]: Required<Extract<Event, { type: K }>>;
} = {
  'run-started': {
    type: 'run-started',
    at: at(0),
    run: '20260102-030405',
    pipeline: 'wikidata',
    profile: 'sample',
    work: 'work/sample',
    steps: [
      { step: 'pull', ordinal: 1, targets: 5, bytesIn: 5_000_000 },
      { step, ordinal: 2, targets: 25 },
    ],
    dryRun: false,
  },
  note: { type: 'note', at: at(1), message: 'The lock of a dead run was taken over.' },
  fresh: { type: 'fresh', at: at(2), step: 'pull', count: 2, bytesIn: 2_000_000 },
  'target-started': {
    type: 'target-started',
    at: at(3),
    target,
    step,
    attempt: 1,
    reasons: ['never made'],
  },
  'target-progress': {
    type: 'target-progress',
    at: at(4),
    target,
    step,
    progress: { done: 1, total: 2, unit: 'files' },
  },
  checkpoint: { type: 'checkpoint', at: at(5), target, step, records: 5000 },
  'target-retried': {
    type: 'target-retried',
    at: at(6),
    target,
    step,
    attempt: 1,
    failure: fullFailure,
    waitMs: 5000,
  },
  'target-done': {
    type: 'target-done',
    at: at(7),
    target,
    step,
    durationMs: 2,
    bytesIn: 10,
    bytesOut: 20,
    files: 1,
    rows: 3,
    rejects: 1,
    account: { entriesIn: 5, kept: 3, drops: { null_value: 1 } },
    findings: [{ table: 'label', rule: 'id is there', severity: 'error', rows: 3, broken: 1 }],
    peakBytes: 100,
    bytesFreed: 5,
    changed: true,
  },
  'target-failed': {
    type: 'target-failed',
    at: at(8),
    target,
    step,
    failure: fullFailure,
    log,
    durationMs: 3.5,
  },
  blocked: { type: 'blocked', at: at(9), step: 'partition', count: 1, cause: target },
  paused: {
    type: 'paused',
    at: at(9),
    folder: '/data/work/full',
    group: 'batch=7',
    neededBytes: 25e9,
    freeBytes: 12e9,
    keepFreeBytes: 10e9,
  },
  resumed: { type: 'resumed', at: at(9) },
  confirmation: {
    type: 'confirmation',
    at: at(0),
    answer: 'assumed',
    limitBytes: 100e9,
    downloadAgainBytes: 2e12,
    uploadAgainBytes: 3e11,
    targets: 58_235,
    durationMs: 9e7,
    unknownTargets: 113,
  },
  draining: { type: 'draining', at: at(10), running: 2 },
  'target-interrupted': { type: 'target-interrupted', at: at(11), target, step },
  'run-ended': {
    type: 'run-ended',
    at: at(12),
    outcome: 'failed',
    durationMs: 12,
    steps: [stepResult({ step, failed: 1, left: 24 })],
    failures: [{ target, step, failure: fullFailure, log }],
    datasets: [{ dataset: 'a/b', published: 1, targets: 2, files: 3, bytes: 4, rows: 5 }],
    diskHeldBy: ['chunk=3'],
    nothingToDo: false,
  },
};
