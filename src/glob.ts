// Matches names against `*`, `?` and `**`, and finds the files that an absolute pattern names.
// Only the file-system port is asked, folder by folder; nothing is opened.
import type { FileSystem } from './file-system.ts';

/** Whether a name or a path segment matches a pattern with `*` and `?`; undefined matches all. */
export function matches(pattern: string | undefined, text: string): boolean {
  if (pattern === undefined || pattern === text) return true;
  return isPattern(pattern) && expressionOf(pattern).test(text);
}

export function isPattern(text: string): boolean {
  return /[*?]/.test(text);
}

const expressions = new Map<string, RegExp>();

function expressionOf(pattern: string): RegExp {
  let expression = expressions.get(pattern);
  if (expression === undefined) {
    const source = pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.');
    expression = new RegExp(`^${source}$`, 's');
    expressions.set(pattern, expression);
  }
  return expression;
}

/** Whether a whole path matches a pattern in which `**` stands for any number of folders. */
export function matchesPath(pattern: string, path: string): boolean {
  return matchesSegments(pattern.split('/'), path.split('/'));
}

function matchesSegments(pattern: readonly string[], path: readonly string[]): boolean {
  const [segment, ...rest] = pattern;
  if (segment === undefined) return path.length === 0;
  const [name, ...below] = path;
  if (segment === '**') {
    return matchesSegments(rest, path) || (name !== undefined && matchesSegments(pattern, below));
  }
  return name !== undefined && matches(segment, name) && matchesSegments(rest, below);
}

/** The longest folder above everything that a pattern can match, without a slash at its end. */
export function staticFolder(pattern: string): string {
  const segments = pattern.split('/');
  const first = segments.findIndex(isPattern);
  return segments.slice(0, first < 0 ? segments.length - 1 : first).join('/');
}

export interface FoundFile {
  /** Absolute. */
  readonly path: string;
  readonly bytes: number;
  readonly mtimeMs: number;
}

/** The files that an absolute pattern matches, in no order. */
export function findFiles(fs: FileSystem, pattern: string): readonly FoundFile[] {
  const found = new Map<string, FoundFile>();
  const walk = (folder: string, segments: readonly string[]) => {
    const [segment, ...rest] = segments;
    if (segment === undefined) return;
    if (segment === '**') {
      walk(folder, rest);
      for (const name of fs.list(folder) ?? []) {
        const path = `${folder}/${name}`;
        if (fs.stat(path)?.kind === 'folder') walk(path, segments);
      }
      return;
    }
    const names = isPattern(segment)
      ? (fs.list(folder) ?? []).filter((name) => !name.startsWith('.') && matches(segment, name))
      : [segment];
    for (const name of names) {
      const path = `${folder}/${name}`;
      if (rest.length > 0) walk(path, rest);
      else {
        const stat = fs.stat(path);
        if (stat?.kind !== 'file') continue;
        found.set(path, { path, bytes: stat.bytes, mtimeMs: stat.mtimeMs });
      }
    }
  };
  walk('', pattern.replace(/^\//, '').split('/'));
  return [...found.values()];
}
