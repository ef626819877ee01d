// What a client does when requests fail in every way that passes: it goes on, waits as long as it
// is told, and the server holds what it should afterwards, once.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Throttle } from '../src/hub/client/throttle.ts';
import type { FaultAction } from '../src/hub/server/fault.ts';
import {
  commitsOf,
  connect,
  fakeNetwork,
  filesOf,
  listed,
  once,
  putting,
  Stalls,
  startClient,
} from './hub-client-rig.ts';
import { noise, sha256, startHub, temporaryFolder } from './hub-rig.ts';

const ROUTES = [
  ...(['create-repo', 'repo-info', 'preupload', 'lfs-batch', 'upload', 'upload-part'] as const),
  ...(['tree', 'paths-info', 'resolve'] as const),
];
const JSON_ROUTES = ROUTES.filter((route) => route !== 'resolve' && !route.startsWith('upload'));

const passing: Readonly<Record<string, { action: FaultAction; wait?: number }>> = {
  '429 with RateLimit': {
    action: { kind: 'answer', status: 429, headers: { RateLimit: '"api";r=0;t=55' } },
    wait: 56_000,
  },
  '429 with Retry-After': {
    action: { kind: 'answer', status: 429, headers: { 'Retry-After': '7' } },
    wait: 8000,
  },
  '503 with a date to come back': {
    action: {
      kind: 'answer',
      status: 503,
      headers: { 'Retry-After': 'Thu, 01 Jan 2099 00:00:00 GMT' },
    },
    wait: 600_000,
  },
  '408': { action: { kind: 'answer', status: 408 } },
  '500': { action: { kind: 'answer', status: 500, body: { error: 'Internal' } } },
  '503 with HTML': {
    action: {
      kind: 'answer',
      status: 503,
      headers: { 'Content-Type': 'text/html' },
      body: '<html><style>x</style><h1>Out of order</h1></html>',
    },
  },
  'a reset before': { action: { kind: 'reset', when: 'before' } },
  'a reset after': { action: { kind: 'reset', when: 'after' } },
  'a stall': { action: { kind: 'stall' } },
  'a stall inside the answer': { action: { kind: 'stall', afterBytes: 1 } },
  'a truncated answer': { action: { kind: 'truncate', afterBytes: 1 } },
};

const large = noise(300 * 1024);
const contents = { 'data/large.parquet': large, 'data/a.parquet': 'PAR1', 'README.md': '# Hi' };

/** Everything once, in the order of a push and a pull. */
async function everything({ repository }: ReturnType<typeof connect>) {
  const parent = await repository.create({ private: true });
  const head = await repository.commit(putting(parent, contents));
  expect(await repository.head()).toBe(head);
  const files = await listed(repository.list(head, 'data'));
  expect(files.map(({ path }) => path)).toEqual(['data/a.parquet', 'data/large.parquet']);
  const [file] = (await repository.find(head, ['data/large.parquet', 'no'])).values();
  expect(file).toEqual({
    path: 'data/large.parquet',
    bytes: large.byteLength,
    digest: sha256(large),
  });
  if (file === undefined) return;
  const to = join(temporaryFolder(), 'sub', 'large.parquet');
  await repository.download(head, { file, to });
  expect(sha256(readFileSync(to))).toBe(sha256(large));
  const range = { start: 1000, end: 1010 };
  expect([...(await repository.read(head, file.path, range))]).toEqual([
    ...large.slice(1000, 1010),
  ]);
}

const parts = { multipartThreshold: 256 * 1024, partSize: 128 * 1024 };

describe('every repeatable request is sent again after', () => {
  for (const [name, { action, wait }] of Object.entries(passing)) {
    test(name, async () => {
      const stalls = new Stalls();
      const planned = { ...action, ...(action.kind === 'stall' && { onSilence: stalls.now }) };
      const hub = await startHub({ ...parts, faults: { faults: once(planned, ROUTES) } });
      const client = connect(hub, { stalls });
      await everything(client);
      expect(Object.keys(await filesOf(hub)).sort()).toEqual(Object.keys(contents).sort());
      expect(await commitsOf(hub)).toHaveLength(2);
      if (wait !== undefined) expect(client.waits).toContain(wait);
      expect(Math.max(0, ...client.waits)).toBeLessThanOrEqual(600_000);
    });
  }

  test('an answer that is not JSON', async () => {
    const action: FaultAction = { kind: 'answer', status: 200, body: '<p>Log in to the network' };
    const hub = await startHub({ ...parts, faults: { faults: once(action, JSON_ROUTES) } });
    await everything(connect(hub));
    expect(await commitsOf(hub)).toHaveLength(2);
  });
});

test('what never passes is given up after six attempts, with what the server said', async () => {
  const { repository, failure, waits, hub } = await startClient();
  const body = '<html><title>Sorry</title><p>The <b>database</b> is away</html>';
  hub.injectFaults({ faults: [{ route: 'tree', action: { kind: 'answer', status: 503, body } }] });
  const before = hub.count('tree');
  const error = await failure(listed(repository.list('main', '')));
  expect(error).toMatchObject({ code: 'hub-unavailable', mayPass: true, status: 503 });
  expect(error.message).toMatch(/^local\/things: listing the files: the Hub answered 503 to GET/);
  expect(error.message).toMatch(/: Sorry$/);
  expect(hub.count('tree') - before).toBe(6);
  expect(waits).toEqual([750, 1250, 2250, 4250, 8250]);
});

test('a Hub that nobody serves is unavailable, and its address is not in the way', async () => {
  const hub = await startHub();
  await hub.close();
  const { repository, failure } = connect(hub);
  expect(await failure(repository.head())).toMatchObject({
    code: 'hub-unavailable',
    message: 'local/things: looking for the commit of main: the connection failed (ECONNREFUSED)',
  });
});

test('a 429 is waited for much longer than a failure, and then told', async () => {
  const { repository, failure, waits, hub } = await startClient();
  const action: FaultAction = { kind: 'answer', status: 429, headers: { 'Retry-After': '3600' } };
  hub.injectFaults({ faults: [{ route: 'commit', action }] });
  const head = await repository.head();
  const error = await failure(repository.commit(putting(head ?? '', { 'a.txt': 'a' })));
  expect(error).toMatchObject({ code: 'hub-unavailable', status: 429, mayPass: true });
  expect(waits).toEqual(Array.from({ length: 12 }, () => 600_000));
  expect(await commitsOf(hub)).toHaveLength(1);
});

for (const status of [400, 401, 403, 404, 409, 412, 413, 422]) {
  test(`a ${status} is never asked again`, async () => {
    const { repository, failure, waits, hub } = await startClient();
    const action: FaultAction = { kind: 'answer', status, body: { error: 'No.' } };
    hub.injectFaults({ faults: [{ route: 'paths-info', action }] });
    const error = await failure(repository.find('main', ['a']));
    expect(error.status).toBe(status);
    expect(error.message).toMatch(/: No\.$/);
    expect(hub.count('paths-info')).toBe(1);
    expect(waits).toEqual([]);
  });
}

describe('the throttle', () => {
  const signal = new AbortController().signal;
  const enter = (throttle: Throttle, key = 'api') => throttle.enter(key, { signal, onWait() {} });
  const left = (text: string) => new Headers({ RateLimit: text });

  test('stops everybody when the window is used up, and only that class', async () => {
    const { network, waits } = fakeNetwork();
    const { throttle } = network;
    throttle.answered('api', left('"api";r=2;t=30'));
    for (let i = 0; i < 2; i += 1) await enter(throttle);
    expect(waits).toEqual([]);
    await enter(throttle, 'resolver');
    expect(waits).toEqual([]);
    await enter(throttle);
    expect(waits).toEqual([31_000]);
    for (let i = 0; i < 100; i += 1) await enter(throttle);
    expect(waits).toEqual([31_000]);
  });

  test('takes a late answer of the same window for no news', async () => {
    const { network, waits } = fakeNetwork();
    const { throttle } = network;
    throttle.answered('api', left('"api";r=1;t=30'));
    throttle.answered('api', left('"api";r=9;t=30'));
    await enter(throttle);
    await enter(throttle);
    expect(waits).toEqual([31_000]);
  });

  test('lets nobody in while it is closed', async () => {
    const { network, waits } = fakeNetwork();
    network.throttle.close('api', 5000);
    await enter(network.throttle);
    expect(waits).toEqual([5000]);
  });

  test('ends a wait when the signal is aborted', async () => {
    const controller = new AbortController();
    const { network } = fakeNetwork({ onSleep: () => controller.abort(new Error('enough')) });
    network.throttle.close('api', 5000);
    const waiting = network.throttle.enter('api', { signal: controller.signal, onWait() {} });
    await expect(waiting).rejects.toThrow('enough');
  });
});
