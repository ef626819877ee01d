// Lets threads parse the pieces of a task's input. Answers come in whatever order; what was parsed
// is handed on in the order of the pieces. Reading and parsing go on while that waits for a disk.
import { Worker } from 'node:worker_threads';
import type { Json, Piece } from '../task.ts';
import type { PieceAnswer, PieceOrder, ThreadData } from './parse-protocol.ts';
import { TargetError } from './target-error.ts';

type Parsed = Extract<PieceAnswer, { kind: 'parsed' }>;

/** One is parsed while the next waits at the door, however large they are. */
const PIECES_PER_THREAD = 2;
/** So much may be read ahead: what threads parse while a checkpoint is made durable. */
const AHEAD_BYTES = 6 * 1024 * 1024;
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
  const ahead = new PiecesAhead(pieces, threads);
  try {
    for (let next = await ahead.first(); next !== undefined; next = await ahead.first()) {
      const parsed = await next.answer;
      ahead.drop();
      await accept(parsed);
      yield { piece: next.piece, found: parsed.found };
    }
  } finally {
    await Promise.all([ahead.end(), ...threads.map((thread) => thread.end())]);
  }
}

interface OpenPiece<T> {
  readonly piece: T;
  readonly bytes: number;
  readonly answer: Promise<Parsed>;
}

/** Pieces that were given to threads and not handed on yet, in order. */
class PiecesAhead<T extends Piece> {
  readonly #threads: readonly ParseThread[];
  readonly #open: OpenPiece<T>[] = [];
  #bytes = 0;
  #isEnded = false;
  #changed = Promise.withResolvers<void>();
  readonly #reading: Promise<void>;

  constructor(pieces: AsyncIterable<T>, threads: readonly ParseThread[]) {
    this.#threads = threads;
    this.#reading = this.#read(pieces).finally(() => {
      this.#isEnded = true;
      this.#change();
    });
    // Whoever waits for the piece that could not be read hears of it.
    this.#reading.catch(() => {});
  }

  /** Undefined behind the last one. Rejects when no more could be read. */
  async first(): Promise<OpenPiece<T> | undefined> {
    while (this.#open.length === 0 && !this.#isEnded) await this.#changed.promise;
    const [first] = this.#open;
    if (first === undefined) await this.#reading;
    return first;
  }

  drop(): void {
    this.#bytes -= this.#open.shift()?.bytes ?? 0;
    this.#change();
  }

  /** Reads no more. */
  async end(): Promise<void> {
    this.#isEnded = true;
    this.#change();
    await this.#reading.catch(() => {});
  }

  async #read(pieces: AsyncIterable<T>): Promise<void> {
    for await (const piece of pieces) {
      if (this.#isEnded) return;
      const { length: bytes } = piece.bytes;
      this.#bytes += bytes;
      this.#open.push({ piece, bytes, answer: this.#idlest().parse(piece) });
      this.#change();
      while (this.#isFull() && !this.#isEnded) await this.#changed.promise;
    }
  }

  #isFull(): boolean {
    return (
      this.#bytes >= AHEAD_BYTES && this.#open.length >= this.#threads.length * PIECES_PER_THREAD
    );
  }

  #idlest(): ParseThread {
    const [first, ...others] = this.#threads;
    if (first === undefined) throw new RangeError('a task parses with at least one thread');
    return others.reduce((best, thread) => (thread.waiting < best.waiting ? thread : best), first);
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
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

  /** Pieces without an answer. */
  get waiting(): number {
    return this.#waiting.length;
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
