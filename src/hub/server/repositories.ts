// All repos of the folder: making one, finding one, removing one. A repo is put together aside
// and renamed into place, and renamed aside before it is removed, so it is there whole or not at
// all. Names that differ only by case are one name, as on the Hub.
import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { nodeFileSystem } from '../../node-file-system.ts';
import type { ContentStore } from './content-store.ts';
import { makeFolders, temporaryPath, writeDurably } from './durable.ts';
import { isRepoNamePart, type RepoName } from './repo-name.ts';
import { MAIN_BRANCH, type RepoRecord, Repository } from './repository.ts';
import { serialQueue } from './serial.ts';

export interface FirstFile {
  readonly path: string;
  readonly content: Uint8Array;
}

export interface NewRepo {
  readonly isPrivate: boolean;
  /** In the first commit; regular files only. */
  readonly files: readonly FirstFile[];
}

export type CreateResult =
  | { readonly kind: 'created'; readonly repository: Repository }
  | { readonly kind: 'exists'; readonly repository: Repository }
  | { readonly kind: 'invalid'; readonly message: string };

export class Repositories {
  readonly #folder: string;
  readonly #temporaryFolder: string;
  readonly #contents: ContentStore;
  readonly #open = new Map<string, Promise<Repository>>();
  readonly #serially = serialQueue();

  constructor(place: { folder: string; temporaryFolder: string; contents: ContentStore }) {
    this.#folder = place.folder;
    this.#temporaryFolder = place.temporaryFolder;
    this.#contents = place.contents;
  }

  async find(name: RepoName): Promise<Repository | undefined> {
    if (!isRepoNamePart(name.namespace) || !isRepoNamePart(name.name)) return undefined;
    const folder = this.#repoFolder(name);
    const known = this.#open.get(folder);
    if (known !== undefined) return known;
    if (!(await exists(`${folder}/repo.json`))) return undefined;
    return this.#open.getOrInsertComputed(folder, () => {
      const opened = Repository.open(this.#place(folder));
      // A repo that cannot be read now may be readable at the next request.
      opened.catch(() => this.#open.delete(folder));
      return opened;
    });
  }

  async create(name: RepoName, repo: NewRepo): Promise<CreateResult> {
    return this.#serially(async () => {
      const old = await this.find(name);
      if (old !== undefined) return { kind: 'exists', repository: old };
      return this.#create(name, repo);
    });
  }

  async remove(repository: Repository): Promise<void> {
    return this.#serially(async () => {
      const folder = this.#repoFolder(repository.record);
      const aside = temporaryPath(this.#temporaryFolder);
      await repository.retire(async () => {
        await rename(folder, aside);
        this.#open.delete(folder);
        await nodeFileSystem.sync([dirname(folder)]);
      });
      await rm(aside, { recursive: true, force: true });
    });
  }

  async #create(name: RepoName, { isPrivate, files }: NewRepo): Promise<CreateResult> {
    const { type, namespace } = name;
    const record: RepoRecord = {
      format: 1,
      type,
      namespace,
      name: name.name,
      id: randomBytes(12).toString('hex'),
      private: isPrivate,
      createdAt: new Date().toISOString(),
    };
    const temporaryFolder = this.#temporaryFolder;
    const draft = temporaryPath(temporaryFolder);
    await mkdir(`${draft}/refs`, { recursive: true });
    const content = `${JSON.stringify(record, undefined, 2)}\n`;
    await writeDurably({ path: `${draft}/repo.json`, content, temporaryFolder });

    const repository = await Repository.open(this.#place(draft));
    const operations = [];
    for (const { path, content } of files) {
      const oid = await this.#contents.addRegular(content);
      const size = content.byteLength;
      operations.push({ kind: 'add', path, oid, size, sha256: undefined } as const);
    }
    const first = { title: 'initial commit', operations };
    const result = await repository.createRootBranch(MAIN_BRANCH, first);
    if (result !== 'exists' && result.kind === 'invalid') {
      await rm(draft, { recursive: true });
      return result;
    }
    const folder = this.#repoFolder(name);
    const changed = await makeFolders(dirname(folder));
    await rename(draft, folder);
    await nodeFileSystem.sync(changed);
    const created = await this.find(name);
    if (created === undefined) throw new Error(`${folder} vanished`);
    return { kind: 'created', repository: created };
  }

  #place(folder: string) {
    return { folder, temporaryFolder: this.#temporaryFolder, contents: this.#contents };
  }

  #repoFolder({ type, namespace, name }: RepoName): string {
    return `${this.#folder}/${type}s/${namespace.toLowerCase()}/${name.toLowerCase()}`;
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
