// Phrases about a step or the run that the live view and the plain lines have in common.
import { type Pace, type StepProgress, settledCount } from './progress.ts';
import { explainBytes, explainCount, explainCounted, explainDuration } from './quantity.ts';

/** `96 done, 24 up to date in 3.5 s, 1,234 rows, 12.3 MB`; parts that are zero are left out. */
export function explainFinished(step: StepProgress): string {
  const left = step.targets - settledCount(step);
  const counts = [
    [step.done, 'done'],
    [step.fresh, 'up to date'],
    [step.failed, 'failed'],
    [step.blocked, 'blocked'],
    [step.interrupted + left, 'not finished'],
  ] as const;
  const parts = counts
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${explainCount(count)} ${word}`);
  const { firstStartedMs, lastEndedMs } = step;
  if (firstStartedMs !== undefined && lastEndedMs !== undefined) {
    const last = parts.pop() ?? '';
    parts.push(`${last} in ${explainDuration(lastEndedMs - firstStartedMs)}`);
  }
  if (step.rows > 0) parts.push(explainCounted(step.rows, 'row'));
  if (step.bytesOut > 0) parts.push(explainBytes(step.bytesOut));
  return parts.join(', ');
}

/** `8,421/s` or `123 MB/s` */
export function explainRate({ perSecond, unit }: Pace): string {
  if (unit === 'bytes') return `${explainBytes(perSecond)}/s`;
  if (perSecond >= 10) return `${explainCount(Math.round(perSecond))}/s`;
  if (perSecond >= 1) return `${perSecond.toFixed(1)}/s`;
  return `${explainCount(Math.round(perSecond * 3600))}/h`;
}

/** `draining: 2 targets finish, press Ctrl-C again to stop now` */
export function explainDraining(running: number): string {
  const finish = running === 1 ? 'finishes' : 'finish';
  const what = running === 0 ? 'no target runs' : `${explainCounted(running, 'target')} ${finish}`;
  return `draining: ${what}, press Ctrl-C again to stop now`;
}
