// What is free of the pools while targets run. It counts; which target may take something, and
// when it gives it back, is the scheduler's.
import type { PoolName } from './config/config.ts';
import type { PlanStep } from './plan/plan.ts';

export type Pools = Readonly<Record<PoolName, number>>;
export type Weights = Readonly<Partial<Record<PoolName, number>>>;

const NAMES: readonly PoolName[] = ['cpu', 'memory', 'network'];

export class FreePools {
  readonly #free: Record<PoolName, number>;
  /** By step; none takes more of a pool than there is. */
  readonly #weights: readonly Pools[];

  constructor(pools: Pools, weights: readonly Weights[]) {
    this.#free = { ...pools };
    this.#weights = weights.map((of) => {
      const capped = { ...pools };
      for (const name of NAMES) capped[name] = Math.min(of[name] ?? 0, pools[name]);
      return capped;
    });
  }

  fits({ index }: PlanStep): boolean {
    return NAMES.every((name) => (this.#weights[index]?.[name] ?? 0) <= this.#free[name]);
  }

  take({ index }: PlanStep): void {
    for (const name of NAMES) this.#free[name] -= this.#weights[index]?.[name] ?? 0;
  }

  giveBack({ index }: PlanStep): void {
    for (const name of NAMES) this.#free[name] += this.#weights[index]?.[name] ?? 0;
  }
}
