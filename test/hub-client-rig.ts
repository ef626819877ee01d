// A client of an embedded Hub with a clock that jumps instead of waiting, and the check that ends
// every test: the token is in no error and no log line.
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { HubError } from '../src/hub/client/error.ts';
import type { Network } from '../src/hub/client/fetch.ts';
import { createHub } from '../src/hub/client/hub.ts';
import { Throttle, type Timer } from '../src/hub/client/throttle.ts';
import type { EmbeddedHubOptions } from '../src/hub/server/embedded-hub.ts';
import type { Fault, FaultAction } from '../src/hub/server/fault.ts';
import type { HubRepository, RemoteChange, RemoteFile } from '../src/task.ts';
import { type HubRig, sha256, startHub, temporaryFolder } from './hub-rig.ts';

export const NAME = 'local/things';

export interface ClientOptions {
  readonly token?: string | undefined;
  readonly signal?: AbortSignal;
  readonly stalls?: Stalls;
  readonly xet?: 'auto' | 'off';
  /** Runs whenever the client waits, which takes no time. */
  readonly onSleep?: (ms: number) => void | Promise<void>;
}

/** When a client's patience with a server that says nothing is over: `now`, not by the clock. */
export class Stalls {
  readonly #waiting = new Set<() => void>();

  readonly now = () => {
    for (const fire of this.#waiting) fire();
  };

  timer(fire: () => void): Timer {
    this.#waiting.add(fire);
    return { refresh: () => {}, stop: () => void this.#waiting.delete(fire) };
  }
}

export interface ClientRig {
  readonly repository: HubRepository;
  readonly lines: string[];
  /** Milliseconds of every wait. */
  readonly waits: number[];
  /** The HubError that the work must reject with. */
  failure(work: Promise<unknown>): Promise<HubError>;
}

export function fakeNetwork(options: Pick<ClientOptions, 'onSleep' | 'stalls'> = {}): {
  readonly network: Network;
  readonly waits: number[];
} {
  const waits: number[] = [];
  const { stalls = new Stalls() } = options;
  let now = Date.parse('2026-01-01T00:00:00Z');
  const timing = {
    now: () => now,
    random: () => 0,
    timer: (_: number, fire: () => void) => stalls.timer(fire),
    async sleep(ms: number, signal: AbortSignal) {
      waits.push(ms);
      now += ms;
      await options.onSleep?.(ms);
      await setImmediate();
      signal.throwIfAborted();
    },
  };
  const network = { timing, throttle: new Throttle(timing), stallMs: 20_000 };
  return { network, waits };
}

export function connect(
  hub: { readonly url: string; readonly token: string },
  options: ClientOptions = {},
): ClientRig {
  const lines: string[] = [];
  const told: string[] = [];
  const { network, waits } = fakeNetwork(options);
  const token = 'token' in options ? options.token : hub.token;
  const client = createHub({
    endpoint: `${hub.url}/`,
    id: 'test',
    token,
    signal: options.signal ?? new AbortController().signal,
    xet: options.xet ?? 'off',
    log: (line) => lines.push(line),
    network,
  });
  onTestFinished(() => {
    const text = [...lines, ...told].join('\n');
    expect(text).not.toContain(hub.token);
    if (token !== undefined) expect(text).not.toContain(token);
    expect(text).not.toMatch(/uploads\/|Bearer (?!\[token\])/);
  });
  return {
    repository: client.repository(NAME),
    lines,
    waits,
    async failure(work) {
      const error = await work.then(
        () => expect.fail('it did not reject'),
        (reason: unknown) => reason,
      );
      if (!(error instanceof HubError)) throw error;
      told.push(error.message, error.hint, String(error.stack), JSON.stringify(error));
      for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
        told.push(cause.message);
      }
      return error;
    },
  };
}

/** A Hub with one repository, and a client of it. */
export async function startClient(
  options: { readonly hub?: Partial<EmbeddedHubOptions>; readonly client?: ClientOptions } = {},
): Promise<ClientRig & { readonly hub: HubRig; readonly head: string }> {
  const hub = await startHub(options.hub);
  const client = connect(hub, options.client);
  const head = await connect(hub).repository.create({ private: false });
  return { ...client, hub, head };
}

/** Options of `startClient` for a Hub with these faults. */
export function faulty(...faults: readonly Fault[]) {
  return { hub: { faults: { faults } } };
}

/** Done by the server, but its answer never arrives. */
export const lost: FaultAction = { kind: 'reset', when: 'after' };

/** The same fault for the first request of each of these routes. */
export function once(action: FaultAction, routes: readonly (Fault['route'] & string)[]): Fault[] {
  return routes.map((route) => ({ route, nth: 1, action }));
}

/** A change that puts these bytes from memory. */
export function putting(
  parent: string,
  contents: Readonly<Record<string, string | Uint8Array>>,
): RemoteChange {
  const put = Object.entries(contents).map(([path, content]) => ({
    path,
    from: typeof content === 'string' ? new TextEncoder().encode(content) : content,
  }));
  return { parent, title: 'a change', put, remove: [] };
}

/** A local file to put. */
export function localFile(content: string | Uint8Array, name = 'local.bin') {
  const file = join(temporaryFolder(), name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  return { file, sha256: sha256(content) };
}

/** What the repository holds at its head, past the client: paths with sha256 or git's blob. */
export async function filesOf(hub: HubRig): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for await (const { path, digest } of connect(hub).repository.list('main', '')) {
    if (path !== '.gitattributes') found[path] = digest;
  }
  return found;
}

/** Titles of all commits, the newest first. */
export async function commitsOf(hub: HubRig): Promise<readonly string[]> {
  const commits = await hub.json(`/api/datasets/${NAME}/commits/main`);
  if (!Array.isArray(commits)) throw new Error('no list of commits');
  return commits.map(({ title }: { readonly title: string }) => title);
}

export async function listed(files: AsyncIterable<RemoteFile>): Promise<RemoteFile[]> {
  return Array.fromAsync(files);
}

/** A server that answers whatever the test wants; gives its address. */
export async function startStub(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}`;
}
