// Lets threads parse the pieces of a task's input. Answers come in whatever order; what was parsed
// is handed on in the order of the pieces, and no more of them are read than threads have work.
import { Worker } from 'node:worker_threads';
import type { Json, Piece } from '../task.ts';
import type { PieceAnswer, PieceOrder, ThreadData } from './parse-protocol.ts';
import { TargetError } from './target-error.ts';

type Parsed = Extract<PieceAnswer, { kind: 'parsed' }>;

/** One is parsed while the next waits at the door. */
const PIECES_PER_THREAD = 2;
/** A task's own memory; what is parsed leaves a thread at once. */
const THREAD_MIB = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16 };

export async function* parseInThreads<T extends Piece>(
  pieces: AsyncIterable<T>,
  options: {
    readonly threads: number;
    readonly data: ThreadData;
    /** Takes what was parsed, in order. */
    readonly accept: (parsed: Parsed) => Promise<void>;
  },
): AsyncGenerator<{ readonly piece: T; readonly found: Json }> {
  const { threads: count, data, accept } = options;
  const threads = Array.from({ length: count }, () => new ParseThread(data));
  const open: { readonly piece: T; readonly answer: Promise<Parsed> }[] = [];
  async function* finished(left: number) {
    while (open.length > left) {
      const next = open.shift();
      if (next === undefined) return;
      const parsed = await next.answer;
      await accept(parsed);
      yield { piece: next.piece, found: parsed.found };
    }
  }
  try {
    let turn = 0;
    for await (const piece of pieces) {
      const thread = threads[turn % count];
      if (thread === undefined) throw new RangeError('a task parses with at least one thread');
      turn += 1;
      open.push({ piece, answer: thread.parse(piece) });
      yield* finished(count * PIECES_PER_THREAD - 1);
    }
    yield* finished(0);
  } finally {
    await Promise.all(threads.map((thread) => thread.end()));
  }
}

class ParseThread {
  readonly #worker: Worker;
  #waiting: PromiseWithResolvers<Parsed>[] = [];
  #failure: unknown;

  constructor(data: ThreadData) {
    this.#worker = new Worker(new URL('./parse-thread.js', import.meta.url), {
      workerData: data,
      resourceLimits: THREAD_MIB,
    });
    this.#worker.on('message', (answer: PieceAnswer) => {
      const waiting = this.#waiting.shift();
      if (answer.kind === 'parsed') waiting?.resolve(answer);
      else waiting?.reject(new TargetError(answer.failure));
    });
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail(new Error('a thread that parses ended by itself')));
  }

  parse({ bytes, ends }: Piece): Promise<Parsed> {
    const waiting = Promise.withResolvers<Parsed>();
    // Whoever waits for an earlier piece hears of a failure first.
    waiting.promise.catch(() => {});
    if (this.#failure !== undefined) waiting.reject(this.#failure);
    this.#waiting.push(waiting);
    const order: PieceOrder = { bytes, ends };
    this.#worker.postMessage(order, [bytes.buffer, ends.buffer]);
    return waiting.promise;
  }

  async end(): Promise<void> {
    this.#worker.removeAllListeners();
    await this.#worker.terminate();
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    for (const waiting of this.#waiting) waiting.reject(this.#failure);
    this.#waiting = [];
  }
}
