// How far a target with checkpoints is, as `status` says it.
import { expect, test } from 'vitest';
import { explainCheckpoint, explainPace } from '../src/cli/checkpoint-text.ts';
import type { CheckpointRecord } from '../src/executor/executor.ts';

const BEGAN = '2026-01-01T00:00:00.000Z';

function checkpoint(more: Partial<CheckpointRecord> = {}): CheckpointRecord {
  return {
    records: 155_000,
    rows: 3_672_100,
    position: 0,
    started: BEGAN,
    updated: '2026-01-01T00:01:40.000Z',
    bytes: { done: 2.7e9, total: 8.1e9, from: 0.7e9, since: BEGAN },
    saved: { part: 0, log: { bytes: 0, crc: 0 }, rows: {} },
    outside: {},
    ignored: [],
    ...more,
  };
}

test('the share is of the whole dump, the pace of what this attempt has read', () => {
  expect(explainCheckpoint(checkpoint())).toBe('155,000 records, 3,672,100 rows, 33 % of 8.1 GB');
  // 2 GB in 100 s; 5.4 GB are left.
  expect(explainPace(checkpoint())).toBe('20.0 MB/s, 4m 30s left');
});

test('without bytes, or before any were read, nothing is foretold', () => {
  const { bytes: _, ...without } = checkpoint();
  expect(explainCheckpoint(without)).toBe('155,000 records, 3,672,100 rows');
  expect(explainPace(without)).toBeUndefined();
  expect(explainPace(checkpoint({ updated: BEGAN }))).toBeUndefined();
  const bytes = { done: 5, total: 10, from: 5, since: BEGAN };
  expect(explainPace(checkpoint({ bytes }))).toBeUndefined();
});
