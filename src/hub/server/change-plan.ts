// From the operations of a commit request to what the commit changes: in the order given, against
// the tree at the branch's head. Operations that change nothing leave no trace in the commit.
import type { FileChange } from './commit-file.ts';
import { entryAt, type Folder, filesBelow } from './file-tree.ts';

export type Operation =
  | {
      readonly kind: 'add';
      readonly path: string;
      readonly oid: string;
      readonly size: number;
      /** Of a large file; undefined for a regular one. */
      readonly sha256: string | undefined;
    }
  | { readonly kind: 'delete-file'; readonly path: string }
  | { readonly kind: 'delete-folder'; readonly path: string };

export type ChangePlan =
  | {
      readonly kind: 'planned';
      readonly changes: ReadonlyMap<string, FileChange>;
      /** By how much the number of files and their bytes grow. */
      readonly filesAdded: number;
      readonly bytesAdded: number;
    }
  | { readonly kind: 'missing'; readonly path: string };

export function planChanges(tree: Folder, operations: Iterable<Operation>): ChangePlan {
  const changes = new Map<string, FileChange>();
  for (const operation of operations) {
    const { path } = operation;
    switch (operation.kind) {
      case 'add': {
        const { oid, size, sha256 } = operation;
        changes.set(path, { oid, size, sha256 });
        break;
      }
      case 'delete-file': {
        const isThere = changes.has(path)
          ? changes.get(path) !== undefined
          : entryAt(tree, path)?.kind === 'file';
        if (!isThere) return { kind: 'missing', path };
        changes.set(path, undefined);
        break;
      }
      case 'delete-folder': {
        const paths = pathsBelow(path, { tree, changes });
        if (paths.length === 0) return { kind: 'missing', path };
        for (const below of paths) changes.set(below, undefined);
        break;
      }
      default:
        operation satisfies never;
    }
  }
  return { kind: 'planned', ...reduceChanges(tree, changes) };
}

interface Ground {
  readonly tree: Folder;
  readonly changes: ReadonlyMap<string, FileChange>;
}

/** Files below a folder, as the operations so far have left it. */
function pathsBelow(path: string, { tree, changes }: Ground): readonly string[] {
  const paths = new Set<string>();
  const folder = entryAt(tree, path);
  if (folder?.kind === 'folder') {
    for (const below of filesBelow(folder, path)) paths.add(below.path);
  }
  for (const [changed, change] of changes) {
    if (!changed.startsWith(`${path}/`)) continue;
    if (change === undefined) paths.delete(changed);
    else paths.add(changed);
  }
  return [...paths];
}

function reduceChanges(tree: Folder, changes: ReadonlyMap<string, FileChange>) {
  const real = new Map<string, FileChange>();
  let filesAdded = 0;
  let bytesAdded = 0;
  for (const [path, change] of changes) {
    const entry = entryAt(tree, path);
    const old = entry?.kind === 'file' ? entry : undefined;
    const isSame = change?.oid === old?.oid && change?.sha256 === old?.sha256;
    if (isSame) continue;
    real.set(path, change);
    filesAdded += (change === undefined ? 0 : 1) - (old === undefined ? 0 : 1);
    bytesAdded += (change?.size ?? 0) - (old?.size ?? 0);
  }
  return { changes: real, filesAdded, bytesAdded };
}
