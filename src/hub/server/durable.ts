// Writing small files so that they are there whole, or not at all, after a crash of the process or
// of the machine. What is acknowledged to a client was written through here first.
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { nodeFileSystem } from '../../node-file-system.ts';

let temporaryFiles = 0;

/** A new name in a folder for files that nobody looks at yet. */
export function temporaryPath(folder: string): string {
  temporaryFiles += 1;
  return `${folder}/${process.pid}-${Date.now().toString(36)}-${temporaryFiles}`;
}

export interface DurableFile {
  readonly path: string;
  readonly content: string | Uint8Array;
  /** On the same file system as `path`. */
  readonly temporaryFolder: string;
  /** Permissions; by default those of any new file. */
  readonly mode?: number;
}

/** The file, its name and the folders made for it are on the disk when this returns. */
export async function writeDurably(file: DurableFile): Promise<void> {
  const temporary = temporaryPath(file.temporaryFolder);
  const handle = await open(temporary, 'wx', file.mode);
  try {
    await handle.writeFile(file.content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  const folders = await makeFolders(dirname(file.path));
  await rename(temporary, file.path);
  await nodeFileSystem.sync(folders);
}

/** The folders whose entries changed: the given one and the parents of all that were made. */
export async function makeFolders(folder: string): Promise<readonly string[]> {
  const first = await mkdir(folder, { recursive: true });
  const changed = [folder];
  if (first === undefined) return changed;
  const top = dirname(first);
  for (let at = folder; at !== top && at !== dirname(at); ) {
    at = dirname(at);
    changed.push(at);
  }
  return changed;
}
