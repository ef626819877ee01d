// Reads a file of a repository, or a range of it, into memory, and gives exactly the bytes that
// were asked for: a server that ignores the range is read past what comes before it.

import type { Attempt } from './attempt.ts';
import { contentRange } from './download.ts';
import { type About, brokenError, integrityError } from './error.ts';
import type { Transport } from './fetch.ts';

/** `end` is the first byte that is not wanted. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export async function readBytes(
  transport: Transport,
  options: { readonly about: About; readonly url: string; readonly range?: ByteRange | undefined },
): Promise<Uint8Array> {
  const { about, url, range } = options;
  if (range !== undefined && range.end <= range.start) return new Uint8Array(0);
  const wanted = range === undefined ? {} : { range: `bytes=${range.start}-${range.end - 1}` };
  const headers = { ...transport.authorization(), 'accept-encoding': 'identity', ...wanted };
  return transport.send({
    about,
    url,
    init: () => ({ headers }),
    isRepeatable: true,
    read: (response, attempt) =>
      range === undefined
        ? readWhole(response, { about, attempt })
        : readRange(response, { about, attempt, range }),
  });
}

interface Reading {
  readonly about: About;
  readonly attempt: Attempt;
}

async function readWhole(response: Response, { about, attempt }: Reading): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body ?? []) {
    attempt.alive();
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  const promised = response.headers.get('content-length');
  if (promised !== null && Number(promised) !== bytes.byteLength) {
    const what = `the answer ended after ${bytes.byteLength} of ${promised} bytes`;
    throw brokenError(about, { what });
  }
  return bytes;
}

async function readRange(
  response: Response,
  { about, attempt, range }: Reading & { readonly range: ByteRange },
): Promise<Uint8Array> {
  const { start, end } = range;
  const given = response.status === 206 ? contentRange(response) : undefined;
  if (response.status === 206 && (given?.start !== start || given.end !== end)) {
    const total = given?.total === undefined ? '' : ` of ${given.total} bytes`;
    throw integrityError(about, `bytes ${start} to ${end} are not in the file${total}`);
  }
  const wanted = end - start;
  const bytes = Buffer.alloc(wanted);
  let skip = response.status === 206 ? 0 : start;
  let filled = 0;
  for await (const chunk of response.body ?? []) {
    attempt.alive();
    const rest = chunk.subarray(Math.min(skip, chunk.byteLength));
    skip -= chunk.byteLength - rest.byteLength;
    const taken = rest.subarray(0, wanted - filled);
    bytes.set(taken, filled);
    filled += taken.byteLength;
    // What follows is not wanted: leaving the loop cancels the answer.
    if (filled === wanted) return bytes;
  }
  if (response.status === 206) {
    throw brokenError(about, { what: `the answer ended after ${filled} of ${wanted} bytes` });
  }
  throw integrityError(about, `bytes ${start} to ${end} are not in the file`);
}
