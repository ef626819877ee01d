// What may be the name of a repo, a branch or a file in a repo. Names come from clients and end
// up in folders and listings, so anything that could mean two things is refused here.

export const REPO_TYPES = ['model', 'dataset', 'space'] as const;
export type RepoType = (typeof REPO_TYPES)[number];

export interface RepoName {
  readonly type: RepoType;
  readonly namespace: string;
  readonly name: string;
}

/** As URLs of repos begin: models have no prefix. */
export function repoUrlPath({ type, namespace, name }: RepoName): string {
  return `${type === 'model' ? '' : `${type}s/`}${namespace}/${name}`;
}

export function isRepoType(text: unknown): text is RepoType {
  return REPO_TYPES.some((type) => type === text);
}

/** One half of `namespace/name`, by the rules of the Hub. */
export function isRepoNamePart(text: string): boolean {
  return (
    /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?$/.test(text) &&
    !text.includes('--') &&
    !text.includes('..') &&
    !text.endsWith('.git')
  );
}

/** The subset of git's rules that needs no list of exceptions. */
export function isBranchName(text: string): boolean {
  return (
    /^[A-Za-z0-9_][A-Za-z0-9_./+@-]{0,99}$/.test(text) &&
    !/\.\.|\/\/|\/\.|@\{|[./]$|\.lock$/.test(text) &&
    text !== 'HEAD' &&
    !text.startsWith('refs/')
  );
}

const PATH_LIMIT = 4096;

/** Why this cannot be the path of a file in a repo; undefined when it can. */
export function explainBadPath(path: string): string | undefined {
  if (path === '') return 'the path is empty';
  if (!path.isWellFormed()) return 'the path is not valid unicode';
  if (path.includes('\0')) return 'the path contains a NUL';
  if (path.length > PATH_LIMIT) return `the path is longer than ${PATH_LIMIT} characters`;
  for (const segment of path.split('/')) {
    if (segment === '') return 'the path is absolute or has an empty segment';
    if (segment === '.' || segment === '..') return `the path has a segment "${segment}"`;
    if (segment.toLowerCase() === '.git') return 'the path goes through a .git folder';
  }
  return undefined;
}
