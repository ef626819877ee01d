// How much memory a target will need, guessed before it starts from what is known of it: what the
// pipeline declares; else what targets like it took; else, of SQL, the row groups of its Parquet
// inputs. Pure. A guess that is too low costs an attempt and is never wrong twice.
import type { MemoryNeed } from '../free-pools.ts';
import type { Fields } from '../trace.ts';

const MIB = 2 ** 20;
/** Of a worker whose target does next to nothing: Node, DuckDB and its allocator. */
export const WORKER_BYTES = 160 * MIB;
/** A row group of JSON text, parsed and taken apart, took 2.2 to 2.6 times its size. */
const PER_ROW_GROUP_BYTE = 2.5;
/** What splitting by a column holds before it writes; and what a byte of its inputs grows to. */
const SPLIT_BYTES = 512 * MIB;
const PER_SPLIT_BYTE = 32;
/** On top of what was seen: the next target may be a little larger. */
const MARGIN = 1.2;
/** Row groups up to this many times larger or smaller are alike. */
const ALIKE = 4;

/** What one target took. */
export interface MemorySample {
  readonly rowGroupBytes: number | undefined;
  readonly peakBytes: number;
}

export interface MemoryFacts {
  readonly rule: Fields['rule'];
  readonly poolBytes: number;
  /** Equal part of the pool for the cores that the target takes. */
  readonly shareBytes: number;
  /** `pools: {memory: ..}` of the step. */
  readonly declaredBytes: number | undefined;
  /** Uncompressed size of the largest row group among its inputs; undefined without Parquet. */
  readonly rowGroupBytes: number | undefined;
  /** Of all its inputs, as they lie on the disk. */
  readonly inputBytes: number;
  /** Its rows are split by a column. */
  readonly isSplit: boolean;
  /** Of targets of the same step and cell. */
  readonly samples: readonly MemorySample[];
}

export function estimateMemory(facts: MemoryFacts): MemoryNeed {
  const { declaredBytes, poolBytes, shareBytes } = facts;
  const leastBytes = Math.min(declaredBytes ?? seen(facts) ?? guess(facts), poolBytes);
  const ampleBytes = declaredBytes === undefined ? Math.max(leastBytes, shareBytes) : leastBytes;
  return { leastBytes: Math.ceil(leastBytes), ampleBytes: Math.ceil(ampleBytes) };
}

/** In proportion to the row groups, where these were smaller. */
function seen({ rule, rowGroupBytes, samples }: MemoryFacts): number | undefined {
  // Of a command the worker was measured, and not the processes of the command.
  if (rule === 'run') return undefined;
  const alike = samples.flatMap((sample) => {
    if (rowGroupBytes === undefined || sample.rowGroupBytes === undefined) {
      return rowGroupBytes === sample.rowGroupBytes ? [sample.peakBytes] : [];
    }
    const ratio = (rowGroupBytes + MIB) / (sample.rowGroupBytes + MIB);
    if (ratio > ALIKE || ratio < 1 / ALIKE) return [];
    const moreBytes = Math.max(0, sample.peakBytes - WORKER_BYTES) * Math.max(0, ratio - 1);
    return [sample.peakBytes + moreBytes];
  });
  return alike.length === 0 ? undefined : Math.max(...alike) * MARGIN;
}

function guess({ rule, rowGroupBytes, inputBytes, isSplit, shareBytes }: MemoryFacts): number {
  if (rule !== 'sql' || rowGroupBytes === undefined) return shareBytes;
  const splitBytes = isSplit ? Math.min(SPLIT_BYTES, inputBytes * PER_SPLIT_BYTE) : 0;
  return WORKER_BYTES + rowGroupBytes * PER_ROW_GROUP_BYTE + splitBytes;
}
