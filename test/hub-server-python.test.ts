// What the Python client asks of a Hub, flow by flow, replayed as it is documented and read in its
// code; it was never run against this server. A flow is a table: each request, and what the client
// needs of the answer. `{head}` is the newest commit that an answer has told of.
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { api, lfsFile, withRepo } from './hub-requests.ts';
import { type HubRig, ndjson, noise, post, regular, sha256 } from './hub-rig.ts';

interface Answered {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  /** sha256 of the body. */
  readonly body?: string;
}

type Exchange = readonly [request: string, init: RequestInit, answered: Answered];

const things = '/datasets/local/things';
const batch = `${things}.git/info/lfs/objects/batch`;
const large = noise(5000);
const next = noise(700, 2);
const oid = sha256(large);
const missing = { status: 404, headers: { 'x-error-code': 'EntryNotFound' } };
const given: unknown = expect.anything();
const hex40: unknown = expect.stringMatching(/^[0-9a-f]{40}$/);

const blob = (text: string) =>
  createHash('sha1').update(`blob ${text.length}\0${text}`).digest('hex');
const sample = (bytes: Uint8Array | string) =>
  Buffer.from(bytes).subarray(0, 512).toString('base64');
const form = (...pairs: readonly [string, string][]): RequestInit => ({
  method: 'POST',
  body: new URLSearchParams([...pairs]),
});
const preupload = post({
  files: [
    { path: 'data/v=a b/x.parquet', size: large.length, sample: sample(large) },
    { path: 'README.md', size: 3, sample: sample('# A') },
  ],
});
const modes = (...oids: readonly (string | null)[]) => ({
  files: [
    { path: 'data/v=a b/x.parquet', uploadMode: 'lfs', shouldIgnore: false, oid: oids[0] ?? null },
    { path: 'README.md', uploadMode: 'regular', shouldIgnore: false, oid: oids[1] ?? null },
  ],
});
const announced = (bytes: Uint8Array): RequestInit => ({
  ...post({
    operation: 'upload',
    transfers: ['basic', 'multipart'],
    objects: [{ oid: sha256(bytes), size: bytes.length }],
    hash_algo: 'sha256',
    ref: { name: 'main' },
  }),
  headers: { 'content-type': 'application/json', accept: 'application/vnd.git-lfs+json' },
});
const told = (bytes: Uint8Array) => ({ oid: sha256(bytes), size: bytes.length });
const wanted = (bytes: Uint8Array): Answered => ({
  status: 200,
  json: {
    objects: [{ ...told(bytes), actions: { upload: { href: given }, verify: { href: given } } }],
  },
});
const known = (bytes: Uint8Array): Answered => ({ status: 200, json: { objects: [told(bytes)] } });
/** To the address that the last batch gave. */
const sent = (bytes: Uint8Array<ArrayBuffer>): readonly Exchange[] => [
  ['{upload}', { method: 'PUT', body: bytes }, { status: 200 }],
  ['{verify}', post(told(bytes)), { status: 200 }],
];
const committed: Answered = { status: 200, json: { commitOid: hex40, commitUrl: given } };
const added: readonly Exchange[] = [
  [batch, announced(large), wanted(large)],
  ...sent(large),
  [
    `${api}/commit/main`,
    ndjson(
      { summary: 'Upload folder using huggingface_hub', description: '' },
      lfsFile('data/v=a b/x.parquet', large),
      regular('README.md', '# A'),
    ),
    committed,
  ],
];
const file = 'data/v%3Da%20b/x.parquet';
const headOf = (bytes: Uint8Array): Answered => ({
  status: 200,
  headers: {
    'x-repo-commit': '{head}',
    etag: `"${sha256(bytes)}"`,
    'x-linked-etag': `"${sha256(bytes)}"`,
    'x-linked-size': String(bytes.length),
    'content-length': String(bytes.length),
  },
});
const entry = {
  type: 'file',
  path: 'data/v=a b/x.parquet',
  size: large.length,
  lfs: { oid, size: large.length, pointerSize: given },
};

const FLOWS: Readonly<Record<string, readonly Exchange[]>> = {
  'create_repo, which may exist': [
    [
      '/api/repos/create',
      post({ name: 'things', organization: 'local', type: 'dataset', private: false }),
      { status: 409, json: { error: given, url: expect.stringContaining(things) } },
    ],
    [
      '/api/repos/create',
      post({ name: 'new', type: 'dataset' }),
      { status: 200, json: { url: given } },
    ],
  ],
  'upload_folder, and again without a change': [
    ['/api/validate-yaml', post({ content: '# A', repoType: 'dataset' }), { status: 200 }],
    [`${api}/preupload/main`, preupload, { status: 200, json: modes() }],
    ...added,
    // It leaves out what has the same oid, and asks for the newest commit instead of making one.
    [`${api}/preupload/main`, preupload, { status: 200, json: modes(oid, blob('# A')) }],
    [`${api}/revision/main`, {}, { status: 200, json: { sha: '{head}' } }],
  ],
  'upload_large_folder, resumed between the uploads and the commit': [
    [`${api}/revision/main`, {}, { status: 200, json: { sha: hex40 } }],
    [`${api}/preupload/main`, preupload, { status: 200, json: modes() }],
    [batch, announced(large), wanted(large)],
    ...sent(large),
    [batch, announced(next), wanted(next)],
    // Killed here: what was sent is there, what was only asked for is not.
    [batch, announced(large), known(large)],
    [batch, announced(next), wanted(next)],
    ...sent(next),
    [
      `${api}/commit/main`,
      ndjson(
        { summary: 'Add files using upload-large-folder tool', description: '' },
        lfsFile('data/v=a b/x.parquet', large),
        lfsFile('data/y.parquet', next),
      ),
      committed,
    ],
  ],
  'list_repo_tree, with the last commits, of a folder and of nothing': [
    ...added,
    [
      `${api}/tree/main?recursive=True&expand=True`,
      {},
      {
        status: 200,
        json: [
          { path: '.gitattributes', lastCommit: { title: 'initial commit' } },
          {
            path: 'README.md',
            oid: blob('# A'),
            size: 3,
            lastCommit: { id: '{head}', date: given },
          },
          { type: 'directory', path: 'data', oid: given },
          { type: 'directory', path: 'data/v=a b' },
          { ...entry, lastCommit: { id: '{head}' } },
        ],
      },
    ],
    [`${api}/tree/{head}/data%2Fv%3Da%20b?recursive=False`, {}, { status: 200, json: [entry] }],
    [`${api}/tree/main/none`, {}, missing],
  ],
  'get_paths_info and file_exists': [
    ...added,
    [
      `${api}/paths-info/main`,
      form(['paths', entry.path], ['paths', 'data'], ['paths', 'no'], ['expand', 'False']),
      { status: 200, json: [entry, { type: 'directory', path: 'data' }] },
    ],
    [`${things}/resolve/main/README.md`, { method: 'HEAD' }, { status: 200 }],
    [`${things}/resolve/main/no`, { method: 'HEAD' }, missing],
    [
      `${things}/resolve/no/README.md`,
      { method: 'HEAD' },
      { status: 404, headers: { 'x-error-code': 'RevisionNotFound' } },
    ],
    [
      '/datasets/local/none/resolve/main/x',
      { method: 'HEAD' },
      { status: 404, headers: { 'x-error-code': 'RepoNotFound' } },
    ],
  ],
  'hf_hub_download, and the rest of a part': [
    ...added,
    [`${things}/resolve/main/${file}`, { method: 'HEAD' }, headOf(large)],
    [`${things}/resolve/main/${file}`, {}, { status: 200, body: oid }],
    [
      `${things}/resolve/main/${file}`,
      { headers: { range: 'bytes=4000-' } },
      { status: 206, body: sha256(large.slice(4000)) },
    ],
  ],
  'snapshot_download at the commit of a revision': [
    ...added,
    [
      `${api}/revision/main`,
      {},
      {
        status: 200,
        json: {
          sha: '{head}',
          siblings: [
            { rfilename: '.gitattributes' },
            { rfilename: 'README.md' },
            { rfilename: entry.path },
          ],
        },
      },
    ],
    [`${api}/tree/{head}?recursive=True&expand=False`, {}, { status: 200 }],
    [`${things}/resolve/{head}/${file}`, { method: 'HEAD' }, headOf(large)],
    [`${things}/resolve/{head}/${file}`, {}, { status: 200, body: oid }],
    [`${things}/resolve/{head}/README.md`, {}, { status: 200, body: sha256('# A') }],
  ],
  'create_commit, with deletions, on a parent that must be the newest': [
    ...added,
    [`${api}/commits/main`, {}, { status: 200, json: [{ id: '{head}' }, { id: '{first}' }] }],
    [
      `${api}/commit/main`,
      ndjson({ summary: 'x', parentCommit: '{first}' }, ['deletedFile', { path: 'README.md' }]),
      { status: 412, json: { error: given } },
    ],
    [
      `${api}/commit/main`,
      ndjson(
        { summary: 'x', description: '', parentCommit: '{head}' },
        regular('b.txt', 'b'),
        ['deletedFile', { path: 'README.md' }],
        ['deletedFolder', { path: 'data/' }],
      ),
      committed,
    ],
    [
      `${api}/tree/main?recursive=True`,
      {},
      { status: 200, json: [{ path: '.gitattributes' }, { path: 'b.txt' }] },
    ],
  ],
  'HfFileSystem: glob, info and reading a range': [
    ...added,
    [`${api}/revision/main`, {}, { status: 200, json: { id: 'local/things', sha: '{head}' } }],
    [
      `${api}/tree/main/data?recursive=True&expand=False`,
      {},
      { status: 200, json: [given, entry] },
    ],
    [
      `${api}/tree/main?recursive=False&expand=True`,
      {},
      { status: 200, json: [given, given, given] },
    ],
    [
      `${api}/paths-info/main`,
      form(['paths', entry.path], ['expand', 'True']),
      { status: 200, json: [{ ...entry, lastCommit: { id: '{head}' } }] },
    ],
    [`${things}/resolve/main/${file}`, { method: 'HEAD' }, headOf(large)],
    [
      `${things}/resolve/main/${file}`,
      { headers: { range: 'bytes=100-299' } },
      {
        status: 206,
        headers: { 'content-range': `bytes 100-299/${large.length}`, 'content-length': '200' },
        body: sha256(large.slice(100, 300)),
      },
    ],
  ],
  'delete_repo, which is gone then': [
    [
      '/api/repos/delete',
      { ...post({ name: 'things', organization: 'local', type: 'dataset' }), method: 'DELETE' },
      { status: 200 },
    ],
    [api, {}, { status: 404, headers: { 'x-error-code': 'RepoNotFound' } }],
  ],
};

class Replay {
  readonly #hub: HubRig;
  readonly #known: Record<string, string> = {};

  constructor(hub: HubRig) {
    this.#hub = hub;
  }

  async play([request, init, answered]: Exchange): Promise<void> {
    const body = typeof init.body === 'string' ? this.#fill(init.body) : init.body;
    const path = this.#fill(request).replace(this.#hub.url, '');
    const response = await this.#hub.call(path, { ...init, ...(body == null ? {} : { body }) });
    const bytes = new Uint8Array(await response.arrayBuffer());
    const about = `${init.method ?? 'GET'} ${path}`;
    expect([about, response.status]).toEqual([about, answered.status]);
    const headers = JSON.parse(this.#fill(JSON.stringify(answered.headers ?? {})));
    expect(Object.fromEntries(response.headers), about).toMatchObject(headers);
    if (answered.body !== undefined) expect([about, sha256(bytes)]).toEqual([about, answered.body]);
    const isJson = response.headers.get('content-type')?.includes('json');
    const json: unknown =
      isJson && bytes.length > 0 ? JSON.parse(Buffer.from(bytes).toString()) : {};
    this.#learn(json);
    if (answered.json !== undefined) expect(json, about).toMatchObject(this.#filled(answered.json));
  }

  #learn(json: unknown): void {
    const text = JSON.stringify(json);
    const find = (pattern: RegExp) => pattern.exec(text)?.[1];
    const { head } = this.#known;
    const commit = find(/"commitOid":"([0-9a-f]{40})"/);
    Object.assign(this.#known, {
      upload: find(/"upload":\{"href":"([^"]+)"/) ?? this.#known['upload'],
      verify: find(/"verify":\{"href":"([^"]+)"/) ?? this.#known['verify'],
      head: commit ?? head,
      first: find(/"id":"([0-9a-f]{40})"[^}]*"title":"initial commit"/) ?? this.#known['first'],
    });
  }

  #fill(text: string): string {
    return text.replace(/\{(\w+)\}/g, (whole, name) => this.#known[name] ?? whole);
  }

  /** Texts below it filled in; matchers stay what they are. */
  #filled(value: unknown): object {
    const fill = (at: unknown): unknown => {
      if (typeof at === 'string') return this.#fill(at);
      if (Array.isArray(at)) return at.map(fill);
      if (at === null || typeof at !== 'object' || 'asymmetricMatch' in at) return at;
      return Object.fromEntries(Object.entries(at).map(([key, each]) => [key, fill(each)]));
    };
    return Object(fill(value));
  }
}

test.for(Object.entries(FLOWS))('%s', async ([, exchanges]) => {
  const replay = new Replay(await withRepo());
  for (const exchange of exchanges) await replay.play(exchange);
});
