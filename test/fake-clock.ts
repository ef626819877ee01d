// A clock that moves only when told to, so that no test waits.
import type { Clock } from '../src/file-system.ts';

interface Timer {
  readonly due: number;
  readonly action: () => void;
}

export class FakeClock implements Clock {
  #wall: number;
  #monotonic = 0;
  #timers: Timer[] = [];

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#wall = start;
  }

  now(): number {
    return this.#wall;
  }

  monotonicMs(): number {
    return this.#monotonic;
  }

  after(ms: number, action: () => void): () => void {
    const timer = { due: this.#monotonic + ms, action };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Time passes while something is done; timers that became due wait for `advance`. */
  tick(ms: number): void {
    this.#wall += ms;
    this.#monotonic += ms;
  }

  /** Somebody sets the clock of the wall; timers do not notice. */
  jump(ms: number): void {
    this.#wall += ms;
  }

  /** Lets time pass, running timers as they become due and letting promises settle in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    await settlePromises();
    while (this.#runNext(end)) await settlePromises();
    this.tick(Math.max(0, end - this.#monotonic));
  }

  /** Lets time pass for as long as the promise waits for a timer. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const done = () => {
      settled = true;
    };
    promise.then(done, done);
    await settlePromises();
    while (!settled && this.#runNext(Number.POSITIVE_INFINITY)) await settlePromises();
    return promise;
  }

  /** Lets promises settle, then time pass to the next timer; false when none waits. */
  async step(): Promise<boolean> {
    await settlePromises();
    return this.#runNext(Number.POSITIVE_INFINITY);
  }

  /** Timers that have not run: 0 when everything was called off. */
  get waiting(): number {
    return this.#timers.length;
  }

  #runNext(end: number): boolean {
    const next = this.#timers.reduce<Timer | undefined>(
      (first, timer) => (first === undefined || timer.due < first.due ? timer : first),
      undefined,
    );
    if (next === undefined || next.due > end) return false;
    this.#timers = this.#timers.filter((timer) => timer !== next);
    this.tick(Math.max(0, next.due - this.#monotonic));
    next.action();
    return true;
  }
}

/** Longer than any chain of promises between two timers. */
async function settlePromises(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await undefined;
}
