// What journals say that a person should know beside the state of targets: what was accepted by
// whom, which files only another program speaks of, and which journals are damaged. Gathered while
// journals are read for something else.
import type { JournalState, TargetState } from '../store/journal-state.ts';

export interface Remark {
  /** By step and cell; only traces that count. */
  readonly accepted: Readonly<Record<string, NonNullable<TargetState['accepted']>>>;
  /** Where nothing else is recorded of the file. */
  readonly foreignStep: number | undefined;
  readonly damagedLines: readonly number[];
}

export class Remarks {
  /** By journal, those of which there is something to say. */
  readonly found = new Map<string, Remark>();
  readonly #seen = new Set<string>();

  see(journal: string, state: JournalState): JournalState {
    if (this.#seen.has(journal)) return state;
    this.#seen.add(journal);
    const accepted: Record<string, NonNullable<TargetState['accepted']>> = {};
    for (const [target, recorded] of state.targets) {
      const said = recorded.accepted;
      if (said !== undefined) accepted[target] = said;
    }
    const { damagedLines } = state;
    const foreignStep = state.targets.size === 0 ? state.foreignStep : undefined;
    const isNothing = foreignStep === undefined && damagedLines.length === 0;
    if (isNothing && Object.keys(accepted).length === 0) return state;
    this.found.set(journal, { accepted, foreignStep, damagedLines });
    return state;
  }
}
