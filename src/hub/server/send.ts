// Writing an answer to its connection: whole bodies at once, files streamed with back pressure, and
// bodies that a fault changes byte by byte on their way.
import { createReadStream } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { Answer, Body } from './answer.ts';
import type { FaultAction } from './fault.ts';

export interface Reply {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly answer: Answer;
  readonly fault: FaultAction | undefined;
}

/** Rejects when the connection breaks. */
export async function send({ request, response, answer, fault }: Reply): Promise<void> {
  const body = encodeBody(answer.body);
  const length = body.kind === 'file' ? body.length : body.bytes.byteLength;
  // A redirect or 304 to HEAD must not claim to have an empty body's length.
  const isBodiless = answer.status === 204 || answer.status === 304;
  response.writeHead(answer.status, {
    ...body.headers,
    ...(isBodiless ? {} : { 'Content-Length': String(length) }),
    ...answer.headers,
  });
  if (request.method === 'HEAD' || isBodiless) {
    response.end();
  } else if (fault !== undefined) {
    await sendFaulty(response, { body, fault });
  } else if (body.kind === 'bytes') {
    response.end(body.bytes);
  } else {
    await pipeline(streamOf(body), response);
  }
}

type EncodedBody = (Extract<Body, { kind: 'file' }> | { kind: 'bytes'; bytes: Uint8Array }) & {
  readonly headers: Readonly<Record<string, string>>;
};

function encodeBody(body: Body): EncodedBody {
  switch (body.kind) {
    case 'none':
      return { kind: 'bytes', bytes: new Uint8Array(), headers: {} };
    case 'json': {
      const headers = { 'Content-Type': 'application/json; charset=utf-8' };
      return { kind: 'bytes', bytes: Buffer.from(JSON.stringify(body.value)), headers };
    }
    case 'bytes':
    case 'file':
      return { ...body, headers: {} };
  }
}

function streamOf({ path, start, length }: Extract<Body, { kind: 'file' }>) {
  // An end before the start would mean "to the end" to the stream.
  if (length === 0) return [];
  return createReadStream(path, { start, end: start + length - 1 });
}

async function sendFaulty(
  response: ServerResponse,
  { body, fault }: { readonly body: EncodedBody; readonly fault: FaultAction },
): Promise<void> {
  const source: AsyncIterable<Buffer> | Iterable<Buffer> =
    body.kind === 'bytes' ? [Buffer.from(body.bytes)] : streamOf(body);
  let sent = 0;
  for await (const chunk of source) {
    for (const piece of pieces(chunk, { fault, sent })) {
      await write(response, piece);
      sent += piece.length;
      if (fault.kind === 'slow') await pause((piece.length / fault.bytesPerSecond) * 1000);
      if (stopsAt(fault) === sent) return stop(response, fault);
    }
  }
  // There was less to send than the fault waited for: then it ends as it should.
  response.end();
}

/** Pauses of at least this many a second, so that slow is slow and not in bursts. */
const PIECES_PER_SECOND = 20;

function* pieces(
  chunk: Buffer,
  { fault, sent }: { readonly fault: FaultAction; readonly sent: number },
): Generator<Buffer> {
  const stop = stopsAt(fault) - sent;
  switch (fault.kind) {
    case 'slow': {
      const step = Math.max(1, Math.floor(fault.bytesPerSecond / PIECES_PER_SECOND));
      for (let at = 0; at < chunk.length; at += step) yield chunk.subarray(at, at + step);
      return;
    }
    case 'wrong-bytes': {
      const at = fault.at - sent;
      if (at >= 0 && at < chunk.length) chunk[at] = (chunk[at] ?? 0) ^ 0xff;
      yield chunk;
      return;
    }
    default:
      yield stop < chunk.length ? chunk.subarray(0, stop) : chunk;
  }
}

function stopsAt(fault: FaultAction): number {
  if (fault.kind === 'truncate') return fault.afterBytes;
  return fault.kind === 'stall' ? (fault.afterBytes ?? 0) : Number.POSITIVE_INFINITY;
}

function stop(response: ServerResponse, fault: FaultAction): Promise<void> | undefined {
  if (fault.kind === 'stall') return stall(response, fault);
  // Closes after what was written is sent, unlike a reset.
  response.socket?.destroySoon();
  return undefined;
}

/** Says nothing until the client, or the server's end, has closed the connection. */
export function stall(
  response: ServerResponse,
  { onSilence }: Extract<FaultAction, { kind: 'stall' }>,
): Promise<void> {
  if (response.destroyed || response.socket === null) return Promise.resolve();
  const closed = new Promise<void>((resolve) => {
    response.once('close', resolve);
  });
  onSilence?.();
  return closed;
}

function write(response: ServerResponse, piece: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    // What is written in the moment in which the client leaves is never called back for.
    response.once('close', resolve);
    response.write(piece, (error) => {
      response.off('close', resolve);
      if (error) reject(error);
      else resolve();
    });
  });
}
