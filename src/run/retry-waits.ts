// Targets that wait for their next attempt, each with a timer that can be called off.
import type { Clock } from '../file-system.ts';
import type { TargetId } from '../plan/plan.ts';

export class RetryWaits {
  readonly #clock: Clock;
  readonly #callOffs = new Map<TargetId, () => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(id: TargetId, { waitMs, then }: { waitMs: number; then: () => void }): void {
    const callOff = this.#clock.after(waitMs, () => {
      this.#callOffs.delete(id);
      then();
    });
    this.#callOffs.set(id, callOff);
  }

  /** Gives the targets that will not be tried again. */
  callOffAll(): readonly TargetId[] {
    const ids = [...this.#callOffs.keys()];
    for (const callOff of this.#callOffs.values()) callOff();
    this.#callOffs.clear();
    return ids;
  }
}
