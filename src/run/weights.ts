// What one target takes from the pools while it runs.
import type { PoolName } from '../config/config.ts';
import type { PlanStep } from '../plan/plan.ts';

type Pools = Readonly<Record<PoolName, number>>;

/** One core unless the step says otherwise, and the memory that this leaves it. */
export function targetWeights(step: PlanStep, pools: Pools): Pools {
  const cpu = step.config.pools.cpu ?? 1;
  return {
    cpu,
    memory: targetMemoryBytes(step, pools),
    network: step.config.pools.network ?? 0,
  };
}

/** An equal share of the memory pool for every core taken, unless the step says otherwise. */
export function targetMemoryBytes(step: PlanStep, pools: Pools): number {
  const asked = step.config.pools.memory;
  if (asked !== undefined) return Math.min(asked, pools.memory);
  const cpu = Math.min(Math.max(step.config.pools.cpu ?? 1, 1), pools.cpu);
  return Math.floor((pools.memory * cpu) / pools.cpu);
}
