// Appends whole lines or nothing, and has files made durable together: many targets end within a
// moment, and one sync of all their journals costs little more than one of a single journal.
import type { Clock, FileSystem } from '../file-system.ts';
import type { SharedSync } from '../shared-sync.ts';

/** Lines appended within this time share one sync. Source: DESIGN "Commit of a target". */
export const SYNC_DELAY_MS = 100;

/** Paths are absolute. Throws and rejects with the errors of the file system. */
export class Appender {
  readonly #fs: FileSystem;
  readonly #clock: Clock;
  readonly #sharedSync: SharedSync;
  /** Of all the files. */
  readonly #folder: string;
  /** Where the last whole line of each file ends. */
  readonly #ends = new Map<string, number>();
  /** Files that may have half a line behind their end, since an append failed. */
  readonly #halves = new Set<string>();
  /** Files and folders changed since a sync was last asked for. */
  #unsynced = new Set<string>();
  #callOff: (() => void) | undefined;
  /** That all syncs asked for so far have succeeded. */
  #lastSync: Promise<void> = Promise.resolve();
  #broken: { readonly error: unknown } | undefined;

  constructor(parts: {
    readonly fs: FileSystem;
    readonly clock: Clock;
    readonly sharedSync: SharedSync;
    readonly folder: string;
  }) {
    this.#fs = parts.fs;
    this.#clock = parts.clock;
    this.#sharedSync = parts.sharedSync;
    this.#folder = parts.folder;
  }

  isOpen(path: string): boolean {
    return this.#ends.has(path);
  }

  /** Says that the file ends in a whole line at `end`; it need not exist when that is 0. */
  open(path: string, end: number): void {
    this.#ends.set(path, end);
  }

  /** The file is gone. */
  forget(path: string): void {
    this.#ends.delete(path);
    this.#halves.delete(path);
    this.#unsynced.delete(path);
  }

  /**
   * Appends lines to an open file. When it throws, nothing was recorded: what was written of it is
   * cut off before the next append. After a failed sync it always throws, because the operating
   * system forgets what it could not write and a later sync would wrongly succeed.
   */
  append(path: string, lines: string): void {
    if (this.#broken !== undefined) throw this.#broken.error;
    this.mend(path);
    const end = this.#ends.get(path);
    if (end === undefined) throw new Error(`${path} was not opened`);
    this.#halves.add(path);
    this.#fs.append(path, lines);
    this.#halves.delete(path);
    this.#ends.set(path, end + Buffer.byteLength(lines));
    this.touch(path);
    if (end === 0) this.touch(path.slice(0, path.lastIndexOf('/')));
  }

  /** Cuts off what a failed append may have left. */
  mend(path: string): void {
    if (!this.#halves.has(path)) return;
    const end = this.#ends.get(path) ?? 0;
    const bytes = this.#fs.stat(path)?.bytes ?? 0;
    if (bytes > end) this.#fs.truncate(path, end);
    this.#halves.delete(path);
  }

  mendAll(): void {
    for (const path of this.#halves) this.mend(path);
  }

  /** The file, or the names in the folder, are made durable with the next sync. */
  touch(path: string): void {
    this.#unsynced.add(path);
    this.#callOff ??= this.#clock.after(SYNC_DELAY_MS, () => {
      this.#callOff = undefined;
      // Whoever appends or flushes next is told of a failure.
      this.flush().catch(() => undefined);
    });
  }

  /** Resolves when everything appended so far is durable. */
  flush(): Promise<void> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken.error);
    if (this.#unsynced.size > 0) this.#lastSync = this.#sync(this.#lastSync);
    return this.#lastSync;
  }

  /** Calls the timer off; what is not durable stays so. */
  abandon(): void {
    this.#callOff?.();
    this.#callOff = undefined;
  }

  async #sync(earlier: Promise<void>): Promise<void> {
    this.abandon();
    const paths = [...this.#unsynced];
    this.#unsynced = new Set();
    try {
      await Promise.all([earlier, this.#sharedSync.durable({ paths, folder: this.#folder })]);
    } catch (error) {
      this.#broken = { error };
      throw error;
    }
  }
}
