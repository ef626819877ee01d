// The file-system and clock ports: what the run and the store do to the outside, small enough for
// a fake disk and a ticking clock. Synchronous, because in Node a warm synchronous call costs a
// third of an asynchronous one and the run's own files are small. Paths are absolute.

export interface FileStat {
  readonly kind: 'file' | 'folder' | 'other';
  readonly bytes: number;
  readonly mtimeMs: number;
  /** When the system last changed content, name or attributes; nobody can set it. */
  readonly changedMs: number;
}

/** What a file system can still take. A kind that counts no files gives 0 of 0. */
export interface Space {
  readonly bytes: number;
  readonly totalBytes: number;
  readonly files: number;
  readonly totalFiles: number;
}

export interface FileSystem {
  /** Undefined when there is no such file. */
  read(path: string): Uint8Array | undefined;
  /** Whole new content under a temporary name, made durable, renamed into place. */
  replace(path: string, content: string): void;
  /**
   * Creates the file only if it does not exist; false when it does. A process that is killed over
   * it may leave the content under `unnamedPath`.
   */
  create(path: string, content: string): boolean;
  append(path: string, content: string): void;
  truncate(path: string, bytes: number): void;
  stat(path: string): FileStat | undefined;
  /** Of the file system on which the folder lies, which must exist. */
  space(folder: string): Space;
  /** Names in the folder, in no order; undefined when there is no such folder. */
  list(path: string): readonly string[] | undefined;
  makeFolder(path: string): void;
  rename(from: string, to: string): void;
  /** Removes a file or a whole folder; nothing when it is not there. */
  remove(path: string): void;
  /** Removes the folder if it is empty; false when it is not. */
  removeEmptyFolder(path: string): boolean;
  /** Makes the contents of these files (and names in these folders) durable. */
  sync(paths: readonly string[]): Promise<void>;
  /** Makes everything below a folder durable with one call of the operating system. */
  syncAll(folder: string): Promise<void>;
  /**
   * Makes everything durable that the file systems of these folders hold. False where the operating
   * system has no such call, or when it failed: then nothing is known to be durable.
   */
  syncFileSystems(folders: readonly string[]): Promise<boolean>;
}

/** Where the content of a file lies that `create` makes, until it gets its name. */
export function unnamedPath(path: string, { pid, count }: { pid: number; count: number }): string {
  return `${path}.${pid}-${count}.new`;
}

/** The process that makes, or was making, a file of which this is the `unnamedPath`. */
export function makerOf(name: string): number | undefined {
  const [, pid] = /\.(\d+)-\d+\.new$/.exec(name) ?? [];
  return pid === undefined ? undefined : Number(pid);
}

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds of a clock that never jumps; only differences mean anything. */
  monotonicMs(): number;
  /** Runs later; returns a function that calls it off. */
  after(ms: number, action: () => void): () => void;
}

/** ISO time of a clock, as used in journals and events. */
export function isoTime(clock: Clock): string {
  return new Date(clock.now()).toISOString();
}
