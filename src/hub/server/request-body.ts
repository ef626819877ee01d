// Reading the body of a request: whole up to a limit, or line by line for as long as it takes.
// A connection that breaks off makes these reject, so that half a body is never acted upon.
import type { IncomingMessage } from 'node:http';
import { parseJson } from './json-fields.ts';

/** Far more than any client sends in one JSON body. */
const BODY_LIMIT = 16 << 20;
/** A regular file in base64. */
const LINE_LIMIT = 32 << 20;
/** More than this is not worth reading only to keep a connection. */
const DRAIN_LIMIT = 64 << 20;

/** Undefined when the body is too long. */
export async function readText(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunksOf(request)) {
    size += chunk.length;
    if (size <= BODY_LIMIT) chunks.push(chunk);
  }
  return size > BODY_LIMIT ? undefined : Buffer.concat(chunks).toString();
}

/** Undefined when the body is too long or not JSON. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  return parseJson((await readText(request)) ?? '');
}

/** Lines that are not empty; undefined for a line that is too long, and then no more. */
export async function* readLines(
  request: IncomingMessage,
): AsyncGenerator<string | undefined, void> {
  let pending: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunksOf(request)) {
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      pending.push(chunk.subarray(from, at));
      const line = Buffer.concat(pending).toString();
      pending = [];
      size = 0;
      from = at + 1;
      if (line.trim() !== '') yield line;
    }
    pending.push(chunk.subarray(from));
    size += chunk.length - from;
    if (size > LINE_LIMIT) return yield undefined;
  }
  const last = Buffer.concat(pending).toString();
  if (last.trim() !== '') yield last;
}

/** Reads what is left, so that the client sees the answer and can use the connection again. */
export async function drain(request: IncomingMessage): Promise<void> {
  if (request.readableEnded || request.destroyed) return;
  let size = 0;
  for await (const chunk of chunksOf(request)) {
    size += chunk.length;
    if (size > DRAIN_LIMIT) return;
  }
}

/** Stopping half-way leaves the connection open, so that an answer can still be sent. */
export function chunksOf(request: IncomingMessage): AsyncIterable<Buffer> {
  return request.iterator({ destroyOnReturn: false });
}
