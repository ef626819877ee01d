// What one simulated run did, as its events tell it.
import type { RunSummary } from '../src/event.ts';
import type { Graph } from '../src/plan/graph.ts';
import { targetName } from '../src/plan/plan.ts';
import type { Selection } from '../src/plan/selection.ts';
import type { EventBody } from '../src/run/context.ts';

export interface RunReport {
  /** A glance said before that there would be nothing to do. */
  readonly isForetold: boolean;
  /** Undefined when the process died. */
  readonly summary: RunSummary | undefined;
  readonly graph: Graph | undefined;
  readonly selection: Selection | undefined;
  /** Targets in the order in which they began, and why. */
  readonly started: ReadonlyMap<string, readonly string[]>;
  readonly done: ReadonlySet<string>;
  readonly failed: ReadonlyMap<string, string>;
  /** Targets whose results others found at fault. */
  readonly blamed: ReadonlySet<string>;
  /** Files that somebody changed meanwhile. */
  readonly written: ReadonlySet<string>;
  /** Up to date without running, by step. */
  readonly fresh: ReadonlyMap<string, number>;
}

export class RunRecord implements RunReport {
  isForetold = false;
  summary: RunSummary | undefined;
  graph: Graph | undefined;
  selection: Selection | undefined;
  readonly started = new Map<string, readonly string[]>();
  readonly done = new Set<string>();
  readonly failed = new Map<string, string>();
  readonly blamed = new Set<string>();
  readonly written = new Set<string>();
  readonly fresh = new Map<string, number>();

  blame(producers: readonly string[]): void {
    for (const producer of producers) this.blamed.add(producer);
  }

  take(event: EventBody): void {
    switch (event.type) {
      case 'fresh':
        this.fresh.set(event.step, (this.fresh.get(event.step) ?? 0) + event.count);
        return;
      case 'target-started':
        this.started.set(event.target, event.reasons);
        return;
      case 'target-done':
        this.done.add(event.target);
        return;
      case 'target-failed':
        this.failed.set(event.target, event.failure.message);
        return;
      default:
    }
  }
}

/** Something that must hold did not. */
export class SimulationError extends Error {}

export function fail(message: string): never {
  throw new SimulationError(message);
}

export function namesWhere(
  graph: RunReport['graph'],
  marks: Uint8Array | undefined,
): ReadonlySet<string> {
  const names = new Set<string>();
  if (graph === undefined || marks === undefined) return names;
  for (const [id, mark] of marks.entries()) if (mark === 1) names.add(targetName(graph.plan, id));
  return names;
}
