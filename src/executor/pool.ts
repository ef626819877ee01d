// The executor of this machine: a pool of worker processes, started when needed up to the number
// of targets at work and used again. Decides which worker gets a target, when one must end, and
// what it means that one died; what a target does is `attempt.ts`'s.
//
//   queued --dispatch--> at work --outcome--> (worker idle, or killed and awaited) --> resolved
//                           |--timeout/stop--> ending --outcome or kill after 1 s--> resolved
//                           `--worker ends--> worker-died ----------------------> resolved
import type { LimitNews } from '../hub/client/throttle.ts';
import { type FromWorker, forChannel, type WorkerState } from './channel.ts';
import type {
  Answer,
  Executor,
  Outcome,
  ProcessGroup,
  Question,
  WorkListener,
  WorkOrder,
} from './executor.ts';
import { killGroup } from './process-group.ts';
import { deathFailure, deathOf, timeoutOf } from './worker-failure.ts';
import { type WorkerEnd, WorkerProcess } from './worker-process.ts';

export interface PoolOptions {
  /** At most so many at once; further orders wait. Without it, as many as there are orders. */
  readonly workers?: number;
  /** A worker, which leads a process group of its own, has begun or ended. */
  readonly onGroup?: (group: ProcessGroup, state: 'begun' | 'ended') => void;
}

export function createWorkerPool(options: PoolOptions = {}): Executor {
  return new WorkerPool(options);
}

const GRACE_MS = 1000;
const CLOSE_MS = 2000;
/** What an idle worker may hold in any case: Node, DuckDB and what malloc keeps. */
const BASE_BYTES = 256 * 1024 * 1024;
const ASKS = 3;

type Job = TargetJob | QuestionJob;

interface QuestionJob {
  readonly kind: 'question';
  readonly question: Question;
  readonly resolve: (answer: Answer) => void;
  /** How often it may still be asked when its worker dies: looking changes nothing. */
  asksLeft: number;
}

interface TargetJob {
  readonly kind: 'target';
  readonly order: WorkOrder;
  readonly listener: WorkListener;
  readonly resolve: (outcome: Outcome) => void;
  /** Why it was asked to end before its time. */
  ending: 'stop' | 'timeout' | undefined;
  /** Known, but the worker must be gone before anybody hears of it. */
  outcome: Outcome | undefined;
  /** Process group of its command. */
  group: ProcessGroup | undefined;
  readonly timers: NodeJS.Timeout[];
}

class WorkerPool implements Executor {
  readonly #options: PoolOptions;
  readonly #idle = new Set<WorkerProcess>();
  readonly #busy = new Map<WorkerProcess, Job>();
  readonly #alive = new Set<WorkerProcess>();
  /** The last that any worker was told, by class of requests. */
  readonly #limits = new Map<string, LimitNews>();
  #queue: Job[] = [];
  #onEmpty: (() => void) | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  execute(order: WorkOrder, listener: WorkListener): Promise<Outcome> {
    return new Promise((resolve) => {
      this.#submit({
        kind: 'target',
        order,
        listener,
        resolve,
        ending: undefined,
        outcome: undefined,
        group: undefined,
        timers: [],
      });
    });
  }

  ask(question: Question): Promise<Answer> {
    return new Promise((resolve) => {
      this.#submit({ kind: 'question', question, resolve, asksLeft: ASKS });
    });
  }

  interrupt(how: 'drain' | 'stop', target?: string): void {
    const isMeant = (job: Job): job is TargetJob =>
      job.kind === 'target' && (target === undefined || job.order.target === target);
    const waiting = this.#queue.filter(isMeant);
    this.#queue = this.#queue.filter((job) => !isMeant(job));
    for (const job of waiting) job.resolve({ kind: 'interrupted' });
    if (target === undefined) this.#endQuestions();
    for (const [worker, job] of this.#busy) {
      if (!isMeant(job)) continue;
      if (how === 'drain') worker.send({ type: 'drain' });
      else this.#endEarly(worker, { job, cause: 'stop' });
    }
  }

  /** Nobody waits for an answer any more, and looking leaves nothing behind. */
  #endQuestions(): void {
    const waiting = this.#queue.filter((job) => job.kind === 'question');
    this.#queue = this.#queue.filter((job) => job.kind !== 'question');
    for (const job of waiting) job.resolve({ kind: 'called-off' });
    for (const [worker, job] of this.#busy) {
      if (job.kind !== 'question') continue;
      job.asksLeft = 0;
      job.resolve({ kind: 'called-off' });
      worker.kill();
    }
  }

  close(): Promise<void> {
    this.interrupt('stop');
    for (const worker of this.#busy.keys()) worker.kill();
    for (const worker of this.#idle) worker.close();
    if (this.#alive.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        for (const worker of this.#alive) worker.kill();
      }, CLOSE_MS);
      this.#onEmpty = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #submit(job: Job): void {
    if (this.#busy.size >= (this.#options.workers ?? Number.POSITIVE_INFINITY)) {
      this.#queue.push(job);
      return;
    }
    const worker = this.#takeWorker(job);
    this.#busy.set(worker, job);
    if (job.kind === 'question') {
      const { question } = job;
      if (!worker.send({ type: 'question', question })) this.#replace(worker, job);
      return;
    }
    const { order } = job;
    if (!worker.send({ type: 'order', order: forChannel(order) })) {
      this.#replace(worker, job);
      return;
    }
    job.listener.taken(worker.number);
    if (order.timeoutMs === undefined) return;
    const end = () => this.#endEarly(worker, { job, cause: 'timeout' });
    job.timers.push(setTimeout(end, order.timeoutMs));
  }

  /** The worker ended while it was idle and nobody had noticed yet: the job goes to another. */
  #replace(worker: WorkerProcess, job: Job): void {
    if (worker.group === undefined) return; // Never started: `ended` says why.
    this.#busy.delete(worker);
    this.#submit(job);
  }

  /**
   * The idle worker that holds most within what the target may need, so that small ones are left
   * for small targets. One that holds too much gives its memory back by ending.
   */
  #takeWorker(job: Job): WorkerProcess {
    const limit = job.kind === 'target' ? memoryLimit(job.order) : Number.POSITIVE_INFINITY;
    const idle = [...this.#idle].sort((a, b) => b.residentBytes - a.residentBytes);
    const fitting = idle.find((worker) => worker.residentBytes <= limit);
    const chosen = fitting ?? idle[0];
    if (chosen !== undefined) this.#idle.delete(chosen);
    if (fitting !== undefined) return fitting;
    chosen?.close();
    return this.#startWorker();
  }

  #startWorker(): WorkerProcess {
    const worker: WorkerProcess = new WorkerProcess(this.#freeNumber(), {
      message: (message) => this.#receive(worker, message),
      ended: (end) => this.#workerEnded(worker, end),
    });
    this.#alive.add(worker);
    for (const news of this.#limits.values()) worker.send({ type: 'limit', news });
    if (worker.group !== undefined) this.#options.onGroup?.(worker.group, 'begun');
    return worker;
  }

  #freeNumber(): number {
    const taken = new Set([...this.#alive].map(({ number }) => number));
    let number = 1;
    while (taken.has(number)) number += 1;
    return number;
  }

  #receive(worker: WorkerProcess, message: FromWorker): void {
    if (message.type === 'limit') {
      this.#spreadLimit(worker, message.news);
      return;
    }
    const job = this.#busy.get(worker);
    if (job === undefined) return;
    if (job.kind === 'question') {
      if (message.type !== 'answer') return;
      job.resolve(message.answer);
      this.#release(worker, message.state);
      return;
    }
    switch (message.type) {
      case 'outcome':
        this.#targetEnded(worker, { job, message });
        break;
      case 'progress':
        job.listener.progress(message.progress);
        break;
      case 'checkpoint':
        job.listener.checkpoint(message.record).then(
          () => worker.send({ type: 'saved' }),
          (error: unknown) => worker.send({ type: 'saved', error: String(error) }),
        );
        break;
      case 'group':
        job.group = message.group;
        job.listener.group(message.group, 'begun');
        break;
      case 'answer':
        break;
    }
  }

  /** All workers ask the same Hub for the same account. */
  #spreadLimit(from: WorkerProcess, news: LimitNews): void {
    this.#limits.set(news.key, news);
    for (const worker of this.#alive) {
      if (worker !== from) worker.send({ type: 'limit', news });
    }
  }

  #targetEnded(
    worker: WorkerProcess,
    { job, message }: { job: TargetJob; message: Extract<FromWorker, { type: 'outcome' }> },
  ): void {
    const outcome =
      job.ending === 'timeout' && message.outcome.kind !== 'done'
        ? timeoutOf(job.order)
        : message.outcome;
    if (message.state.isReusable) {
      settle(job, outcome);
      this.#release(worker, message.state);
      return;
    }
    // Whatever the target left at work in there must not meet its next attempt.
    job.outcome = outcome;
    worker.kill();
  }

  #release(worker: WorkerProcess, state: WorkerState): void {
    worker.residentBytes = state.residentBytes;
    this.#busy.delete(worker);
    this.#idle.add(worker);
    this.#next();
  }

  #next(): void {
    const job = this.#queue.shift();
    if (job !== undefined) this.#submit(job);
  }

  #endEarly(
    worker: WorkerProcess,
    { job, cause }: { readonly job: TargetJob; readonly cause: 'stop' | 'timeout' },
  ): void {
    // A stop outranks a timeout that has begun: nobody wants another attempt any more.
    if (job.ending !== 'stop') job.ending = cause;
    worker.send({ type: 'stop' });
    job.timers.push(setTimeout(() => worker.kill(), GRACE_MS));
  }

  #workerEnded(worker: WorkerProcess, end: WorkerEnd): void {
    const job = this.#busy.get(worker);
    this.#busy.delete(worker);
    this.#idle.delete(worker);
    this.#alive.delete(worker);
    if (worker.group !== undefined) this.#options.onGroup?.(worker.group, 'ended');
    if (job?.kind === 'target') {
      if (job.group !== undefined) killGroup(job.group.pid);
      settle(job, job.outcome ?? outcomeOfDeath(job, end));
    } else if (job !== undefined) {
      job.asksLeft -= 1;
      if (job.asksLeft > 0) this.#submit(job);
      else job.resolve({ kind: 'failed', failure: deathFailure(end) });
    }
    if (this.#alive.size === 0) this.#onEmpty?.();
    this.#next();
  }
}

function memoryLimit({ memoryBytes }: WorkOrder): number {
  return memoryBytes > 0 ? Math.max(memoryBytes, BASE_BYTES) : Number.POSITIVE_INFINITY;
}

function settle(job: TargetJob, outcome: Outcome): void {
  for (const timer of job.timers) clearTimeout(timer);
  if (job.group !== undefined) job.listener.group(job.group, 'ended');
  job.resolve(outcome);
}

function outcomeOfDeath({ ending, order }: TargetJob, end: WorkerEnd): Outcome {
  if (ending === 'stop') return { kind: 'interrupted' };
  return ending === 'timeout' ? timeoutOf(order) : deathOf(order, end);
}
