// Contents on their way in and out: uploads in parts and in one piece, and ranges of files.
import { describe, expect, test } from 'vitest';
import { announce, commitTo, lfsFile, upload, withRepo } from './hub-requests.ts';
import { ndjson, noise, post, regular, sha256 } from './hub-rig.ts';

describe('uploads', () => {
  const options = { multipartThreshold: 1000, partSize: 400 };
  const bytes = noise(1000);

  async function begin() {
    const hub = await withRepo(options);
    const { transfer, objects } = await announce(hub, [bytes], ['basic', 'multipart']);
    expect(transfer).toBe('multipart');
    const { href = '', header = {} } = objects[0]?.actions?.upload ?? {};
    const parts = Object.keys(header).filter((key) => /^\d+$/.test(key));
    expect([header['chunk_size'], ...parts]).toEqual(['400', '00001', '00002', '00003']);
    const put = async (part: number, body: Uint8Array<ArrayBuffer>) => {
      const known = header[String(part).padStart(5, '0')];
      const response = await fetch(known ?? `${href}/${part}`, {
        method: 'PUT',
        body,
      });
      return { status: response.status, etag: response.headers.get('etag') };
    };
    const complete = async (etags: readonly (string | null)[], oid = sha256(bytes)) => {
      const rows = etags.map((etag, i) => ({ partNumber: i + 1, etag }));
      return (await fetch(href, post({ oid, parts: rows }))).status;
    };
    const isThere = async () => (await announce(hub, [bytes])).objects[0]?.actions === undefined;
    return { hub, put, complete, isThere };
  }

  const pieces = [bytes.slice(0, 400), bytes.slice(400, 800), bytes.slice(800)] as const;

  test('come in parts, in any order, some of them twice', async () => {
    const { put, complete, isThere } = await begin();
    const third = await put(3, pieces[2]);
    const first = await put(1, pieces[0]);
    const second = await put(2, noise(400, 7));
    expect(await complete([first.etag, second.etag, third.etag])).toBe(400);
    const right = await put(2, pieces[1]);
    expect(right.etag).not.toBe(second.etag);
    expect(await complete([first.etag, second.etag, third.etag])).toBe(400);
    expect(await isThere()).toBe(false);
    expect(await complete([first.etag, right.etag, third.etag])).toBe(200);
    expect(await isThere()).toBe(true);
    expect(await complete([first.etag, right.etag, third.etag])).toBe(404);
  });

  test('are refused when a part is missing, too short or not of this upload', async () => {
    const { put, complete, isThere } = await begin();
    const first = await put(1, pieces[0]);
    expect((await put(2, pieces[1].slice(1))).status).toBe(400);
    expect((await put(4, pieces[1])).status).toBe(404);
    const third = await put(3, pieces[2]);
    expect(await complete([first.etag, third.etag])).toBe(400);
    expect(await complete([first.etag, '"x"', third.etag])).toBe(400);
    expect(await complete([first.etag, first.etag, third.etag], sha256('x'))).toBe(400);
    expect(await isThere()).toBe(false);
  });

  test.each([
    ['too short', bytes.slice(1)],
    ['too long', noise(1001)],
    ['other bytes', noise(1000, 2)],
  ])('in one piece are refused when %s', async (_, body) => {
    const hub = await withRepo();
    const { objects } = await announce(hub, [bytes]);
    const href = objects[0]?.actions?.upload.href ?? '';
    expect((await fetch(href, { method: 'PUT', body })).status).toBe(400);
    // A stream announces no length.
    const stream = new Blob([body]).stream();
    const init = { method: 'PUT', body: stream, duplex: 'half' } as const;
    expect((await fetch(href, init)).status).toBe(400);
    expect((await announce(hub, [bytes])).objects[0]?.actions).toBeDefined();
    expect((await fetch(href, { method: 'PUT', body: bytes })).status).toBe(200);
    expect((await announce(hub, [bytes])).objects[0]?.actions).toBeUndefined();
  });
});

test('ranges of a file', async () => {
  const hub = await withRepo();
  const bytes = noise(1000);
  await upload(hub, bytes);
  await commitTo(hub, ndjson({ summary: 'add' }, lfsFile('x', bytes), regular('empty', '')));
  const get = async (headers: Record<string, string>, path = 'x') => {
    const response = await hub.call(`/datasets/local/things/resolve/main/${path}`, { headers });
    const body = new Uint8Array(await response.arrayBuffer());
    return { status: response.status, range: response.headers.get('content-range'), body };
  };
  const etag = `"${sha256(bytes)}"`;
  const middle = { status: 206, range: 'bytes 10-19/1000', body: bytes.slice(10, 20) };
  const whole = { status: 200, range: null, body: bytes };
  expect(await get({ range: 'bytes=10-19' })).toEqual(middle);
  expect(await get({ range: 'bytes=10-19', 'if-range': etag })).toEqual(middle);
  expect(await get({ range: 'bytes=10-19', 'if-range': '"other"' })).toEqual(whole);
  const end = { status: 206, range: 'bytes 992-999/1000', body: bytes.slice(992) };
  expect(await get({ range: 'bytes=-8' })).toEqual(end);
  expect(await get({ range: 'bytes=1000-' })).toMatchObject({ status: 416, range: 'bytes */1000' });
  expect(await get({ 'if-none-match': etag })).toMatchObject({ status: 304 });
  const nothing = { status: 200, range: 'bytes */0', body: new Uint8Array() };
  expect(await get({ range: 'bytes=0-0' }, 'empty')).toEqual(nothing);
});
