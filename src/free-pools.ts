// What is free of the pools while targets run. It counts; which target may take something, and
// when it gives it back, is the scheduler's.
import type { PoolName } from './config/config.ts';
import type { PlanStep, TargetId } from './plan/plan.ts';

export type Pools = Readonly<Record<PoolName, number>>;
/** What every target of a step takes; of memory each has a need of its own. */
export type Weights = Readonly<Partial<Record<Exclude<PoolName, 'memory'>, number>>>;

/** Bytes of the memory pool. A target starts with the least, and gets up to `ample` of what is free. */
export interface MemoryNeed {
  readonly leastBytes: number;
  readonly ampleBytes: number;
}

/** Whether a target may start now, or what it waits for. */
export type Fit = 'fits' | 'waits' | 'waits for memory';

const NAMES = ['cpu', 'network'] as const;

export class FreePools {
  readonly #pools: Pools;
  readonly #free: Record<PoolName, number>;
  /** Memory that targets have taken. */
  readonly #taken = new Map<TargetId, number>();
  /** By step; none takes more of a pool than there is. */
  readonly #weights: readonly Required<Weights>[];

  constructor(pools: Pools, weights: readonly Weights[]) {
    this.#pools = pools;
    this.#free = { ...pools };
    this.#weights = weights.map(({ cpu = 0, network = 0 }) => ({
      cpu: Math.min(cpu, pools.cpu),
      network: Math.min(network, pools.network),
    }));
  }

  /** The need is asked for only when nothing else is lacking. */
  fit({ index }: PlanStep, need: () => MemoryNeed): Fit {
    if (NAMES.some((name) => (this.#weights[index]?.[name] ?? 0) > this.#free[name]))
      return 'waits';
    return this.#least(need()) <= this.#free.memory ? 'fits' : 'waits for memory';
  }

  /** Gives the bytes of memory that the target has from now on. */
  take(id: TargetId, { step, need }: { step: PlanStep; need: MemoryNeed }): number {
    for (const name of NAMES) this.#free[name] -= this.#weights[step.index]?.[name] ?? 0;
    const bytes = Math.max(this.#least(need), Math.min(need.ampleBytes, this.#free.memory));
    this.#free.memory -= bytes;
    this.#taken.set(id, bytes);
    return bytes;
  }

  giveBack(id: TargetId, { index }: PlanStep): void {
    for (const name of NAMES) this.#free[name] += this.#weights[index]?.[name] ?? 0;
    this.#free.memory += this.#taken.get(id) ?? 0;
    this.#taken.delete(id);
  }

  #least({ leastBytes }: MemoryNeed): number {
    return Math.min(leastBytes, this.#pools.memory);
  }
}
