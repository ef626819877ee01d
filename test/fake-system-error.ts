// Errors of a fake file system, shaped like those of Node.
import type { FileSystem } from '../src/file-system.ts';

/** As Node gives it. */
export function systemError(code: string, path: string, call: keyof FileSystem = 'read'): Error {
  const syscall = SYSCALLS[call];
  return Object.assign(new Error(`${code}: ${syscall} '${path}'`), { code, syscall, path });
}

const SYSCALLS: Readonly<Record<keyof FileSystem, string>> = {
  read: 'open',
  replace: 'open',
  create: 'open',
  append: 'open',
  truncate: 'truncate',
  stat: 'stat',
  list: 'scandir',
  makeFolder: 'mkdir',
  rename: 'rename',
  remove: 'rm',
  removeEmptyFolder: 'rmdir',
  sync: 'fsync',
  syncFileSystems: 'fsync',
  syncAll: 'fsync',
  space: 'statfs',
};
