// How fast something has been lately: amounts summed by second over the last half minute. Bounded
// memory whatever the number of events. It knows no clock; times come with the amounts.

/** Long enough to be calm, short enough to notice that something has changed. */
const WINDOW_SECONDS = 30;

export class SlidingWindow {
  readonly #amounts = new Float64Array(WINDOW_SECONDS);
  readonly #counts = new Uint32Array(WINDOW_SECONDS);
  #latestSecond = Number.NEGATIVE_INFINITY;

  add(atMs: number, amount: number): void {
    this.#advance(atMs);
    const slot = this.#latestSecond % WINDOW_SECONDS;
    this.#amounts[slot] = (this.#amounts[slot] ?? 0) + amount;
    this.#counts[slot] = (this.#counts[slot] ?? 0) + 1;
  }

  /** What was added during the window that ends now, in how many parts, and its length. */
  sum(nowMs: number): { readonly amount: number; readonly count: number; readonly spanMs: number } {
    this.#advance(nowMs);
    let amount = 0;
    let count = 0;
    for (let slot = 0; slot < WINDOW_SECONDS; slot++) {
      amount += this.#amounts[slot] ?? 0;
      count += this.#counts[slot] ?? 0;
    }
    // The second that now lies in has only begun.
    return { amount, count, spanMs: (WINDOW_SECONDS - 1) * 1000 + (nowMs % 1000) };
  }

  /** Empties the seconds passed over. A clock set back counts as standing still. */
  #advance(atMs: number): void {
    const second = Math.floor(atMs / 1000);
    const first = Math.max(this.#latestSecond + 1, second - WINDOW_SECONDS + 1);
    for (let passed = first; passed <= second; passed++) {
      this.#amounts[passed % WINDOW_SECONDS] = 0;
      this.#counts[passed % WINDOW_SECONDS] = 0;
    }
    this.#latestSecond = Math.max(this.#latestSecond, second);
  }
}
