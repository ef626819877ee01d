// Brings one file of a repository to a path of this machine: goes on where an earlier call stopped,
// and shows the file under its name only when every byte is there and the digest is the listed one.
// The part lies beside it as PATH.incomplete, with PATH.incomplete.from to tell whose part it is.
import type { Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { RemoteFile } from '../../task.ts';
import type { Attempt } from './attempt.ts';
import { endDigest, startDigest } from './content.ts';
import { type About, brokenError, HubError, integrityError } from './error.ts';
import type { Transport } from './fetch.ts';

export interface Download {
  readonly about: About;
  readonly url: string;
  readonly file: RemoteFile;
  readonly to: string;
  readonly onBytes?: ((done: number) => void) | undefined;
}

/** Whose part it is. The digest decides; the server's tag only saves a useless transfer. */
interface Origin {
  readonly digest: string;
  readonly bytes: number;
  readonly etag: string | undefined;
}

interface Part {
  readonly handle: FileHandle;
  /** Bytes written and digested so far. */
  written: number;
  hash: Hash;
  etag: string | undefined;
}

/**
 * Resolves when the whole file lies at `to`. It is not durable: the runner makes what tasks leave
 * so before it counts, and a part that a disk forgot is found out by its digest. Wrong bytes are
 * fetched once more from the start; then it rejects with a HubError `integrity`, and the part is
 * gone.
 */
export async function download(transport: Transport, request: Download): Promise<void> {
  const { file, to } = request;
  await mkdir(dirname(to), { recursive: true });
  const first = await fetchWhole(transport, { ...request, isFresh: false });
  if (first !== undefined) {
    transport.log(`${first.message}; fetching ${file.path} once more from the start`);
    const second = await fetchWhole(transport, { ...request, isFresh: true });
    if (second !== undefined) throw second;
  }
  // Before the rename: what is left after a crash in between is a part of unknown origin.
  await rm(originPath(to), { force: true });
  await rename(partPath(to), to);
}

const partPath = (to: string) => `${to}.incomplete`;
const originPath = (to: string) => `${to}.incomplete.from`;

/** Fills the part; what was wrong with the bytes is given back, after the part was deleted. */
async function fetchWhole(
  transport: Transport,
  request: Download & { readonly isFresh: boolean },
): Promise<HubError | undefined> {
  const { about, url, file, to } = request;
  const part = await openPart(request, transport.signal);
  let highest = part.written;
  try {
    if (part.written < file.bytes) {
      await transport.send({
        about,
        url,
        init: () => ({ headers: { ...transport.authorization(), ...rangeOf(part) } }),
        isRepeatable: true,
        read: (response, attempt) =>
          receive(response, {
            ...request,
            part,
            attempt,
            onWritten() {
              request.onBytes?.(part.written);
              // Patience starts anew only when the part has never been so long before.
              if (part.written > highest) attempt.gained();
              highest = Math.max(highest, part.written);
            },
          }),
      });
    }
    const digest = endDigest(part.hash, file.digest);
    if (digest !== file.digest) throw integrityError(about, `its digest is ${digest}`);
    if (file.bytes === 0) request.onBytes?.(0);
    return undefined;
  } catch (error) {
    if (!(error instanceof HubError) || !isWrongContent(error)) throw error;
    await rm(originPath(to), { force: true });
    await rm(partPath(to), { force: true });
    return error.code === 'integrity' ? error : integrityError(about, error.message, error);
  } finally {
    await part.handle.close();
  }
}

function isWrongContent(error: HubError): boolean {
  return error.code === 'integrity' || error.status === 416;
}

/** The part of an earlier call if it is one of this very content, else an empty one. */
async function openPart(
  { file, to, isFresh }: Download & { readonly isFresh: boolean },
  signal: AbortSignal,
): Promise<Part> {
  const origin = isFresh ? undefined : await readOrigin(to);
  const isSame = origin?.digest === file.digest && origin.bytes === file.bytes;
  // Appending: after a truncation the next byte is again the first.
  const handle = await open(partPath(to), 'a');
  try {
    if (!isSame) await handle.truncate(0);
    const part: Part = {
      handle,
      written: 0,
      hash: startDigest(file.digest, file.bytes),
      etag: undefined,
    };
    const { size } = await handle.stat();
    if (!isSame || size === 0) return part;
    if (size > file.bytes) {
      await handle.truncate(0);
      return part;
    }
    for await (const chunk of createReadStream(partPath(to), { signal })) part.hash.update(chunk);
    part.written = size;
    part.etag = origin.etag;
    return part;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readOrigin(to: string): Promise<Origin | undefined> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(originPath(to), 'utf8'));
  } catch {
    // Missing or torn by a crash: then the part beside it proves nothing.
    return undefined;
  }
  if (typeof json !== 'object' || json === null) return undefined;
  const { digest, bytes, etag }: { digest?: unknown; bytes?: unknown; etag?: unknown } = json;
  if (typeof digest !== 'string' || typeof bytes !== 'number') return undefined;
  return { digest, bytes, etag: typeof etag === 'string' ? etag : undefined };
}

function rangeOf({ written, etag }: Part): Readonly<Record<string, string>> {
  const plain = { 'accept-encoding': 'identity' };
  if (written === 0) return plain;
  const range = { ...plain, range: `bytes=${written}-` };
  // Without a tag the digest at the end still tells whether both pieces are of one file.
  return etag === undefined ? range : { ...range, 'if-range': etag };
}

interface Receiving extends Download {
  readonly part: Part;
  readonly attempt: Attempt;
  readonly onWritten: () => void;
}

async function receive(response: Response, options: Receiving): Promise<void> {
  const { about, file, part, attempt, onWritten } = options;
  const total = totalBytes(response, { about, part });
  if (total !== undefined && total !== file.bytes) {
    throw integrityError(about, `it has ${total} bytes, but was listed with ${file.bytes}`);
  }
  // A server that does not know ranges, or another content by now, sends all from the start.
  if (response.status !== 206 && part.written > 0) await restart(part, file);
  if (part.written === 0) await begin(response, options);
  for await (const chunk of response.body ?? []) {
    attempt.alive();
    if (part.written + chunk.byteLength > file.bytes) {
      throw integrityError(about, `it has more bytes than the ${file.bytes} that were listed`);
    }
    await writeAll(part.handle, chunk);
    part.hash.update(chunk);
    part.written += chunk.byteLength;
    onWritten();
  }
  if (part.written < file.bytes) {
    throw brokenError(about, {
      what: `the answer ended after ${part.written} of ${file.bytes} bytes`,
    });
  }
}

/** The size of the whole file by the answer's headers; undefined when they do not tell. */
function totalBytes(
  response: Response,
  { about, part }: { readonly about: About; readonly part: Part },
): number | undefined {
  if (response.status === 206) {
    const range = contentRange(response);
    if (range?.start !== part.written) {
      throw integrityError(about, `the Hub sent another range than the one from ${part.written}`);
    }
    return range.total;
  }
  const length = response.headers.get('content-length');
  return length === null || response.headers.has('content-encoding') ? undefined : Number(length);
}

/** `bytes 10-19/200`; the total is undefined for `*`. */
export function contentRange(
  response: Response,
):
  | { readonly start: number; readonly end: number; readonly total: number | undefined }
  | undefined {
  const header = response.headers.get('content-range') ?? '';
  const [, start, last, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(header) ?? [];
  if (start === undefined || last === undefined) return undefined;
  return {
    start: Number(start),
    end: Number(last) + 1,
    total: total === '*' ? undefined : Number(total),
  };
}

async function restart(part: Part, file: RemoteFile): Promise<void> {
  await part.handle.truncate(0);
  part.written = 0;
  part.hash = startDigest(file.digest, file.bytes);
}

/** Says whose part it is before its first byte is written. */
async function begin(response: Response, { file, to, part }: Receiving): Promise<void> {
  const etag = response.headers.get('etag');
  // A weak tag does not promise equal bytes and may not be used with a range.
  part.etag = etag?.startsWith('"') ? etag : undefined;
  const origin: Origin = { digest: file.digest, bytes: file.bytes, etag: part.etag };
  await writeFile(originPath(to), JSON.stringify(origin));
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  let done = 0;
  while (done < chunk.byteLength) {
    const { bytesWritten } = await handle.write(chunk, done, chunk.byteLength - done);
    done += bytesWritten;
  }
}
