// Turns the pipeline's pools and its disk budget into numbers for this machine.
import { availableParallelism, totalmem } from 'node:os';
import type { DiskConfig, PoolName } from '../config/config.ts';
import type { DiskLimits } from '../disk-budget.ts';
import type { FileSystem } from '../file-system.ts';

/** Share of the machine's memory that `auto` lets all workers together have. */
const MEMORY_SHARE = 0.75;
const NETWORK_TRANSFERS = 8;
/** Left free by `auto`: a share of the disk, but no more than so much. */
const KEPT_FREE_SHARE = 0.05;
const KEPT_FREE_BYTES = 10e9;

export function poolSizes(
  pools: Readonly<Record<PoolName, number | 'auto'>>,
  jobs: number | undefined,
): Readonly<Record<PoolName, number>> {
  const size = (pool: PoolName, auto: number) => (pools[pool] === 'auto' ? auto : pools[pool]);
  return {
    cpu: jobs ?? size('cpu', availableParallelism()),
    memory: size('memory', Math.floor(totalmem() * MEMORY_SHARE)),
    network: size('network', NETWORK_TRANSFERS),
  };
}

export function diskLimits(
  { budget, keepFree }: DiskConfig,
  { fs, folder }: { fs: FileSystem; folder: string },
): DiskLimits {
  const kept = () => Math.min(fs.space(folder).totalBytes * KEPT_FREE_SHARE, KEPT_FREE_BYTES);
  return {
    budgetBytes: budget === 'auto' ? Number.POSITIVE_INFINITY : budget,
    keepFreeBytes: keepFree === 'auto' ? kept() : keepFree,
  };
}
