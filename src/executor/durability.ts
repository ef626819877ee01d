// Makes staged files durable before they are published: large ones by a sync of each, many by one
// sync of their file system (2,560 files: one call instead of 2,560 waits for the disk). A few
// small ones are left to the run, which makes those of many targets durable together.
import { open } from 'node:fs/promises';
import { syncFileSystems } from '../file-system-sync.ts';

export interface SizedFile {
  readonly path: string;
  readonly bytes: number;
}

const FEW = 8;
/** Larger ones take the disk so long that the targets they would be synced with should not wait. */
const SMALL_BYTES = 4 * 1024 * 1024;

/** The files that the run is to make durable with those of other targets. */
export function leftToTheRun(files: readonly SizedFile[]): readonly SizedFile[] {
  return files.length > FEW ? [] : files.filter(({ bytes }) => bytes <= SMALL_BYTES);
}

/** `folder` lies on the file system of all of them. */
export async function makeDurable(files: readonly SizedFile[], folder: string): Promise<void> {
  if (files.length > FEW && (await syncFileSystems([folder]))) return;
  for (const { path } of files) await syncFile(path);
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}
