// How long a request has to wait for a Hub's rate limit. One throttle serves the whole process: a
// Hub counts per account and per class of requests (its API, its file resolver), so what one call
// learns from a 429 or a RateLimit header holds for all. Other processes learn it, too, where
// somebody carries the news between their throttles. It decides nothing about retries.
import { setTimeout as sleepFor } from 'node:timers/promises';

/** The clock and the dice, so that tests need not wait. */
export interface Timing {
  /** Milliseconds since 1970. */
  now(): number;
  /** Rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** From 0 to below 1. */
  random(): number;
  /** Calls `fire` once nobody has refreshed or stopped it for so long. */
  timer(ms: number, fire: () => void): Timer;
}

export interface Timer {
  refresh(): void;
  stop(): void;
}

export const realTiming: Timing = {
  now: () => Date.now(),
  random: () => Math.random(),
  timer(ms, fire) {
    const timeout = setTimeout(fire, ms);
    return { refresh: () => void timeout.refresh(), stop: () => clearTimeout(timeout) };
  },
  async sleep(ms, signal) {
    try {
      await sleepFor(ms, undefined, { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  },
};

/**
 * Longest single wait. A Hub's window is 5 minutes; a longer Retry-After (the hourly quota of
 * commits) is waited for in several such pieces, so that a wrong header cannot park a run.
 */
export const MAX_WAIT_MS = 10 * 60_000;

/** Two estimates of one window's end differ by up to the second to which the header rounds. */
const SAME_WINDOW_MS = 1500;

/** What is known of one class of requests, for another process on the same machine. */
export interface LimitNews {
  readonly key: string;
  /** Requests left in the window; undefined when unknown. */
  readonly remaining: number | undefined;
  /** Milliseconds since 1970. */
  readonly resetAt: number;
  readonly closedUntil: number;
}

interface Gate {
  /** Requests left in the window, less those sent since; Infinity when unknown. */
  remaining: number;
  /** When the window ends. */
  resetAt: number;
  /** No request before this time. */
  closedUntil: number;
}

export class Throttle {
  readonly #timing: Omit<Timing, 'timer'>;
  readonly #gates = new Map<string, Gate>();
  /** Told whatever an answer of the Hub brings that others cannot know. */
  onNews: (news: LimitNews) => void = () => {};

  constructor(timing: Omit<Timing, 'timer'>) {
    this.#timing = timing;
  }

  /** Takes note of what another process was told. */
  hear({ key, remaining, resetAt, closedUntil }: LimitNews): void {
    const gate = this.#gate(key);
    gate.closedUntil = Math.max(gate.closedUntil, closedUntil);
    if (remaining !== undefined) this.#count(gate, { remaining, resetAt });
  }

  /** Waits until a request of this class may be sent, and counts it. */
  async enter(
    key: string,
    options: { readonly signal: AbortSignal; readonly onWait: (ms: number) => void },
  ): Promise<void> {
    const gate = this.#gate(key);
    for (;;) {
      options.signal.throwIfAborted();
      const wait = this.#waitOf(gate);
      if (wait <= 0) break;
      options.onWait(wait);
      // The dice spread those who wait for the same gate.
      await this.#timing.sleep(wait + this.#timing.random() * 1000, options.signal);
    }
    gate.remaining -= 1;
  }

  /** Takes note of an answer's RateLimit header. */
  answered(key: string, headers: Headers): void {
    const limit = rateLimitOf(headers);
    if (limit === undefined) return;
    const resetAt = this.#timing.now() + (limit.resetSeconds + 1) * 1000;
    this.#count(this.#gate(key), { remaining: limit.remaining, resetAt });
    this.#tell(key);
  }

  /** Stops every request of this class for a while. */
  close(key: string, ms: number): void {
    const gate = this.#gate(key);
    gate.closedUntil = Math.max(gate.closedUntil, this.#timing.now() + ms);
    this.#tell(key);
  }

  #count(gate: Gate, { remaining, resetAt }: { remaining: number; resetAt: number }) {
    const isNewWindow = resetAt > gate.resetAt + SAME_WINDOW_MS;
    // Answers arrive out of order: in the same window only a smaller number is news.
    gate.remaining = isNewWindow ? remaining : Math.min(gate.remaining, remaining);
    gate.resetAt = isNewWindow ? resetAt : gate.resetAt;
  }

  #tell(key: string) {
    const { remaining, resetAt, closedUntil } = this.#gate(key);
    const isKnown = Number.isFinite(remaining);
    this.onNews({ key, remaining: isKnown ? remaining : undefined, resetAt, closedUntil });
  }

  #gate(key: string): Gate {
    let gate = this.#gates.get(key);
    if (gate === undefined) {
      gate = { remaining: Number.POSITIVE_INFINITY, resetAt: 0, closedUntil: 0 };
      this.#gates.set(key, gate);
    }
    return gate;
  }

  #waitOf(gate: Gate): number {
    const now = this.#timing.now();
    if (now < gate.closedUntil) return gate.closedUntil - now;
    if (now >= gate.resetAt) gate.remaining = Number.POSITIVE_INFINITY;
    if (gate.remaining > 0) return 0;
    return Math.min(gate.resetAt - now, MAX_WAIT_MS);
  }
}

/** How long the server asks to wait, with a second more; undefined when it does not say. */
export function askedWaitMs(headers: Headers, nowMs: number): number | undefined {
  const limit = rateLimitOf(headers);
  const waits = [
    limit?.remaining === 0 ? limit.resetSeconds * 1000 : undefined,
    retryAfterMs(headers.get('retry-after'), nowMs),
  ].filter((wait) => wait !== undefined);
  if (waits.length === 0) return undefined;
  return Math.min(Math.max(...waits) + 1000, MAX_WAIT_MS);
}

/** `RateLimit: "api";r=0;t=55`: requests left, and seconds until the window ends. */
function rateLimitOf(
  headers: Headers,
): { readonly remaining: number; readonly resetSeconds: number } | undefined {
  const text = headers.get('ratelimit') ?? '';
  const remaining = /;\s*r=(\d+)/.exec(text)?.[1];
  const reset = /;\s*t=(\d+)/.exec(text)?.[1];
  if (remaining === undefined || reset === undefined) return undefined;
  return { remaining: Number(remaining), resetSeconds: Number(reset) };
}

/** Seconds, or an HTTP date. */
function retryAfterMs(text: string | null, nowMs: number): number | undefined {
  if (text === null) return undefined;
  if (/^\s*\d+\s*$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}
