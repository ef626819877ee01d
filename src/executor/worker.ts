// A worker process: takes one order at a time over its channel, answers with the outcome, and ends
// with everything it started when the channel closes. Whoever kills the runner thereby ends it.
import { Console } from 'node:console';
import { Writable } from 'node:stream';
import type { Progress } from '../task.ts';
import { attemptTarget } from './attempt.ts';
import type { FromWorker, ToWorker, WorkerState } from './channel.ts';
import type { CheckpointRecord, Outcome, ProcessGroup, Question, WorkOrder } from './executor.ts';
import { killGroup } from './process-group.ts';
import { answerQuestion } from './question.ts';
import type { Control } from './rule.ts';
import { TargetLog } from './target-log.ts';
import { hearLimit, tellLimitsTo } from './worker-hub.ts';

const PROGRESS_MS = 200;

/** What is under way for one order; `undefined` between orders. */
let current: CurrentWork | undefined;

process.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'order':
      void work(message.order);
      break;
    case 'question':
      void answer(message.question);
      break;
    case 'limit':
      hearLimit(message.news);
      break;
    case 'drain':
      current?.drain();
      break;
    case 'stop':
      current?.stop();
      break;
    case 'saved':
      current?.saved(message.error);
      break;
  }
});

tellLimitsTo((news) => send({ type: 'limit', news }));

process.on('disconnect', () => {
  if (current === undefined) process.exit(0);
  current.killCommand();
  // Native threads may be at work and the stage is void anyway: nothing is left to be tidied.
  killGroup(process.pid);
  process.kill(process.pid, 'SIGKILL');
});

// The runner alone decides what a signal means; it tells its workers over the channel.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

process.on('uncaughtException', (error) => {
  if (current === undefined) throw error;
  current.break(error);
});

async function work(order: WorkOrder): Promise<void> {
  if (process.cwd() !== order.root) process.chdir(order.root);
  const now = new CurrentWork(order);
  current = now;
  const outcome = await attemptTarget(order, now);
  current = undefined;
  now.end();
  send({ type: 'outcome', outcome, state: stateAfter(order, { outcome, now }) });
}

async function answer(question: Question): Promise<void> {
  const found = await answerQuestion(question, new AbortController().signal);
  const state = { residentBytes: process.memoryUsage.rss(), isReusable: true };
  send({ type: 'answer', answer: found, state });
}

/** A task that ended before its time may have left timers, streams or promises at work. */
function stateAfter(
  order: WorkOrder,
  { outcome, now }: { readonly outcome: Outcome; readonly now: CurrentWork },
): WorkerState {
  const isQuiet =
    outcome.kind === 'done' ||
    (outcome.kind === 'failed' &&
      order.rule.kind !== 'task' &&
      outcome.failure.code !== 'out-of-memory');
  const isReusable = isQuiet && !now.isBroken;
  return { residentBytes: process.memoryUsage.rss(), isReusable };
}

function send(message: FromWorker): void {
  if (process.connected) process.send?.(message);
}

class CurrentWork implements Control {
  readonly log: TargetLog;
  isBroken = false;
  readonly #abort = new AbortController();
  readonly #broken = Promise.withResolvers<never>();
  #isDraining = false;
  #group: ProcessGroup | undefined;
  #save: ((error: string | undefined) => void) | undefined;
  #progress: Progress | undefined;
  #progressTimer: NodeJS.Timeout | undefined;
  #progressAt = 0;

  constructor(order: WorkOrder) {
    this.log = new TargetLog(order);
    this.#broken.promise.catch(() => {}); // Whether anybody still waits does not matter.
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get broken(): Promise<never> {
    return this.#broken.promise;
  }

  isDraining(): boolean {
    return this.#isDraining;
  }

  /** At most one message per interval; the last one within it is sent at its end. */
  progress(progress: Progress): void {
    this.#progress = progress;
    if (this.#progressTimer !== undefined) return;
    const wait = this.#progressAt + PROGRESS_MS - performance.now();
    if (wait <= 0) this.#sendProgress();
    else this.#progressTimer = setTimeout(() => this.#sendProgress(), wait);
  }

  checkpoint(record: CheckpointRecord): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.#save = resolve;
      send({ type: 'checkpoint', record });
    });
  }

  groupBegun(group: ProcessGroup): void {
    this.#group = group;
    send({ type: 'group', group });
  }

  groupEnded(): void {
    this.#group = undefined;
  }

  saved(error: string | undefined): void {
    this.#save?.(error);
    this.#save = undefined;
  }

  drain(): void {
    this.#isDraining = true;
  }

  stop(): void {
    this.#abort.abort();
  }

  break(error: unknown): void {
    this.isBroken = true;
    this.#broken.reject(error);
  }

  killCommand(): void {
    if (this.#group !== undefined) killGroup(this.#group.pid);
  }

  end(): void {
    clearTimeout(this.#progressTimer);
  }

  #sendProgress(): void {
    this.#progressTimer = undefined;
    this.#progressAt = performance.now();
    if (this.#progress !== undefined) send({ type: 'progress', progress: this.#progress });
  }
}

/** What a task prints belongs into its target's log, not into the runner's terminal. */
const intoLog = new Writable({
  write(chunk: Buffer, _encoding, done) {
    current?.log.line(chunk.toString('utf8').trimEnd());
    done();
  },
});
globalThis.console = new Console({ stdout: intoLog, stderr: intoLog });
