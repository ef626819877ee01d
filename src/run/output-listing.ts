// Says whether recorded outputs are still there, from directory listings that are read once a run:
// a listing costs a quarter of a stat per file. A file replaced in place is not seen here; that is
// looked for before a file is consumed (`assess.ts`, `inspect.ts`).
import type { FileSystem } from '../file-system.ts';
import { isPattern, matches } from '../glob.ts';

export class OutputListing {
  readonly #fs: FileSystem;
  readonly #work: string;
  readonly #folders = new Map<string, ReadonlySet<string>>();
  /** Per folder pattern: how many of its folders hold a file of each name. */
  readonly #names = new Map<string, ReadonlyMap<string, number>>();

  constructor(fs: FileSystem, work: string) {
    this.#fs = fs;
    this.#work = work;
  }

  /** `path` relative to the work folder. */
  exists(path: string): boolean {
    const slash = path.lastIndexOf('/');
    return this.#list(slash < 0 ? '' : path.slice(0, slash)).has(path.slice(slash + 1));
  }

  /** Number of files that a pattern relative to the work folder matches. */
  count(pattern: string): number {
    const slash = pattern.lastIndexOf('/');
    const names = this.#countNames(slash < 0 ? '' : pattern.slice(0, slash));
    const name = pattern.slice(slash + 1);
    if (!isPattern(name)) return names.get(name) ?? 0;
    let count = 0;
    for (const [found, times] of names) if (matches(name, found)) count += times;
    return count;
  }

  /** After a target was published: what was listed before no longer holds. */
  forget(): void {
    this.#folders.clear();
    this.#names.clear();
  }

  #countNames(folders: string): ReadonlyMap<string, number> {
    const known = this.#names.get(folders);
    if (known !== undefined) return known;
    const counts = new Map<string, number>();
    for (const folder of this.#expand(folders)) {
      for (const name of this.#list(folder)) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    this.#names.set(folders, counts);
    return counts;
  }

  /** Folders that a pattern of folders stands for, without looking whether each is one. */
  #expand(pattern: string): readonly string[] {
    let folders = [''];
    for (const segment of pattern === '' ? [] : pattern.split('/')) {
      folders = folders.flatMap((folder) => {
        const below = folder === '' ? '' : `${folder}/`;
        if (!isPattern(segment)) return [below + segment];
        const names = [...this.#list(folder)].filter((name) => matches(segment, name));
        return names.map((name) => below + name);
      });
    }
    return folders;
  }

  #list(folder: string): ReadonlySet<string> {
    let names = this.#folders.get(folder);
    if (names === undefined) {
      names = new Set(this.#fs.list(folder === '' ? this.#work : `${this.#work}/${folder}`) ?? []);
      this.#folders.set(folder, names);
    }
    return names;
  }
}
