// Holds a run's events back until one of them is worth drawing, so that a run that finds nothing
// to do loads no reporter.
import type { Event } from '../event.ts';

export class HeldEvents {
  readonly #deliver: (event: Event) => void;
  readonly #isWorthShowing: (event: Event) => boolean;
  #held: Event[] | undefined = [];

  constructor(deliver: (event: Event) => void, isWorthShowing: (event: Event) => boolean) {
    this.#deliver = deliver;
    this.#isWorthShowing = isWorthShowing;
  }

  report(event: Event): void {
    if (this.#held === undefined) {
      this.#deliver(event);
      return;
    }
    this.#held.push(event);
    if (this.#isWorthShowing(event)) this.release();
  }

  /** Delivers what was held, and everything from now on at once. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const event of held) this.#deliver(event);
  }
}

const QUIET: readonly Event['type'][] = ['run-started', 'fresh', 'confirmation'];

/** Anything but finding out what is to do, and being told not to: the question said it all. */
export function showsWork(event: Event): boolean {
  if (event.type === 'run-ended') return !event.nothingToDo && event.outcome !== 'declined';
  return !QUIET.includes(event.type);
}
