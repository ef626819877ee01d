// One worker process as the pool sees it: forked in a process group of its own (so that Ctrl-C in
// the terminal reaches the runner alone), spoken to over its channel, its last words kept.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FromWorker, ToWorker } from './channel.ts';
import type { ProcessGroup } from './executor.ts';
import { describeGroup, killGroup } from './process-group.ts';

const ENTRY = fileURLToPath(new URL('./worker.js', import.meta.url));
const LAST_WORDS_CHARACTERS = 8192;
/** How long the output of a dead worker is waited for; another process may hold its pipe open. */
const OUTPUT_WAIT_MS = 200;

export interface WorkerEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it could not even be started. */
  readonly error: Error | undefined;
  /** The end of what it wrote to stderr and stdout. */
  readonly lastWords: string;
}

export interface WorkerEvents {
  message(message: FromWorker): void;
  /** Nothing comes after it. */
  ended(end: WorkerEnd): void;
}

export class WorkerProcess {
  /** Tells it from those alive at the same time. */
  readonly number: number;
  /** Undefined when it could not be started. */
  readonly group: ProcessGroup | undefined;
  /** Held after the last target. */
  residentBytes = 0;
  readonly #child: ChildProcess;
  #lastWords = '';

  constructor(number: number, events: WorkerEvents) {
    this.number = number;
    this.#child = fork(ENTRY, [], {
      detached: true,
      execArgv: [],
      // With an arena for each thread that ever allocated, glibc keeps what others could use: 305
      // against 263 MiB for a stream that is parsed in two threads and written by DuckDB.
      env: { MALLOC_ARENA_MAX: '2', ...process.env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const { pid } = this.#child;
    this.group = pid === undefined ? undefined : describeGroup(pid);
    this.#child.on('message', (message: FromWorker) => events.message(message));
    this.#child.stdout?.on('data', this.#listen);
    this.#child.stderr?.on('data', this.#listen);
    this.#watchEnd(events);
  }

  /** False when the worker is not there any more and the message is lost. */
  send(message: ToWorker): boolean {
    if (!this.#child.connected) return false;
    this.#child.send(message, () => {}); // An error means that it is ending, which is told apart.
    return true;
  }

  /** Ends it and everything in its group at once. */
  kill(): void {
    if (this.group !== undefined) killGroup(this.group.pid);
  }

  /** Lets an idle worker end by itself. */
  close(): void {
    if (this.#child.connected) this.#child.disconnect();
  }

  readonly #listen = (chunk: Buffer): void => {
    this.#lastWords = (this.#lastWords + chunk.toString('utf8')).slice(-LAST_WORDS_CHARACTERS);
  };

  #watchEnd(events: WorkerEvents): void {
    let isEnded = false;
    const end = (error: Error | undefined) => {
      if (isEnded) return;
      isEnded = true;
      this.kill(); // What a task started itself is in the same group.
      const { exitCode, signalCode: signal } = this.#child;
      events.ended({ exitCode, signal, error, lastWords: this.#lastWords.trimEnd() });
    };
    this.#child.on('error', (error) => {
      if (this.group === undefined) end(error);
    });
    this.#child.on('exit', () => setTimeout(() => end(undefined), OUTPUT_WAIT_MS));
    this.#child.on('close', () => end(undefined));
  }
}
