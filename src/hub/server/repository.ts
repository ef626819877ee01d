// One repo: its branches, and the only place where one moves. A commit is decided and written
// under the repo's queue:
//
//   head ─▶ parent still it? ─▶ plan changes ─▶ contents durable ─▶ commit durable ─▶ branch renamed
//
// Only the last step makes it visible and only after it is it acknowledged, so a crash anywhere
// loses nothing that was acknowledged and shows nothing by halves.
import { readdir, readFile, rm } from 'node:fs/promises';
import { nodeFileSystem } from '../../node-file-system.ts';
import { type Operation, planChanges } from './change-plan.ts';
import { type Commit, type CommitHeader, encodeCommit } from './commit-file.ts';
import { CommitStore, countSinceSnapshot, fileEntry } from './commit-store.ts';
import type { ContentStore } from './content-store.ts';
import { writeDurably } from './durable.ts';
import { applyChanges, EMPTY_FOLDER, type Folder } from './file-tree.ts';
import type { RepoName } from './repo-name.ts';
import { serialQueue } from './serial.ts';

export const MAIN_BRANCH = 'main';

/** What `repo.json` says. */
export interface RepoRecord extends RepoName {
  readonly format: 1;
  /** 24 hex digits, never used again. */
  readonly id: string;
  readonly private: boolean;
  /** ISO time. */
  readonly createdAt: string;
}

export interface RepositoryPlace {
  readonly folder: string;
  readonly temporaryFolder: string;
  readonly contents: ContentStore;
}

export interface CommitRequest {
  readonly title: string;
  readonly description: string;
  /** Refuse when the branch is elsewhere: a commit id or its first 7 or more digits. */
  readonly parentCommit: string | undefined;
  readonly operations: readonly Operation[];
}

export type RootCommit = Pick<CommitRequest, 'title' | 'operations'>;

export type CommitResult =
  | { readonly kind: 'committed'; readonly commit: Commit }
  | { readonly kind: 'stale'; readonly head: string }
  | { readonly kind: 'no-branch' }
  | { readonly kind: 'invalid'; readonly message: string };

export type BranchResult = 'done' | 'exists' | 'no-revision';

export class Repository {
  readonly record: RepoRecord;
  readonly commits: CommitStore;
  readonly #place: RepositoryPlace;
  readonly #branches: Map<string, string>;
  readonly #serially = serialQueue();
  #isGone = false;

  private constructor(
    place: RepositoryPlace,
    { record, branches }: { record: RepoRecord; branches: Map<string, string> },
  ) {
    this.#place = place;
    this.record = record;
    this.#branches = branches;
    this.commits = new CommitStore(place);
  }

  static async open(place: RepositoryPlace): Promise<Repository> {
    const text = await readFile(`${place.folder}/repo.json`, 'utf8');
    const record: RepoRecord = JSON.parse(text);
    if (record.format !== 1) throw new Error(`${place.folder} was written by a newer version`);
    return new Repository(place, { record, branches: await readBranches(place.folder) });
  }

  /** Commit ids by name. */
  get branches(): ReadonlyMap<string, string> {
    return this.#branches;
  }

  /** The commit that a branch, `HEAD`, `refs/heads/..` or a commit id means. */
  async resolve(revision: string): Promise<string | undefined> {
    const name = revision === 'HEAD' ? MAIN_BRANCH : revision.replace(/^refs\/heads\//, '');
    const head = this.#branches.get(name);
    if (head !== undefined) return head;
    return (await this.commits.has(revision)) ? revision : undefined;
  }

  async commit(branch: string, request: CommitRequest): Promise<CommitResult> {
    return this.#serially(() => this.#commit(branch, request));
  }

  async createBranch(
    branch: string,
    { from, overwrite }: { readonly from: string | undefined; readonly overwrite: boolean },
  ): Promise<BranchResult> {
    return this.#serially(async () => {
      if (this.#isGone) return 'no-revision';
      if (this.#branches.has(branch) && !overwrite) return 'exists';
      // Overwriting without saying by what leaves a branch as it is.
      if (this.#branches.has(branch) && from === undefined) return 'done';
      const head = await this.resolve(from ?? MAIN_BRANCH);
      if (head === undefined) return 'no-revision';
      await this.#move(branch, head);
      return 'done';
    });
  }

  /** A branch with a history of its own. */
  async createRootBranch(branch: string, first: RootCommit): Promise<CommitResult | 'exists'> {
    return this.#serially(async () => {
      if (this.#isGone) return { kind: 'no-branch' };
      if (this.#branches.has(branch)) return 'exists';
      const { title, operations } = first;
      const draft = { title, description: '', parent: undefined, tree: EMPTY_FOLDER };
      return this.#write(branch, { draft, operations });
    });
  }

  async deleteBranch(branch: string): Promise<boolean> {
    return this.#serially(async () => {
      if (!this.#branches.has(branch)) return false;
      await rm(branchPath(this.#place.folder, branch), { force: true });
      await nodeFileSystem.sync([`${this.#place.folder}/refs`]);
      return this.#branches.delete(branch);
    });
  }

  /** Waits for what is being written, then refuses everything; `remove` takes the folder away. */
  async retire(remove: () => Promise<void>): Promise<void> {
    return this.#serially(async () => {
      this.#isGone = true;
      this.#branches.clear();
      await remove();
    });
  }

  async #commit(branch: string, request: CommitRequest): Promise<CommitResult> {
    const head = this.#branches.get(branch);
    if (head === undefined) return { kind: 'no-branch' };
    const { parentCommit, title, description, operations } = request;
    if (parentCommit !== undefined && !isCommitOrPrefix(parentCommit, head)) {
      return { kind: 'stale', head };
    }
    const parent = await this.commits.commit(head);
    const tree = await this.commits.treeAt(head);
    return this.#write(branch, { draft: { title, description, parent, tree }, operations });
  }

  async #write(branch: string, { draft, operations }: Writing): Promise<CommitResult> {
    const { parent, tree, title, description } = draft;
    const plan = planChanges(tree, operations);
    if (plan.kind === 'missing') {
      return { kind: 'invalid', message: `There is no "${plan.path}" to delete` };
    }
    const { changes, filesAdded, bytesAdded } = plan;
    const files = (parent?.files ?? 0) + filesAdded;
    const count = { changes: changes.size, files };
    const header: CommitHeader = {
      format: 1,
      parent: parent?.id ?? null,
      number: (parent?.number ?? 0) + 1,
      title,
      description,
      date: new Date().toISOString(),
      files,
      bytes: (parent?.bytes ?? 0) + bytesAdded,
      sinceSnapshot: countSinceSnapshot(parent?.sinceSnapshot ?? 0, count),
    };
    const encoded = encodeCommit(header, changes);
    const entries = changes.entries().map(([path, change]) => {
      return [path, fileEntry(change, encoded.id)] as const;
    });
    const applied = applyChanges(tree, new Map(entries));
    if (applied.kind === 'clash') {
      const message = `"${applied.path}" would be a file and a folder at once`;
      return { kind: 'invalid', message };
    }
    await this.#place.contents.makeDurable(this.#contentPaths(operations));
    const commit = await this.commits.write(encoded, { header, tree: applied.root });
    await this.#move(branch, commit.id);
    return { kind: 'committed', commit };
  }

  *#contentPaths(operations: readonly Operation[]): Generator<string> {
    const { contents } = this.#place;
    for (const operation of operations) {
      if (operation.kind !== 'add') continue;
      const { sha256, oid } = operation;
      yield sha256 === undefined ? contents.regularPath(oid) : contents.largePath(sha256);
    }
  }

  async #move(branch: string, commit: string): Promise<void> {
    const { folder, temporaryFolder } = this.#place;
    await writeDurably({ path: branchPath(folder, branch), content: commit, temporaryFolder });
    this.#branches.set(branch, commit);
  }
}

interface Writing {
  readonly draft: {
    readonly title: string;
    readonly description: string;
    readonly parent: Commit | undefined;
    readonly tree: Folder;
  };
  readonly operations: readonly Operation[];
}

/** Heads by branch, as they lie in the folder of a repo. */
export async function readBranches(folder: string): Promise<Map<string, string>> {
  const branches = new Map<string, string>();
  for (const name of (await readdir(`${folder}/refs`)).sort()) {
    const commit = await readFile(`${folder}/refs/${name}`, 'utf8');
    branches.set(decodeURIComponent(name), commit);
  }
  return branches;
}

function branchPath(folder: string, branch: string): string {
  return `${folder}/refs/${encodeURIComponent(branch)}`;
}

function isCommitOrPrefix(text: string, commit: string): boolean {
  return text.length >= 7 && commit.startsWith(text);
}
