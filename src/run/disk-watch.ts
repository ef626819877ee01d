// Looks at the free space while a run goes on, tells the disk budget of it, and makes a run that
// has no space wait until somebody makes some.
import type { DiskBudget, Shortage } from '../disk-budget.ts';
import type { RunContext } from './context.ts';
import { diskBudget, freeBytes, type KnownTargets } from './disk.ts';

/** Free space changes slowly and asking costs a system call. */
const LOOK_EVERY_MS = 1000;
const WAIT_MS = 5000;

type SpaceShortage = Extract<Shortage, { kind: 'space' }>;

type DiskWatchContext = Pick<
  RunContext,
  'graph' | 'selection' | 'fs' | 'clock' | 'disk' | 'report'
>;

export class DiskWatch {
  /** Undefined when nothing runs, or nothing is ever freed. */
  readonly budget: DiskBudget | undefined;
  readonly #context: DiskWatchContext;
  #lookedMs = Number.NEGATIVE_INFINITY;
  #isPaused = false;
  #callOff: () => void = () => {};

  constructor(context: DiskWatchContext, known: KnownTargets & { todo: number }) {
    this.#context = context;
    this.budget = known.todo > 0 ? diskBudget(context, known) : undefined;
  }

  get #folder(): string {
    return this.#context.graph.plan.config.work;
  }

  look(): void {
    if (this.budget === undefined) return;
    const { clock, fs } = this.#context;
    const now = clock.monotonicMs();
    if (now - this.#lookedMs < LOOK_EVERY_MS) return;
    this.#lookedMs = now;
    this.budget.observe(freeBytes(fs, this.#folder));
  }

  /** Nothing runs and nothing can start for want of space: wakes the run to look again. */
  wait({ group, neededBytes }: SpaceShortage, wake: () => void): void {
    const { fs, clock, disk, report } = this.#context;
    const folder = this.#folder;
    if (!this.#isPaused) {
      const free = freeBytes(fs, folder);
      const kept = { keepFreeBytes: disk.keepFreeBytes };
      const named = group === undefined ? {} : { group };
      report({ type: 'paused', folder, ...named, neededBytes, freeBytes: free, ...kept });
    }
    this.#isPaused = true;
    this.#callOff = clock.after(WAIT_MS, wake);
  }

  /** Something starts. */
  goOn(): void {
    this.end();
    if (this.#isPaused) this.#context.report({ type: 'resumed' });
    this.#isPaused = false;
  }

  /** Looks no more. */
  end(): void {
    this.#callOff();
  }
}
