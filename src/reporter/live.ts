// The live view: what the list of steps on the screen says, ten times a second, from the progress;
// and at the end the summary in its place. How a list is drawn is `listr.ts`, loaded when the first
// target starts, so that a run with nothing to do pays nothing for it.
import type { Event, Reporter } from '../event.ts';
import type { Clock } from '../file-system.ts';
import { cutEnd, oneLine } from './line.ts';
import type { Ending, StepList } from './listr.ts';
import { createPaint, type Paint } from './paint.ts';
import { RunProgress, type StepProgress, settledCount } from './progress.ts';
import { explainCount } from './quantity.ts';
import {
  drawFinishedRow,
  drawRow,
  drawRunning,
  drawWaitingRow,
  layOutRows,
  runningLinesThatFit,
} from './row.ts';
import type { Sink, Terminal } from './sink.ts';
import { explainSummary, type RunEnded } from './summary.ts';
import { explainDraining } from './wording.ts';

interface LiveOptions {
  readonly terminal: Terminal;
  readonly stdout: Sink;
  readonly invocation: string;
  readonly clock: Clock;
  /** Told when the list cannot go on; the summary still comes. */
  readonly broken: (error: unknown) => void;
}

const MAX_FAILURE_LINES = 3;
const MAX_NOTE_LINES = 2;

export function createLiveReporter(options: LiveOptions): Reporter {
  return new LiveReporter(options);
}

class LiveReporter implements Reporter {
  readonly #options: LiveOptions;
  readonly #progress = new RunProgress();
  readonly #paint: Paint;
  #list: Promise<StepList | undefined> | undefined;
  #ended: RunEnded | undefined;
  #closing = false;

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#paint = createPaint(options.terminal);
  }

  report(event: Event): void {
    this.#progress.take(event);
    if (event.type === 'run-ended') this.#ended = event;
    if (event.type === 'target-started') this.#list ??= this.#openList();
  }

  async close(): Promise<void> {
    this.#closing = true;
    const list = await this.#list;
    await list?.close();
    if (this.#ended) this.#options.stdout.write(this.#explainEnd(this.#ended));
    await this.#options.stdout.flush();
  }

  async #openList(): Promise<StepList | undefined> {
    try {
      const { openList } = await import('./listr.ts');
      if (this.#closing) return undefined;
      const steps = this.#progress.steps.filter((step) => step.targets > 0);
      const names = steps.map((step) => step.step);
      const update = (list: StepList) => this.#update(list, steps);
      return openList({ ...this.#options, names, update });
    } catch (error) {
      this.#options.broken(error);
      return undefined;
    }
  }

  #update(list: StepList, steps: readonly StepProgress[]): void {
    const progress = this.#progress;
    const paint = this.#paint;
    const nowMs = this.#options.clock.now();
    const { width, height } = list.screen();
    const below = explainBelow(progress, { width, paint });
    const layout = layOutRows(steps, width);
    const inWork = steps.filter((step) => step.running.size > 0).length;
    const most = runningLinesThatFit({ height, rows: steps.length, below: below.length }, inWork);
    for (const [index, step] of steps.entries()) {
      if (settledCount(step) >= step.targets) {
        list.finish(index, {
          ending: endingOf(step),
          text: drawFinishedRow(step, { layout, paint }),
        });
      } else if (step.firstStartedMs === undefined) {
        // On a screen too low for all rows, those that still wait can be spared.
        list.wait(index, most < 0 ? '' : drawWaitingRow(step, { layout, paint }));
      } else {
        const pace = progress.draining ? undefined : progress.pace(step.step, nowMs);
        const head = drawRow(step, { layout, pace, paint });
        const lines = drawRunning(step, { most, width: width - 2, nowMs });
        list.work(index, [head, ...lines.map((line) => paint('dim', `  ${line}`))].join('\n'));
      }
    }
    list.below(below.join('\n'));
  }

  #explainEnd(ended: RunEnded): string {
    const notes = this.#progress.recentNotes.map((note) => `note: ${oneLine(note)}\n`).join('');
    const { invocation } = this.#options;
    const summary = { invocation, progress: this.#progress, paint: this.#paint };
    return `${notes}${explainSummary(ended, summary)}`;
  }
}

function endingOf(step: StepProgress): Ending {
  if (step.failed > 0) return 'failed';
  return step.blocked + step.interrupted > 0 ? 'unfinished' : 'done';
}

/** What stays in sight below the steps; the first line stands out, the others are indented. */
function explainBelow(
  progress: RunProgress,
  { width, paint }: { width: number; paint: Paint },
): readonly string[] {
  const failed = progress.steps.reduce((sum, step) => sum + step.failed, 0);
  const lines: string[] = [];
  if (progress.draining) lines.push(paint('yellow', explainDraining(progress.running)));
  if (failed > 0) lines.push(paint('red', `${explainCount(failed)} failed`));
  for (const { target, code, message } of progress.recentFailures.slice(-MAX_FAILURE_LINES)) {
    const text = cutEnd(`${oneLine(target)}  ${code}: ${oneLine(message)}`, width - 2);
    lines.push(`${paint('red', '✖')} ${text}`);
  }
  for (const note of progress.recentNotes.slice(-MAX_NOTE_LINES)) {
    lines.push(cutEnd(`note: ${oneLine(note)}`, width));
  }
  return lines;
}
