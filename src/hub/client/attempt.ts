// One attempt of one request: sent, watched and given up when no byte moves for a while. What came
// of it is a value that was read, or an error that says what it means; it never tries again itself.
import { type About, brokenError, HubError, networkError, refusedError } from './error.ts';
import type { Timer, Timing } from './throttle.ts';
import { redact } from './token.ts';

export interface AttemptOptions {
  readonly about: About;
  readonly url: string;
  readonly init: RequestInit;
  readonly signal: AbortSignal;
  readonly stallMs: number;
  readonly timing: Timing;
  /** Kept out of what the server is quoted with. */
  readonly token: string | undefined;
  readonly endpoint: string;
  readonly onHeaders: (headers: Headers) => void;
  /** Bytes of the body that were handed to the connection so far. */
  readonly onSent?: ((bytes: number) => void) | undefined;
}

/** Bytes a millisecond that a body is given time for when nobody can watch it move. */
const SLOWEST_BYTES_PER_MS = 32;
/** Smaller bodies go out in one piece: there is nothing to watch. */
const WATCHED_BYTES = 64 * 1024;
/** No more of an error page is read. */
const MAX_ERROR_BYTES = 64 * 1024;

export class Attempt {
  /** The answer's headers, as soon as there is one. */
  headers: Headers | undefined;
  /** Whether it got on further than any attempt before, so that patience may start anew. */
  hasGained = false;
  /** The answer came from an address that was signed for a while, after a redirect. */
  wasRedirected = false;
  readonly #options: AttemptOptions;
  readonly #controller = new AbortController();
  #timer: Timer | undefined;

  constructor(options: AttemptOptions) {
    this.#options = options;
  }

  /** A byte moved: the clock of the stall starts again. */
  alive(): void {
    this.#timer?.refresh();
  }

  gained(): void {
    this.hasGained = true;
  }

  /** Sends and reads; rejects with a HubError, the signal's reason, or what `read` threw. */
  async run<T>(read: (response: Response, attempt: Attempt) => Promise<T>): Promise<T> {
    const { about, url, init, signal, onHeaders } = this.#options;
    signal.throwIfAborted();
    const onAbort = () => this.#controller.abort(signal.reason);
    // A listener that is taken off again: a signal may live for weeks and see a million requests.
    signal.addEventListener('abort', onAbort, { once: true });
    const stallMs = this.#options.stallMs + unwatchedBytes(init.body) / SLOWEST_BYTES_PER_MS;
    const giveUp = () => this.#controller.abort(new Stalled(stallMs));
    this.#timer = this.#options.timing.timer(stallMs, giveUp);
    try {
      const body = this.#watched(init.body);
      const response = await fetch(url, { ...init, ...body, signal: this.#controller.signal });
      this.alive();
      this.headers = response.headers;
      onHeaders(response.headers);
      this.wasRedirected = response.redirected && !response.url.startsWith(this.#options.endpoint);
      if (!response.ok) throw await this.#refused(response);
      return await read(response, this);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Stalled) {
        throw brokenError(about, { what: error.message, isTimeout: true });
      }
      throw (error instanceof HubError ? undefined : networkError(about, error)) ?? error;
    } finally {
      this.#timer.stop();
      signal.removeEventListener('abort', onAbort);
    }
  }

  /**
   * A Blob keeps its length on the wire, unlike a stream (which storage refuses), and may be sent
   * again; so it is watched by wrapping the stream that `fetch` asks it for.
   */
  #watched(body: RequestInit['body']): Pick<RequestInit, 'body'> {
    if (!isWatched(body)) return body === undefined ? {} : { body };
    const view = body.slice(0, body.size, body.type);
    const open = view.stream.bind(view);
    const stream = () => {
      let sent = 0;
      const count = new TransformStream<Uint8Array, Uint8Array>({
        transform: (chunk, controller) => {
          sent += chunk.byteLength;
          this.alive();
          this.#options.onSent?.(sent);
          controller.enqueue(chunk);
        },
      });
      return open().pipeThrough(count);
    };
    Object.defineProperty(view, 'stream', { value: stream });
    return { body: view };
  }

  async #refused(response: Response): Promise<HubError> {
    const { about, url, init, token, endpoint } = this.#options;
    const signed = this.wasRedirected || !isAuthorised(init, token);
    const text = await this.#errorText(response);
    return refusedError({
      about,
      request: signed ? undefined : `${init.method ?? 'GET'} ${pathOf(url, endpoint)}`,
      status: response.status,
      reason: response.headers.get('x-error-code') ?? undefined,
      said: redact(spokenLine(text), [token]),
      signed,
    });
  }

  async #errorText(response: Response): Promise<string> {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    try {
      for await (const chunk of response.body ?? []) {
        this.alive();
        chunks.push(chunk);
        bytes += chunk.byteLength;
        if (bytes > MAX_ERROR_BYTES) break;
      }
    } catch {
      // The status is what counts: a page that breaks off changes nothing about it.
    }
    return Buffer.concat(chunks).toString('utf8');
  }
}

class Stalled extends Error {
  constructor(ms: number) {
    super(`nothing moved for ${Math.round(ms / 100) / 10} s`);
  }
}

function isWatched(body: RequestInit['body']): body is Blob {
  return body instanceof Blob && body.size > WATCHED_BYTES;
}

function unwatchedBytes(body: RequestInit['body']): number {
  if (typeof body === 'string') return body.length;
  if (ArrayBuffer.isView(body)) return body.byteLength;
  return 0;
}

function isAuthorised(init: RequestInit, token: string | undefined): boolean {
  return token === undefined || new Headers(init.headers).has('authorization');
}

/** The path below the endpoint, or without the host, never with the query. */
function pathOf(url: string, endpoint: string): string {
  if (url.startsWith(endpoint)) return url.slice(endpoint.length).split(/[?#]/)[0] ?? '';
  return URL.parse(url)?.pathname ?? 'an address';
}

/** What an error's body says, in one line: JSON's error, XML's message, the text of HTML. */
function spokenLine(text: string): string {
  const said = errorOfJson(text) ?? /<Message>([^<]*)/.exec(text)?.[1] ?? textOfHtml(text);
  const line = said
    .split('\n')
    .map((part) => part.replace(/\s+/g, ' ').trim())
    .find((part) => part !== '');
  return line === undefined ? '' : line.slice(0, 300);
}

function errorOfJson(text: string): string | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof json !== 'object' || json === null) return undefined;
  const fields: Readonly<Record<string, unknown>> = { ...json };
  const parts = [fields['error'] ?? fields['message'], fields['error_description']];
  return parts.filter((part) => typeof part === 'string').join(': ');
}

function textOfHtml(text: string): string {
  return text.replace(/<(script|style)\b[\s\S]*?<\/\1>/gi, '').replace(/<[^>]*>/g, '\n');
}
