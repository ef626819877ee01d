// The bytes of a dump from any place on: `.xml` as it is, `.gz` inflated. What came before is
// inflated again and thrown away, which costs a tenth of parsing it; Node's zlib cannot begin inside
// a deflate stream.
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip, type Gunzip } from 'node:zlib';

/** Large outputs halve the cost of inflating; small inputs bound how much one can become. */
const INFLATED_BYTES = 256 * 1024;
const READ_BYTES = 64 * 1024;

export interface DumpBytes {
  /** How much of the file has been read, compressed as it lies there. */
  readonly read: number;
  /** Why the stream ended before its time; known when all chunks were taken. */
  readonly problem: string | undefined;
  chunks(): AsyncGenerator<Buffer>;
}

export async function openDump(
  path: string,
  { from, signal }: { readonly from: number; readonly signal: AbortSignal },
): Promise<DumpBytes> {
  const isGzip = await hasGzipMagic(path);
  const dump: { read: number; problem: string | undefined } = {
    read: isGzip ? 0 : from,
    problem: undefined,
  };
  async function* file(start: number): AsyncGenerator<Buffer> {
    const highWaterMark = isGzip ? READ_BYTES : INFLATED_BYTES;
    for await (const chunk of createReadStream(path, { start, highWaterMark, signal })) {
      dump.read += chunk.length;
      yield chunk;
    }
  }
  async function* inflated(): AsyncGenerator<Buffer> {
    let skip = from;
    const inflater = new Inflater();
    for await (const chunk of inflater.inflate(file(0))) {
      if (skip < chunk.length) yield skip === 0 ? chunk : chunk.subarray(skip);
      skip = Math.max(0, skip - chunk.length);
    }
    dump.problem = inflater.problem;
  }
  return {
    get read() {
      return dump.read;
    },
    get problem() {
      return dump.problem;
    },
    chunks: () => (isGzip ? inflated() : file(from)),
  };
}

/** Gives all that can be inflated of a stream, also of one that breaks off. */
class Inflater {
  problem: string | undefined;

  async *inflate(compressed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    const gunzip = createGunzip({ chunkSize: INFLATED_BYTES });
    // Not an async iterator, which would drop what was inflated before an error.
    let ready: Buffer[] = [];
    gunzip.on('data', (chunk: Buffer) => ready.push(chunk));
    gunzip.on('error', (error: Error) => {
      this.problem ??= error.message;
    });
    const take = () => {
      const taken = ready;
      ready = [];
      return taken;
    };
    for await (const chunk of compressed) {
      await written(gunzip, chunk);
      yield* take();
      if (gunzip.destroyed) break;
    }
    await ended(gunzip);
    yield* take();
  }
}

/** Resolves also when that breaks the stream, which then never calls back. */
function written(gunzip: Gunzip, chunk: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      gunzip.off('close', done);
      resolve();
    };
    gunzip.once('close', done);
    gunzip.write(chunk, done);
  });
}

function ended(gunzip: Gunzip): Promise<void> {
  if (gunzip.closed) return Promise.resolve();
  return new Promise((resolve) => {
    gunzip.once('close', resolve);
    gunzip.end();
  });
}

async function hasGzipMagic(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
}
