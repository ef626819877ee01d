// Run by the bench of the Hub as a process of its own: serves a folder, tells its parent where, and
// how many requests it has answered when it is asked.
import { startEmbeddedHub } from '../src/hub/server/embedded-hub.ts';

export interface ServerAddress {
  readonly url: string;
  readonly token: string;
}

/** Requests by route. */
export type RequestCounts = Readonly<Record<string, number>>;

const counts: Record<string, number> = {};
const { url, token } = await startEmbeddedHub({
  folder: process.argv[2] ?? '',
  onRequest({ route = 'none' }) {
    counts[route] = (counts[route] ?? 0) + 1;
  },
});
const address: ServerAddress = { url, token };
process.send?.(address);
process.on('message', () => process.send?.(counts));
process.on('disconnect', () => process.exit());
