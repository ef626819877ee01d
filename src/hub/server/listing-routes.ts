// What files a revision has: page by page, or for given paths. Large files show their sha256 and
// size beside git's names, so a client decides from the listing alone what it already has.
import { type Answer, badRequest, errorAnswer, jsonAnswer, notFound } from './answer.ts';
import type { RevisionCall } from './call.ts';
import type { LargeFile } from './content-store.ts';
import { entryAt, type FileEntry, type Folder, folderOid, walk } from './file-tree.ts';
import { pointerText } from './git-object.ts';
import { fieldsOf, isTrue, listOf, parseJson } from './json-fields.ts';
import { linkHeader } from './page-link.ts';
import { explainBadPath } from './repo-name.ts';
import { readText } from './request-body.ts';

/** Entries with their last commits come in pages this much smaller, as on the Hub. */
const EXPANDED_PAGE_DIVISOR = 20;
const MAX_PATHS = 1000;

export async function listTree(call: RevisionCall): Promise<Answer> {
  const { hub, repository, commit, match, query } = call;
  const path = match.path ?? '';
  const problem = path === '' ? undefined : explainBadPath(path);
  if (problem !== undefined) return badRequest(`Invalid path: ${problem}`);
  const folder = entryAt(await repository.commits.treeAt(commit), path);
  if (folder?.kind !== 'folder') {
    return notFound('EntryNotFound', `${path} does not exist on "${match.revision}"`);
  }
  const isExpanded = isTrue(query.get('expand'));
  const limit = pageLimit(hub.pageSize, { isExpanded, asked: Number(query.get('limit')) });
  const after = decodeCursor(query.get('cursor'));
  const rows = [];
  let last = '';
  for (const { path: at, entry } of walk(folder, {
    prefix: path,
    recursive: isTrue(query.get('recursive')),
    after,
  })) {
    if (rows.length === limit) {
      const link = linkHeader(call, { revision: commit, cursor: encodeCursor(last) });
      return jsonAnswer(rows, link);
    }
    rows.push(await describeEntry(call, { path: at, entry, isExpanded }));
    last = at;
  }
  return jsonAnswer(rows);
}

export async function pathsInfo(call: RevisionCall): Promise<Answer> {
  const { repository, commit, request } = call;
  const text = await readText(request);
  if (text === undefined) return errorAnswer(413, 'Payload too large');
  const { paths, isExpanded } = readPaths(text, request.headers['content-type'] ?? '');
  if (paths.length > MAX_PATHS) {
    return errorAnswer(413, `Too many paths: ${paths.length}, the limit is ${MAX_PATHS}`);
  }
  const tree = await repository.commits.treeAt(commit);
  const rows = [];
  for (const path of new Set(paths)) {
    const entry = explainBadPath(path) === undefined ? entryAt(tree, path) : undefined;
    if (entry !== undefined) rows.push(await describeEntry(call, { path, entry, isExpanded }));
  }
  return jsonAnswer(rows);
}

/** The JavaScript client sends JSON, the Python client a form. */
function readPaths(text: string, contentType: string) {
  if (contentType.startsWith('application/x-www-form-urlencoded')) {
    const form = new URLSearchParams(text);
    return { paths: form.getAll('paths'), isExpanded: isTrue(form.get('expand')) };
  }
  const { paths, expand } = fieldsOf(parseJson(text));
  const given = typeof paths === 'string' ? [paths] : listOf(paths);
  return {
    paths: given.filter((path) => typeof path === 'string'),
    isExpanded: isTrue(expand),
  };
}

interface Described {
  readonly path: string;
  readonly entry: FileEntry | Folder;
  readonly isExpanded: boolean;
}

async function describeEntry(
  { repository, commit }: RevisionCall,
  { path, entry, isExpanded }: Described,
): Promise<object> {
  const changedBy = entry.kind === 'file' ? entry.commit : commit;
  const expanded = isExpanded
    ? { lastCommit: await describeLastCommit(repository, changedBy) }
    : undefined;
  if (entry.kind === 'folder') {
    return { type: 'directory', oid: folderOid(entry), size: 0, path, ...expanded };
  }
  const { oid, size, sha256 } = entry;
  const lfs = sha256 === undefined ? undefined : { lfs: describeLarge({ sha256, size }) };
  return { type: 'file', oid, size, path, ...lfs, ...expanded };
}

function describeLarge({ sha256, size }: LargeFile) {
  return { oid: sha256, size, pointerSize: pointerText({ sha256, size }).length };
}

async function describeLastCommit(repository: RevisionCall['repository'], commit: string) {
  const { id, title, date } = await repository.commits.commit(commit);
  return { id, title, date };
}

function pageLimit(
  pageSize: number,
  { isExpanded, asked }: { readonly isExpanded: boolean; readonly asked: number },
): number {
  const most = isExpanded ? Math.ceil(pageSize / EXPANDED_PAGE_DIVISOR) : pageSize;
  return asked >= 1 ? Math.min(Math.floor(asked), most) : most;
}

/** A cursor is the last path of its page, in a form that nobody is tempted to read. */
function encodeCursor(path: string): string {
  return Buffer.from(path).toString('base64url');
}

function decodeCursor(cursor: string | null): string | undefined {
  return cursor === null ? undefined : Buffer.from(cursor, 'base64url').toString();
}
