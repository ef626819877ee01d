// A process on a simulated machine: its clock is the machine's, and its timers end with it.
import type { Clock } from '../src/file-system.ts';
import type { FakeClock } from './fake-clock.ts';

export class SimulatedProcess implements Clock {
  readonly #clock: FakeClock;
  readonly #timers = new Set<() => void>();

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  after(ms: number, action: () => void): () => void {
    const callOff = this.#clock.after(ms, () => {
      this.#timers.delete(callOff);
      action();
    });
    this.#timers.add(callOff);
    return callOff;
  }

  end(): void {
    for (const callOff of this.#timers) callOff();
  }
}
