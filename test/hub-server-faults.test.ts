// Every fault of a plan, once, as a client sees it; and the simulated rate limit.
import { commit, createRepo, HubApiError, listCommits, uploadFiles } from '@huggingface/hub';
import { expect, test } from 'vitest';
import type { Fault, FaultPlan } from '../src/hub/server/fault.ts';
import { type HubRig, noise, startHub } from './hub-rig.ts';

const repo = { type: 'dataset', name: 'local/things' } as const;
const api = '/api/datasets/local/things';
const path = 'x.parquet';
const bytes = noise(50_000);
const fileUrl = `/datasets/local/things/resolve/main/${path}`;

/** A repo with one large file, and then the plan. */
async function hubWith(plan: FaultPlan): Promise<HubRig> {
  const hub = await startHub();
  await createRepo({ ...hub.client, repo });
  const files = [{ path, content: new Blob([bytes]) }];
  await uploadFiles({ ...hub.client, repo, files, useXet: false });
  hub.injectFaults(plan);
  hub.served.length = 0;
  return hub;
}

function only(action: Fault['action'], where: Omit<Fault, 'action'> = {}): FaultPlan {
  return { faults: [{ ...where, action }] };
}

test('an answer instead of the work, at the named occurrences only', async () => {
  const headers = { 'Retry-After': '3' };
  const action = { kind: 'answer', status: 503, headers, body: '<h1>no</h1>' } as const;
  const hub = await hubWith(only(action, { route: 'tree', nth: [1, 3] }));
  const statuses = [];
  for (let i = 0; i < 4; i += 1) statuses.push((await hub.call(`${api}/tree/main`)).status);
  expect(statuses).toEqual([503, 200, 503, 200]);
  expect((await hub.call(`${api}/refs`)).status).toBe(200);

  hub.injectFaults(only(action));
  const failed = await hub.call(`${api}/refs`);
  expect(failed.headers.get('retry-after')).toBe('3');
  expect(failed.headers.get('content-type')).toContain('text/html');
  expect(await failed.text()).toBe('<h1>no</h1>');
});

test('the first fault that fits happens, chosen by method, route and path', async () => {
  const answer = (status: number) => ({ kind: 'answer', status }) as const;
  const hub = await hubWith({
    faults: [
      { method: 'DELETE', action: answer(501) },
      { path: '/refs', nth: 2, action: answer(502) },
      { route: ['refs', 'tree'], nth: 2, action: answer(503) },
    ],
  });
  const get = async (end: string) => (await hub.call(`${api}/${end}`)).status;
  expect(await get('refs')).toBe(200);
  expect(await get('refs')).toBe(502);
  expect(await get('tree/main')).toBe(200);
});

test('a reset before the work and one after it', async () => {
  const hub = await hubWith(only({ kind: 'reset', when: 'before' }, { route: 'commit' }));
  const write = (title: string) =>
    commit({
      ...hub.client,
      repo,
      title,
      operations: [{ operation: 'addOrUpdate', path: 'a', content: new Blob([title]) }],
    });
  const titles = async () =>
    (await Array.fromAsync(listCommits({ ...hub.client, repo }))).map(({ title }) => title);
  await expect(write('lost before')).rejects.toThrow('fetch failed');
  expect(await titles()).not.toContain('lost before');
  // The commit is there, only its answer is lost.
  hub.injectFaults(only({ kind: 'reset', when: 'after' }, { route: 'commit', nth: 1 }));
  await expect(write('lost after')).rejects.toThrow('fetch failed');
  expect(await titles()).toContain('lost after');
  await write('not lost');
});

test('a server that says nothing, at once or in the middle', async () => {
  const hub = await hubWith(only({ kind: 'stall' }, { route: 'refs' }));
  const signal = () => AbortSignal.timeout(100);
  await expect(hub.call(`${api}/refs`, { signal: signal() })).rejects.toThrow('timeout');
  hub.injectFaults(only({ kind: 'stall', afterBytes: 1000 }));
  const response = await hub.call(fileUrl, { signal: signal() });
  expect(response.status).toBe(200);
  await expect(response.arrayBuffer()).rejects.toThrow();
});

test('a body that ends too early', async () => {
  const hub = await hubWith(only({ kind: 'truncate', afterBytes: 20_000 }));
  const response = await hub.call(fileUrl);
  expect(response.headers.get('content-length')).toBe('50000');
  await expect(response.arrayBuffer()).rejects.toThrow('terminated');
});

test('a range that is ignored', async () => {
  const hub = await hubWith(only({ kind: 'ignore-range' }));
  const response = await hub.call(fileUrl, { headers: { range: 'bytes=1-2' } });
  expect([response.status, (await response.arrayBuffer()).byteLength]).toEqual([200, 50_000]);
});

test('one wrong byte', async () => {
  const hub = await hubWith(only({ kind: 'wrong-bytes', at: 40_000 }));
  const received = new Uint8Array(await (await hub.call(fileUrl)).arrayBuffer());
  expect(received).toHaveLength(50_000);
  const wrong = [...received.keys()].filter((i) => received[i] !== bytes[i]);
  expect(wrong).toEqual([40_000]);
});

test('a slow body', async () => {
  const hub = await hubWith(only({ kind: 'slow', bytesPerSecond: 200_000 }));
  const started = performance.now();
  const received = new Uint8Array(await (await hub.call(fileUrl)).arrayBuffer());
  expect(performance.now() - started).toBeGreaterThan(200);
  expect(received).toEqual(bytes);
});

test('an error for one object of a batch', async () => {
  const action = { kind: 'lfs-error', object: 1, code: 507, message: 'full' } as const;
  const hub = await hubWith(only(action));
  const files = [{ path: 'y.parquet', content: new Blob(['y']) }];
  const sent = uploadFiles({ ...hub.client, repo, files, useXet: false });
  await expect(sent).rejects.toBeInstanceOf(HubApiError);
  await expect(sent).rejects.toMatchObject({ statusCode: 507 });
});

test('a rate limit has a window, tells what is left, and separates downloads', async () => {
  const rateLimit = { api: 2, resolvers: 1, windowSeconds: 300, timeScale: 1000 };
  const hub = await hubWith({ rateLimit });
  const get = async (url: string) => {
    const { status, headers } = await hub.call(url);
    return [status, headers.get('ratelimit')?.replace(/t=\d+/, 't=?')];
  };
  expect(await get(`${api}/refs`)).toEqual([200, '"api";r=1;t=?']);
  expect(await get(fileUrl)).toEqual([200, '"resolvers";r=0;t=?']);
  expect(await get(`${api}/refs`)).toEqual([200, '"api";r=0;t=?']);
  expect(await get(`${api}/refs`)).toEqual([429, '"api";r=0;t=?']);
  const refused = await hub.call(fileUrl);
  expect(refused.status).toBe(429);
  expect(refused.headers.get('ratelimit-policy')).toBe('"fixed window";"resolvers";q=1;w=300');
  // 300 seconds pass in 0.3.
  await expect.poll(() => get(`${api}/refs`), { timeout: 2000 }).toEqual([200, '"api";r=1;t=?']);
});
