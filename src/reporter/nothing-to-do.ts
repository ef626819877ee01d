// The one line of a run that found everything up to date. A file of its own, because such a run
// loads nothing that it can do without.
import { explainCounted, explainDuration } from './quantity.ts';

/** Without a time for a run that was only looked ahead to. Ends in a line feed. */
export function explainNothingToDo(targets: number, durationMs?: number): string {
  const verb = targets === 1 ? 'is' : 'are';
  const time = durationMs === undefined ? '' : ` (${explainDuration(durationMs)})`;
  return `Nothing to do: ${explainCounted(targets, 'target')} ${verb} up to date${time}.\n`;
}
