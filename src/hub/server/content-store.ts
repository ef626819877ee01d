// What files contain, by digest: large files under their sha256, regular ones under git's sha1.
// Content appears whole and proven or not at all, and is never written again. Which repo uses it
// is not known here, and nothing is ever removed: a repo made anew finds its files again.
//
// A content's bytes are on the disk before it gets its name; the names are made durable when a
// commit that counts on them is about to be acknowledged (`makeDurable`).
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { nodeFileSystem } from '../../node-file-system.ts';
import { makeFolders, temporaryPath } from './durable.ts';
import { gitBlobOid } from './git-object.ts';

export interface LargeFile {
  readonly sha256: string;
  readonly size: number;
}

/** Undefined when stored; otherwise what does not agree, in words for the client. */
export type Mismatch = string | undefined;

export class ContentStore {
  readonly #folder: string;
  readonly #temporaryFolder: string;
  /** Folders of contents whose names are known to be on the disk. */
  readonly #durableFolders = new Set<string>();

  constructor({ folder, temporaryFolder }: { folder: string; temporaryFolder: string }) {
    this.#folder = folder;
    this.#temporaryFolder = temporaryFolder;
  }

  largePath(sha256: string): string {
    return `${this.#folder}/lfs/${sha256.slice(0, 2)}/${sha256.slice(2, 4)}/${sha256}`;
  }

  regularPath(oid: string): string {
    return `${this.#folder}/blobs/${oid.slice(0, 2)}/${oid}`;
  }

  /** Undefined when there is no such content. */
  async largeSize(sha256: string): Promise<number | undefined> {
    return sizeOf(this.largePath(sha256));
  }

  async readRegular(oid: string): Promise<Uint8Array> {
    return readFile(this.regularPath(oid));
  }

  /** Gives git's sha1. */
  async addRegular(content: Uint8Array): Promise<string> {
    const oid = gitBlobOid(content);
    const path = this.regularPath(oid);
    if ((await sizeOf(path)) === content.byteLength) return oid;
    const temporary = temporaryPath(this.#temporaryFolder);
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await this.#publish(temporary, path);
    return oid;
  }

  /** Streams to a temporary file; rejects, and leaves nothing, when the source breaks off. */
  async receive(source: AsyncIterable<Uint8Array>, expected: LargeFile): Promise<Mismatch> {
    const temporary = temporaryPath(this.#temporaryFolder);
    const handle = await open(temporary, 'wx');
    const hash = createHash('sha256');
    let mismatch: Mismatch;
    try {
      const size = await writeAt(source, { handle, position: 0, limit: expected.size, hash });
      mismatch = explainMismatch({ sha256: hash.digest('hex'), size }, expected);
      if (mismatch === undefined) await handle.sync();
    } catch (error) {
      mismatch = 'the body broke off';
      throw error;
    } finally {
      await handle.close();
      if (mismatch !== undefined) await rm(temporary, { force: true });
    }
    if (mismatch === undefined) await this.#publish(temporary, this.largePath(expected.sha256));
    return mismatch;
  }

  /** Proves a file that was put together elsewhere and takes it over, or leaves it where it is. */
  async adopt(temporary: string, expected: LargeFile): Promise<Mismatch> {
    const hash = createHash('sha256');
    let size = 0;
    for await (const chunk of createReadStream(temporary, { highWaterMark: 1 << 20 })) {
      hash.update(chunk);
      size += chunk.length;
    }
    const mismatch = explainMismatch({ sha256: hash.digest('hex'), size }, expected);
    if (mismatch !== undefined) return mismatch;
    await nodeFileSystem.sync([temporary]);
    await this.#publish(temporary, this.largePath(expected.sha256));
    return undefined;
  }

  /** The names of these contents are on the disk when this returns. */
  async makeDurable(paths: Iterable<string>): Promise<void> {
    const folders = new Set<string>();
    for (const path of paths) {
      for (let at = dirname(path); at.length >= this.#folder.length; at = dirname(at)) {
        if (!this.#durableFolders.has(at)) folders.add(at);
      }
    }
    await nodeFileSystem.sync([...folders]);
    for (const folder of folders) this.#durableFolders.add(folder);
  }

  async #publish(temporary: string, path: string): Promise<void> {
    if ((await sizeOf(path)) !== undefined) {
      // Proven to be the same bytes. Only the size of what is there could differ: a torn disk.
      if ((await sizeOf(path)) === (await sizeOf(temporary))) return rm(temporary);
    }
    const changed = await makeFolders(dirname(path));
    await rename(temporary, path);
    for (const folder of changed) this.#durableFolders.delete(folder);
  }
}

export interface WriteOptions {
  readonly handle: FileHandle;
  readonly position: number;
  /** Bytes beyond this are counted, not written. */
  readonly limit: number;
  readonly hash: { update(chunk: Uint8Array): unknown };
}

/** Gives the number of bytes that the source had. */
export async function writeAt(
  source: AsyncIterable<Uint8Array>,
  { handle, position, limit, hash }: WriteOptions,
): Promise<number> {
  let size = 0;
  for await (const chunk of source) {
    hash.update(chunk);
    if (size + chunk.length <= limit) {
      await handle.write(chunk, 0, chunk.length, position + size);
    }
    size += chunk.length;
  }
  return size;
}

function explainMismatch(received: LargeFile, expected: LargeFile): Mismatch {
  if (received.size !== expected.size) {
    return `received ${received.size} bytes instead of ${expected.size}`;
  }
  if (received.sha256 !== expected.sha256) {
    return `received content with sha256 ${received.sha256} instead of ${expected.sha256}`;
  }
  return undefined;
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
