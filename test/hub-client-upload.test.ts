// Local files on their way to a Hub: what the storage does wrong, files that change meanwhile, and
// an abort. Nothing is committed unless every byte of it is what was recorded.
import { rmSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Fault, FaultAction } from '../src/hub/server/fault.ts';
import type { RemoteChange } from '../src/task.ts';
import {
  commitsOf,
  connect,
  faulty,
  filesOf,
  localFile,
  lost,
  once,
  putting,
  Stalls,
  startClient,
  startStub,
} from './hub-client-rig.ts';
import { noise, sha256 } from './hub-rig.ts';

const data = { 'data/a.parquet': 'PAR1a', 'data/b.parquet': 'PAR1b' };

describe('uploads in work', () => {
  const parts = { multipartThreshold: 256 * 1024, partSize: 128 * 1024 };
  const large = noise(300 * 1024);

  test('a storage that is in trouble for one content is asked anew', async () => {
    const action: FaultAction = { kind: 'lfs-error', object: 2, code: 503, message: 'Busy' };
    const { repository, hub, head } = await startClient(faulty(...once(action, ['lfs-batch'])));
    await repository.commit(putting(head, data));
    expect(hub.count('lfs-batch')).toBe(2);
    expect(await commitsOf(hub)).toHaveLength(2);
  });

  const partly: Readonly<Record<string, Fault[]>> = {
    'the end of a multipart upload fails': once({ kind: 'answer', status: 500 }, [
      'upload-complete',
    ]),
    'the end of a multipart upload is lost': once(lost, ['upload-complete']),
    'an address has expired': once({ kind: 'answer', status: 403 }, ['upload-part']),
    'a part gets no ETag': once({ kind: 'answer', status: 200 }, ['upload-part']),
  };
  const ends: Readonly<Record<string, (onSilence: () => void) => FaultAction>> = {
    'a reset': () => ({ kind: 'reset', when: 'before' }),
    'a page of a proxy': () => ({ kind: 'answer', status: 503, body: '<h1>no</h1>' }),
    'no answer': (onSilence) => ({ kind: 'stall', onSilence }),
    'no answer, though it was done': (onSilence) => ({ kind: 'stall', afterBytes: 0, onSilence }),
    '429': () => ({ kind: 'answer', status: 429, headers: { 'Retry-After': '7' } }),
  };
  for (const [name, actionOf] of Object.entries(ends)) {
    test(`the end of a multipart upload meets ${name}, and the file is there once`, async () => {
      const stalls = new Stalls();
      const faults = once(actionOf(stalls.now), ['upload-complete']);
      const { repository, hub, head } = await startClient({
        hub: { ...parts, faults: { faults } },
        client: { stalls },
      });
      await repository.commit(putting(head, { 'a.parquet': large }));
      expect(await filesOf(hub)).toEqual({ 'a.parquet': sha256(large) });
      expect(await commitsOf(hub)).toHaveLength(2);
    });
  }

  test('addresses for another number of parts are refused, and nothing is committed', async () => {
    const { repository, hub, head, failure } = await startClient({ hub: parts });
    const header = { chunk_size: '1000', '00001': `${hub.url}/-/uploads/x/1` };
    const upload = { href: `${hub.url}/-/uploads/x`, header };
    const object = { oid: sha256(large), size: large.length, actions: { upload } };
    const body = { transfer: 'multipart', objects: [object] };
    hub.injectFaults({ faults: once({ kind: 'answer', status: 200, body }, ['lfs-batch']) });
    const error = await failure(repository.commit(putting(head, { 'a.parquet': large })));
    expect(error).toMatchObject({ code: 'hub-rejected', mayPass: false });
    expect(error.message).toMatch(/1 addresses for 308 parts/);
    expect([hub.count('upload-part'), hub.count('commit')]).toEqual([0, 0]);
  });

  for (const [name, faults] of Object.entries(partly)) {
    test(`${name}: new addresses are asked for`, async () => {
      const { repository, hub, head } = await startClient({
        hub: { ...parts, faults: { faults } },
      });
      await repository.commit(putting(head, { 'a.parquet': large }));
      expect(await filesOf(hub)).toEqual({ 'a.parquet': sha256(large) });
      expect(hub.count('lfs-batch')).toBe(2);
      expect(await commitsOf(hub)).toHaveLength(2);
    });
  }

  test('one of sixty fails for good: no commit, and the next try sends the rest', async () => {
    const { repository, hub, head, failure } = await startClient();
    const sixty = Array.from({ length: 60 }, (_, i) => [`${i}.parquet`, `PAR1${i}`] as const);
    const change = putting(head, Object.fromEntries(sixty));
    const action: FaultAction = { kind: 'answer', status: 400, body: { error: 'Bad' } };
    hub.injectFaults({ faults: [{ route: 'upload', nth: 30, action }] });
    expect(await failure(repository.commit(change))).toMatchObject({ code: 'hub-rejected' });
    expect(await commitsOf(hub)).toHaveLength(1);
    hub.injectFaults({});
    await repository.commit(change);
    expect(hub.count('upload')).toBeLessThanOrEqual(65);
    expect(Object.keys(await filesOf(hub))).toHaveLength(60);
  });
});

test('xet sends chunks where the Hub says, with the token that the Hub gave for it', async () => {
  const seen: string[] = [];
  const url = await startStub(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const path = request.url ?? '';
    seen.push(
      `${request.method} ${path.replace(/[0-9a-f]{64}/, '*')} ${request.headers.authorization}`,
    );
    const answer = (value: unknown, status = 200) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    if (path.includes('/preupload/')) {
      return answer({ files: [{ path: 'x.parquet', uploadMode: 'lfs' }] });
    }
    if (path.endsWith('/objects/batch')) {
      const { objects, transfers } = JSON.parse(Buffer.concat(chunks).toString());
      expect(transfers).toContain('xet');
      const header = {
        'X-Xet-Cas-Url': `${url}/cas`,
        'X-Xet-Access-Token': 'for-chunks',
        'X-Xet-Token-Expiration': '4000000000',
      };
      const upload = { href: `${url}/api/datasets/local/things/xet-write-token/main`, header };
      return answer({ transfer: 'xet', objects: [{ ...objects[0], actions: { upload } }] });
    }
    if (path.includes('/v1/chunks/')) return answer({ error: 'unknown' }, 404);
    if (path.includes('/commit/')) return answer({ commitOid: 'c1' });
    answer({ was_inserted: true, result: 1 });
  });
  const { repository } = connect({ url, token: 'hf_stub' }, { xet: 'auto' });
  const change = putting('c0', {});
  const put = [{ path: 'x.parquet', from: localFile(noise(300_000)) }];
  expect(await repository.commit({ ...change, put })).toBe('c1');
  expect(seen).toEqual([
    'POST /api/datasets/local/things/preupload/main Bearer hf_stub',
    'POST /datasets/local/things.git/info/lfs/objects/batch Bearer hf_stub',
    'GET /cas/v1/chunks/default/* Bearer for-chunks',
    'POST /cas/v1/xorbs/default/* Bearer for-chunks',
    'POST /cas/v1/shards Bearer for-chunks',
    'POST /api/datasets/local/things/commit/main Bearer hf_stub',
  ]);
});

test('without xet only plain uploads are asked for', async () => {
  const { repository, hub, head } = await startClient();
  const asked: unknown[] = [];
  const url = await startStub(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    if (request.url?.endsWith('/objects/batch')) asked.push(JSON.parse(body.toString()).transfers);
    const headers = { 'content-type': request.headers['content-type'] ?? 'text/plain' };
    const answer = await hub.call(request.url ?? '', {
      method: request.method ?? '',
      headers,
      body,
    });
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(Buffer.from(await answer.arrayBuffer()));
  });
  const { token } = hub;
  for (const [i, xet] of (['off', 'auto'] as const).entries()) {
    const parent = (await repository.head()) ?? head;
    await connect({ url, token }, { xet }).repository.commit(
      putting(parent, { [`${i}.parquet`]: `PAR1${i}` }),
    );
  }
  expect(asked).toEqual([
    ['basic', 'multipart'],
    ['basic', 'multipart', 'xet'],
  ]);
});

describe('a local file that changes is an integrity error and no commit:', () => {
  async function refused(
    change: (parent: string) => RemoteChange,
    options: { readonly faults?: Fault[]; readonly onSleep?: () => void } = {},
  ) {
    const { hub, head } = await startClient(faulty(...(options.faults ?? [])));
    const { repository, failure } = connect(hub, { onSleep: () => options.onSleep?.() });
    const error = await failure(repository.commit(change(head)));
    expect(error).toMatchObject({ code: 'integrity', mayPass: false });
    expect(error.message).toContain('x.parquet');
    expect(await commitsOf(hub)).toHaveLength(1);
    expect(hub.count('commit')).toBe(0);
  }
  const put = (from: { readonly file: string; readonly sha256: string }) => (parent: string) => ({
    ...putting(parent, {}),
    put: [{ path: 'x.parquet', from }],
  });
  const trouble = (route: 'preupload' | 'lfs-batch' | 'upload') =>
    once({ kind: 'answer', status: 500 }, [route]);

  test('before the upload', () => refused(put({ ...localFile('new'), sha256: sha256('old') })));

  test('it is gone', async () => {
    const local = localFile('x');
    rmSync(local.file);
    await refused(put(local));
  });

  for (const [name, size] of [
    ['small', 1000],
    ['large', 12_000_000],
  ] as const) {
    for (const route of ['preupload', 'lfs-batch', 'upload'] as const) {
      test(`${name}, rewritten with the same size after the ${route}`, async () => {
        const local = localFile(noise(size));
        const onSleep = () => writeFileSync(local.file, noise(size, 2));
        await refused(put(local), { faults: trouble(route), onSleep });
      });
    }
    test(`${name}, cut short before it is sent`, async () => {
      const local = localFile(noise(size));
      const onSleep = () => writeFileSync(local.file, 'short');
      await refused(put(local), { faults: trouble('lfs-batch'), onSleep });
    });
  }
});

describe('an abort', () => {
  test('before the call asks nothing', async () => {
    const { hub, head } = await startClient();
    const { repository } = connect(hub, { signal: AbortSignal.abort(new Error('stopped')) });
    const before = hub.served.length;
    const file = { path: 'a', bytes: 1, digest: sha256('a') };
    for (const work of [
      () => repository.commit(putting(head, data)),
      () => repository.head(),
      () => repository.create({ private: true }),
      () => Array.fromAsync(repository.list('main', '')),
      () => repository.find('main', ['a']),
      () => repository.read('main', 'a'),
      () => repository.download('main', { file, to: localFile('').file }),
    ]) {
      await expect(work()).rejects.toThrow('stopped');
    }
    expect(hub.served.length).toBe(before);
  });

  test('in the middle of an upload leaves no commit', async () => {
    const { hub, head } = await startClient(faulty({ route: 'upload', action: { kind: 'stall' } }));
    const controller = new AbortController();
    const { repository } = connect(hub, { signal: controller.signal });
    const local = localFile(noise(4_000_000));
    const work = repository.commit({
      ...putting(head, {}),
      put: [{ path: 'big.parquet', from: local }],
      onBytes: (done) => done > 0 && controller.abort(new Error('stopped')),
    });
    await expect(work).rejects.toThrow('stopped');
    expect(await commitsOf(hub)).toHaveLength(1);
    expect(hub.count('commit')).toBe(0);
  });

  test('at the first word of progress does not leave the call hanging', async () => {
    const { hub, head } = await startClient();
    const controller = new AbortController();
    const { repository } = connect(hub, { signal: controller.signal });
    const six = Array.from({ length: 6 }, (_, i) => [`${i}.parquet`, `PAR1${i}`] as const);
    const work = repository.commit({
      ...putting(head, Object.fromEntries(six)),
      onBytes: () => controller.abort(new Error('stopped')),
    });
    await expect(work).rejects.toThrow('stopped');
    expect(await commitsOf(hub)).toHaveLength(1);
  });

  test('while it waits ends the wait', async () => {
    const controller = new AbortController();
    const action: FaultAction = { kind: 'answer', status: 429, headers: { 'Retry-After': '60' } };
    const { hub, head } = await startClient(faulty({ route: 'commit', action }));
    const { repository } = connect(hub, {
      signal: controller.signal,
      onSleep: () => controller.abort(new Error('stopped')),
    });
    await expect(repository.commit(putting(head, data))).rejects.toThrow('stopped');
    expect(hub.count('commit')).toBe(1);
    expect(await commitsOf(hub)).toHaveLength(1);
  });
});
