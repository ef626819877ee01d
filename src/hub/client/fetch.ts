// Every request to a Hub goes through here: it is held back by the rate limit that all share, and
// tried again only for what may pass and only where asking twice is harmless. A request that makes
// a commit is not: whether it was done is for `commit.ts` to find out.
import { Attempt } from './attempt.ts';
import { type About, brokenError, HubError } from './error.ts';
import { askedWaitMs, realTiming, Throttle, type Timing } from './throttle.ts';

/** What all Hubs of a process share. */
export interface Network {
  readonly timing: Timing;
  readonly throttle: Throttle;
  /**
   * An attempt in which no byte moves for so long is given up. Longer than the minute after which
   * a Hub gives up a commit itself, so that its own answer is seen.
   */
  readonly stallMs: number;
}

export const sharedNetwork: Network = {
  timing: realTiming,
  throttle: new Throttle(realTiming),
  stallMs: 90_000,
};

export interface TransportOptions {
  /** Without a slash at the end. */
  readonly endpoint: string;
  readonly token: string | undefined;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  readonly network: Network;
}

export interface Call<T> {
  readonly about: About;
  readonly url: string;
  /** Asked before each attempt, so that a resumed one may ask for less. */
  readonly init: () => RequestInit;
  /** Whether it does no harm when the server handles it twice. */
  readonly isRepeatable: boolean;
  readonly read: (response: Response, attempt: Attempt) => Promise<T>;
  readonly signal?: AbortSignal;
  readonly onSent?: ((bytes: number) => void) | undefined;
}

export interface Transport {
  readonly endpoint: string;
  readonly signal: AbortSignal;
  readonly timing: Timing;
  readonly log: (line: string) => void;
  /** Sends until it succeeds; rejects with a HubError, the signal's reason or what `read` threw. */
  send<T>(call: Call<T>): Promise<T>;
  /** The Authorization of our own requests; the client library makes its own. */
  authorization(): Readonly<Record<string, string>>;
  /** A `fetch` for the client library: only good answers, read to the end, JSON checked. */
  answer(
    url: string,
    init: RequestInit,
    options: { readonly about: About; readonly onSent?: (bytes: number) => void },
  ): Promise<Response>;
}

/** Failures in a row, without getting on, after which a request is given up: half a minute. */
const MAX_FAILURES = 5;
/** A 429 is waited for much longer: the Hub's quota of commits is counted by the hour. */
const MAX_REFUSALS = 12;
const LONGEST_BACKOFF_MS = 30_000;

export function createTransport(options: TransportOptions): Transport {
  const { endpoint, token, signal, log, network } = options;
  const { timing } = network;
  const authorization = () => (token === undefined ? {} : { authorization: `Bearer ${token}` });
  const send = <T>(call: Call<T>) => sendUntilDone(options, call);
  return {
    endpoint,
    signal,
    timing,
    log,
    send,
    authorization,
    answer: (url, init, { about, onSent }) =>
      send({
        about,
        url,
        init: () => safeInit(url, init, options),
        isRepeatable: isRepeatable(init.method ?? 'GET', url, endpoint),
        read: (response, attempt) =>
          wholeAnswer(response, { attempt, about, isJson: givesJson(url, endpoint) }),
        ...(init.signal == null ? {} : { signal: init.signal }),
        onSent,
      }),
  };
}

async function sendUntilDone<T>(options: TransportOptions, call: Call<T>): Promise<T> {
  const { endpoint, token, log, network } = options;
  const { throttle, stallMs, timing } = network;
  const key = classOf(call.url, endpoint);
  const signal =
    call.signal === undefined ? options.signal : AbortSignal.any([options.signal, call.signal]);
  const tries = { failures: 0, refusals: 0 };
  for (;;) {
    await throttle.enter(key, {
      signal,
      onWait: (ms) => log(`${call.about.repository}: waiting ${seconds(ms)} for the Hub's limit`),
    });
    const attempt = new Attempt({
      ...call,
      init: call.init(),
      signal,
      stallMs,
      timing,
      token,
      endpoint,
      onHeaders: (headers) => throttle.answered(key, headers),
    });
    try {
      return await attempt.run(call.read);
    } catch (error) {
      if (signal.aborted || !(error instanceof HubError)) throw error;
      if (attempt.hasGained) tries.failures = 0;
      await beforeNext(error, { options, call, attempt, tries, key, signal });
    }
  }
}

interface Failed<T> {
  readonly options: TransportOptions;
  readonly call: Call<T>;
  readonly attempt: Attempt;
  readonly tries: { failures: number; refusals: number };
  readonly key: string;
  readonly signal: AbortSignal;
}

/** Waits as long as the next attempt has to, or throws the error when there is to be none. */
async function beforeNext<T>(error: HubError, failed: Failed<T>): Promise<void> {
  const { call, attempt, tries, key, signal } = failed;
  const { log, network } = failed.options;
  const { timing, throttle } = network;
  const asked = attempt.headers && askedWaitMs(attempt.headers, timing.now());
  if (error.status === 429) {
    // Refused before anything was done, so that even a commit may be asked for again.
    tries.refusals += 1;
    if (tries.refusals > MAX_REFUSALS) throw error;
    throttle.close(key, asked ?? backoffMs(tries.refusals, timing));
    return;
  }
  if (!call.isRepeatable || !isPassing(error, attempt)) throw error;
  tries.failures += 1;
  if (tries.failures > MAX_FAILURES) throw error;
  const wait = Math.max(asked ?? 0, backoffMs(tries.failures, timing));
  log(`${error.message}; trying again in ${seconds(wait)} (${tries.failures} of ${MAX_FAILURES})`);
  await timing.sleep(wait, signal);
}

/**
 * Only what may pass: a lost connection, 408, 5xx, an answer that makes no sense. A signed address
 * that was refused is made anew by following the redirect again; one to upload to is not.
 */
function isPassing(error: HubError, attempt: Attempt): boolean {
  const { code, status } = error;
  if (code !== 'hub-unavailable') return false;
  if (status === undefined || status < 300 || status === 408 || status >= 500) return true;
  return attempt.wasRedirected;
}

/** Doubles from one second; spread by half, so that those who failed together part. */
export function backoffMs(failures: number, timing: Timing): number {
  const longest = Math.min(500 * 2 ** failures, LONGEST_BACKOFF_MS);
  return longest * (0.5 + timing.random() / 2) + 250;
}

/** A Hub counts its API and its resolver apart; other addresses are storage. */
function classOf(url: string, endpoint: string): string {
  if (!url.startsWith(`${endpoint}/`)) return URL.parse(url)?.origin ?? url;
  const path = url.slice(endpoint.length);
  if (path.startsWith('/api/') || path.includes('.git/')) return `${endpoint} api`;
  return `${endpoint} ${path.includes('/resolve/') ? 'resolver' : 'storage'}`;
}

const REPEATABLE_POSTS = [
  /^\/api\/repos\/create$/,
  /^\/api\/datasets\/[^/]+\/[^/]+\/(preupload|paths-info)\//,
  /\.git\/info\/lfs\/objects\/batch$/,
];
/** Content under the name of its digest. */
const REPEATABLE_STORAGE_POSTS = [/\/v1\/xorbs\//, /\/v1\/shards$/];

function isRepeatable(method: string, url: string, endpoint: string): boolean {
  if (method === 'GET' || method === 'HEAD' || method === 'PUT') return true;
  const isHub = url.startsWith(`${endpoint}/`);
  const path = (isHub ? url.slice(endpoint.length) : url).split('?')[0] ?? '';
  const known = isHub
    ? [...REPEATABLE_POSTS, ...REPEATABLE_STORAGE_POSTS]
    : REPEATABLE_STORAGE_POSTS;
  return known.some((pattern) => pattern.test(path));
}

function givesJson(url: string, endpoint: string): boolean {
  return url.startsWith(`${endpoint}/api/`) || url.endsWith('.git/info/lfs/objects/batch');
}

/**
 * The library follows the links of a listing with the token, wherever they lead: the token goes to
 * the endpoint's own addresses only.
 */
function safeInit(url: string, init: RequestInit, options: TransportOptions): RequestInit {
  const headers = new Headers(init.headers);
  const isOurs = headers.get('authorization') === `Bearer ${options.token}`;
  if (isOurs && !url.startsWith(`${options.endpoint}/`)) headers.delete('authorization');
  return { ...init, headers };
}

async function wholeAnswer(
  response: Response,
  options: { readonly attempt: Attempt; readonly about: About; readonly isJson: boolean },
): Promise<Response> {
  const { attempt, about, isJson } = options;
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body ?? []) {
    attempt.alive();
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  if (isJson && !isReadableJson(bytes)) {
    const what = `the Hub answered ${response.status} with something that is not JSON`;
    throw brokenError(about, { what, status: response.status });
  }
  const { status, statusText, headers } = response;
  return new Response(bytes.length === 0 ? null : bytes, { status, statusText, headers });
}

function isReadableJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
