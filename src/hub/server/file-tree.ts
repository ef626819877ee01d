// The files of a repo at one commit, as an immutable tree: a commit copies only the folders that
// it changes and shares the rest with its parent, so many commits fit into memory at once.
// Knows paths and entries; knows neither contents nor where commits are kept.
import { gitTreeOid } from './git-object.ts';

export interface FileEntry {
  readonly kind: 'file';
  readonly size: number;
  /** Git's sha1: of the content, or of the pointer for a large file. */
  readonly oid: string;
  /** Of the content, for a large file; undefined for a regular one. */
  readonly sha256: string | undefined;
  /** The commit that gave the file this content. */
  readonly commit: string;
}

export interface Folder {
  readonly kind: 'folder';
  /** Never holds an empty folder. */
  readonly entries: ReadonlyMap<string, FileEntry | Folder>;
}

export interface ListedEntry {
  readonly path: string;
  readonly entry: FileEntry | Folder;
}

/** By path; undefined removes the file, and nothing when there is none. */
export type Changes = ReadonlyMap<string, FileEntry | undefined>;

export const EMPTY_FOLDER: Folder = { kind: 'folder', entries: new Map() };

export type Applied =
  | { readonly kind: 'applied'; readonly root: Folder }
  /** A path would be a file and a folder at once. */
  | { readonly kind: 'clash'; readonly path: string };

export function applyChanges(root: Folder, changes: Changes): Applied {
  const clashes: string[] = [];
  const rows = [...changes].map(([path, entry]) => ({ path, names: path.split('/'), entry }));
  const changed = changeFolder(root, { rows, depth: 0, clashes });
  const [clash] = clashes;
  return clash === undefined ? { kind: 'applied', root: changed } : { kind: 'clash', path: clash };
}

interface ChangeRow {
  readonly path: string;
  readonly names: readonly string[];
  readonly entry: FileEntry | undefined;
}

interface FolderChange {
  readonly rows: readonly ChangeRow[];
  readonly depth: number;
  readonly clashes: string[];
}

function changeFolder(folder: Folder, { rows, depth, clashes }: FolderChange): Folder {
  const entries = new Map(folder.entries);
  const below = new Map<string, ChangeRow[]>();
  const here: ChangeRow[] = [];
  for (const row of rows) {
    const name = row.names[depth] ?? '';
    if (row.names.length === depth + 1) here.push(row);
    else below.getOrInsertComputed(name, () => []).push(row);
  }
  // Removals first, additions last: a file may give way to a folder of its name, and the reverse.
  for (const { names, entry } of here) {
    const name = names[depth] ?? '';
    if (entry === undefined && entries.get(name)?.kind === 'file') entries.delete(name);
  }
  for (const [name, inner] of below) {
    const old = entries.get(name);
    if (old?.kind === 'file') {
      clashes.push(...inner.filter(({ entry }) => entry !== undefined).map(({ path }) => path));
      continue;
    }
    const changed = changeFolder(old ?? EMPTY_FOLDER, { rows: inner, depth: depth + 1, clashes });
    if (changed.entries.size === 0) entries.delete(name);
    else entries.set(name, changed);
  }
  for (const { names, entry, path } of here) {
    const name = names[depth] ?? '';
    if (entry === undefined) continue;
    if (entries.get(name)?.kind === 'folder') clashes.push(path);
    else entries.set(name, entry);
  }
  return { kind: 'folder', entries };
}

/** The file or folder at a path; '' is the root. Undefined when there is nothing. */
export function entryAt(root: Folder, path: string): FileEntry | Folder | undefined {
  let entry: FileEntry | Folder | undefined = root;
  for (const name of path === '' ? [] : path.split('/')) {
    if (entry?.kind !== 'folder') return undefined;
    entry = entry.entries.get(name);
  }
  return entry;
}

export interface WalkOptions {
  /** Path of the folder, '' for the root. */
  readonly prefix: string;
  readonly recursive: boolean;
  /** Begin behind this path, wherever in the order it was or would be. */
  readonly after?: string | undefined;
}

/** Entries below a folder, each folder before its content, names in the order of their code units. */
export function* walk(folder: Folder, options: WalkOptions): Generator<ListedEntry, void> {
  const { prefix, recursive, after } = options;
  const start = prefix === '' ? '' : `${prefix}/`;
  const afterNames = after?.startsWith(start) ? after.slice(start.length).split('/') : [];
  const [afterName, ...afterRest] = afterNames;
  const names = sortedNames(folder);
  for (let i = afterName === undefined ? 0 : lowerBound(names, afterName); i < names.length; i++) {
    const name = names[i] ?? '';
    const entry = folder.entries.get(name);
    if (entry === undefined) continue;
    const path = start + name;
    // The name of the cursor itself was shown on the page before; below it there may be more.
    if (name !== afterName) yield { path, entry };
    if (!recursive || entry.kind === 'file') continue;
    const rest = name === afterName && afterRest.length > 0 ? after : undefined;
    yield* walk(entry, { prefix: path, recursive, after: rest });
  }
}

/** All files below a folder in the order of `walk`. */
export function* filesBelow(
  folder: Folder,
  prefix: string,
): Generator<{ readonly path: string; readonly file: FileEntry }, void> {
  for (const { path, entry } of walk(folder, { prefix, recursive: true })) {
    if (entry.kind === 'file') yield { path, file: entry };
  }
}

const treeOids = new WeakMap<Folder, string>();

/** Git's sha1 of the folder; computed when first asked for. */
export function folderOid(folder: Folder): string {
  const known = treeOids.get(folder);
  if (known !== undefined) return known;
  const oid = gitTreeOid(
    [...folder.entries].map(([name, entry]) => ({
      name,
      isFolder: entry.kind === 'folder',
      oid: entry.kind === 'folder' ? folderOid(entry) : entry.oid,
    })),
  );
  treeOids.set(folder, oid);
  return oid;
}

const nameOrders = new WeakMap<Folder, readonly string[]>();

function sortedNames(folder: Folder): readonly string[] {
  const known = nameOrders.get(folder);
  if (known !== undefined) return known;
  const names = [...folder.entries.keys()].sort();
  nameOrders.set(folder, names);
  return names;
}

/** Index of the first name that is not less than the given one. */
function lowerBound(names: readonly string[], name: string): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((names[middle] ?? '') < name) low = middle + 1;
    else high = middle;
  }
  return low;
}
