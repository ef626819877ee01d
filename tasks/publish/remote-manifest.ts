// What a dataset holds of a group from earlier publications, and what becomes of it. A file may go
// only when the target that made it is still behind this push and no longer makes it: a target that
// is gone (its source file vanished, its step has another name) says nothing about its rows. A file that
// the pipeline excludes is another matter: what was made of it goes.
//
// While a push is under way the dataset has a second manifest, `KEY.next.parquet`: it comes with the
// first files and goes with the last commit, and lists all that there may be of the group meanwhile.
// Without it, files of a push that was cut short would be listed nowhere once nobody makes them.
import { writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { HubRepository, Sql } from '../../src/task.ts';
import { type PublishedFile, readManifest } from './manifest.ts';

interface RemotePlace {
  readonly commit: string;
  /** The manifest's path in the dataset. */
  readonly path: string;
  readonly sql: Sql;
  readonly scratch: string;
}

/** Where the manifest of a push that is under way lies. */
export function pendingPath(manifestPath: string): string {
  return manifestPath.replace(/\.parquet$/, '.next.parquet');
}

export interface Earlier {
  /** Digest of the published manifest; undefined when there is none. */
  readonly published: string | undefined;
  /** Digest of the one that a push left behind; undefined when there is none. */
  readonly pending: string | undefined;
  /** Files in the dataset that their targets no longer make. */
  readonly obsolete: readonly PublishedFile[];
  /** Files in the dataset, as they were published, whose targets are behind this push no more. */
  readonly kept: readonly PublishedFile[];
  /** Folders that had files of the group; the last of them may be gone. */
  readonly folders: readonly string[];
}

/** Compares what both manifests list at a commit with the paths that the group has now. */
export async function findEarlier(
  repository: HubRepository,
  place: RemotePlace,
  now: {
    readonly paths: ReadonlySet<string>;
    readonly producers: ReadonlySet<string>;
    /** Source files that the pipeline leaves out: what was made of them goes. */
    readonly excluded: ReadonlySet<string>;
  },
): Promise<Earlier> {
  const pending = pendingPath(place.path);
  const manifests = await repository.find(place.commit, [place.path, pending]);
  const listed: (readonly PublishedFile[])[] = [];
  for (const path of [place.path, pending]) {
    if (manifests.has(path)) listed.push(await readRemoteManifest(repository, { ...place, path }));
  }
  const candidates = listed.flat().filter(({ path }) => !now.paths.has(path));
  const paths = [...new Set(candidates.map(({ path }) => path))];
  const there = await repository.find(place.commit, paths);
  const isThere = ({ path, sha256 }: PublishedFile) => there.get(path)?.digest === sha256;
  const files = new Map<string, PublishedFile>();
  for (const file of candidates) {
    // Where the two manifests differ, the one that tells of the file that is there is right.
    if (!files.has(file.path) || isThere(file)) files.set(file.path, file);
  }
  // Without a producer nobody can say that it was to go: such a file stays, too.
  const isMade = ({ producer }: PublishedFile) =>
    producer !== null &&
    (now.producers.has(producer) || now.excluded.has(producer.slice(producer.indexOf('@') + 1)));
  const all = [...files.values()];
  return {
    published: manifests.get(place.path)?.digest,
    pending: manifests.get(pending)?.digest,
    obsolete: all.filter((file) => isMade(file) && there.has(file.path)),
    // One that somebody deleted or replaced cannot be sent again; it is no longer the group's.
    kept: all.filter((file) => !isMade(file) && isThere(file)),
    folders: [...new Set(all.map(({ path }) => posix.dirname(path)))],
  };
}

/** A manifest that is known to be there. */
export async function readRemoteManifest(
  repository: HubRepository,
  { commit, path, sql, scratch }: RemotePlace,
): Promise<readonly PublishedFile[]> {
  const local = join(scratch, 'published.parquet');
  await writeFile(local, await repository.read(commit, path));
  return readManifest(sql, local);
}

const SHOWN_PRODUCERS = 10;

/** `3 of process@a, 1 of process@b`; undefined when nothing is kept. */
export function explainKept(kept: readonly PublishedFile[]): string | undefined {
  if (kept.length === 0) return undefined;
  const groups = Map.groupBy(kept, ({ producer }) => producer ?? 'a target that nobody named');
  const parts = [...groups].map(([producer, files]) => `${files.length} of ${producer}`);
  const more = parts.length - SHOWN_PRODUCERS;
  const shown = parts.slice(0, SHOWN_PRODUCERS).join(', ');
  return more > 0 ? `${shown}, and those of ${more} more` : shown;
}
