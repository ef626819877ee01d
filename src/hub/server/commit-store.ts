// The commits of one repo on the disk, and the tree of files at each. Writes commits, never moves
// a branch. Headers stay in memory (some hundred bytes each), of the trees only the last used.
//
// A tree is the nearest snapshot among the ancestors plus all changes since. A snapshot is due when
// the changes since the last one outnumber the files, so all snapshots together are about twice
// as long as the last, and no tree needs more lines than twice its files.
import { access, readFile } from 'node:fs/promises';
import {
  type Commit,
  type CommitHeader,
  type DecodedCommit,
  decodeCommit,
  decodeSnapshot,
  type EncodedCommit,
  encodeSnapshot,
  type FileChange,
} from './commit-file.ts';
import { writeDurably } from './durable.ts';
import {
  applyChanges,
  EMPTY_FOLDER,
  type FileEntry,
  type Folder,
  filesBelow,
} from './file-tree.ts';

const TREES_KEPT = 8;
/** Below this many changes, reading them is as good as a snapshot. */
const CHANGES_WORTH_A_SNAPSHOT = 2000;

export class CommitStore {
  readonly #folder: string;
  readonly #temporaryFolder: string;
  readonly #commits = new Map<string, Commit>();
  /** Trees by commit, the least recently used first. */
  readonly #trees = new Map<string, Promise<Folder>>();

  constructor({ folder, temporaryFolder }: { folder: string; temporaryFolder: string }) {
    this.#folder = folder;
    this.#temporaryFolder = temporaryFolder;
  }

  async has(id: string): Promise<boolean> {
    if (this.#commits.has(id)) return true;
    if (!/^[0-9a-f]{40}$/.test(id)) return false;
    return access(this.#commitPath(id)).then(
      () => true,
      () => false,
    );
  }

  async commit(id: string): Promise<Commit> {
    return this.#commits.get(id) ?? (await this.#read(id)).commit;
  }

  /** From this commit back to the first. */
  async *history(id: string): AsyncGenerator<Commit, void> {
    for (let at: string | null = id; at !== null; ) {
      const commit: Commit = await this.commit(at);
      yield commit;
      at = commit.parent;
    }
  }

  async treeAt(id: string): Promise<Folder> {
    const known = this.#trees.get(id) ?? this.#loadTree(id);
    this.#keepTree(id, known);
    try {
      return await known;
    } catch (error) {
      this.#trees.delete(id);
      throw error;
    }
  }

  /** The commit is on the disk when this returns; nothing refers to it yet. */
  async write(
    { id, text }: EncodedCommit,
    { header, tree }: { readonly header: CommitHeader; readonly tree: Folder },
  ): Promise<Commit> {
    const temporaryFolder = this.#temporaryFolder;
    if (header.sinceSnapshot === 0 && header.parent !== null) {
      const content = encodeSnapshot(filesBelow(tree, ''));
      await writeDurably({ path: this.#snapshotPath(id), content, temporaryFolder });
    }
    await writeDurably({ path: this.#commitPath(id), content: text, temporaryFolder });
    const commit = { ...header, id };
    this.#commits.set(id, commit);
    this.#keepTree(id, Promise.resolve(tree));
    return commit;
  }

  async #loadTree(id: string): Promise<Folder> {
    const changes = new Map<string, FileEntry | undefined>();
    let base: Folder = EMPTY_FOLDER;
    for (let at: string | null = id; at !== null; ) {
      const near = at === id ? undefined : this.#trees.get(at);
      if (near !== undefined) {
        base = await near;
        break;
      }
      const { commit, changes: changed } = await this.#read(at);
      const snapshot = commit.sinceSnapshot === 0 ? await this.#readSnapshot(at) : undefined;
      if (snapshot !== undefined) {
        const applied = applyChanges(EMPTY_FOLDER, snapshot);
        if (applied.kind === 'clash') throw new Error(`Snapshot of commit ${at} is damaged`);
        base = applied.root;
        break;
      }
      // Newest first: what a later commit said about a path stands.
      for (const [path, change] of changed) {
        if (!changes.has(path)) changes.set(path, fileEntry(change, at));
      }
      at = commit.parent;
    }
    const applied = applyChanges(base, changes);
    if (applied.kind === 'clash') throw new Error(`Commit ${id} is damaged at ${applied.path}`);
    return applied.root;
  }

  async #read(id: string): Promise<DecodedCommit> {
    const text = await readFile(this.#commitPath(id), 'utf8');
    const decoded = decodeCommit({ id, text });
    this.#commits.set(id, decoded.commit);
    return decoded;
  }

  /** Undefined when there is none: a snapshot is only a short cut. */
  async #readSnapshot(id: string): Promise<Map<string, FileEntry> | undefined> {
    const text = await readFile(this.#snapshotPath(id), 'utf8').catch(() => undefined);
    return text === undefined ? undefined : decodeSnapshot(text);
  }

  #keepTree(id: string, tree: Promise<Folder>): void {
    this.#trees.delete(id);
    this.#trees.set(id, tree);
    const [oldest] = this.#trees.keys();
    if (this.#trees.size > TREES_KEPT && oldest !== undefined) this.#trees.delete(oldest);
  }

  #commitPath(id: string): string {
    return `${this.#folder}/commits/${id.slice(0, 2)}/${id}`;
  }

  #snapshotPath(id: string): string {
    return `${this.#folder}/snapshots/${id}`;
  }
}

/** Changes since the last snapshot for a new commit: 0 when it gets a snapshot itself. */
export function countSinceSnapshot(
  before: number,
  { changes, files }: { readonly changes: number; readonly files: number },
): number {
  // A commit without changes still has to be read.
  const since = before + Math.max(1, changes);
  return since > Math.max(CHANGES_WORTH_A_SNAPSHOT, files) ? 0 : since;
}

export function fileEntry(change: FileChange, commit: string): FileEntry | undefined {
  return change === undefined ? undefined : { kind: 'file', ...change, commit };
}
