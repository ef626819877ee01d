// Run by scale-server.ts as a process of its own, to be killed: serves the folder of an embedded Hub
// with the real Hub's rate limit in shorter windows, and tells its parent again and again how many
// requests of which kind it has answered.
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createHub } from '../src/hub/client/hub.ts';
import { seedHub } from '../src/hub/seed.ts';
import { startEmbeddedHub } from '../src/hub/server/embedded-hub.ts';
import type { RateLimit } from '../src/hub/server/fault.ts';
import type { ServedRequest } from '../src/hub/server/service.ts';
import { nodeFileSystem } from '../src/node-file-system.ts';

export interface HubOrder {
  readonly folder: string;
  /** 0 for any. */
  readonly port: number;
  /** The dataset that is read. */
  readonly dataset: string;
  /** Its files lie below, as `data/*.parquet`. */
  readonly sources: string;
  readonly rateLimit: RateLimit;
}

/** `ROUTE of DATASET` with the status and how often: `resolve source 206`. */
export type RequestCounts = Readonly<Record<string, number>>;

export type HubNews =
  | { readonly kind: 'serving'; readonly url: string; readonly token: string }
  | { readonly kind: 'counts'; readonly counts: RequestCounts };

const TELL_MS = 100;

const order: HubOrder = JSON.parse(process.argv[2] ?? '');
const counts: Record<string, number> = {};
let isCounting = false;

const hub = await startEmbeddedHub({
  folder: order.folder,
  port: order.port,
  onRequest: ({ path, route, status }: ServedRequest) => {
    if (!isCounting) return;
    const side = path.includes(order.dataset) ? 'source' : 'published';
    const key = `${route ?? 'no route'} ${side} ${status ?? 'broken'}`;
    counts[key] = (counts[key] ?? 0) + 1;
  },
});
const { url, token, id } = hub;
const signal = new AbortController().signal;
const client = createHub({ endpoint: url, id, token, signal, xet: 'off' });
await seedHub(
  {
    dataset: order.dataset,
    folder: order.sources,
    files: 'data/*.parquet',
    seed: undefined,
    at: { file: '', line: 0, column: 0, length: 0 },
  },
  {
    fs: nodeFileSystem,
    folder: order.folder,
    hub: async () => client,
    digest: async (path) => hash('sha256', readFileSync(path)),
  },
);
hub.injectFaults({ rateLimit: order.rateLimit });
isCounting = true;
tell({ kind: 'serving', url, token });
setInterval(() => tell({ kind: 'counts', counts }), TELL_MS);
process.on('disconnect', () => process.exit());

function tell(news: HubNews): void {
  process.send?.(news);
}
