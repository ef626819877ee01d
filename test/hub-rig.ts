// A real embedded Hub in a temporary folder for one test, and shapes of what tests send to it.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import {
  type EmbeddedHub,
  type EmbeddedHubOptions,
  startEmbeddedHub,
} from '../src/hub/server/embedded-hub.ts';
import type { ServedRequest } from '../src/hub/server/service.ts';

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'eider-hub-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface HubRig extends EmbeddedHub {
  readonly folder: string;
  /** Everything that was served, in the order of its end. */
  readonly served: ServedRequest[];
  /** What every call of a Hub client needs. */
  readonly client: { readonly hubUrl: string; readonly accessToken: string };
  /** How many requests a route had. */
  count(route: ServedRequest['route']): number;
  /** A request with the token; the path begins with a slash. */
  call(path: string, init?: RequestInit): Promise<Response>;
  json(path: string, init?: RequestInit): Promise<unknown>;
}

export async function startHub(options: Partial<EmbeddedHubOptions> = {}): Promise<HubRig> {
  const folder = options.folder ?? temporaryFolder();
  const served: ServedRequest[] = [];
  const hub = await startEmbeddedHub({
    ...options,
    folder,
    onRequest: (request) => served.push(request),
  });
  onTestFinished(() => hub.close());
  const call = (path: string, init: RequestInit = {}) => {
    const headers = new Headers(init.headers);
    if (!headers.has('authorization')) headers.set('authorization', `Bearer ${hub.token}`);
    return fetch(`${hub.url}${path}`, { redirect: 'manual', ...init, headers });
  };
  return {
    ...hub,
    folder,
    served,
    client: { hubUrl: hub.url, accessToken: hub.token },
    count: (route) => served.filter((request) => request.route === route).length,
    call,
    json: async (path, init) => (await call(path, init)).json(),
  };
}

export function post(value: unknown): RequestInit {
  const headers = { 'content-type': 'application/json' };
  return { method: 'POST', headers, body: JSON.stringify(value) };
}

/** A commit request, one operation an entry. */
export function ndjson(header: object, ...operations: readonly (readonly [string, object])[]) {
  const lines = [['header', header], ...operations].map(([key, value]) => ({ key, value }));
  const body = `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`;
  return { method: 'POST', headers: { 'content-type': 'application/x-ndjson' }, body };
}

/** A regular file of a commit request. */
export function regular(path: string, text: string): readonly [string, object] {
  const content = Buffer.from(text).toString('base64');
  return ['file', { path, content, encoding: 'base64' }];
}

export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Bytes that look random and are the same for the same seed. */
export function noise(size: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let state = seed >>> 0 || 1;
  for (let i = 0; i < size; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
