// Everything that goes wrong between a client and the real Hub, on demand: a plan names requests
// and what happens to them. For tests; without a plan nothing here runs. Also plays the Hub's rate
// limit, whose answers are faults that depend on the time.
import { type Answer, errorAnswer } from './answer.ts';
import type { RouteName } from './route.ts';

export interface FaultPlan {
  /** The first fault that fits a request happens to it. */
  readonly faults?: readonly Fault[];
  readonly rateLimit?: RateLimit | undefined;
}

export interface Fault {
  readonly method?: string;
  readonly route?: RouteName | readonly RouteName[];
  /** Text that the path of the URL, as it was sent, must contain. */
  readonly path?: string;
  /** Which of the requests that fit, counted from 1; all of them when not given. */
  readonly nth?: number | readonly number[];
  readonly action: FaultAction;
}

export type FaultAction =
  /** Answers this instead of doing anything. A text is sent as it is, anything else as JSON. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: unknown;
    }
  /** Resets the connection: before anything is done, or after it is done but before the answer. */
  | { readonly kind: 'reset'; readonly when: 'before' | 'after' }
  /**
   * Says nothing more until the client gives up: at once, or after the work is done and so many
   * bytes of the answer are sent. `onSilence` is called when it has begun.
   */
  | { readonly kind: 'stall'; readonly afterBytes?: number; readonly onSilence?: () => void }
  /** Closes the connection after some bytes of the answer, whatever length was announced. */
  | { readonly kind: 'truncate'; readonly afterBytes: number }
  /** Answers as if no range had been asked for. */
  | { readonly kind: 'ignore-range' }
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /** Changes one byte of the answer. */
  | { readonly kind: 'wrong-bytes'; readonly at: number }
  /** Refuses one object of an LFS batch, counted from 1. */
  | {
      readonly kind: 'lfs-error';
      readonly object: number;
      readonly code: number;
      readonly message: string;
    };

/** A fixed window, as the Hub's: requests over the quota are answered 429 until it ends. */
export interface RateLimit {
  /** Requests to the API in a window; undefined for no limit. */
  readonly api?: number | undefined;
  /** Downloads (`/resolve/`) in a window. */
  readonly resolvers?: number | undefined;
  readonly windowSeconds: number;
  /** How much faster than the clock the window runs; headers speak the window's time. */
  readonly timeScale?: number;
}

export interface FaultyRequest {
  readonly method: string;
  readonly path: string;
  readonly route: RouteName;
}

export class FaultInjector {
  readonly #faults: readonly (readonly [Fault, { seen: number }])[];
  readonly #windows = new Map<string, { endsAtMs: number; used: number }>();
  readonly #rateLimit: RateLimit | undefined;

  constructor({ faults = [], rateLimit }: FaultPlan) {
    this.#faults = faults.map((fault) => [fault, { seen: 0 }]);
    this.#rateLimit = rateLimit;
  }

  /** What happens to this request; every call counts it. */
  next(request: FaultyRequest): FaultAction | undefined {
    let action: FaultAction | undefined;
    for (const [fault, count] of this.#faults) {
      if (!fits(fault, request)) continue;
      count.seen += 1;
      if (isDue(fault, count.seen)) action ??= fault.action;
    }
    return action;
  }

  /** Headers for the answer to this request, or the refusal when the quota is used up. */
  limit({ route }: FaultyRequest): { headers: Record<string, string>; refusal?: Answer } {
    const limit = this.#rateLimit;
    const bucket = bucketOf(route);
    const quota = bucket === undefined ? undefined : limit?.[bucket];
    if (limit === undefined || bucket === undefined || quota === undefined) return { headers: {} };
    const scale = limit.timeScale ?? 1;
    const now = Date.now();
    let window = this.#windows.get(bucket);
    if (window === undefined || now >= window.endsAtMs) {
      window = { endsAtMs: now + (limit.windowSeconds * 1000) / scale, used: 0 };
      this.#windows.set(bucket, window);
    }
    window.used += 1;
    const left = Math.max(0, quota - window.used);
    const seconds = Math.ceil(((window.endsAtMs - now) * scale) / 1000);
    const headers = {
      RateLimit: `"${bucket}";r=${left};t=${seconds}`,
      'RateLimit-Policy': `"fixed window";"${bucket}";q=${quota};w=${limit.windowSeconds}`,
    };
    if (window.used <= quota) return { headers };
    return { headers, refusal: errorAnswer(429, 'We had to rate limit you', headers) };
  }
}

function bucketOf(route: RouteName): 'api' | 'resolvers' | undefined {
  if (route === 'resolve' || route === 'raw') return 'resolvers';
  const isStorage = route.startsWith('upload') || route === 'cdn';
  return isStorage ? undefined : 'api';
}

function fits(fault: Fault, { method, path, route }: FaultyRequest): boolean {
  const routes = typeof fault.route === 'string' ? [fault.route] : fault.route;
  return (
    (fault.method === undefined || fault.method === method) &&
    (routes === undefined || routes.includes(route)) &&
    (fault.path === undefined || path.includes(fault.path))
  );
}

function isDue({ nth }: Fault, seen: number): boolean {
  return nth === undefined || (typeof nth === 'number' ? nth === seen : nth.includes(seen));
}
