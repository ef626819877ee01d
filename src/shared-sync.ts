// Makes files durable for everybody who asks within the same moment: whoever comes while a sync is
// under way shares the next one. A few files are synced one by one; many by one call for their
// whole file system, because one by one each costs about as much CPU as the rest of a small target.
import type { Clock, FileSystem } from './file-system.ts';

/** Files that are still synced each by itself: the call for all costs a process. */
const FEW = 8;
/** While many small targets end, a sync waits so long for more of them to take part. */
const GATHER_MS = 50;

export interface SyncRequest {
  /** Files, and folders whose names have changed; absolute. */
  readonly paths: readonly string[];
  /** A folder on the file system on which they all lie. */
  readonly folder: string;
}

interface Waiting extends SyncRequest {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class SharedSync {
  readonly #fs: FileSystem;
  readonly #clock: Clock;
  #waiting: Waiting[] = [];
  #isSyncing = false;
  #expecting = 0;
  #stopGathering: () => void = () => {};

  constructor({ fs, clock }: { readonly fs: FileSystem; readonly clock: Clock }) {
    this.#fs = fs;
    this.#clock = clock;
  }

  /** Resolves when the files are durable; rejects when one of these very files could not be. */
  durable(request: SyncRequest): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...request, resolve, reject });
      if (this.#isSyncing) return;
      this.#isSyncing = true;
      // What else is asked for in this turn of the event loop takes part.
      queueMicrotask(() => void this.#syncAll());
    });
  }

  /** More targets are going to end; only so long is worth waiting for them. Gives the end of that. */
  expectMore(): () => void {
    this.#expecting += 1;
    return () => {
      this.#expecting -= 1;
      if (this.#expecting === 0) this.#stopGathering();
    };
  }

  async #syncAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      if (!isMany(batch)) {
        await this.#syncEach(batch);
        continue;
      }
      if (await this.#syncTogether(batch)) for (const { resolve } of batch) resolve();
      else await this.#syncEach(batch);
      await this.#gather();
    }
    this.#isSyncing = false;
  }

  #gather(): Promise<void> {
    if (this.#expecting === 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const callOff = this.#clock.after(GATHER_MS, resolve);
    this.#stopGathering = () => {
      callOff();
      resolve();
    };
    return promise;
  }

  /** False when it was not possible. */
  #syncTogether(batch: readonly Waiting[]): Promise<boolean> {
    const folders = new Set(batch.map(({ folder }) => folder));
    return this.#fs.syncFileSystems([...folders]).catch(() => false);
  }

  async #syncEach(batch: readonly Waiting[]): Promise<void> {
    await Promise.all(batch.map((request) => this.#syncAlone(request)));
  }

  async #syncAlone({ paths, resolve, reject }: Waiting): Promise<void> {
    try {
      // A person may delete a journal at any time: that is no failure.
      await this.#fs.sync(paths.filter((path) => this.#fs.stat(path) !== undefined));
      resolve();
    } catch (error) {
      reject(error);
    }
  }
}

function isMany(batch: readonly Waiting[]): boolean {
  return batch.reduce((sum, { paths }) => sum + paths.length, 0) > FEW;
}
