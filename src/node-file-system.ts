// The real file system and clock. Synchronous calls, except where the disk is waited for.
import * as fs from 'node:fs';
import { type Clock, type FileStat, type FileSystem, unnamedPath } from './file-system.ts';

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(ms, action) {
    const timer = setTimeout(action, ms);
    return () => clearTimeout(timer);
  },
};

/** Files synced at the same time: the thread pool does four, and descriptors are limited. */
const SYNCS_AT_ONCE = 64;

let temporaryFiles = 0;

export const nodeFileSystem: FileSystem = {
  read(path) {
    // A look first: an exception for a missing file costs ten times as much as a system call.
    if (!fs.existsSync(path)) return undefined;
    return unless(['ENOENT'], () => fs.readFileSync(path));
  },

  replace(path, content) {
    const temporary = `${path}.new`;
    fs.writeFileSync(temporary, content, { flush: true });
    fs.renameSync(temporary, path);
    syncNow(folderOf(path));
  },

  create(path, content) {
    // Written under another name and linked: nobody ever sees the file without its content.
    temporaryFiles += 1;
    const temporary = unnamedPath(path, { pid: process.pid, count: temporaryFiles });
    fs.writeFileSync(temporary, content);
    try {
      fs.linkSync(temporary, path);
      return true;
    } catch (error) {
      // Or somebody who has the name took the content away, thinking that its maker was dead.
      if (['EEXIST', 'ENOENT'].includes(codeOf(error))) return false;
      if (!LINK_UNKNOWN.includes(codeOf(error))) throw error;
      return createWithoutLink(path, content);
    } finally {
      fs.rmSync(temporary, { force: true });
    }
  },

  append(path, content) {
    fs.appendFileSync(path, content);
  },

  truncate(path, bytes) {
    fs.truncateSync(path, bytes);
  },

  stat(path) {
    const stat = fs.statSync(path, { throwIfNoEntry: false });
    return stat === undefined ? undefined : fileStat(stat);
  },

  space(folder) {
    const { bsize, bavail, blocks, ffree, files } = fs.statfsSync(folder);
    return {
      bytes: bavail * bsize,
      totalBytes: blocks * bsize,
      files: ffree,
      totalFiles: files,
    };
  },

  list(path) {
    if (!fs.existsSync(path)) return undefined;
    return unless(['ENOENT', 'ENOTDIR'], () => fs.readdirSync(path));
  },

  makeFolder(path) {
    fs.mkdirSync(path, { recursive: true });
  },

  rename(from, to) {
    fs.renameSync(from, to);
  },

  remove(path) {
    fs.rmSync(path, { recursive: true, force: true });
  },

  removeEmptyFolder(path) {
    const removed = unless(['ENOTEMPTY', 'EEXIST', 'ENOTDIR'], () => {
      unless(['ENOENT'], () => fs.rmdirSync(path));
      return true;
    });
    return removed ?? false;
  },

  async sync(paths) {
    const queue = [...paths].reverse();
    const work = async () => {
      for (let path = queue.pop(); path !== undefined; path = queue.pop()) await syncFile(path);
    };
    await Promise.all(Array.from({ length: Math.min(SYNCS_AT_ONCE, queue.length) }, work));
  },

  async syncAll(folder) {
    if (await syncFileSystems([folder])) return;
    await nodeFileSystem.sync(everythingBelow(folder));
  },

  syncFileSystems,
};

let fileSystemSync: typeof import('./file-system-sync.ts') | undefined;

/** A run with nothing to do never gets here, and starting processes takes many modules. */
async function syncFileSystems(folders: readonly string[]): Promise<boolean> {
  fileSystemSync ??= await import('./file-system-sync.ts');
  return fileSystemSync.syncFileSystems(folders);
}

/** What file systems without hard links answer. */
const LINK_UNKNOWN: readonly string[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];

function createWithoutLink(path: string, content: string): boolean {
  const created = unless(['EEXIST'], () => {
    fs.writeFileSync(path, content, { flag: 'wx' });
    return true;
  });
  return created ?? false;
}

function syncNow(path: string): void {
  const descriptor = fs.openSync(path, 'r');
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Only the disk is waited for elsewhere: three ways through the thread pool cost three times one. */
function syncFile(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const descriptor = fs.openSync(path, 'r');
    fs.fsync(descriptor, (syncError) => {
      fs.closeSync(descriptor);
      if (syncError === null) resolve();
      else reject(syncError);
    });
  });
}

function everythingBelow(folder: string): readonly string[] {
  const paths: string[] = [];
  const folders = [folder];
  for (let open = folders.pop(); open !== undefined; open = folders.pop()) {
    paths.push(open);
    for (const entry of fs.readdirSync(open, { withFileTypes: true })) {
      const path = `${open}/${entry.name}`;
      if (entry.isDirectory()) folders.push(path);
      else if (entry.isFile()) paths.push(path);
    }
  }
  return paths;
}

function fileStat(stat: fs.Stats): FileStat {
  const kind = stat.isFile() ? 'file' : stat.isDirectory() ? 'folder' : 'other';
  return { kind, bytes: stat.size, mtimeMs: stat.mtimeMs, changedMs: stat.ctimeMs };
}

function unless<T>(codes: readonly string[], action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (codes.includes(codeOf(error))) return undefined;
    throw error;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}
