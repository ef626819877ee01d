// A file system that takes down what is read through it, so that the judgement made from it can be
// known to hold later (`evidence.ts`). It says nothing when what it saw did not stay: when a place
// was read twice and differed, or when the process itself changed something.
import { crc32 } from 'node:zlib';
import type { Clock, FileStat, FileSystem, Space } from '../file-system.ts';
import {
  decodeText,
  doTimesTell,
  type Evidence,
  encodeLook,
  groupLooks,
  holdNames,
  isYoung,
  joinNames,
} from './evidence.ts';

export interface WitnessOptions {
  readonly fs: FileSystem;
  readonly clock: Clock;
  /** Folder whose files only the runner is meant to change: the work folder, of all profiles. */
  readonly own: string;
}

interface SeenList {
  readonly names: readonly string[] | undefined;
  /** From before the names were read, at `now`. */
  readonly stat: FileStat | undefined;
  readonly now: number;
}

export class Witness implements FileSystem {
  readonly #fs: FileSystem;
  readonly #clock: Clock;
  readonly #own: string;
  readonly #looks = new Map<string, FileStat | undefined>();
  readonly #texts = new Map<string, string>();
  readonly #young = new Map<string, number>();
  readonly #lists = new Map<string, SeenList>();
  /** Files that this process created, such as its lock: they say nothing of the world. */
  readonly #mine = new Set<string>();
  /** Bytes that this process added to files. */
  readonly #appended = new Map<string, number>();
  /** Nothing more is taken down: what was seen did not stay. */
  #isOver = false;

  constructor({ fs, clock, own }: WitnessOptions) {
    this.#fs = fs;
    this.#clock = clock;
    this.#own = `${own}/`;
  }

  /**
   * What was read up to now, as it still is; undefined when it did not stay. `log` is the one file
   * that the process may have added to: what it wrote there of itself changes no judgement.
   */
  evidence({ log }: { readonly log: string }): Evidence | undefined {
    if (this.#isOver || this.#mine.size > 0) return undefined;
    for (const path of this.#appended.keys()) if (path !== log) return undefined;
    const looks = new Map(this.#looks);
    const young = new Map(this.#young);
    if (this.#appended.has(log)) {
      const stat = this.#fs.stat(log);
      const content = this.#fs.read(log);
      const before = looks.get(log);
      if (stat === undefined || content === undefined || before === undefined) return undefined;
      // Another run that began just now has added to it, too.
      if (content.length !== before.bytes + (this.#appended.get(log) ?? 0)) return undefined;
      looks.set(log, stat);
      young.set(log, crc32(content));
    }
    const own = this.#own;
    const doFoldersTell = this.#doesFolderTell(log.slice(0, log.lastIndexOf('/')));
    const lists = [...this.#lists].map(([folder, { names, stat, now }]) => {
      const isTold = doTimesTell(folder, { stat, now, own, doFoldersTell });
      return { folder, held: holdNames(names, { stat, isTold }) };
    });
    const texts = [...this.#texts];
    return { looks: groupLooks(looks), texts, young: [...young], lists, own, doFoldersTell };
  }

  read(path: string): Uint8Array | undefined {
    if (this.#isOver || this.#isOurs(path)) return this.#fs.read(path);
    const now = this.#clock.now();
    const stat = this.#fs.stat(path);
    const isOwn = path.startsWith(this.#own);
    if (stat?.kind !== 'file' || isOwn) this.#noteLook(path, stat);
    const content = this.#fs.read(path);
    if ((content === undefined) !== (stat === undefined)) this.#giveUp();
    if (content === undefined || stat === undefined) return content;
    // A pipe can be read once, and nobody knows what comes out of it next time.
    if (stat.kind !== 'file') this.#giveUp();
    if (!isOwn) this.#noteText(path, content);
    else if (isYoung(stat, now)) this.#noteYoung(path, crc32(content));
    return content;
  }

  stat(path: string): FileStat | undefined {
    const stat = this.#fs.stat(path);
    if (!this.#isOver && !this.#isOurs(path)) this.#noteLook(path, stat);
    return stat;
  }

  list(path: string): readonly string[] | undefined {
    if (this.#isOver) return this.#fs.list(path);
    const now = this.#clock.now();
    const stat = this.#fs.stat(path);
    const found = this.#fs.list(path);
    const names =
      this.#mine.size === 0 ? found : found?.filter((name) => !this.#mine.has(`${path}/${name}`));
    const before = this.#lists.get(path);
    if (before === undefined) this.#lists.set(path, { names, stat, now });
    else if (namesText(before.names) !== namesText(names)) this.#giveUp();
    return found;
  }

  replace(path: string, content: string): void {
    this.#giveUp();
    this.#fs.replace(path, content);
  }

  create(path: string, content: string): boolean {
    const isCreated = this.#fs.create(path, content);
    if (isCreated) this.#mine.add(path);
    return isCreated;
  }

  append(path: string, content: string): void {
    if (!this.#mine.has(path)) {
      const bytes = this.#appended.get(path) ?? 0;
      this.#appended.set(path, bytes + Buffer.byteLength(content));
      // Of two files one is not the log of runs: something is being done.
      if (this.#appended.size > 1) this.#giveUp();
    }
    this.#fs.append(path, content);
  }

  truncate(path: string, bytes: number): void {
    this.#giveUp();
    this.#fs.truncate(path, bytes);
  }

  /** What was missing and is looked into afterwards is told by its names. */
  makeFolder(path: string): void {
    this.#fs.makeFolder(path);
  }

  rename(from: string, to: string): void {
    this.#giveUp();
    this.#fs.rename(from, to);
  }

  remove(path: string): void {
    if (!this.#mine.delete(path)) this.#giveUp();
    this.#fs.remove(path);
  }

  removeEmptyFolder(path: string): boolean {
    this.#giveUp();
    return this.#fs.removeEmptyFolder(path);
  }

  /** Free space decides when something runs, never whether it is up to date. */
  space(folder: string): Space {
    return this.#fs.space(folder);
  }

  sync(paths: readonly string[]): Promise<void> {
    return this.#fs.sync(paths);
  }

  syncFileSystems(folders: readonly string[]): Promise<boolean> {
    return this.#fs.syncFileSystems(folders);
  }

  syncAll(folder: string): Promise<void> {
    return this.#fs.syncAll(folder);
  }

  /** A run that does something goes on for hours: it is not slowed, and nothing is kept for it. */
  #giveUp(): void {
    this.#isOver = true;
    this.#looks.clear();
    this.#texts.clear();
    this.#young.clear();
    this.#lists.clear();
  }

  #isOurs(path: string): boolean {
    return this.#mine.has(path) || this.#appended.has(path);
  }

  #noteLook(path: string, stat: FileStat | undefined): void {
    const before = this.#looks.get(path);
    const isKnown = before !== undefined || this.#looks.has(path);
    if (!isKnown) this.#looks.set(path, stat);
    else if (String(encodeLook(before)) !== String(encodeLook(stat))) this.#giveUp();
  }

  #noteText(path: string, content: Uint8Array): void {
    const text = decodeText(content);
    const before = this.#texts.get(path);
    if (text === undefined || (before !== undefined && before !== text)) this.#giveUp();
    else this.#texts.set(path, text);
  }

  #noteYoung(path: string, sum: number): void {
    const before = this.#young.get(path);
    if (before !== undefined && before !== sum) this.#giveUp();
    this.#young.set(path, sum);
  }

  /**
   * Whether times of folders can be believed here, by trial: the lock, which was made and removed
   * in the folder since it was listed, must have changed them.
   */
  #doesFolderTell(folder: string): boolean {
    const before = this.#lists.get(folder)?.stat;
    const now = this.#fs.stat(folder);
    if (before === undefined || now === undefined) return false;
    return now.mtimeMs > before.mtimeMs && now.changedMs > before.changedMs;
  }
}

function namesText(names: readonly string[] | undefined): string | undefined {
  return names === undefined ? undefined : joinNames(names);
}
