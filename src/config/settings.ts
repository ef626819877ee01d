// Reads the numbers of a pipeline: pool sizes and weights, retries, timeouts, rejects. The schema
// has reported what is no number, size or duration; here such a value counts as not given.
import type { DiskConfig, PoolName, RetryConfig } from './config.ts';
import { entryOf, type Node } from './document.ts';
import { parseDuration, parseSize } from './quantity.ts';

export const poolNames: readonly PoolName[] = ['cpu', 'memory', 'network'];

const defaultRetries: RetryConfig = { count: 2, backoffMs: 1_000, maxBackoffMs: 60_000 };

const defaultConfirmAboveBytes = 100e9;

export function readConfirmAbove(node: Node | undefined): number {
  return readAmount(node) ?? defaultConfirmAboveBytes;
}

/** Sizes of all pools; `auto` for one that is not given. */
export function readPools(node: Node | undefined): Readonly<Record<PoolName, number | 'auto'>> {
  const size = (name: PoolName) => readAmount(entryOf(node, name)?.value) ?? 'auto';
  return { cpu: size('cpu'), memory: size('memory'), network: size('network') };
}

/** Reads `disk` and `keep_free` beside the pools. */
export function readDisk(pools: Node | undefined): DiskConfig {
  const size = (name: string) => readAmount(entryOf(pools, name)?.value) ?? 'auto';
  return { budget: size('disk'), keepFree: size('keep_free') };
}

/** What one target takes; only the pools that are given. */
export function readPoolWeights(
  node: Node | undefined,
): Readonly<Partial<Record<PoolName, number>>> {
  const weights: Partial<Record<PoolName, number>> = {};
  for (const name of poolNames) {
    const amount = readAmount(entryOf(node, name)?.value);
    if (amount !== undefined) weights[name] = amount;
  }
  return weights;
}

/** A count alone, or a map with pauses. */
export function readRetries(node: Node | undefined): RetryConfig {
  const count = readNumber(node) ?? readNumber(entryOf(node, 'count')?.value);
  const backoffMs = readDuration(entryOf(node, 'backoff')?.value) ?? defaultRetries.backoffMs;
  const maxBackoffMs = readDuration(entryOf(node, 'max_backoff')?.value);
  return {
    count: count ?? defaultRetries.count,
    backoffMs,
    maxBackoffMs: maxBackoffMs ?? Math.max(backoffMs, defaultRetries.maxBackoffMs),
  };
}

export function readDuration(node: Node | undefined): number | undefined {
  const isText = node?.kind === 'scalar' && typeof node.value === 'string';
  return isText ? parseDuration(String(node.value)) : undefined;
}

export function readNumber(node: Node | undefined): number | undefined {
  return node?.kind === 'scalar' && typeof node.value === 'number' ? node.value : undefined;
}

function readAmount(node: Node | undefined): number | undefined {
  if (node?.kind !== 'scalar') return undefined;
  return typeof node.value === 'string' ? parseSize(node.value) : readNumber(node);
}
