// Files on their way from a Hub: whole and right under their names or not there at all, resumed
// where they stopped.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { EmbeddedHubOptions } from '../src/hub/server/embedded-hub.ts';
import type { FaultAction } from '../src/hub/server/fault.ts';
import type { RemoteFile } from '../src/task.ts';
import { connect, once, putting, startClient, startStub } from './hub-client-rig.ts';
import { noise, sha256, temporaryFolder } from './hub-rig.ts';

const large = noise(200_000);
const FILE: RemoteFile = { path: 'data/l.parquet', bytes: large.length, digest: sha256(large) };

/** A Hub with one large file, and where to download it to. */
async function startWith(options: Partial<EmbeddedHubOptions> = {}) {
  const rig = await startClient({ hub: options });
  const head = await rig.repository.commit(putting(rig.head, { [FILE.path]: large }));
  const to = join(temporaryFolder(), 'l.parquet');
  const fails = (...actions: readonly FaultAction[]) =>
    rig.hub.injectFaults({
      faults: actions.map((action, i) => ({ route: 'resolve', nth: i + 1, action })),
    });
  const statuses = () =>
    rig.hub.served.filter(({ route }) => route === 'resolve').map(({ status }) => status);
  const expectWhole = () => {
    expect(sha256(readFileSync(to))).toBe(FILE.digest);
    expect(readdirSync(dirname(to))).toEqual(['l.parquet']);
  };
  return { ...rig, head, to, fails, statuses, expectWhole };
}

const cut: FaultAction = { kind: 'truncate', afterBytes: 80_000 };

describe('a download', () => {
  test('tells how far it is and leaves only the file', async () => {
    const { repository, head, to, expectWhole } = await startWith();
    const seen: number[] = [];
    await repository.download(head, { file: FILE, to, onBytes: (done) => seen.push(done) });
    expectWhole();
    expect(seen.toSorted((a, b) => a - b)).toEqual(seen);
    expect(seen.at(-1)).toBe(FILE.bytes);
  });

  test('goes on inside the file when the answer breaks off, as often as it gets on', async () => {
    const asked: (string | undefined)[] = [];
    const url = await startStub(({ headers }, response) => {
      asked.push(headers.range);
      const start = Number(/\d+/.exec(headers.range ?? '0')?.[0]);
      const range = `bytes ${start}-${FILE.bytes - 1}/${FILE.bytes}`;
      response.writeHead(start === 0 ? 200 : 206, { etag: '"e"', 'content-range': range });
      expect(headers['if-range']).toBe(start === 0 ? undefined : '"e"');
      response.write(large.slice(start, start + 20_000));
      response.end();
    });
    const { repository } = connect({ url, token: 'hf_stub' });
    const to = join(temporaryFolder(), 'x');
    await repository.download('main', { file: FILE, to });
    expect(sha256(readFileSync(to))).toBe(FILE.digest);
    expect(asked).toHaveLength(10);
    expect(asked.at(-1)).toBe('bytes=180000-');
  });

  test.for(['beside the file', 'where it is told to'])(
    'waits %s, to be gone on with',
    async (at) => {
      const { hub, head, to, fails, statuses, expectWhole } = await startWith();
      fails({ kind: 'stall', afterBytes: 80_000 });
      const elsewhere = join(temporaryFolder(), 'sub', 'part');
      const isBeside = at === 'beside the file';
      const request = { file: FILE, to, ...(isBeside ? {} : { partAt: () => elsewhere }) };
      const controller = new AbortController();
      const first = connect(hub, { signal: controller.signal }).repository.download(head, {
        ...request,
        onBytes: (done) => done >= 60_000 && controller.abort(new Error('stopped')),
      });
      await expect(first).rejects.toThrow('stopped');
      expect(existsSync(to)).toBe(false);
      const part = readFileSync(isBeside ? `${to}.incomplete` : elsewhere).length;
      expect(part).toBeGreaterThanOrEqual(60_000);
      const seen: number[] = [];
      const { repository } = connect(hub);
      await repository.download(head, { ...request, onBytes: (done) => seen.push(done) });
      expectWhole();
      expect(seen[0]).toBe(part);
      await expect.poll(() => statuses().slice(-1)).toEqual([206]);
      if (!isBeside) expect(readdirSync(dirname(elsewhere))).toEqual([]);
    },
  );

  test('starts over when the server does not know ranges', async () => {
    const { repository, head, to, fails, statuses, expectWhole } = await startWith();
    writeFileSync(`${to}.incomplete`, large.slice(0, 1000));
    writeFileSync(`${to}.incomplete.from`, JSON.stringify(FILE));
    fails({ kind: 'ignore-range' });
    await repository.download(head, { file: FILE, to });
    expectWhole();
    await expect.poll(statuses).toEqual([200]);
  });

  test('is given up when the server sends the same beginning again and again', async () => {
    let asked = 0;
    const url = await startStub((_request, response) => {
      asked += 1;
      response.write(large.slice(0, 50_000));
      response.end();
    });
    const { repository, failure } = connect({ url, token: 'hf_stub' });
    const to = join(temporaryFolder(), 'x');
    const error = await failure(repository.download('main', { file: FILE, to }));
    expect(error).toMatchObject({ code: 'hub-unavailable', mayPass: true });
    expect(error.message).toMatch(/ended after 50000 of 200000 bytes/);
    expect(asked).toBe(6);
    expect(existsSync(to)).toBe(false);
  });

  test('fetches once more what arrived wrong', async () => {
    const { repository, head, to, fails, lines, expectWhole } = await startWith();
    fails({ kind: 'wrong-bytes', at: 1234 });
    await repository.download(head, { file: FILE, to });
    expectWhole();
    expect(lines.join()).toMatch(/digest is [0-9a-f]{64}; fetching data\/l.parquet once more/);
  });

  test('is refused when the bytes are wrong again, and leaves nothing', async () => {
    const { repository, head, to, fails, statuses, failure } = await startWith();
    fails({ kind: 'wrong-bytes', at: 1234 }, { kind: 'wrong-bytes', at: 5 });
    const error = await failure(repository.download(head, { file: FILE, to }));
    expect(error).toMatchObject({ code: 'integrity', mayPass: false });
    expect(readdirSync(dirname(to))).toEqual([]);
    await expect.poll(statuses).toHaveLength(2);
  });

  test('finds out that a part was damaged, and fetches all of it', async () => {
    const { repository, head, to, statuses, fails, expectWhole } = await startWith();
    writeFileSync(`${to}.incomplete`, large.slice(0, 1000).fill(0, 500));
    writeFileSync(`${to}.incomplete.from`, JSON.stringify(FILE));
    fails();
    await repository.download(head, { file: FILE, to });
    expectWhole();
    await expect.poll(statuses).toEqual([206, 200]);
  });

  const parts: Readonly<Record<string, { part: Uint8Array; from?: string; asked: number[] }>> = {
    'of unknown origin': { part: large.slice(0, 1000), asked: [200] },
    'with a torn origin': { part: large.slice(0, 1000), from: '{"dig', asked: [200] },
    'of another file': {
      part: noise(1000, 3),
      from: JSON.stringify({ digest: sha256('x'), bytes: FILE.bytes }),
      asked: [200],
    },
    'that is too long': { part: noise(300_000), from: JSON.stringify(FILE), asked: [200] },
    'that is all of it': { part: large, from: JSON.stringify(FILE), asked: [] },
    'without a byte': { part: large.slice(0, 0), from: JSON.stringify(FILE), asked: [200] },
  };
  for (const [name, { part, from, asked }] of Object.entries(parts)) {
    test(`copes with a part ${name}`, async () => {
      const { repository, head, to, statuses, expectWhole } = await startWith();
      writeFileSync(`${to}.incomplete`, part);
      if (from !== undefined) writeFileSync(`${to}.incomplete.from`, from);
      await repository.download(head, { file: FILE, to });
      expectWhole();
      await expect.poll(statuses).toEqual(asked);
    });
  }

  for (const bytes of [FILE.bytes - 1, FILE.bytes + 1]) {
    test(`is refused when the Hub serves other than ${bytes} listed bytes`, async () => {
      const { repository, head, to, failure } = await startWith();
      const error = await failure(repository.download(head, { file: { ...FILE, bytes }, to }));
      expect(error.code).toBe('integrity');
      expect(readdirSync(dirname(to))).toEqual([]);
    });
  }

  test('follows to the storage of the Hub without taking the token there', async () => {
    const { repository, head, to, fails, hub, expectWhole } = await startWith({ cdnOrigin: true });
    fails();
    hub.injectFaults({ faults: [{ route: 'cdn', nth: 1, action: cut }] });
    await repository.download(head, { file: FILE, to });
    expectWhole();
    await expect.poll(() => hub.count('cdn')).toBe(2);
  });

  test('gets a new address when the storage says that the old one has expired', async () => {
    const { repository, head, to, hub, expectWhole } = await startWith({ cdnOrigin: true });
    hub.injectFaults({ faults: once({ kind: 'answer', status: 403 }, ['cdn']) });
    await repository.download(head, { file: FILE, to });
    expectWhole();
  });

  test('of a small file leaves only the file, and goes on inside it', async () => {
    const { repository, head, to, fails, statuses } = await startWith();
    const small = noise(64 * 1024);
    const made = await repository.commit(putting(head, { 's.parquet': small }));
    const file = { path: 's.parquet', bytes: small.length, digest: sha256(small) };
    fails({ kind: 'truncate', afterBytes: 1000 }, { kind: 'wrong-bytes', at: 5 });
    const partAt = () => expect.fail('nothing waits on the disk');
    await repository.download(made, { file, to, partAt });
    expect(sha256(readFileSync(to))).toBe(file.digest);
    expect(readdirSync(dirname(to))).toEqual(['l.parquet']);
    await expect.poll(statuses).toEqual([undefined, 206, 200]);
  });

  test('of a small file with wrong bytes is refused, and leaves nothing', async () => {
    const { repository, head, to, failure } = await startWith();
    const made = await repository.commit(putting(head, { 's.parquet': 'PAR1' }));
    for (const [bytes, digest] of [
      [4, sha256('PAR2')],
      [3, sha256('PAR')],
      [5, sha256('PAR1 ')],
    ] as const) {
      const file = { path: 's.parquet', bytes, digest };
      const error = await failure(repository.download(made, { file, to }));
      expect(error).toMatchObject({ code: 'integrity', mayPass: false });
      expect(readdirSync(dirname(to))).toEqual([]);
    }
  });

  test('brings an empty file, and one that git keeps', async () => {
    const { repository, head, to } = await startWith();
    const parent = await repository.commit(putting(head, { 'none.csv': '', 'README.md': '# Hi' }));
    for await (const file of repository.list(parent, '')) {
      await repository.download(parent, { file, to: join(dirname(to), file.path) });
    }
    expect(readFileSync(join(dirname(to), 'none.csv'), 'utf8')).toBe('');
    expect(readFileSync(join(dirname(to), 'README.md'), 'utf8')).toBe('# Hi');
  });

  test('says which file is missing', async () => {
    const { repository, head, to, failure } = await startWith();
    const file = { ...FILE, path: 'data/none.parquet' };
    const error = await failure(repository.download(head, { file, to }));
    expect(error).toMatchObject({ code: 'hub-missing', status: 404, reason: 'EntryNotFound' });
    expect(error.message).toContain('data/none.parquet');
  });
});

describe('reading', () => {
  const range = { start: 150_000, end: 150_100 };
  const wanted = [...large.slice(150_000, 150_100)];

  test('gives a range, also from a server that ignores it', async () => {
    const { repository, head, fails } = await startWith();
    fails({ kind: 'ignore-range' });
    expect([...(await repository.read(head, FILE.path, range))]).toEqual(wanted);
    expect([...(await repository.read(head, FILE.path, range))]).toEqual(wanted);
    expect(await repository.read(head, FILE.path, { start: 5, end: 5 })).toHaveLength(0);
  });

  test('gives all of it, again after a broken answer', async () => {
    const { repository, head, fails } = await startWith();
    fails(cut, { kind: 'reset', when: 'before' });
    expect(sha256(await repository.read(head, FILE.path))).toBe(FILE.digest);
  });

  test('refuses a range that the file has not', async () => {
    const { repository, head, failure } = await startWith();
    const beyond = { start: FILE.bytes - 10, end: FILE.bytes + 10 };
    expect((await failure(repository.read(head, FILE.path, beyond))).code).toBe('integrity');
  });

  test('asks for no path that an address would resolve away', async () => {
    const { repository, head, failure, hub } = await startWith();
    const before = hub.served.length;
    for (const path of ['../../api/whoami-v2', 'a/../b', '', '/a', 'a//b', './a']) {
      expect((await failure(repository.read(head, path))).code).toBe('hub-rejected');
    }
    expect(hub.served.length).toBe(before);
  });
});
