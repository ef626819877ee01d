// What lies in the folder of an embedded Hub, for people: read from the disk without a server, or
// beside a running one. Changes nothing.
import { readdir, readFile } from 'node:fs/promises';
import { CommitStore } from './commit-store.ts';
import { findServer, readIdentity } from './hub-folder.ts';
import { REPO_TYPES, type RepoType } from './repo-name.ts';
import { MAIN_BRANCH, type RepoRecord, readBranches } from './repository.ts';

export interface HubDescription {
  readonly id: string;
  /** Of the live server on the folder; undefined when there is none. */
  readonly url: string | undefined;
  /** In the order of type, namespace and name. */
  readonly repos: readonly RepoDescription[];
}

export interface RepoDescription {
  readonly type: RepoType;
  /** `namespace/name` */
  readonly name: string;
  readonly private: boolean;
  /** Commit ids by branch. */
  readonly branches: ReadonlyMap<string, string>;
  /** The rest is that of the main branch. */
  readonly head: string;
  readonly commits: number;
  readonly files: number;
  readonly bytes: number;
  /** ISO time of the last commit. */
  readonly updatedAt: string;
}

/** Undefined when the folder holds no Hub. */
export async function describeHub(folder: string): Promise<HubDescription | undefined> {
  const identity = readIdentity(folder);
  if (identity === undefined) return undefined;
  const repos: RepoDescription[] = [];
  for (const type of REPO_TYPES) {
    for (const repo of await reposBelow(`${folder}/repos/${type}s`)) {
      const description = await describeRepo(repo);
      if (description !== undefined) repos.push(description);
    }
  }
  return { id: identity.id, url: findServer(folder)?.url, repos };
}

async function reposBelow(folder: string): Promise<readonly string[]> {
  const repos: string[] = [];
  for (const namespace of await namesIn(folder)) {
    const names = await namesIn(`${folder}/${namespace}`);
    repos.push(...names.map((name) => `${folder}/${namespace}/${name}`));
  }
  return repos;
}

/** Undefined when the repo vanished meanwhile. */
async function describeRepo(folder: string): Promise<RepoDescription | undefined> {
  const text = await readFile(`${folder}/repo.json`, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const record: RepoRecord = JSON.parse(text);
  const branches = await readBranches(folder);
  const head = branches.get(MAIN_BRANCH);
  if (head === undefined) return undefined;
  // Only reads: the temporary folder is for writing.
  const commit = await new CommitStore({ folder, temporaryFolder: folder }).commit(head);
  return {
    type: record.type,
    name: `${record.namespace}/${record.name}`,
    private: record.private,
    branches,
    head,
    commits: commit.number,
    files: commit.files,
    bytes: commit.bytes,
    updatedAt: commit.date,
  };
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
