// Folders in which small targets stage their only output side by side, so that none needs a folder
// of its own. A name is given out once in a folder's life: what a target writes there late can
// never become another one's output.
import { posix } from 'node:path';
import type { WorkOrder } from '../executor/executor.ts';
import type { FileSystem } from '../file-system.ts';

/** A folder is given up after so many names, and removed with what was left in it. */
const NAMES_PER_FOLDER = 1000;

interface Folder {
  readonly path: string;
  readonly names: Set<string>;
  /** Attempts that may still use it. */
  users: number;
}

export class SharedStage {
  readonly #fs: FileSystem;
  readonly #below: string;
  /** In use, by path. */
  readonly #folders = new Map<string, Folder>();
  /** The one of which names are given out. */
  #open: Folder | undefined;
  #count = 0;

  constructor(fs: FileSystem, below: string) {
    this.#fs = fs;
    this.#below = below;
  }

  /**
   * The folder for a target's only output; undefined for a target that needs its own. A command or
   * a statement may leave anything beside its output, a task has `scratch` for that.
   */
  take({ rule, outputs }: Pick<WorkOrder, 'rule' | 'outputs'>): string | undefined {
    const [output] = outputs;
    if (rule.kind !== 'task' || output === undefined || outputs.length > 1) return undefined;
    if (output.glob || output.partitionBy !== undefined) return undefined;
    this.#open ??= this.#makeFolder();
    const folder = this.#open;
    const name = posix.basename(output.path);
    if (folder.names.has(name)) return undefined;
    folder.names.add(name);
    folder.users += 1;
    if (folder.names.size >= NAMES_PER_FOLDER) this.#open = undefined;
    return folder.path;
  }

  /** The attempt is over, whether or not its output was published. */
  giveBack(path: string): void {
    const folder = this.#folders.get(path);
    if (folder === undefined) return;
    folder.users -= 1;
    if (folder.users === 0 && folder !== this.#open) this.#remove(folder);
  }

  /** Nothing is staged any more. */
  close(): void {
    this.#open = undefined;
    for (const folder of this.#folders.values()) this.#remove(folder);
  }

  #makeFolder(): Folder {
    this.#count += 1;
    const path = posix.join(this.#below, `@shared.${this.#count}`);
    const folder = { path, names: new Set<string>(), users: 0 };
    this.#fs.makeFolder(path);
    this.#folders.set(path, folder);
    return folder;
  }

  #remove(folder: Folder): void {
    this.#folders.delete(folder.path);
    this.#fs.remove(folder.path);
  }
}
