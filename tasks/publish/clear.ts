// Clears groups out of a dataset that no target publishes any more. A group is known by its manifest;
// of the files that this lists go those that are still as they were published and that no manifest of
// another group lists. The manifest goes after them, so that what a crash leaves is still listed.
import { posix } from 'node:path';
import type { ClearContext, ClearedGroup, RemoteFile } from '../../src/task.ts';
import { updateCard } from './card.ts';
import { publishDespiteConflicts } from './conflict.ts';
import type { PublishedFile } from './manifest.ts';
import { provenancePath } from './provenance.ts';
import { pendingPath, readRemoteManifest } from './remote-manifest.ts';
import { transfer } from './transfer.ts';

interface ClearOptions {
  readonly manifests: string;
  readonly first_subset: string;
  readonly commit_files: number;
}

type Context = ClearContext<ClearOptions>;

interface Group extends ClearedGroup {
  readonly paths: readonly string[];
  /** Of the group itself: manifests, provenance. */
  readonly records: readonly string[];
}

const CARD = 'README.md';
/** Files in one commit at most: deleting sends no bytes. */
const MAX_DELETED = 10_000;

export async function clearGroups(context: Context): Promise<readonly ClearedGroup[]> {
  const clearing = new Clearing(context);
  if (context.isDry) await clearing.look(context.revision);
  else await publishDespiteConflicts(clearing, context);
  return clearing.found.map(({ key, files, bytes }) => ({ key, files, bytes }));
}

class Clearing {
  landedCommits = 0;
  found: readonly Group[] = [];
  readonly #context: Context;
  readonly #cleared = new Map<string, Group>();

  constructor(context: Context) {
    this.#context = context;
  }

  /** Deletes what there is at the newest commit. */
  async publish(): Promise<void> {
    const head = await this.#context.repository.head();
    if (head === undefined) return;
    let parent = head;
    for (const group of await this.look(head)) {
      parent = await this.#delete(group, parent);
      this.#cleared.set(group.key, this.#cleared.get(group.key) ?? group);
    }
    this.found = [...this.#cleared.values()];
  }

  async look(commit: string): Promise<readonly Group[]> {
    const { repository, with: options, keys } = this.#context;
    const listed: RemoteFile[] = [];
    for await (const file of repository.list(commit, options.manifests)) listed.push(file);
    const isLive = (path: string) =>
      keys.some((key) => recordPaths(options.manifests, key).includes(path));
    const manifests = listed.map(({ path }) => path).filter((path) => path.endsWith('.parquet'));
    const orphaned = manifests.filter((path) => !isLive(path));
    const live = orphaned.length === 0 ? [] : manifests.filter(isLive);
    const shared = new Set((await this.#read(commit, live)).map(({ path }) => path));
    const groups: Group[] = [];
    const present = new Set(listed.map(({ path }) => path));
    for (const [key, paths] of Map.groupBy(orphaned, (path) => keyOf(path, options.manifests))) {
      const files = (await this.#read(commit, paths)).filter(({ path }) => !shared.has(path));
      const own = await this.#unchanged(commit, files);
      const records = recordPaths(options.manifests, key).filter((path) => present.has(path));
      const bytes = own.reduce((sum, file) => sum + file.bytes, 0);
      groups.push({ key, files: own.length, bytes, paths: own.map(({ path }) => path), records });
    }
    this.found = groups;
    return groups;
  }

  async #read(commit: string, paths: readonly string[]): Promise<readonly PublishedFile[]> {
    const { repository, scratch } = this.#context;
    const sql = await this.#context.sql();
    const files: PublishedFile[] = [];
    for (const path of paths) {
      files.push(...(await readRemoteManifest(repository, { commit, path, sql, scratch })));
    }
    return files;
  }

  /** Each once, as it was published: what somebody replaced is no longer the group's. */
  async #unchanged(
    commit: string,
    files: readonly PublishedFile[],
  ): Promise<readonly RemoteFile[]> {
    const paths = [...new Set(files.map(({ path }) => path))];
    const there = await this.#context.repository.find(commit, paths);
    const digests = new Map(files.map(({ path, sha256 }) => [`${path} ${sha256}`, path]));
    return [...there.values()].filter(({ path, digest }) => digests.has(`${path} ${digest}`));
  }

  async #delete(group: Group, parent: string): Promise<string> {
    const { commit_files: size } = this.#context.with;
    const emptied = await transfer({
      parent,
      name: `${group.key}: no group of the pipeline any more`,
      put: [],
      remove: group.paths,
      along: [],
      size: Math.max(size, MAX_DELETED),
      maxSize: MAX_DELETED,
      nowMs: () => performance.now(),
      commit: (change) => this.#commit(change),
      onBytes: () => {},
    });
    const title = `${group.key}: manifest and card`;
    const put = await this.#card(group, emptied);
    return await this.#commit({ parent: emptied, title, put, remove: group.records });
  }

  async #card(group: Group, parent: string) {
    const { repository, with: options } = this.#context;
    const there = await repository.find(parent, [CARD]);
    if (!there.has(CARD)) return [];
    const before = new TextDecoder().decode(await repository.read(parent, CARD));
    const folders = [...new Set(group.paths.map((path) => posix.dirname(path)))];
    const emptied: string[] = [];
    for (const folder of folders) {
      const first = await repository.list(parent, folder)[Symbol.asyncIterator]().next();
      if (first.done === true) emptied.push(folder);
    }
    const card = updateCard({
      before,
      dataset: repository.name,
      folders: [],
      emptied,
      first: options.first_subset,
      contract: undefined,
      group: group.key,
      excluded: {},
    });
    return card === before ? [] : [{ path: CARD, from: new TextEncoder().encode(card) }];
  }

  async #commit(change: Parameters<Context['repository']['commit']>[0]): Promise<string> {
    const commit = await this.#context.repository.commit(change);
    if (commit !== change.parent) this.landedCommits += 1;
    return commit;
  }
}

function recordPaths(folder: string, key: string): readonly string[] {
  const manifest = posix.join(folder, `${key}.parquet`);
  return [manifest, pendingPath(manifest), provenancePath(manifest)];
}

function keyOf(path: string, folder: string): string {
  return path.slice(folder.length + 1).replace(/(\.next)?\.parquet$/, '');
}
