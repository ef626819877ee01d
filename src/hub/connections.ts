// Which Hubs a run talks to: their identity, known without a connection, and their address with a
// token, made on first use. The embedded Hub is started here, or a live server on its folder is
// used, so that a run which needs no Hub starts none.
import { posix } from 'node:path';
import type { HubConfig } from '../config/config.ts';
import type { HubAddress } from '../executor/executor.ts';
import type { FileSystem } from '../file-system.ts';
import { nodeFileSystem } from '../node-file-system.ts';
import { findToken } from './client/token.ts';
import { findServer, HubFolderInUse, readIdentity } from './server/hub-folder.ts';

/** Stands for an embedded Hub that was never started. */
const UNBORN = 'embedded';

export class HubConnections {
  readonly #folder: string;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #fs: FileSystem;
  readonly #addresses = new Map<HubConfig, Promise<HubAddress>>();
  readonly #closing: (() => Promise<void>)[] = [];
  #embedded: Promise<{ url: string; id: string; token: string }> | undefined;

  /** `fs` is what identities are read through. */
  constructor(
    work: string,
    env: Readonly<Record<string, string | undefined>>,
    fs: FileSystem = nodeFileSystem,
  ) {
    this.#folder = embeddedFolder(work);
    this.#env = env;
    this.#fs = fs;
  }

  /** Whether any Hub was connected to. */
  get isUsed(): boolean {
    return this.#addresses.size > 0;
  }

  /** Stable, and the same whatever the port: the Hub's own id, or its address. */
  idOf({ endpoint }: HubConfig): string {
    return endpoint ?? readIdentity(this.#folder, this.#fs)?.id ?? UNBORN;
  }

  /** Whether an embedded Hub was never started, and so has no identity yet. */
  isUnborn(hub: HubConfig): boolean {
    return this.idOf(hub) === UNBORN;
  }

  connect(hub: HubConfig): Promise<HubAddress> {
    let address = this.#addresses.get(hub);
    if (address === undefined) {
      address = this.#connect(hub);
      this.#addresses.set(hub, address);
    }
    return address;
  }

  async close(): Promise<void> {
    for (const close of this.#closing) await close();
  }

  async #connect({ endpoint, isPrivate, xet, tokenEnv }: HubConfig): Promise<HubAddress> {
    if (endpoint === undefined) {
      this.#embedded ??= this.#serve();
      const { url, id, token } = await this.#embedded;
      return { endpoint: url, id, token, isPrivate, xet: 'off' };
    }
    const token = await findToken(this.#env, { tokenEnv });
    return { endpoint, id: endpoint, token, isPrivate, xet: isLoopback(endpoint) ? 'off' : xet };
  }

  async #serve(): Promise<{ url: string; id: string; token: string }> {
    const live = findServer(this.#folder);
    if (live !== undefined) return live;
    const { startEmbeddedHub } = await import('./server/embedded-hub.ts');
    try {
      const hub = await startEmbeddedHub({ folder: this.#folder });
      this.#closing.push(() => hub.close());
      return hub;
    } catch (error) {
      // Another server may have begun at the same moment.
      const found = error instanceof HubFolderInUse ? findServer(this.#folder) : undefined;
      if (found === undefined) throw error;
      return found;
    }
  }
}

/** A Hub of this machine, such as `hub serve`, keeps whole files: there is no chunk store to ask. */
function isLoopback(endpoint: string): boolean {
  const host = URL.parse(endpoint)?.hostname;
  return host === 'localhost' || host === '127.0.0.1' || host === '[::1]';
}

/** Folder of the embedded Hub of a work folder. */
export function embeddedFolder(work: string): string {
  return posix.join(work, 'hub');
}
