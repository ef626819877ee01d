// How names become addresses. A path is percent-encoded per segment in a URL and left as it is in
// JSON; a path that a URL cannot express (`..` is resolved away, even when encoded) is refused.
import { type About, rejectedError } from './error.ts';

/** `owner/name` as the client library wants it: the library pastes it into URLs as it is. */
export function repositoryName(name: string): string {
  if (/^[A-Za-z0-9][\w.-]*\/[\w.-]+$/.test(name) && !/\/\.+$/.test(name)) return name;
  const about = { repository: name, doing: 'naming the repository' };
  throw rejectedError(about, 'this is not the name of a dataset', 'write it as OWNER/NAME');
}

/** The path for a URL; throws a HubError for one that no URL leads to. */
export function encodedPath(path: string, about: About): string {
  return checkedPath(path, about).split('/').map(encodeURIComponent).join('/');
}

/** The path itself; throws a HubError when a repository cannot hold it. */
export function checkedPath(path: string, about: About): string {
  const isPlain = path.split('/').every((name) => name !== '' && name !== '.' && name !== '..');
  // A lone surrogate has no UTF-8, and NUL ends a name.
  if (isPlain && path.isWellFormed() && !path.includes('\0')) return path;
  const hint = 'a path is relative, without empty segments, "." and ".."';
  throw rejectedError(about, `${JSON.stringify(path)} is not a path of a repository`, hint);
}

/** Where a file's bytes are read. */
export function fileUrl(
  endpoint: string,
  options: {
    readonly about: About;
    readonly revision: string;
    readonly path: string;
  },
): string {
  const { about, revision, path } = options;
  const file = encodedPath(path, about);
  const repository = `${endpoint}/datasets/${about.repository}`;
  return `${repository}/resolve/${encodeURIComponent(revision)}/${file}`;
}
