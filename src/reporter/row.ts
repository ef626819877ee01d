// What the live view says of one step, as text of a given width: its row with bar, counts, rate and
// remaining time, and the lines of the targets that run. It knows no terminal and no library.
import { cutEnd, cutMiddle, oneLine } from './line.ts';
import type { Paint } from './paint.ts';
import { fractionDone, type Pace, type RunningTarget, type StepProgress } from './progress.ts';
import { drawBar, explainBytes, explainCount, explainCounted, explainSeconds } from './quantity.ts';
import { explainFinished, explainRate } from './wording.ts';

/** Columns that all rows share, so that they stay aligned. */
export interface RowLayout {
  readonly width: number;
  readonly nameWidth: number;
  readonly barWidth: number;
  readonly countWidth: number;
  readonly failedWidth: number;
}

const MAX_NAME = 20;
const MAX_BAR = 40;
const MIN_BAR = 8;
const RATE_WIDTH = 9;
const REMAINING_WIDTH = 11;
const MAX_RUNNING_LINES = 3;

export function layOutRows(steps: readonly StepProgress[], width: number): RowLayout {
  const widest = (text: (step: StepProgress) => string) =>
    Math.max(0, ...steps.map((step) => text(step).length));
  const nameWidth = Math.min(
    MAX_NAME,
    widest((step) => step.step),
  );
  const countWidth = widest(({ targets }) => `${explainCount(targets)}/${explainCount(targets)}`);
  const failedWidth = widest(explainFailed);
  const columns = [nameWidth, countWidth, failedWidth, RATE_WIDTH, REMAINING_WIDTH];
  const taken = columns.reduce((sum, column) => sum + (column === 0 ? 0 : column + 2), 0);
  const barWidth = Math.max(MIN_BAR, Math.min(MAX_BAR, width - taken));
  return { width, nameWidth, barWidth, countWidth, failedWidth };
}

/**
 * `process     ██████▌····  7,889/9,687  2 failed  1,675/s    eta 5 s`. In a narrow terminal the
 * right end is lost, which is why failures come before the rate.
 */
export function drawRow(
  step: StepProgress,
  { layout, pace, paint }: { layout: RowLayout; pace: Pace | undefined; paint: Paint },
): string {
  const columns = [
    paint('bold', nameColumn(step, layout)),
    paint('cyan', drawBar(fractionDone(step), layout.barWidth)),
    explainCounts(step).padStart(layout.countWidth),
  ];
  if (layout.failedWidth > 0) {
    columns.push(paint('red', explainFailed(step).padStart(layout.failedWidth)));
  }
  columns.push((pace ? explainRate(pace) : '').padStart(RATE_WIDTH));
  if (pace) columns.push(`eta ${explainSeconds(pace.remainingMs)}`);
  return columns.join('  ');
}

/** `push  113 targets` for a step that nothing of has begun. */
export function drawWaitingRow(
  step: StepProgress,
  { layout, paint }: { layout: RowLayout; paint: Paint },
): string {
  const text = `${nameColumn(step, layout)}  ${explainCounted(step.targets, 'target')}`;
  return paint('dim', cutEnd(text, layout.width));
}

/** `pull  5 up to date` for a step of which nothing more is to come. */
export function drawFinishedRow(
  step: StepProgress,
  { layout, paint }: { layout: RowLayout; paint: Paint },
): string {
  const name = nameColumn(step, layout);
  const rest = cutEnd(`  ${explainFinished(step)}`, layout.width - name.length);
  return name + (step.failed > 0 ? paint('red', rest) : paint('dim', rest));
}

/**
 * Up to three running targets and `… and N more`, in at most `most` lines. The oldest come first
 * and so keep their lines: what stands still is easier to read, and cheaper to draw.
 */
export function drawRunning(
  step: StepProgress,
  { most, width, nowMs }: { most: number; width: number; nowMs: number },
): readonly string[] {
  const count = step.running.size;
  if (most < 1 || count === 0) return [];
  const shown =
    count <= most && count <= MAX_RUNNING_LINES ? count : Math.min(most - 1, MAX_RUNNING_LINES);
  if (shown === 0) return [`${explainCount(count)} running`];
  const lines: string[] = [];
  for (const running of step.running.values()) {
    if (lines.length === shown) break;
    lines.push(drawTarget(running, { width, nowMs }));
  }
  if (shown < count) lines.push(`… and ${explainCount(count - shown)} more`);
  return lines;
}

/**
 * How many lines each step in work may have below its row, so that nothing scrolls off the top of
 * the screen; negative when not even the rows fit. The last line stays free for the cursor.
 */
export function runningLinesThatFit(
  screen: { readonly height: number; readonly rows: number; readonly below: number },
  stepsInWork: number,
): number {
  const below = screen.below === 0 ? 0 : screen.below + 1;
  const spare = screen.height - 1 - screen.rows - below;
  if (spare < 0) return -1;
  return Math.min(MAX_RUNNING_LINES + 1, Math.floor(spare / Math.max(1, stepsInWork)));
}

function explainCounts(step: StepProgress): string {
  return `${explainCount(step.fresh + step.done)}/${explainCount(step.targets)}`;
}

function explainFailed(step: StepProgress): string {
  return step.failed === 0 ? '' : `${explainCount(step.failed)} failed`;
}

function nameColumn(step: StepProgress, layout: RowLayout): string {
  return cutEnd(step.step, layout.nameWidth).padEnd(layout.nameWidth);
}

function drawTarget(
  running: RunningTarget,
  { width, nowMs }: { width: number; nowMs: number },
): string {
  const elapsed = explainSeconds(Math.max(0, nowMs - running.startedMs));
  const state = [explainState(running, nowMs), elapsed].filter((part) => part !== '').join('  ');
  const name = cutMiddle(oneLine(running.target), Math.max(12, width - state.length - 2));
  return cutEnd(`${name}  ${state}`, width);
}

function explainState({ progress, retryAtMs, attempt }: RunningTarget, nowMs: number): string {
  if (retryAtMs !== undefined) {
    return `attempt ${attempt + 1} in ${explainSeconds(Math.max(0, retryAtMs - nowMs))}`;
  }
  if (progress === undefined) return attempt > 1 ? `attempt ${attempt}` : '';
  const { done, total, unit } = progress;
  const amount = (value: number) =>
    unit === 'bytes' ? explainBytes(value) : `${explainCount(value)} ${unit}`;
  if (!total) return amount(done);
  return `${Math.floor(Math.min(1, done / total) * 100)} % of ${amount(total)}`;
}
