// Compresses and decompresses many small pages with zstd. Node's own calls make a stream and a
// context of a megabyte for each of them, and more garbage than all else in a split. So one is kept
// and used as those calls use theirs, by its handle, which Node does not document: where it is not
// as known, each page gets a call of its own. What a compressor had before it must not show in the
// bytes of a result: whoever needs that gives it the same pages in the same order.
import type { Transform } from 'node:stream';
import {
  constants,
  createZstdCompress,
  createZstdDecompress,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib';
import { freeBytes } from '../free-bytes.ts';

const LEVEL = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

export class Compressor {
  readonly #codec: Codec;

  constructor(stream: Transform = createZstdCompress(LEVEL)) {
    this.#codec = new Codec(stream);
  }

  /** A whole frame, until the next call. */
  compress(plain: Uint8Array): Uint8Array {
    // As zstd's own bound, and some.
    const limit = plain.length + (plain.length >> 8) + 1024;
    return this.#codec.run(plain, limit) ?? zstdCompressSync(plain, LEVEL);
  }

  /** Gives its memory back. */
  close(): void {
    this.#codec.close();
  }
}

/** After an error it is of no use any more. */
export class Decompressor {
  readonly #codec: Codec;

  constructor(stream: Transform = createZstdDecompress()) {
    this.#codec = new Codec(stream);
  }

  /** What a whole frame of about `length` bytes holds, until the next call. Throws for a damaged one. */
  decompress(frame: Uint8Array, length: number): Uint8Array {
    return this.#codec.run(frame, length + 64) ?? zstdDecompressSync(frame);
  }

  /** Gives its memory back. */
  close(): void {
    this.#codec.close();
  }
}

/** What `zstdCompressSync` calls, too. */
interface Handle {
  writeSync(
    flush: number,
    input: Uint8Array,
    inputAt: number,
    inputLength: number,
    output: Uint8Array,
    outputAt: number,
    outputLength: number,
  ): void;
}

class Codec {
  readonly #stream: Transform;
  readonly #handle: Handle | undefined;
  /** Bytes that a call left free in the output, and unread in the input. */
  readonly #left: Uint32Array | undefined;
  #output = new Uint8Array(0);

  constructor(stream: Transform) {
    // It is thrown where it happened.
    this.#stream = stream.on('error', () => {});
    const handle: unknown = Reflect.get(stream, '_handle');
    const left: unknown = Reflect.get(stream, '_writeState');
    if (isHandle(handle)) this.#handle = handle;
    if (left instanceof Uint32Array) this.#left = left;
  }

  /** Undefined when the handle is not as known. The result must not be longer than `limit`. */
  run(input: Uint8Array, limit: number): Uint8Array | undefined {
    if (this.#handle === undefined || this.#left === undefined) return undefined;
    if (this.#output.length < limit) {
      freeBytes(this.#output);
      this.#output = new Uint8Array(limit * 2);
    }
    const output = this.#output;
    const { length } = input;
    this.#handle.writeSync(constants.ZSTD_e_end, input, 0, length, output, 0, output.length);
    if (this.#stream.errored) throw this.#stream.errored;
    const [free = 0, unread = 0] = this.#left;
    if (free === 0 || unread > 0) throw new Error('zstd: a frame does not end where it should');
    return output.subarray(0, output.length - free);
  }

  close(): void {
    freeBytes(this.#output);
    this.#stream.destroy();
  }
}

function isHandle(value: unknown): value is Handle {
  return typeof value === 'object' && value !== null && 'writeSync' in value;
}
