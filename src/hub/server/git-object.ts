// The names that git gives to contents: blobs, folders, and the pointers that stand for large
// files. Clients compare these with what they compute themselves, so they must be git's own.
import { createHash } from 'node:crypto';

/** Git's sha1 of a regular file's content. */
export function gitBlobOid(content: Uint8Array): string {
  return gitOid('blob', content);
}

/** What git itself stores in place of a large file. */
export function pointerText(file: { readonly sha256: string; readonly size: number }): string {
  return `version https://git-lfs.github.com/spec/v1\noid sha256:${file.sha256}\nsize ${file.size}\n`;
}

export interface GitTreeEntry {
  readonly name: string;
  readonly isFolder: boolean;
  readonly oid: string;
}

/** Git's sha1 of a folder with these entries, in any order. */
export function gitTreeOid(entries: readonly GitTreeEntry[]): string {
  const rows = entries.map(({ name, isFolder, oid }) => ({
    // Git sorts by bytes, a folder as if its name ended in a slash.
    key: Buffer.from(isFolder ? `${name}/` : name),
    bytes: Buffer.concat([
      Buffer.from(`${isFolder ? '40000' : '100644'} ${name}\0`),
      Buffer.from(oid, 'hex'),
    ]),
  }));
  rows.sort((a, b) => Buffer.compare(a.key, b.key));
  return gitOid('tree', Buffer.concat(rows.map(({ bytes }) => bytes)));
}

function gitOid(kind: 'blob' | 'tree', content: Uint8Array): string {
  return createHash('sha1').update(`${kind} ${content.byteLength}\0`).update(content).digest('hex');
}
