// Turns the pipeline's pools into numbers for this machine.
import { availableParallelism, totalmem } from 'node:os';
import type { PoolName } from '../config/config.ts';

/** Share of the machine's memory that `auto` lets all workers together have. */
const MEMORY_SHARE = 0.75;
const NETWORK_TRANSFERS = 8;

export function poolSizes(
  pools: Readonly<Record<PoolName, number | 'auto'>>,
  jobs: number | undefined,
): Readonly<Record<PoolName, number>> {
  const size = (pool: PoolName, auto: number) => (pools[pool] === 'auto' ? auto : pools[pool]);
  return {
    cpu: jobs ?? size('cpu', availableParallelism()),
    memory: size('memory', Math.floor(totalmem() * MEMORY_SHARE)),
    network: size('network', NETWORK_TRANSFERS),
    disk: size('disk', Number.POSITIVE_INFINITY),
  };
}
