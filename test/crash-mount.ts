// File systems of a test's own, which only root may mount: small ones, and such that can be read
// only.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why nothing can be mounted here; undefined when it can. */
export function explainNoMounts(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'mount-'));
  try {
    mountSmall(folder, 64);
    unmount(folder);
    return undefined;
  } catch (error) {
    return `nothing can be mounted here: ${error instanceof Error ? error.message : error}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** An empty file system in memory. */
export function mountSmall(folder: string, sizeKiB: number): void {
  mount(['-t', 'tmpfs', '-o', `size=${sizeKiB}k`, 'tmpfs', folder]);
}

export function resize(folder: string, sizeKiB: number): void {
  mount(['-o', `remount,size=${sizeKiB}k`, folder]);
}

/** Whatever is opened from now on cannot be written, also by root. */
export function forbidWriting(folder: string): void {
  for (;;) {
    mount(['--bind', folder, folder]);
    try {
      mount(['-o', 'remount,bind,ro', folder]);
      return;
    } catch (error) {
      // Busy: a file was opened for writing in between. Once more, on a mount without one.
      unmount(folder);
      if (!String(error).includes('busy')) throw error;
    }
  }
}

/** Takes the last one away. Whoever still has a file open there keeps it. */
export function unmount(folder: string): void {
  execFileSync('umount', ['-l', folder], { stdio: 'pipe' });
}

export function unmountAll(folder: string): void {
  while (readFileSync('/proc/self/mounts', 'utf8').includes(` ${folder} `)) unmount(folder);
}

function mount(words: readonly string[]): void {
  execFileSync('mount', words, { stdio: 'pipe' });
}
