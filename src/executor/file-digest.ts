// The sha256 of files, each read once: a file is known again by device, inode, size and mtime, so
// that a hard link of a source is not read a second time. Small files are always read, because
// that is cheaper than remembering them; young ones too, because a file system's clock is coarse.
import { createHash, hash } from 'node:crypto';
import { readFileSync, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { freeBytes } from '../free-bytes.ts';

const SMALL_BYTES = 256 * 1024;
const READ_BYTES = 1024 * 1024;
const YOUNG_MS = 2000;
const MAX_REMEMBERED = 10_000;
const remembered = new Map<string, string>();

/** Lower-case hex sha256 of the file that `stat` describes. */
export async function digestFile(
  path: string,
  { stat, signal }: { readonly stat: Stats; readonly signal: AbortSignal },
): Promise<string> {
  if (stat.size <= SMALL_BYTES) return hash('sha256', readFileSync(path));
  const key = `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeMs}`;
  const known = remembered.get(key);
  if (known !== undefined) return known;
  const digest = await digestLargeFile(path, signal);
  if (Date.now() - stat.mtimeMs > YOUNG_MS) {
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(key, digest);
  }
  return digest;
}

async function digestLargeFile(path: string, signal: AbortSignal): Promise<string> {
  const sha256 = createHash('sha256');
  const file = await open(path, 'r');
  const buffer = new Uint8Array(READ_BYTES);
  try {
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return sha256.digest('hex');
      sha256.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    freeBytes(buffer);
    await file.close();
  }
}
