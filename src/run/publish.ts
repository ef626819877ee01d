// Puts a finished target's staged files in their places. Each file appears whole; the set counts
// only once its trace is written, which is the caller's next act. The order lets a crash at any
// point be cleaned up by the next attempt: whatever this one may have renamed is listed in a
// manifest that lies in place as `.next` before the first rename and until the last. The one that
// an earlier attempt left there is replaced only once all that it lists is gone or listed anew.
import { posix } from 'node:path';
import type { WorkResult } from '../executor/executor.ts';
import type { FileSystem } from '../file-system.ts';

export function publish(
  result: WorkResult,
  { fs, work, stage }: { fs: FileSystem; work: string; stage: string },
): void {
  const folders = new Set<string>();
  const move = (staged: string, path: string) => {
    const folder = posix.dirname(path);
    if (!folders.has(folder)) {
      fs.makeFolder(folder);
      folders.add(folder);
    }
    fs.rename(staged, path);
  };
  const { manifest } = result;
  const manifestPath = manifest === undefined ? '' : posix.join(work, manifest.record.path);
  // A list goes after what it lists: a crash in between must not lose it.
  const isList = (path: string) => path.startsWith('audit/');
  const lists = result.obsolete.filter(isList);
  removeFiles([...result.obsolete.filter((path) => !isList(path)), ...lists], { fs, work });
  if (manifest !== undefined) move(manifest.staged, `${manifestPath}.next`);
  for (const { staged, path } of result.files) move(staged, posix.join(work, path));
  if (manifest !== undefined) fs.rename(`${manifestPath}.next`, manifestPath);
  fs.remove(stage);
}

/** Removes files of the work folder, by paths relative to it, and folders that this empties. */
export function removeFiles(
  paths: readonly string[],
  { fs, work }: { fs: FileSystem; work: string },
): void {
  const folders = new Set<string>();
  for (const path of paths) {
    fs.remove(posix.join(work, path));
    folders.add(posix.dirname(path));
  }
  for (const folder of folders) {
    for (let at = folder; at !== '.' && at !== '/'; at = posix.dirname(at)) {
      if (!fs.removeEmptyFolder(posix.join(work, at))) break;
    }
  }
}
