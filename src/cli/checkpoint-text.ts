// How far a target is that saves checkpoints, in words: for `status` and `explain`.
import type { CheckpointRecord } from '../executor/executor.ts';
import { explainBytes, explainCounted, explainDuration } from '../reporter/quantity.ts';

/** `155,000 records, 3,672,100 rows, 34 % of 8.1 GB`. */
export function explainCheckpoint({ records, rows, bytes }: CheckpointRecord): string {
  const parts = [explainCounted(records, 'record'), explainCounted(rows, 'row')];
  if (bytes !== undefined && bytes.total > 0) {
    const percent = Math.floor((100 * bytes.done) / bytes.total);
    parts.push(`${percent} % of ${explainBytes(bytes.total)}`);
  }
  return parts.join(', ');
}

/** `12 MB/s, 3m 20s left`, by what this attempt has read; undefined where that says nothing yet. */
export function explainPace({ bytes, updated }: CheckpointRecord): string | undefined {
  if (bytes === undefined) return undefined;
  const elapsedMs = Date.parse(updated) - Date.parse(bytes.since);
  const perMs = (bytes.done - bytes.from) / elapsedMs;
  if (!(perMs > 0) || !Number.isFinite(perMs)) return undefined;
  const left = explainDuration((bytes.total - bytes.done) / perMs);
  return `${explainBytes(perMs * 1000)}/s, ${left} left`;
}
