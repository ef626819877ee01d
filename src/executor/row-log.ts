// A row log: the append-only file in which the rows of all of a task's tables wait until they are
// turned into Parquet. Saving it costs one sync, however many tables there are. Its checksum up to a
// checkpoint is recorded with that, so that nothing goes on from rows that a disk has lost: not after
// a failed sync either, after which a system may forget what it could not write.
import { closeSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { freeBytes } from '../free-bytes.ts';
import type { RowBlock } from './row-block.ts';
import { targetError } from './target-error.ts';

/** How much of a log counts. */
export interface LogLength {
  readonly bytes: number;
  readonly crc: number;
}

/** What a log needs of its file. */
export type LogFile = Pick<FileHandle, 'write' | 'truncate' | 'datasync' | 'close'>;

/** At the beginning of a log; another one when blocks look different. */
const FORMAT = Buffer.from('EIDER-ROWS-2\n');
/** table, rows, bytes: 32 bits each, before the pages of a block. */
const HEAD_BYTES = 12;
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
    if (parts.length.bytes === 0) this.#append(Uint8Array.from(FORMAT));
  }

  /** Opens the log at the length of the last checkpoint; anything behind it is gone. */
  static async open(path: string, length: LogLength | undefined): Promise<RowLog> {
    const file = await open(path, length === undefined ? 'w' : 'r+');
    await file.truncate(length?.bytes ?? 0);
    return new RowLog(path, { file, length: length ?? { bytes: 0, crc: 0 } });
  }

  /** Whether there are no rows in it. */
  get isEmpty(): boolean {
    return this.bytes === FORMAT.length;
  }

  get bytes(): number {
    return this.#written + this.#pendingBytes;
  }

  /** Takes the blocks over. Waits for the disk only now and then, so callers must await it. */
  async add(blocks: readonly RowBlock[]): Promise<void> {
    for (const { table, rows, bytes } of blocks) {
      const head = new Uint8Array(HEAD_BYTES);
      const view = new DataView(head.buffer);
      for (const [at, value] of [table, rows, bytes.length].entries()) {
        view.setUint32(at * 4, value, true);
      }
      this.#append(head);
      this.#append(bytes);
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

  #append(bytes: Uint8Array<ArrayBuffer>): void {
    this.#crc = crc32(bytes, this.#crc);
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
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

/** Whether the log is there, in the present format, and holds what was saved. */
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
      if (at === 0 && !startsLog(buffer.subarray(0, count))) return false;
      crc = crc32(buffer.subarray(0, count), crc);
      at += count;
    }
    return crc === length.crc;
  } finally {
    closeSync(file);
  }
}

/**
 * The blocks of a saved log in order, the bytes of each only until the next is asked for. Throws when
 * they are not what was saved; that may be known only behind the last.
 */
export async function* readLog(path: string, length: LogLength): AsyncGenerator<RowBlock> {
  const file = await open(path, 'r');
  const unread = new Unread(file, length.bytes);
  try {
    if (!startsLog(await unread.take(FORMAT.length))) throw damagedLog(path);
    while (!unread.isEnd) {
      const head = await unread.take(HEAD_BYTES);
      const view = new DataView(head.buffer, head.byteOffset, HEAD_BYTES);
      const [table, rows, bytes] = [
        view.getUint32(0, true),
        view.getUint32(4, true),
        view.getUint32(8, true),
      ];
      yield { table, rows, bytes: await unread.take(bytes) };
    }
    if (unread.crc !== length.crc) throw damagedLog(path);
  } catch (error) {
    throw error instanceof RangeError ? damagedLog(path) : error;
  } finally {
    unread.free();
    await file.close();
  }
}

/** Bytes of a log in large reads, all into the same piece of memory. */
class Unread {
  crc = 0;
  readonly #file: FileHandle;
  #left: number;
  #memory = new Uint8Array(READ_BYTES);
  #start = 0;
  #end = 0;
  #at = 0;

  constructor(file: FileHandle, bytes: number) {
    this.#file = file;
    this.#left = bytes;
  }

  get isEnd(): boolean {
    return this.#left === 0 && this.#start === this.#end;
  }

  /** Throws RangeError when there are not as many. */
  async take(bytes: number): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#end - this.#start < bytes) await this.#read(bytes);
    this.#start += bytes;
    return this.#memory.subarray(this.#start - bytes, this.#start);
  }

  /** Takes the bytes away that were given last. */
  free(): void {
    freeBytes(this.#memory);
  }

  async #read(bytes: number): Promise<void> {
    const kept = this.#end - this.#start;
    if (bytes - kept > this.#left) throw new RangeError('the log ends too early');
    const before = this.#memory.subarray(this.#start, this.#end);
    if (bytes > this.#memory.length) this.#memory = new Uint8Array(bytes);
    this.#memory.set(before);
    this.#start = 0;
    this.#end = kept;
    while (this.#end < bytes) {
      const most = Math.min(this.#left, this.#memory.length - this.#end);
      const { bytesRead } = await this.#file.read(this.#memory, this.#end, most, this.#at);
      if (bytesRead === 0) throw new RangeError('the log ends too early');
      this.crc = crc32(this.#memory.subarray(this.#end, this.#end + bytesRead), this.crc);
      this.#at += bytesRead;
      this.#left -= bytesRead;
      this.#end += bytesRead;
    }
  }
}

function startsLog(bytes: Uint8Array): boolean {
  return FORMAT.equals(bytes.subarray(0, FORMAT.length));
}

/** What to say of a log that does not hold what was written into it. */
export function damagedLog(path: string): Error {
  return targetError('internal', `${path} is not what was written into it`, {
    hint: 'check the disk, then run again: the target starts anew',
  });
}
