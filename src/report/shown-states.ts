// The state of a target as people are told of it: what was judged, with what is recorded.
import type { TargetId } from '../plan/plan.ts';
import type { Survey } from '../run/survey.ts';

/** What a person wants to know of a target, in the order of the columns. */
export const STATES = ['done', 'stale', 'failed', 'running', 'interrupted', 'to do'] as const;
export type ShownState = (typeof STATES)[number];

export class ShownStates {
  readonly #survey: Pick<Survey, 'assessment' | 'recorded'>;
  readonly #running: boolean;

  /** `running`: somebody holds the lock, so that what began and did not end may be at work. */
  constructor(survey: Pick<Survey, 'assessment' | 'recorded'>, running: boolean) {
    this.#survey = survey;
    this.#running = running;
  }

  of(id: TargetId): ShownState {
    const survey = this.#survey;
    if (survey.assessment.stateOf(id) === 'fresh') return 'done';
    const recorded = survey.recorded(id);
    if (recorded === undefined) return 'to do';
    if (recorded.status === 'failed') return 'failed';
    if (recorded.status === 'started' || recorded.status === 'checkpoint') {
      return this.#running ? 'running' : 'interrupted';
    }
    return recorded.status === 'interrupted' ? 'interrupted' : 'stale';
  }
}
