// Downloads: a file at a revision, whole or a range of it. Large files can be sent by a second
// origin as the Hub's CDN does, whose links carry their own permission and whose ETags are its own.
import { type Answer, badRequest, emptyAnswer, errorAnswer, notFound } from './answer.ts';
import { parseByteRange } from './byte-range.ts';
import type { Call, RevisionCall } from './call.ts';
import { isSha256 } from './commit-routes.ts';
import { entryAt, type FileEntry } from './file-tree.ts';
import { pointerText } from './git-object.ts';
import { explainBadPath } from './repo-name.ts';
import { OWN_PREFIX } from './route.ts';

export async function resolveFile(call: RevisionCall): Promise<Answer> {
  const { hub, commit } = call;
  const file = await findFile(call);
  if ('status' in file) return file;
  const { sha256, size, oid } = file;
  const headers = { 'X-Repo-Commit': commit, 'Accept-Ranges': 'bytes' };
  if (sha256 === undefined) {
    const path = hub.contents.regularPath(oid);
    return contentAnswer(call, { path, size, etag: oid, headers });
  }
  const linked = { ...headers, 'X-Linked-ETag': `"${sha256}"`, 'X-Linked-Size': String(size) };
  if (hub.cdnOrigin !== undefined) {
    const link = `/${OWN_PREFIX}/content/${sha256}?${hub.signer.signRead(sha256)}`;
    const location = hub.cdnOrigin + link;
    return emptyAnswer(302, { ...linked, ETag: `"${sha256}"`, Location: location });
  }
  const path = hub.contents.largePath(sha256);
  return contentAnswer(call, { path, size, etag: sha256, headers: linked });
}

/** What git itself stores: for a large file its pointer. */
export async function rawFile(call: RevisionCall): Promise<Answer> {
  const { hub, commit } = call;
  const file = await findFile(call);
  if ('status' in file) return file;
  const { sha256, size, oid } = file;
  const headers = { 'X-Repo-Commit': commit };
  if (sha256 === undefined) {
    const path = hub.contents.regularPath(oid);
    return contentAnswer(call, { path, size, etag: oid, headers });
  }
  const bytes = Buffer.from(pointerText({ sha256, size }));
  const types = { 'Content-Type': 'text/plain; charset=utf-8', ETag: `"${oid}"` };
  return { status: 200, headers: { ...headers, ...types }, body: { kind: 'bytes', bytes } };
}

/** The second origin. As with signed links elsewhere, a token sent along is an error. */
export async function cdnContent({ hub, match, query, request }: Call): Promise<Answer> {
  const sha256 = match.id ?? '';
  if (request.headers.authorization !== undefined) {
    return badRequest('Only one way of authorisation is allowed: the link has its own');
  }
  if (!hub.signer.allowsRead(sha256, query)) return errorAnswer(403, 'Access denied');
  const size = isSha256(sha256) ? await hub.contents.largeSize(sha256) : undefined;
  if (size === undefined) return errorAnswer(404, 'There is no such content');
  const path = hub.contents.largePath(sha256);
  const etag = `cdn-${sha256.slice(0, 32)}`;
  return contentAnswer({ request }, { path, size, etag, headers: { 'Accept-Ranges': 'bytes' } });
}

async function findFile(call: RevisionCall): Promise<FileEntry | Answer> {
  const { repository, commit, match } = call;
  const path = match.path ?? '';
  const problem = explainBadPath(path);
  if (problem !== undefined) return badRequest(`Invalid path: ${problem}`);
  const entry = entryAt(await repository.commits.treeAt(commit), path);
  if (entry?.kind === 'file') return entry;
  return notFound('EntryNotFound', 'Entry not found', { 'X-Repo-Commit': commit });
}

interface Content {
  readonly path: string;
  readonly size: number;
  /** Without quotes. */
  readonly etag: string;
  readonly headers: Readonly<Record<string, string>>;
}

function contentAnswer({ request }: Pick<Call, 'request'>, content: Content): Answer {
  const { path, size } = content;
  const etag = `"${content.etag}"`;
  const headers = { ...content.headers, ETag: etag, 'Content-Type': 'application/octet-stream' };
  const { range: asked, 'if-range': ifRange, 'if-none-match': ifNoneMatch } = request.headers;
  if (ifNoneMatch === etag) return emptyAnswer(304, headers);
  // The client's part is of another content: it gets the whole of this one.
  const range = ifRange === undefined || ifRange === etag ? asked : undefined;
  const whole = { kind: 'file', path, start: 0, length: size } as const;
  if (size === 0 && range !== undefined) {
    // No range of an empty file can be satisfied, but clients ask for its first byte to learn the
    // size, and take 416 for a failure.
    return { status: 200, headers: { ...headers, 'Content-Range': 'bytes */0' }, body: whole };
  }
  const parsed = parseByteRange(range, size);
  switch (parsed.kind) {
    case 'whole':
      return { status: 200, headers, body: whole };
    case 'unsatisfiable': {
      const where = { 'Content-Range': `bytes */${size}` };
      return errorAnswer(416, 'Range not satisfiable', { ...content.headers, ...where });
    }
    case 'part': {
      const { start, length } = parsed;
      const where = { 'Content-Range': `bytes ${start}-${start + length - 1}/${size}` };
      const body = { kind: 'file', path, start, length } as const;
      return { status: 206, headers: { ...headers, ...where }, body };
    }
  }
}
