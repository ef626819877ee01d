// The embedded Hub: a small Hub-compatible HTTP server over a folder, for runs without account or
// network. This file puts the parts together and decides how the server begins and ends; what it
// answers is the routes'. Listens on 127.0.0.1 and nowhere else.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Hub } from './call.ts';
import { ContentStore } from './content-store.ts';
import { FaultInjector, type FaultPlan } from './fault.ts';
import { type HeldFolder, type HubAddress, holdFolder } from './hub-folder.ts';
import { LinkSigner } from './link-signer.ts';
import { Repositories } from './repositories.ts';
import { type ServedRequest, type ServiceOptions, serve } from './service.ts';
import { UploadTable } from './upload-table.ts';

export interface EmbeddedHubOptions {
  readonly folder: string;
  /** 0, the default, for any free one. */
  readonly port?: number;
  /** For tests: what goes wrong. */
  readonly faults?: FaultPlan;
  /** Entries of a listing in one answer. */
  readonly pageSize?: number;
  /** Contents of at least this many bytes are uploaded in parts of `partSize`. */
  readonly multipartThreshold?: number;
  readonly partSize?: number;
  /** Large files are downloaded from a second origin, as from the Hub's CDN. */
  readonly cdnOrigin?: boolean;
  readonly onRequest?: (request: ServedRequest) => void;
}

export interface EmbeddedHub extends HubAddress {
  /** Replaces the plan; counting begins anew. */
  injectFaults(plan: FaultPlan): void;
  /** Gives what is being answered a moment to end, then frees the port and the folder. */
  close(): Promise<void>;
}

const MIB = 1 << 20;
const HOST = '127.0.0.1';
const CLOSE_GRACE_MS = 1000;
/** Longer than clients keep a connection, so that none sends into one that is being closed. */
const KEEP_ALIVE_MS = 60_000;

/** Throws `HubFolderInUse` when a live process has the folder, and what listening throws. */
export async function startEmbeddedHub(options: EmbeddedHubOptions): Promise<EmbeddedHub> {
  const folder = resolve(options.folder);
  const held = await holdFolder(folder);
  const { token } = held.identity;
  let faults = new FaultInjector(options.faults ?? {});
  const ends: HttpEnd[] = [];
  const closeOnce = async () => {
    await Promise.all(ends.map((end) => end.close()));
    held.release();
  };
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= closeOnce();
    return closed;
  };
  const listen = async (hub: Hub, { isCdn, port }: { isCdn: boolean; port: number }) => {
    const { onRequest } = options;
    const end = new HttpEnd({ hub, token, faults: () => faults, onRequest, isCdn });
    ends.push(end);
    return end.listen(port);
  };
  try {
    const hub = makeHub(options, held);
    const cdnOrigin = options.cdnOrigin ? await listen(hub, { isCdn: true, port: 0 }) : undefined;
    const url = await listen({ ...hub, cdnOrigin }, { isCdn: false, port: options.port ?? 0 });
    held.announce(url);
    return {
      ...held.identity,
      url,
      injectFaults(plan) {
        faults = new FaultInjector(plan);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function makeHub(options: EmbeddedHubOptions, { identity, temporaryFolder }: HeldFolder): Hub {
  const folder = resolve(options.folder);
  const { multipartThreshold = 32 * MIB, partSize = 16 * MIB, pageSize = 1000 } = options;
  const contents = new ContentStore({ folder, temporaryFolder });
  return {
    id: identity.id,
    contents,
    repositories: new Repositories({ folder: `${folder}/repos`, temporaryFolder, contents }),
    uploads: new UploadTable({ temporaryFolder, multipartThreshold, partSize }),
    signer: new LinkSigner(),
    pageSize,
    cdnOrigin: undefined,
  };
}

/** One listening socket and the requests on it. */
class HttpEnd {
  readonly #server: Server;
  readonly #inFlight = new Set<Promise<void>>();

  constructor(options: ServiceOptions) {
    this.#server = createServer((request, response) => {
      const served = serve(options, { request, response });
      this.#inFlight.add(served);
      void served.finally(() => this.#inFlight.delete(served));
    });
    // A large file takes as long as it takes.
    this.#server.requestTimeout = 0;
    this.#server.keepAliveTimeout = KEEP_ALIVE_MS;
  }

  /** Gives the origin. */
  async listen(port: number): Promise<string> {
    this.#server.listen(port, HOST);
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('not a TCP server');
    return `http://${HOST}:${address.port}`;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((settle) => {
      this.#server.close(() => settle());
    });
    const grace = pause(CLOSE_GRACE_MS, undefined, { ref: false });
    await Promise.race([Promise.all(this.#inFlight), grace]);
    this.#server.closeAllConnections();
    // What still writes to the folder must end before another process may have it.
    await Promise.all(this.#inFlight);
    await closed;
  }
}
