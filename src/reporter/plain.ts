// Lines for a log: no colours, no cursor, nothing taken back. A line when a step begins and when it
// ends, failures as they happen, a heartbeat, and the summary at the end.
import type { Event, Reporter } from '../event.ts';
import type { Clock } from '../file-system.ts';
import type { Failure } from '../trace.ts';
import { causeOf } from './cause.ts';
import { cleanLines, oneLine } from './line.ts';
import { RunProgress, type StepProgress, settledCount } from './progress.ts';
import { explainCount, explainCounted, explainDuration, explainSeconds } from './quantity.ts';
import type { Sink } from './sink.ts';
import { explainPaused, RESUMED } from './space.ts';
import { explainSummary } from './summary.ts';
import { explainDraining, explainFinished, explainRate } from './wording.ts';

const HEARTBEAT_MS = 30_000;
/** A mistake that every target makes is told in full this often, then in one line each. */
const MAX_FULL_PER_CAUSE = 3;
const MAX_CAUSES = 1000;

interface PlainOptions {
  readonly stdout: Sink;
  readonly invocation: string;
  readonly clock: Clock;
  /** Failures are told in groups that GitHub Actions folds away (its workflow commands). */
  readonly folds: boolean;
}

export function createPlainReporter(options: PlainOptions): Reporter {
  return new PlainReporter(options);
}

class PlainReporter implements Reporter {
  readonly #progress = new RunProgress();
  readonly #finished = new Set<string>();
  readonly #toldByCause = new Map<string, number>();
  readonly #options: PlainOptions;
  #stopHeartbeat: () => void = () => undefined;

  constructor(options: PlainOptions) {
    this.#options = options;
  }

  report(event: Event): void {
    const before = 'step' in event ? this.#progress.step(event.step) : undefined;
    const begins = event.type === 'target-started' && before?.firstStartedMs === undefined;
    this.#progress.take(event);
    if (begins && before) this.#line(`${before.step}: started, ${explainTodo(before)}`);
    this.#tell(event);
    if (before) this.#tellWhenFinished(before);
  }

  async close(): Promise<void> {
    this.#stopHeartbeat();
    await this.#options.stdout.flush();
  }

  #tell(event: Event): void {
    switch (event.type) {
      case 'run-started': {
        const targets = event.steps.reduce((sum, step) => sum + step.targets, 0);
        const dry = event.dryRun ? ', dry run' : '';
        this.#line(
          `${event.pipeline}, profile ${event.profile}, run ${event.run}${dry}: ` +
            `${explainCounted(targets, 'target')} in ${explainCounted(event.steps.length, 'step')}`,
        );
        if (!event.dryRun) this.#heartbeatLater();
        return;
      }
      case 'target-failed':
        this.#tellFailure(event);
        return;
      case 'target-retried':
        this.#line(
          `${event.target}: attempt ${event.attempt} failed (${event.failure.code}: ` +
            `${oneLine(event.failure.message)}), ${explainRetry(event)}`,
        );
        return;
      case 'note':
        this.#line(`note: ${oneLine(event.message)}`);
        return;
      case 'paused':
        this.#line(explainPaused(event));
        return;
      case 'resumed':
        this.#line(RESUMED);
        return;
      case 'draining':
        this.#line(explainDraining(event.running));
        return;
      case 'run-ended': {
        this.#stopHeartbeat();
        const { stdout, invocation } = this.#options;
        if (!event.nothingToDo) stdout.write('\n');
        stdout.write(explainSummary(event, { invocation, progress: this.#progress }));
        return;
      }
      default:
      // Fresh, started, done, blocked and interrupted targets show in the lines of their step;
      // progress and checkpoints in the heartbeat.
    }
  }

  #tellFailure(event: Extract<Event, { type: 'target-failed' }>): void {
    const { target, failure, log, durationMs } = event;
    const head = `${target}: failed after ${explainDuration(durationMs)}`;
    const cause = causeOf(event);
    const told = this.#toldByCause.get(cause) ?? 0;
    const rest = told < MAX_FULL_PER_CAUSE ? explainRest(failure) : [];
    this.#lines(`${head} (${failure.code}): ${oneLine(failure.message)}`, [
      ...rest,
      `log: ${oneLine(log)}`,
    ]);
    if (told > 0 || this.#toldByCause.size < MAX_CAUSES) this.#toldByCause.set(cause, told + 1);
  }

  /** A line, and below it what belongs to it: marked where a text could be taken for a command. */
  #lines(head: string, rest: readonly string[]): void {
    const { folds } = this.#options;
    this.#line(folds ? `::group::${head}` : head);
    for (const line of rest) this.#line(folds ? `| ${line}` : `  ${line}`);
    if (folds) this.#line('::endgroup::');
  }

  #tellWhenFinished(step: StepProgress): void {
    if (settledCount(step) < step.targets || this.#finished.has(step.step)) return;
    this.#finished.add(step.step);
    this.#line(`${step.step}: ${explainFinished(step)}`);
  }

  #heartbeatLater(): void {
    this.#stopHeartbeat = this.#options.clock.after(HEARTBEAT_MS, () => {
      this.#line(explainHeartbeat(this.#progress, this.#options.clock.now()));
      this.#heartbeatLater();
    });
  }

  #line(text: string): void {
    this.#options.stdout.write(`${text}\n`);
  }
}

function explainTodo(step: StepProgress): string {
  const fresh = step.fresh === 0 ? '' : ` (${explainCount(step.fresh)} up to date)`;
  return explainCounted(step.targets, 'target') + fresh;
}

function explainRest({ detail, hint }: Failure): readonly string[] {
  const lines = detail === undefined ? [] : [...cleanLines(detail)];
  if (hint !== undefined) lines.push(`hint: ${oneLine(hint)}`);
  return lines;
}

function explainRetry({ failure, waitMs }: Extract<Event, { type: 'target-retried' }>): string {
  if (failure.code === 'out-of-memory') return 'again alone, with all the memory there is';
  return `again in ${explainDuration(waitMs)}`;
}

/** The whole run, then every step in work: `process 7,889/9,687, 2 failed, 8.0/s, eta 4m 10s`. */
function explainHeartbeat(progress: RunProgress, nowMs: number): string {
  let settled = 0;
  let targets = 0;
  const active: string[] = [];
  for (const step of progress.steps) {
    settled += settledCount(step);
    targets += step.targets;
    if (step.running.size > 0) active.push(explainActive(step, { progress, nowMs }));
  }
  const startedMs = Date.parse(progress.started?.at ?? '');
  const elapsed = explainDuration(nowMs - startedMs);
  const head = `${elapsed}: ${explainCount(settled)}/${explainCount(targets)} targets`;
  return [`${head}, ${explainCount(progress.running)} running`, ...active].join(' | ');
}

function explainActive(
  step: StepProgress,
  { progress, nowMs }: { progress: RunProgress; nowMs: number },
): string {
  const parts = [`${step.step} ${explainCount(settledCount(step))}/${explainCount(step.targets)}`];
  if (step.failed > 0) parts.push(`${explainCount(step.failed)} failed`);
  const pace = progress.pace(step.step, nowMs);
  if (pace) parts.push(explainRate(pace), `eta ${explainSeconds(pace.remainingMs)}`);
  return parts.join(', ');
}
