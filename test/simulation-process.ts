// A process on a simulated machine: its clock is the machine's, and its timers end with it.
import type { Clock } from '../src/file-system.ts';
import type { FakeClock } from './fake-clock.ts';
import { Crash } from './fake-file-system.ts';

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

/** Timers in a run: more means that it does not end. */
const MAX_STEPS = 5_000;
/** Turns without any timer after which nothing can be expected any more. */
const MAX_IDLE_TURNS = 50;

/** Until it is settled or its process is dead; a run that waits for nothing hangs. */
export async function waitFor<T>(
  promise: Promise<T>,
  { clock, isDead }: { readonly clock: FakeClock; readonly isDead: () => boolean },
): Promise<T> {
  let settled = false;
  const done = () => {
    settled = true;
  };
  promise.then(done, done);
  let idle = 0;
  for (let steps = 0; steps < MAX_STEPS; steps += 1) {
    const hasMoved = await clock.step();
    if (settled) return promise;
    if (isDead()) throw new Crash();
    idle = hasMoved ? 0 : idle + 1;
    if (idle > MAX_IDLE_TURNS) throw new Error('the run hangs');
    // What the runner puts off to let others have their turn is no timer.
    if (!hasMoved) await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error('the run does not end');
}
