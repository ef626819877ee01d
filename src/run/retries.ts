// Whether a failed target is tried again, and when. What may pass is tried as often as the step
// says, with growing waits; what lacked memory once more at once, with all the memory there is.
import type { RetryConfig } from '../config/config.ts';
import type { TargetId } from '../plan/plan.ts';
import type { Failure } from '../trace.ts';
import type { MemoryNeeds } from './memory-needs.ts';

export interface Verdict {
  /** Undefined when the target is not tried again. */
  readonly waitMs: number | undefined;
  /** With what the next attempt would need to go better. */
  readonly failure: Failure;
}

export class Retries {
  /** Further attempts used up in this run, but for those for memory. */
  readonly #used = new Map<TargetId, number>();
  readonly #needs: MemoryNeeds;
  readonly #random: () => number;

  constructor({ needs, random }: { needs: MemoryNeeds; random: () => number }) {
    this.#needs = needs;
    this.#random = random;
  }

  judge(id: TargetId, { failure, policy }: { failure: Failure; policy: RetryConfig }): Verdict {
    const hadAll = this.#needs.hasAll(id);
    if (failure.code === 'out-of-memory') {
      if (hadAll) return { waitMs: undefined, failure: { ...failure, hint: HAD_ALL } };
      this.#needs.giveAll(id);
      return { waitMs: 0, failure };
    }
    const used = this.#used.get(id) ?? 0;
    if (!failure.mayPass || used >= policy.count) return { waitMs: undefined, failure };
    this.#used.set(id, used + 1);
    // Why a worker died, nobody knows; that the system ran out of memory is the likeliest.
    if (failure.code === 'worker-died') this.#needs.giveAll(id);
    const grown = Math.min(policy.backoffMs * 2 ** used, policy.maxBackoffMs);
    return { waitMs: Math.round(grown * (0.5 + this.#random() / 2)), failure };
  }
}

const HAD_ALL =
  'it ran alone, with all that pools.memory gives: raise pools.memory if the machine has more, ' +
  'or let the step read fewer rows at once (smaller row groups in its input)';
