// Which route a request line means. Matches the segments of the path as they were sent and decodes
// each one afterwards: an encoded slash never makes a new segment, and a client that sends a whole
// path as one segment is understood. Knows nothing of repos that exist.
import { REPO_TYPES, type RepoName, type RepoType } from './repo-name.ts';

export type RouteName =
  | 'whoami'
  | 'validate-yaml'
  | 'create-repo'
  | 'delete-repo'
  | 'upload'
  | 'upload-part'
  | 'upload-complete'
  | 'cdn'
  | RepoRouteName
  | RevisionRouteName;

/** Routes of a repo that must exist. */
export type RepoRouteName =
  | 'refs'
  | 'create-branch'
  | 'delete-branch'
  | 'commit'
  | 'lfs-batch'
  | 'lfs-verify';

/** Routes of a revision that must exist. */
export type RevisionRouteName =
  | 'repo-info'
  | 'tree'
  | 'paths-info'
  | 'preupload'
  | 'commits'
  | 'resolve'
  | 'raw';

export interface RouteMatch {
  readonly route: RouteName;
  readonly repo?: RepoName;
  /** Decoded: a branch, a commit id, `HEAD`. */
  readonly revision?: string;
  /** Decoded path of a file or folder, '' for the root; not yet checked. */
  readonly path?: string;
  /** Of an upload, or the sha256 of a content. */
  readonly id?: string;
  readonly part?: number;
}

export type RouteResult =
  | { readonly kind: 'matched'; readonly match: RouteMatch }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'wrong-method' }
  | { readonly kind: 'bad-encoding' };

/** `-` is no namespace, so what lies below it is nobody's repo. */
export const OWN_PREFIX = '-';

export function matchRoute(method: string, rawPath: string): RouteResult {
  const segments = rawPath.split('/').slice(1).map(decodeSegment);
  if (segments.some((segment) => segment === undefined)) return { kind: 'bad-encoding' };
  const names = segments.filter((segment) => segment !== undefined);
  // HEAD is GET without the body.
  const verb = method === 'HEAD' ? 'GET' : method;
  const candidates = [...matchOwn(names), ...matchApi(names), ...matchGit(names)];
  const found = candidates.find((candidate) => candidate.verb === verb);
  if (found !== undefined) return { kind: 'matched', match: found.match };
  return { kind: candidates.length > 0 ? 'wrong-method' : 'unknown' };
}

interface Candidate {
  readonly verb: string;
  readonly match: RouteMatch;
}

/** `/-/uploads/{id}[/{part}]` and `/-/content/{sha256}`. */
function* matchOwn([first, kind, id, part, ...rest]: readonly string[]): Generator<Candidate> {
  if (first !== OWN_PREFIX || id === undefined || rest.length > 0) return;
  if (kind === 'content' && part === undefined) yield { verb: 'GET', match: { route: 'cdn', id } };
  if (kind !== 'uploads') return;
  if (part === undefined) {
    yield { verb: 'PUT', match: { route: 'upload', id } };
    yield { verb: 'POST', match: { route: 'upload-complete', id } };
  } else if (/^\d{1,5}$/.test(part)) {
    yield { verb: 'PUT', match: { route: 'upload-part', id, part: Number(part) } };
  }
}

/** `/api/..` */
function* matchApi([first, ...names]: readonly string[]): Generator<Candidate> {
  if (first !== 'api') return;
  const plain = PLAIN.get(names.join('/'));
  if (plain !== undefined) yield plain;
  const [types, namespace, name, action, argument, ...rest] = names;
  const type = REPO_TYPES.find((candidate) => `${candidate}s` === types);
  if (type === undefined || namespace === undefined || name === undefined) return;
  const repo = { type, namespace, name };
  if (action === undefined) {
    yield { verb: 'GET', match: { route: 'repo-info', repo, revision: 'HEAD' } };
  } else if (argument === undefined) {
    if (action === 'refs') yield { verb: 'GET', match: { route: 'refs', repo } };
  } else if (action === 'tree') {
    const path = rest.join('/').replace(/\/$/, '');
    yield { verb: 'GET', match: { route: 'tree', repo, revision: argument, path } };
  } else if (rest.length === 0) {
    for (const [verb, route] of ACTIONS.get(action) ?? []) {
      yield { verb, match: { route, repo, revision: argument } };
    }
  }
}

const PLAIN: ReadonlyMap<string, Candidate> = new Map([
  ['whoami-v2', { verb: 'GET', match: { route: 'whoami' } }],
  ['validate-yaml', { verb: 'POST', match: { route: 'validate-yaml' } }],
  ['repos/create', { verb: 'POST', match: { route: 'create-repo' } }],
  ['repos/delete', { verb: 'DELETE', match: { route: 'delete-repo' } }],
]);

/** `/api/{types}/{namespace}/{name}/{action}/{revision or branch}` */
const ACTIONS: ReadonlyMap<string, readonly (readonly [string, RouteName])[]> = new Map([
  ['revision', [['GET', 'repo-info']]],
  ['commits', [['GET', 'commits']]],
  ['paths-info', [['POST', 'paths-info']]],
  ['preupload', [['POST', 'preupload']]],
  ['commit', [['POST', 'commit']]],
  [
    'branch',
    [
      ['POST', 'create-branch'],
      ['DELETE', 'delete-branch'],
    ],
  ],
]);

/** `/[datasets/]{namespace}/{name}/resolve/{revision}/{path}` and git's own paths. */
function* matchGit(names: readonly string[]): Generator<Candidate> {
  const [first = ''] = names;
  if (first === 'api' || first === OWN_PREFIX) return;
  const prefixed = REPO_TYPES.find((type) => type !== 'model' && `${type}s` === first);
  const type: RepoType = prefixed ?? 'model';
  const [namespace, name, action, ...rest] = prefixed === undefined ? names : names.slice(1);
  if (namespace === undefined || name === undefined || action === undefined) return;
  if (action === 'resolve' || action === 'raw') {
    const [revision, ...path] = rest;
    if (revision === undefined || path.length === 0) return;
    const repo = { type, namespace, name };
    yield { verb: 'GET', match: { route: action, repo, revision, path: path.join('/') } };
  } else if (action === 'info' && name.endsWith('.git')) {
    const repo = { type, namespace, name: name.slice(0, -'.git'.length) };
    const tail = rest.join('/');
    if (tail === 'lfs/objects/batch') yield { verb: 'POST', match: { route: 'lfs-batch', repo } };
    if (tail === 'lfs/verify') yield { verb: 'POST', match: { route: 'lfs-verify', repo } };
  }
}

function decodeSegment(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
