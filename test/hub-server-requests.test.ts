// The requests of other clients of the Hub, above all the Python one, replayed as they are on the
// wire; and requests that no honest client sends.
import { request as httpRequest } from 'node:http';
import { describe, expect, test } from 'vitest';
import { announce, api, commitTo, lfsFile, upload, withRepo } from './hub-requests.ts';
import { ndjson, noise, post, regular, sha256, startHub } from './hub-rig.ts';

test('the requests of an upload and a download by the Python client', async () => {
  const hub = await startHub();
  const who = await hub.json('/api/whoami-v2');
  expect(who).toMatchObject({ type: 'user', name: 'local', orgs: [] });

  const create = post({ name: 'things', organization: null, type: 'dataset', private: false });
  const url = `${hub.url}/datasets/local/things`;
  expect(await hub.json('/api/repos/create', create)).toMatchObject({ url });
  const again = await hub.call('/api/repos/create', create);
  expect(again.status).toBe(409);
  expect(await again.json()).toMatchObject({ url, error: expect.any(String) });

  const card = { content: '---\nlicense: cc0-1.0\n---\n', repoType: 'dataset' };
  expect(await hub.json('/api/validate-yaml', post(card))).toEqual({ errors: [], warnings: [] });

  const bytes = noise(1000);
  const preupload = post({
    files: [
      {
        path: 'data/x.parquet',
        size: 1000,
        sample: Buffer.from(bytes.slice(0, 512)).toString('base64'),
      },
      { path: 'README.md', size: 3, sample: Buffer.from('# A').toString('base64') },
    ],
  });
  expect(await hub.json(`${api}/preupload/main`, preupload)).toEqual({
    files: [
      { path: 'data/x.parquet', uploadMode: 'lfs', shouldIgnore: false, oid: null },
      { path: 'README.md', uploadMode: 'regular', shouldIgnore: false, oid: null },
    ],
  });
  await upload(hub, bytes);
  expect((await announce(hub, [bytes])).objects).toEqual([{ oid: sha256(bytes), size: 1000 }]);
  const header = { summary: 'add', description: '' };
  const init = ndjson(header, regular('README.md', '# A'), lfsFile('data/x.parquet', bytes));
  const head = await commitTo(hub, init);
  expect(head).toMatch(/^[0-9a-f]{40}$/);
  expect(await hub.json(`${api}/preupload/main`, preupload)).toMatchObject({
    files: [{ oid: sha256(bytes) }, { oid: expect.stringMatching(/^[0-9a-f]{40}$/) }],
  });

  const file = '/datasets/local/things/resolve/main/data/x.parquet';
  const probe = await hub.call(file, { method: 'HEAD' });
  expect(probe.status).toBe(200);
  expect(Object.fromEntries(probe.headers)).toMatchObject({
    'x-repo-commit': head,
    etag: `"${sha256(bytes)}"`,
    'x-linked-etag': `"${sha256(bytes)}"`,
    'x-linked-size': '1000',
    'content-length': '1000',
    'accept-ranges': 'bytes',
  });
  expect(new Uint8Array(await (await hub.call(file)).arrayBuffer())).toEqual(bytes);
  const raw = await hub.call('/datasets/local/things/raw/main/data/x.parquet');
  expect(await raw.text()).toContain(`oid sha256:${sha256(bytes)}\nsize 1000\n`);

  const info = await hub.json(`${api}/revision/main?blobs=True`);
  expect(info).toMatchObject({
    id: 'local/things',
    sha: head,
    siblings: [
      { rfilename: '.gitattributes' },
      { rfilename: 'README.md', size: 3 },
      { rfilename: 'data/x.parquet', lfs: { sha256: sha256(bytes), size: 1000 } },
    ],
  });
});

test('listings by pages, by a path in one segment and by a form of paths', async () => {
  const hub = await withRepo({ pageSize: 2 });
  const names = ['a b', 'a#b', 'language=%5CN', '日本'];
  const files = names.map((name) => regular(`data/${name}/x.txt`, name));
  await commitTo(hub, ndjson({ summary: 'add' }, ...files));

  const folder = encodeURIComponent('data/language=%5CN');
  expect(await hub.json(`${api}/tree/main/${folder}?recursive=True`)).toMatchObject([
    { type: 'file', path: 'data/language=%5CN/x.txt', size: 13 },
  ]);

  const paths: string[] = [];
  let pages = 0;
  let next: string | undefined = `${api}/tree/main?recursive=True&expand=False`;
  while (next !== undefined) {
    const response: Response = await hub.call(next);
    const rows: readonly { path: string }[] = JSON.parse(await response.text());
    paths.push(...rows.map(({ path }) => path));
    const link = response.headers.get('link');
    // Both clients need an absolute URL, and the JavaScript one the space.
    const [, origin, rest] = /^<(http:\/\/[^/]+)([^>]+)>; rel="next"$/.exec(link ?? '') ?? [];
    expect(origin ?? hub.url).toBe(hub.url);
    next = rest;
    pages += 1;
    // A page belongs to the moment of the first.
    if (pages === 1) await commitTo(hub, ndjson({ summary: 'late' }, regular('zzz.txt', 'z')));
  }
  const expected = [
    '.gitattributes',
    'data',
    ...names.flatMap((name) => [`data/${name}`, `data/${name}/x.txt`]),
  ];
  expect(paths).toEqual(expected);
  expect(pages).toBe(5);

  const form = new URLSearchParams([
    ...names.map((name) => ['paths', `data/${name}/x.txt`]),
    ['paths', 'data'],
    ['paths', 'none'],
    ['expand', 'True'],
  ]);
  const rows = await hub.json(`${api}/paths-info/main`, { method: 'POST', body: form });
  expect(rows).toMatchObject([
    ...names.map((name) => ({ path: `data/${name}/x.txt`, lastCommit: { title: 'add' } })),
    { path: 'data', type: 'directory' },
  ]);
});

test('refs, branches, commits and folders that are deleted', async () => {
  const hub = await withRepo();
  const files = ['a/x', 'a/b/y', 'c'].map((path) => regular(path, path));
  const first = await commitTo(hub, ndjson({ summary: 'add', description: 'three' }, ...files));
  expect((await hub.call(`${api}/branch/old`, post({ startingPoint: first }))).status).toBe(200);
  expect((await hub.call(`${api}/branch/none`, post({ startingPoint: 'x' }))).status).toBe(404);
  const second = await commitTo(
    hub,
    ndjson({ summary: 'less', parentCommit: first.slice(0, 7) }, ['deletedFolder', { path: 'a/' }]),
  );
  expect(await hub.json(`${api}/refs`)).toMatchObject({
    branches: [
      { name: 'main', ref: 'refs/heads/main', targetCommit: second },
      { name: 'old', ref: 'refs/heads/old', targetCommit: first },
    ],
    tags: [],
  });
  const commits = await hub.call(`${api}/commits/main?expand%5B%5D=formatted&limit=2`);
  expect(commits.headers.get('x-total-count')).toBe('3');
  expect(await commits.json()).toMatchObject([
    { id: second, title: 'less', message: '', authors: [{ user: 'local' }] },
    { id: first, title: 'add', message: 'three' },
  ]);
  const rows = await hub.json(`${api}/tree/main?recursive=true`);
  expect(rows).toMatchObject([{ path: '.gitattributes' }, { path: 'c' }]);
  expect(await hub.json(`${api}/tree/old?recursive=true`)).toHaveLength(6);
  expect((await hub.call(`${api}/branch/main`, { method: 'DELETE' })).status).toBe(403);
});

test.each<[string, string, RequestInit, number, string | null]>([
  ['a missing repo', '/api/datasets/local/none', {}, 404, 'RepoNotFound'],
  ['a missing revision', `${api}/revision/none`, {}, 404, 'RevisionNotFound'],
  ['a missing revision', `${api}/tree/${'0'.repeat(40)}`, {}, 404, 'RevisionNotFound'],
  ['a missing folder', `${api}/tree/main/none`, {}, 404, 'EntryNotFound'],
  ['a missing file', '/datasets/local/things/resolve/main/none', {}, 404, 'EntryNotFound'],
  ['a missing branch', `${api}/commit/none`, ndjson({ summary: 'x' }), 404, 'RevisionNotFound'],
  ['no token', api, { headers: { authorization: 'Basic x' } }, 401, null],
  ['an unknown path', '/api/nothing', {}, 404, null],
  ['a wrong method', `${api}/refs`, { method: 'PUT' }, 405, null],
  ['too many paths', `${api}/paths-info/main`, post({ paths: Array(1001).fill('x') }), 413, null],
  [
    'a stale parent',
    `${api}/commit/main`,
    ndjson({ summary: 'x', parentCommit: '1234567' }),
    412,
    null,
  ],
  ['a commit without header', `${api}/commit/main`, ndjson({}, regular('a', 'a')), 400, null],
  ['a pull request', `${api}/commit/main?create_pr=1`, ndjson({ summary: 'x' }), 400, null],
  [
    'content that never came',
    `${api}/commit/main`,
    ndjson({ summary: 'x' }, lfsFile('a', noise(3))),
    400,
    null,
  ],
  [
    'an unknown operation',
    `${api}/commit/main`,
    ndjson({ summary: 'x' }, ['rename', { path: 'a' }]),
    400,
    null,
  ],
  [
    'a path out of the repo',
    `${api}/commit/main`,
    ndjson({ summary: 'x' }, regular('../a', 'a')),
    400,
    null,
  ],
  ['a bad repo name', '/api/repos/create', post({ name: '..', type: 'dataset' }), 400, null],
  ['an unknown upload', '/-/uploads/abc', { method: 'PUT', body: 'x' }, 404, 'EntryNotFound'],
])('%s: %s', async (_, path, init, status, code) => {
  const hub = await withRepo();
  const response = await hub.call(path, init);
  expect([response.status, response.headers.get('x-error-code')]).toEqual([status, code]);
  expect(await response.json()).toEqual({ error: expect.any(String) });
});

describe('paths that fetch would not send as they are', () => {
  const base = '/datasets/local/things/resolve/main';
  test.each([
    [`${base}/../../../../../etc/passwd`, 400],
    [`${base}/%2e%2e/%2e%2e/x`, 400],
    [`${base}/..%2f..%2fx`, 400],
    [`${base}//etc/passwd`, 400],
    [`${base}/%2Fetc%2Fpasswd`, 400],
    [`${base}/a%00b`, 400],
    [`${base}/a%ZZ`, 400],
    [`${base}/a%20b`, 404],
    ['/datasets/../local/resolve/main/x', 404],
    ['/datasets/local/%2e%2e%2fthings/resolve/main/x', 404],
    ['//', 404],
    ['*', 404],
  ])('%s is answered %i', async (path, status) => {
    const hub = await withRepo();
    const { hostname, port } = new URL(hub.url);
    const headers = { authorization: `Bearer ${hub.token}` };
    const answered = new Promise<number | undefined>((resolve, reject) => {
      const request = httpRequest({ hostname, port, path, headers }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode));
      });
      request.on('error', reject).end();
    });
    expect(await answered).toBe(status);
  });
});

test('links begin as the client named the server, and large files may come from elsewhere', async () => {
  const hub = await withRepo({ cdnOrigin: true, pageSize: 1 });
  const bytes = noise(100);
  await upload(hub, bytes);
  await commitTo(hub, ndjson({ summary: 'add' }, lfsFile('x', bytes)));
  const named = hub.url.replace('127.0.0.1', 'localhost');
  const headers = { authorization: `Bearer ${hub.token}` };
  const listing = await fetch(`${named}${api}/tree/main`, { headers }).catch(() => undefined);
  if (listing !== undefined) expect(listing.headers.get('link')).toContain(`<${named}/`);

  const redirect = await hub.call('/datasets/local/things/resolve/main/x');
  expect(redirect.status).toBe(302);
  expect(redirect.headers.get('x-linked-etag')).toBe(`"${sha256(bytes)}"`);
  const location = redirect.headers.get('location') ?? '';
  expect(new URL(location).origin).not.toBe(hub.url);
  const content = await fetch(location, { headers: { range: 'bytes=1-2' } });
  expect(new Uint8Array(await content.arrayBuffer())).toEqual(bytes.slice(1, 3));
  expect(content.headers.get('etag')).not.toContain(sha256(bytes));
  expect((await fetch(location, { headers })).status).toBe(400);
  expect((await fetch(location.replace(/.$/, 'x'))).status).toBe(403);
  expect((await fetch(`${new URL(location).origin}${api}`, { headers })).status).toBe(404);
});

test('nothing is answered without the token but what carries its own permission', async () => {
  const hub = await withRepo();
  for (const path of [
    '/api/whoami-v2',
    api,
    `${api}/tree/main`,
    '/datasets/local/things/resolve/main/x',
  ]) {
    const response = await fetch(`${hub.url}${path}`);
    expect([response.status, await response.json()]).toEqual([
      401,
      { error: 'Invalid username or password.' },
    ]);
  }
  const { headers } = await hub.call('/api/whoami-v2');
  expect(JSON.stringify([...headers])).not.toContain(hub.token);
});
