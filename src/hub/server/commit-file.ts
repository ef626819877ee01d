// How a commit lies on the disk: one file of JSON lines, a header and then one line per change,
// named by the sha1 of its text, so that a damaged commit is recognised. A commit holds only what
// it changes. So that a tree is found without reading all history, some commits also have a
// snapshot: all files at that commit (see repository.ts for when).
import { createHash } from 'node:crypto';
import type { FileEntry } from './file-tree.ts';

export interface CommitHeader {
  readonly format: 1;
  /** Null for the first commit of a branch. */
  readonly parent: string | null;
  /** Commits from the first to this one. */
  readonly number: number;
  readonly title: string;
  readonly description: string;
  /** ISO time. */
  readonly date: string;
  /** All files of the repo at this commit, and their bytes. */
  readonly files: number;
  readonly bytes: number;
  /** Changes since the last commit that has a snapshot, this one's included. */
  readonly sinceSnapshot: number;
}

export interface Commit extends CommitHeader {
  readonly id: string;
}

/** What a commit says about one path; undefined removes it. */
export type FileChange = Omit<FileEntry, 'kind' | 'commit'> | undefined;

export interface EncodedCommit {
  readonly id: string;
  readonly text: string;
}

export interface DecodedCommit {
  readonly commit: Commit;
  readonly changes: ReadonlyMap<string, FileChange>;
}

export function encodeCommit(
  header: CommitHeader,
  changes: ReadonlyMap<string, FileChange>,
): EncodedCommit {
  const lines = [JSON.stringify(header)];
  for (const [path, change] of changes) {
    lines.push(
      JSON.stringify(
        change === undefined ? [path] : [path, change.oid, change.size, change.sha256],
      ),
    );
  }
  const text = `${lines.join('\n')}\n`;
  return { id: sha1(text), text };
}

/** Throws when the text is not the commit of that name: the disk was damaged. */
export function decodeCommit({ id, text }: EncodedCommit): DecodedCommit {
  if (sha1(text) !== id) throw new Error(`Commit ${id} is damaged`);
  const [first = '', ...lines] = text.split('\n');
  const header: CommitHeader = JSON.parse(first);
  if (header.format !== 1) throw new Error(`Commit ${id} was written by a newer version`);
  const changes = new Map<string, FileChange>();
  for (const line of lines) {
    if (line === '') continue;
    const [path, oid, size, sha256]: [string, string?, number?, string?] = JSON.parse(line);
    const isAdded = oid !== undefined && size !== undefined;
    changes.set(path, isAdded ? { oid, size, sha256: sha256 ?? undefined } : undefined);
  }
  return { commit: { ...header, id }, changes };
}

export function encodeSnapshot(
  files: Iterable<{ readonly path: string; readonly file: FileEntry }>,
): string {
  const lines: string[] = [];
  for (const { path, file } of files) {
    lines.push(JSON.stringify([path, file.oid, file.size, file.commit, file.sha256]));
  }
  return `${lines.join('\n')}\n`;
}

export function decodeSnapshot(text: string): Map<string, FileEntry> {
  const files = new Map<string, FileEntry>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const row: [string, string, number, string, string?] = JSON.parse(line);
    const [path, oid, size, commit, sha256] = row;
    files.set(path, { kind: 'file', oid, size, commit, sha256: sha256 ?? undefined });
  }
  return files;
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}
