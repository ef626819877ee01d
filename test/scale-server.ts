// The Hub of a scale run as seen from outside: a process that can be killed and started again on
// the same folder and port, and how many requests all of its lives have answered.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { HubNews, HubOrder, RequestCounts } from './scale-hub.ts';

const ENTRY = fileURLToPath(new URL('./scale-hub.ts', import.meta.url));

export class ScaleServer {
  readonly #order: HubOrder;
  /** Of the lives before. */
  readonly #earlier: Record<string, number> = {};
  #child: ChildProcess | undefined;
  #counts: RequestCounts = {};
  url = '';
  token = '';

  constructor(order: HubOrder) {
    this.#order = order;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** By `ROUTE source|published STATUS`; what a kill came before telling is not in it. */
  get counts(): RequestCounts {
    return sumOf(this.#earlier, this.#counts);
  }

  /** Resolves when it serves and has its files. */
  async start(): Promise<void> {
    const port = this.url === '' ? 0 : Number(new URL(this.url).port);
    const child = fork(ENTRY, [JSON.stringify({ ...this.#order, port })], { execArgv: [] });
    this.#child = child;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    child.on('exit', (code) => reject(new Error(`the Hub ended with ${code}`)));
    child.on('message', (news: HubNews) => {
      if (news.kind === 'counts') {
        this.#counts = news.counts;
        return;
      }
      this.url = news.url;
      this.token = news.token;
      resolve();
    });
    await promise;
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    Object.assign(this.#earlier, this.counts);
    this.#counts = {};
  }
}

function sumOf(one: RequestCounts, other: RequestCounts): RequestCounts {
  const sum: Record<string, number> = { ...one };
  for (const [key, count] of Object.entries(other)) sum[key] = (sum[key] ?? 0) + count;
  return sum;
}
