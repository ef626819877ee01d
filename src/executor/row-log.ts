// A row log: the append-only file in which the rows of all of a task's tables wait until they are
// turned into Parquet. Saving it costs one sync, however many tables there are. Its checksum up to a
// checkpoint is recorded with that, so that nothing goes on from rows that a disk has lost: not after
// a failed sync either, after which a system may forget what it could not write.
import { closeSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { freeBytes } from './free-bytes.ts';
import type { RowBlock } from './row-text.ts';
import { targetError } from './target-error.ts';

/** How much of a log counts. */
export interface LogLength {
  readonly bytes: number;
  readonly crc: number;
}

/** What a log needs of its file. */
export type LogFile = Pick<FileHandle, 'write' | 'truncate' | 'datasync' | 'close'>;

/** table, rows, longest line, bytes: 32 bits each, before the rows of a block. */
const HEAD_BYTES = 16;
const WRITE_BYTES = 1024 * 1024;
/** While the disk refuses rows, so many are kept in memory for the next try. */
const KEPT_BYTES = 32 * 1024 * 1024;
const READ_BYTES = 1024 * 1024;

export class RowLog {
  readonly path: string;
  readonly #file: LogFile;
  #pending: Uint8Array<ArrayBuffer>[] = [];
  #pendingBytes = 0;
  /** On the file, written for sure. */
  #written: number;
  #crc: number;
  #problem: unknown;

  constructor(path: string, parts: { readonly file: LogFile; readonly length: LogLength }) {
    this.path = path;
    this.#file = parts.file;
    this.#written = parts.length.bytes;
    this.#crc = parts.length.crc;
  }

  /** Opens the log at the length of the last checkpoint; anything behind it is gone. */
  static async open(path: string, length: LogLength | undefined): Promise<RowLog> {
    const file = await open(path, length === undefined ? 'w' : 'r+');
    await file.truncate(length?.bytes ?? 0);
    return new RowLog(path, { file, length: length ?? { bytes: 0, crc: 0 } });
  }

  get bytes(): number {
    return this.#written + this.#pendingBytes;
  }

  /** Takes the blocks over. Waits for the disk only now and then, so callers must await it. */
  async add(blocks: readonly RowBlock[]): Promise<void> {
    for (const { table, rows, longest, bytes } of blocks) {
      const head = new Uint8Array(HEAD_BYTES);
      const view = new DataView(head.buffer);
      for (const [at, value] of [table, rows, longest, bytes.length].entries()) {
        view.setUint32(at * 4, value, true);
      }
      this.#crc = crc32(bytes, crc32(head, this.#crc));
      this.#pending.push(head, bytes);
      this.#pendingBytes += HEAD_BYTES + bytes.length;
    }
    if (this.#pendingBytes < WRITE_BYTES) return;
    await this.#write();
    // A disk that is full now may have room again later; memory has an end.
    if (this.#problem !== undefined && this.#pendingBytes > KEPT_BYTES) throw this.#problem;
  }

  /** Makes all rows durable. Rejects when the disk refuses; the rows are kept for another try. */
  async save(): Promise<LogLength> {
    const length = { bytes: this.bytes, crc: this.#crc };
    await this.#write();
    if (this.#problem !== undefined) throw this.#problem;
    await this.#file.datasync();
    return length;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** By position, so that a write that stopped half-way is simply done again. */
  async #write(): Promise<void> {
    this.#problem = undefined;
    while (this.#pending.length > 0) {
      const bytes = joined(this.#pending, this.#pendingBytes);
      try {
        let done = 0;
        while (done < bytes.length) {
          const rest = bytes.length - done;
          done += (await this.#file.write(bytes, done, rest, this.#written + done)).bytesWritten;
        }
      } catch (error) {
        this.#pending = [bytes];
        this.#problem = error;
        return;
      }
      this.#written += bytes.length;
      this.#pendingBytes -= bytes.length;
      this.#pending = [];
      freeBytes(bytes);
    }
  }
}

/** Of the parts nothing is left. */
function joined(
  parts: readonly Uint8Array<ArrayBuffer>[],
  length: number,
): Uint8Array<ArrayBuffer> {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
    freeBytes(part);
  }
  return bytes;
}

/** Whether the log is there and holds what was saved. */
export function holdsLog(path: string, length: LogLength): boolean {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return false;
  }
  try {
    const buffer = Buffer.alloc(READ_BYTES);
    let crc = 0;
    for (let at = 0; at < length.bytes; ) {
      const count = readSync(file, buffer, 0, Math.min(READ_BYTES, length.bytes - at), at);
      if (count === 0) return false;
      crc = crc32(buffer.subarray(0, count), crc);
      at += count;
    }
    return crc === length.crc;
  } finally {
    closeSync(file);
  }
}

/** The blocks of a saved log in order. Throws when they are not what was saved. */
export async function* readLog(path: string, length: LogLength): AsyncGenerator<RowBlock> {
  const file = await open(path, 'r');
  try {
    let at = 0;
    let crc = 0;
    const read = async (bytes: number): Promise<Uint8Array<ArrayBuffer>> => {
      const buffer = new Uint8Array(bytes);
      for (let done = 0; done < bytes; ) {
        const { bytesRead } = await file.read(buffer, done, bytes - done, at + done);
        if (bytesRead === 0) throw damaged(path);
        done += bytesRead;
      }
      at += bytes;
      crc = crc32(buffer, crc);
      return buffer;
    };
    while (at < length.bytes) {
      const view = new DataView((await read(HEAD_BYTES)).buffer);
      const [table, rows, longest, bytes] = [0, 4, 8, 12].map((place) =>
        view.getUint32(place, true),
      );
      if (bytes === undefined || at + bytes > length.bytes) throw damaged(path);
      yield { table: table ?? 0, rows: rows ?? 0, longest: longest ?? 0, bytes: await read(bytes) };
    }
    if (crc !== length.crc) throw damaged(path);
  } finally {
    await file.close();
  }
}

function damaged(path: string): Error {
  return targetError('internal', `${path} is not what was written into it`, {
    hint: 'check the disk, then run again: the target starts anew',
  });
}
