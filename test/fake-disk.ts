// What lies on the fake disk and what of it is durable: files as the writes since their last sync,
// names as the changes since that of their folder. A crash keeps or loses each on its own, but
// never a change without the earlier ones it builds upon.

/** Picks one of `count` possibilities, from 0. */
export type Choose = (count: number) => number;

/** The operating system lives on: nothing that was written is lost. */
export const KEEP_ALL: Choose = (count) => count - 1;
/** Power fails and nothing that was not synced has reached the disk. */
export const LOSE_ALL: Choose = () => 0;

export interface FileNode {
  readonly kind: 'file';
  content: Buffer;
  /** What a crash cannot take, and the writes since then. */
  durable: Buffer;
  pending: Write[];
  mtimeMs: number;
}

export type Write = { readonly append: Buffer } | { readonly truncate: number };
export type Node = FileNode | { readonly kind: 'folder' };

export type NameChange =
  | { readonly kind: 'make'; readonly path: string; readonly node: Node }
  | { readonly kind: 'rename'; readonly path: string; readonly to: string }
  | { readonly kind: 'remove'; readonly path: string };

export interface Disk {
  /** Absolute path to what is there. */
  readonly names: Map<string, Node>;
  readonly durableNames: Map<string, Node>;
  /** Changes of names since they were last synced, oldest first. */
  changes: NameChange[];
  /** When the names in a folder last changed; a folder that a crash left as it was is not here. */
  readonly folderTimes: Map<string, number>;
}

export function newDisk(): Disk {
  const root = { kind: 'folder' as const };
  return {
    names: new Map([['/', root]]),
    durableNames: new Map([['/', root]]),
    changes: [],
    folderTimes: new Map(),
  };
}

export function newFile(content: Buffer, mtimeMs: number): FileNode {
  const pending = content.length === 0 ? [] : [{ append: content }];
  return { kind: 'file', content, durable: Buffer.alloc(0), pending, mtimeMs };
}

export function write(node: FileNode, change: Write): void {
  node.content = written(node.content, change);
  node.pending.push(change);
}

function written(content: Buffer, change: Write): Buffer {
  if ('append' in change) return Buffer.concat([content, change.append]);
  return content.subarray(0, change.truncate);
}

export function commitWrites(node: FileNode, count: number): void {
  node.durable = node.pending.splice(0, count).reduce(written, node.durable);
}

/** Makes chosen changes durable, with the earlier ones that they build upon. */
export function commitNames(disk: Disk, isChosen: (change: NameChange) => boolean): void {
  const chosen: NameChange[] = [];
  for (const change of [...disk.changes].reverse()) {
    if (isChosen(change) || chosen.some((later) => overlap(change, later))) chosen.unshift(change);
  }
  for (const change of chosen) applyChange(disk.durableNames, change);
  disk.changes = disk.changes.filter((change) => !chosen.includes(change));
}

/** What the disk holds when power comes back. */
export function afterCrash(disk: Disk, choose: Choose): Disk {
  const lost: NameChange[] = [];
  for (const change of disk.changes) {
    const isLost = lost.some((earlier) => overlap(earlier, change)) || choose(2) === 0;
    if (isLost) lost.push(change);
    else applyChange(disk.durableNames, change);
  }
  const names = new Map<string, Node>();
  for (const [path, node] of disk.durableNames) {
    if (path !== '/' && names.get(folderOf(path))?.kind !== 'folder') continue;
    names.set(path, node.kind === 'file' ? fileAfterCrash(node, choose) : node);
  }
  return { names, durableNames: new Map(names), changes: [], folderTimes: new Map() };
}

function fileAfterCrash(node: FileNode, choose: Choose): FileNode {
  const kept = choose(node.pending.length + 1);
  let content = node.pending.slice(0, kept).reduce(written, node.durable);
  const torn = node.pending[kept];
  if (torn !== undefined && 'append' in torn) {
    content = Buffer.concat([content, torn.append.subarray(0, choose(torn.append.length + 1))]);
  }
  return { ...node, content, durable: content, pending: [] };
}

export function applyChange(names: Map<string, Node>, change: NameChange): void {
  switch (change.kind) {
    case 'make':
      names.set(change.path, change.node);
      return;
    case 'remove':
      for (const path of pathsWithin(names, change.path)) names.delete(path);
      return;
    case 'rename':
      for (const path of pathsWithin(names, change.path)) {
        const node = names.get(path);
        names.delete(path);
        if (node !== undefined) names.set(change.to + path.slice(change.path.length), node);
      }
      return;
    default:
      change satisfies never;
  }
}

/** Of a file, as nearly always, only itself. */
function pathsWithin(names: ReadonlyMap<string, Node>, path: string): readonly string[] {
  if (names.get(path)?.kind === 'file') return [path];
  return [...names.keys()].filter((other) => isWithin(other, path));
}

/** Missing folders from the root down, made and returned as changes. */
export function makeFolders(disk: Disk, path: string): readonly NameChange[] {
  if (disk.names.has(path)) return [];
  const parents = makeFolders(disk, folderOf(path));
  const change: NameChange = { kind: 'make', path, node: { kind: 'folder' } };
  applyChange(disk.names, change);
  return [...parents, change];
}

export function pathsOf(change: NameChange): readonly string[] {
  return change.kind === 'rename' ? [change.path, change.to] : [change.path];
}

function overlap(a: NameChange, b: NameChange): boolean {
  return pathsOf(a).some((one) =>
    pathsOf(b).some((other) => isWithin(one, other) || isWithin(other, one)),
  );
}

export function isIn(change: NameChange, folder: string): boolean {
  return pathsOf(change).some((path) => folderOf(path) === folder);
}

export function isWithin(path: string, folder: string): boolean {
  return path === folder || folder === '/' || path.startsWith(`${folder}/`);
}

export function namesIn(names: ReadonlyMap<string, Node>, folder: string): readonly string[] {
  const prefix = folder === '/' ? '/' : `${folder}/`;
  const found: string[] = [];
  for (const path of names.keys()) {
    if (!path.startsWith(prefix) || path === '/') continue;
    if (!path.includes('/', prefix.length)) found.push(path.slice(prefix.length));
  }
  return found;
}

export function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}
