// Brings one file of a repository to a path of this machine: goes on where an earlier attempt
// stopped, and shows the file under its name only when every byte is there and the digest is the
// listed one. Where the bytes wait until then, `part.ts` knows.
import type { RemoteFile } from '../../task.ts';
import type { Attempt } from './attempt.ts';
import { type About, brokenError, HubError, integrityError } from './error.ts';
import type { Transport } from './fetch.ts';
import { FilePart, HeldPart, isHeld, type Part } from './part.ts';

export interface Download {
  readonly about: About;
  readonly url: string;
  readonly file: RemoteFile;
  readonly to: string;
  readonly partAt?: (() => string) | undefined;
  readonly onBytes?: ((done: number) => void) | undefined;
}

/**
 * Resolves when the whole file lies at `to`. It is not durable: the runner makes what tasks leave
 * so before it counts, and a part that a disk forgot is found out by its digest. Wrong bytes are
 * fetched once more from the start; then it rejects with a HubError `integrity`, and the part is
 * gone.
 */
export async function download(transport: Transport, request: Download): Promise<void> {
  const { file } = request;
  const first = await fetchWhole(transport, { ...request, isFresh: false });
  if (first === undefined) return;
  transport.log(`${first.message}; fetching ${file.path} once more from the start`);
  const second = await fetchWhole(transport, { ...request, isFresh: true });
  if (second !== undefined) throw second;
}

type Try = Download & { readonly isFresh: boolean };

/** Brings the file; what was wrong with its bytes is given back, after they were forgotten. */
async function fetchWhole(transport: Transport, request: Try): Promise<HubError | undefined> {
  const { about, file, to } = request;
  const part = await openPart(transport, request);
  try {
    if (part.written < file.bytes) await fetchRest(transport, { ...request, part });
    const digest = part.digest();
    if (digest !== file.digest) throw integrityError(about, `its digest is ${digest}`);
    part.publish(to);
    return undefined;
  } catch (error) {
    if (!(error instanceof HubError) || !isWrongContent(error)) throw error;
    part.discard();
    return error.code === 'integrity' ? error : integrityError(about, error.message, error);
  } finally {
    part.close();
  }
}

async function openPart(transport: Transport, request: Try): Promise<Part> {
  const { file, to, isFresh, onBytes } = request;
  if (isHeld(file)) return new HeldPart(file);
  const at = request.partAt?.() ?? `${to}.incomplete`;
  const part = await FilePart.open({ file, at, isFresh, signal: transport.signal });
  onBytes?.(part.written);
  return part;
}

async function fetchRest(
  transport: Transport,
  request: Download & { readonly part: Part },
): Promise<void> {
  const { about, url, file, part } = request;
  let highest = part.written;
  await transport.send({
    about,
    url,
    init: () => ({ headers: { ...transport.authorization(), ...rangeOf(part) } }),
    isRepeatable: true,
    read: (response, attempt) =>
      receive(response, {
        ...request,
        attempt,
        onWritten() {
          if (!isHeld(file)) request.onBytes?.(part.written);
          // Patience starts anew only when the part has never been so long before.
          if (part.written > highest) attempt.gained();
          highest = Math.max(highest, part.written);
        },
      }),
  });
}

function isWrongContent(error: HubError): boolean {
  return error.code === 'integrity' || error.status === 416;
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
  if (response.status !== 206 && part.written > 0) part.clear();
  if (part.written === 0) part.begin(strongTag(response));
  for await (const chunk of response.body ?? []) {
    attempt.alive();
    if (part.written + chunk.byteLength > file.bytes) {
      throw integrityError(about, `it has more bytes than the ${file.bytes} that were listed`);
    }
    part.add(chunk);
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

/** A weak tag does not promise equal bytes and may not be used with a range. */
function strongTag(response: Response): string | undefined {
  const etag = response.headers.get('etag');
  return etag?.startsWith('"') ? etag : undefined;
}
