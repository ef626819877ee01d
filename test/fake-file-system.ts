// A disk in memory that knows what is durable. After a crash, what was not synced may be there or
// not, each on its own: new content of a file up to any byte, every creation, rename and removal.
// It can crash at any change by its number, run out of space, fail, and be shared by several
// "processes" whose calls interleave.
import type { FileStat, FileSystem, Space } from '../src/file-system.ts';
import type { FakeClock } from './fake-clock.ts';
import {
  afterCrash,
  applyChange,
  type Choose,
  commitNames,
  commitWrites,
  type Disk,
  type FileNode,
  folderOf,
  isIn,
  isWithin,
  KEEP_ALL,
  makeFolders,
  type NameChange,
  namesIn,
  newDisk,
  newFile,
  pathsOf,
  write,
} from './fake-disk.ts';
import { systemError } from './fake-system-error.ts';

/** Thrown by the call at which the process dies, and by every call of a dead process. */
export class Crash extends Error {
  constructor() {
    super('the process is dead');
  }
}

export interface Operation {
  readonly call: keyof FileSystem;
  readonly path: string;
  readonly bytes?: number;
}

export interface CrashPlan {
  /** Number of the changing call (`operations` counts them), from 1. */
  readonly at: number;
  /** Whether the call takes effect; an append takes effect up to so many bytes. */
  readonly effect: 'none' | 'all' | { readonly bytes: number };
}

/** An error of the operating system at the `at`-th such call, from 1, and the next ones. */
export interface Fault {
  readonly call: keyof FileSystem;
  readonly at: number;
  readonly times: number;
  readonly code: string;
}

export class FakeFileSystem implements FileSystem {
  readonly operations: Operation[] = [];
  /** Called before every call, reading ones too: other processes can act here. */
  onCall: ((operation: Operation) => void) | undefined;
  crashPlan: CrashPlan | undefined;
  freeBytes = Number.POSITIVE_INFINITY;
  /** What a sync waits for before it takes effect. */
  waitForDisk: () => Promise<void> = async () => undefined;
  readonly #clock: FakeClock;
  readonly #disk: Disk;
  /** Stands for the times of folders that nothing has changed since. */
  readonly #startedMs: number;
  readonly #failures = new Map<keyof FileSystem, Error>();
  #fault: Fault | undefined;
  /** Calls of the fault's kind since it was planned. */
  #faulted = 0;
  #dead = false;

  constructor(clock: FakeClock, disk: Disk = newDisk()) {
    this.#clock = clock;
    this.#disk = disk;
    this.#startedMs = clock.now();
  }

  /** Whether the process has died: every further call throws. */
  get isDead(): boolean {
    return this.#dead;
  }

  /** Another process on the same machine. */
  fork(): FakeFileSystem {
    return new FakeFileSystem(this.#clock, this.#disk);
  }

  /** The process dies and all that the operating system has is kept, unless `choose` says less. */
  restart(choose: Choose = KEEP_ALL): FakeFileSystem {
    this.#dead = true;
    return new FakeFileSystem(this.#clock, afterCrash(this.#disk, choose));
  }

  /** The next such call fails with an error of the operating system, changing nothing. */
  failNext(call: keyof FileSystem, code: string): void {
    this.#failures.set(call, systemError(code, call, call));
  }

  planFault(fault: Fault | undefined): void {
    this.#fault = fault;
    this.#faulted = 0;
  }

  /** Content as text, for expectations: costs no call. */
  text(path: string): string | undefined {
    const node = this.#disk.names.get(path);
    return node?.kind === 'file' ? node.content.toString() : undefined;
  }

  /** Puts content there, durably, as if it had always been: costs no call. */
  put(path: string, content: string | Uint8Array): void {
    this.#makeFolders(folderOf(path));
    const bytes = Buffer.from(content);
    const node = newFile(bytes, this.#clock.now());
    node.durable = bytes;
    node.pending = [];
    this.#change({ kind: 'make', path, node });
    commitNames(this.#disk, () => true);
  }

  /** All paths of files, sorted. */
  files(): readonly string[] {
    const files = [...this.#disk.names.entries()].filter(([, node]) => node.kind === 'file');
    return files.map(([path]) => path).sort();
  }

  read(path: string): Uint8Array | undefined {
    this.#look('read', path);
    const node = this.#disk.names.get(path);
    if (node?.kind === 'folder') throw systemError('EISDIR', path);
    return node === undefined ? undefined : Buffer.from(node.content);
  }

  stat(path: string): FileStat | undefined {
    this.#look('stat', path);
    const node = this.#disk.names.get(path);
    if (node === undefined) return undefined;
    const { kind } = node;
    const mtimeMs =
      node.kind === 'file' ? node.mtimeMs : (this.#disk.folderTimes.get(path) ?? this.#startedMs);
    const bytes = node.kind === 'file' ? node.content.length : 0;
    return { kind, bytes, mtimeMs, changedMs: mtimeMs };
  }

  space(): Space {
    const { freeBytes: bytes } = this;
    return { bytes, totalBytes: bytes, files: 0, totalFiles: 0 };
  }

  list(path: string): readonly string[] | undefined {
    this.#look('list', path);
    if (this.#disk.names.get(path)?.kind !== 'folder') return undefined;
    return namesIn(this.#disk.names, path);
  }

  replace(path: string, content: string): void {
    this.#act({ call: 'replace', path, bytes: Buffer.byteLength(content) }, () => {
      this.#needFolder(path);
      const bytes = Buffer.from(content);
      if (bytes.length > this.freeBytes) throw systemError('ENOSPC', path);
      const node = newFile(bytes, this.#clock.now());
      node.durable = bytes;
      node.pending = [];
      this.#change({ kind: 'make', path, node });
    });
  }

  create(path: string, content: string): boolean {
    return this.#act({ call: 'create', path, bytes: Buffer.byteLength(content) }, () => {
      if (this.#disk.names.has(path)) return false;
      this.#needFolder(path);
      const node = newFile(Buffer.from(content), this.#clock.now());
      this.#change({ kind: 'make', path, node });
      return true;
    });
  }

  append(path: string, content: string): void {
    const bytes = Buffer.from(content);
    this.#act({ call: 'append', path, bytes: bytes.length }, (limit) => {
      this.#needFolder(path);
      const node = this.#disk.names.get(path) ?? newFile(Buffer.alloc(0), this.#clock.now());
      if (node.kind === 'folder') throw systemError('EISDIR', path);
      if (!this.#disk.names.has(path)) this.#change({ kind: 'make', path, node });
      const length = Math.min(bytes.length, this.freeBytes, limit);
      this.freeBytes -= length;
      write(node, { append: bytes.subarray(0, length) });
      node.mtimeMs = this.#clock.now();
      if (length < Math.min(bytes.length, limit)) throw systemError('ENOSPC', path);
    });
  }

  truncate(path: string, length: number): void {
    this.#act({ call: 'truncate', path, bytes: length }, () => {
      const node = this.#file(path);
      this.freeBytes += Math.max(0, node.content.length - length);
      write(node, { truncate: length });
      node.mtimeMs = this.#clock.now();
    });
  }

  makeFolder(path: string): void {
    this.#act({ call: 'makeFolder', path }, () => {
      this.#makeFolders(path);
    });
  }

  rename(from: string, to: string): void {
    this.#act({ call: 'rename', path: from }, () => {
      if (!this.#disk.names.has(from)) throw systemError('ENOENT', from);
      this.#needFolder(to);
      this.#change({ kind: 'rename', path: from, to });
    });
  }

  remove(path: string): void {
    this.#act({ call: 'remove', path }, () => {
      if (this.#disk.names.has(path)) this.#change({ kind: 'remove', path });
    });
  }

  removeEmptyFolder(path: string): boolean {
    return this.#act({ call: 'removeEmptyFolder', path }, () => {
      const node = this.#disk.names.get(path);
      if (node === undefined) return true;
      if (node.kind !== 'folder' || namesIn(this.#disk.names, path).length > 0) return false;
      this.#change({ kind: 'remove', path });
      return true;
    });
  }

  async sync(paths: readonly string[]): Promise<void> {
    // What is written after the call is not part of it.
    const commit = this.#act({ call: 'sync', path: paths.join(' ') }, () => {
      const lengths = paths.map((path) => {
        const node = this.#disk.names.get(path);
        if (node === undefined) throw systemError('ENOENT', path);
        return { path, node, writes: node.kind === 'file' ? node.pending.length : 0 };
      });
      const changes = new Set(this.#disk.changes);
      return () => {
        for (const { path, node, writes } of lengths) {
          if (node.kind === 'file') commitWrites(node, writes);
          else commitNames(this.#disk, (change) => changes.has(change) && isIn(change, path));
        }
      };
    });
    await this.waitForDisk();
    if (this.#dead) throw new Crash();
    commit();
  }

  async syncAll(folder: string): Promise<void> {
    const below = [...this.#disk.names.keys()].filter((path) => isWithin(path, folder));
    await this.sync(below);
  }

  async syncFileSystems(folders: readonly string[]): Promise<boolean> {
    for (const folder of folders) await this.syncAll(folder);
    return true;
  }

  #look(call: keyof FileSystem, path: string): void {
    this.onCall?.({ call, path });
    if (this.#dead) throw new Crash();
    const isReading = call === 'read' || call === 'stat' || call === 'list';
    if (isReading && this.#isFaulty(call)) throw systemError(this.#fault?.code ?? '', path, call);
  }

  #isFaulty(call: keyof FileSystem): boolean {
    if (this.#fault?.call !== call) return false;
    const { at, times } = this.#fault;
    this.#faulted += 1;
    return this.#faulted >= at && this.#faulted < at + times;
  }

  /** One changing call: it may crash before, after or (for an append) in the middle. */
  #act<T>(operation: Operation, action: (limit: number) => T): T {
    this.#look(operation.call, operation.path);
    this.operations.push(operation);
    const crash = this.crashPlan?.at === this.operations.length ? this.crashPlan : undefined;
    if (crash?.effect === 'none') throw this.#die();
    const failure = this.#failures.get(operation.call);
    this.#failures.delete(operation.call);
    if (failure !== undefined) throw failure;
    this.#clock.tick(1);
    if (this.#isFaulty(operation.call)) {
      // A full disk takes the beginning.
      if (operation.call === 'append') action((operation.bytes ?? 0) >> 1);
      throw systemError(this.#fault?.code ?? '', operation.path, operation.call);
    }
    const partial = typeof crash?.effect === 'object' ? crash.effect.bytes : undefined;
    if (partial !== undefined && operation.call !== 'append') throw this.#die();
    const result = action(partial ?? Number.POSITIVE_INFINITY);
    if (crash !== undefined) throw this.#die();
    return result;
  }

  #die(): Crash {
    this.#dead = true;
    return new Crash();
  }

  #makeFolders(path: string): void {
    for (const change of makeFolders(this.#disk, path)) this.#noteChange(change);
  }

  #change(change: NameChange): void {
    applyChange(this.#disk.names, change);
    this.#noteChange(change);
  }

  #noteChange(change: NameChange): void {
    this.#disk.changes.push(change);
    for (const path of pathsOf(change)) {
      this.#disk.folderTimes.set(folderOf(path), this.#clock.now());
      this.#disk.folderTimes.set(path, this.#clock.now());
    }
  }

  #file(path: string): FileNode {
    const node = this.#disk.names.get(path);
    if (node?.kind !== 'file') throw systemError('ENOENT', path);
    return node;
  }

  #needFolder(path: string): void {
    if (this.#disk.names.get(folderOf(path))?.kind !== 'folder') throw systemError('ENOENT', path);
  }
}
