// The state of a target as people are told of it: what was judged, with what is recorded.
import type { EntryStatus } from '../store/record.ts';

/** What a person wants to know of a target, in the order of the columns. */
export const STATES = ['done', 'stale', 'failed', 'running', 'interrupted', 'to do'] as const;
export type ShownState = (typeof STATES)[number];

export function shownState({
  isFresh,
  isRunning,
  recorded,
}: {
  readonly isFresh: boolean;
  /** Somebody holds the lock, so that what began and did not end may be at work. */
  readonly isRunning: boolean;
  /** Of the last line about the target; asked only of what is not fresh. */
  readonly recorded: () => EntryStatus | undefined;
}): ShownState {
  if (isFresh) return 'done';
  const status = recorded();
  if (status === undefined) return 'to do';
  if (status === 'failed') return 'failed';
  if (status === 'started' || status === 'checkpoint') return isRunning ? 'running' : 'interrupted';
  return status === 'interrupted' ? 'interrupted' : 'stale';
}
