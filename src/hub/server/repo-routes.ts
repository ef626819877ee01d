// Making, removing and describing repos, their branches and their history.
import { LOCAL_USER } from './account-routes.ts';
import {
  type Answer,
  badRequest,
  emptyAnswer,
  errorAnswer,
  jsonAnswer,
  notFound,
} from './answer.ts';
import type { Call, RepoCall, RevisionCall } from './call.ts';
import type { Commit } from './commit-file.ts';
import { type FileEntry, filesBelow } from './file-tree.ts';
import { pointerText } from './git-object.ts';
import { type Fields, fieldsOf, listOf, textOf } from './json-fields.ts';
import { linkHeader } from './page-link.ts';
import {
  explainBadPath,
  isBranchName,
  isRepoNamePart,
  isRepoType,
  type RepoName,
  repoUrlPath,
} from './repo-name.ts';
import type { FirstFile } from './repositories.ts';
import { MAIN_BRANCH, type Repository } from './repository.ts';
import { readJson } from './request-body.ts';
import { GIT_ATTRIBUTES } from './upload-mode.ts';

export async function createRepo({ hub, request, origin }: Call): Promise<Answer> {
  const fields = fieldsOf(await readJson(request));
  const name = repoNameOf(fields);
  if (name === undefined) return badRequest('The repo needs a type and a valid name');
  const files = firstFiles(fields);
  if (typeof files === 'string') return badRequest(files);
  const isPrivate = fields['visibility'] === 'private' || fields['private'] === true;
  const result = await hub.repositories.create(name, { isPrivate, files });
  if (result.kind === 'invalid') return badRequest(result.message);
  const { record } = result.repository;
  const about = {
    url: `${origin}/${repoUrlPath(record)}`,
    name: repoId(record),
    id: record.id,
  };
  if (result.kind === 'created') return jsonAnswer(about);
  const error = `You already created this ${record.type} repo: ${repoId(record)}`;
  return { ...errorAnswer(409, error), body: { kind: 'json', value: { error, ...about } } };
}

export async function deleteRepo({ hub, request }: Call): Promise<Answer> {
  const name = repoNameOf(fieldsOf(await readJson(request)));
  const repository = name === undefined ? undefined : await hub.repositories.find(name);
  if (repository === undefined) return notFound('RepoNotFound', 'Repository not found');
  await hub.repositories.remove(repository);
  return emptyAnswer(200);
}

function repoNameOf(fields: Fields): RepoName | undefined {
  const type = fields['type'] ?? 'model';
  // Older clients send `namespace/name` in one.
  const full = textOf(fields['name'])?.split('/') ?? [];
  const [name, own] = full.toReversed();
  const namespace = own ?? textOf(fields['organization']) ?? LOCAL_USER;
  if (name === undefined || full.length > 2 || !isRepoType(type)) return undefined;
  if (!isRepoNamePart(name) || !isRepoNamePart(namespace)) return undefined;
  return { type, namespace, name };
}

/** What a new repo holds; a text says what is wrong with the files that were asked for. */
function firstFiles(fields: Fields): readonly FirstFile[] | string {
  const files = new Map([['.gitattributes', Buffer.from(GIT_ATTRIBUTES)]]);
  for (const file of listOf(fields['files']).map(fieldsOf)) {
    const path = textOf(file['path']) ?? '';
    const problem = explainBadPath(path);
    if (problem !== undefined) return `Invalid path ${JSON.stringify(path)}: ${problem}`;
    const encoding = file['encoding'] === 'base64' ? 'base64' : 'utf8';
    files.set(path, Buffer.from(textOf(file['content']) ?? '', encoding));
  }
  return [...files].map(([path, content]) => ({ path, content }));
}

export async function repoInfo({ repository, commit, query }: RevisionCall): Promise<Answer> {
  const { record, commits } = repository;
  const { date, bytes } = await commits.commit(commit);
  const expand = [...query.getAll('expand'), ...query.getAll('expand[]')];
  const about = {
    _id: record.id,
    id: repoId(record),
    author: record.namespace,
    sha: commit,
    private: record.private,
    gated: false,
    disabled: false,
    downloads: 0,
    likes: 0,
    tags: [],
    createdAt: record.createdAt,
    lastModified: date,
    usedStorage: bytes,
  };
  // The longest part of the answer: only who wants everything or just this pays for it.
  if (expand.length > 0 && !expand.includes('siblings')) return jsonAnswer(about);
  const siblings = [];
  for (const { path, file } of filesBelow(await commits.treeAt(commit), '')) {
    siblings.push({ rfilename: path, ...(query.has('blobs') && describeBlob(file)) });
  }
  return jsonAnswer({ ...about, siblings });
}

function describeBlob({ size, oid, sha256 }: FileEntry) {
  if (sha256 === undefined) return { size, blobId: oid };
  const pointerSize = pointerText({ sha256, size }).length;
  return { size, blobId: oid, lfs: { sha256, size, pointerSize } };
}

export async function listRefs({ repository }: RepoCall): Promise<Answer> {
  const branches = [...repository.branches].map(([name, targetCommit]) => {
    return { name, ref: `refs/heads/${name}`, targetCommit };
  });
  return jsonAnswer({ branches, converts: [], tags: [] });
}

export async function createBranch(call: RepoCall): Promise<Answer> {
  const branch = call.match.revision ?? '';
  const fields = fieldsOf(await readJson(call.request));
  if (!isBranchName(branch)) return badRequest(`Invalid branch name ${JSON.stringify(branch)}`);
  const from = textOf(fields['startingPoint']);
  switch (await newBranch(call.repository, { branch, from, fields })) {
    case 'exists':
      return errorAnswer(409, `Reference already exists: refs/heads/${branch}`);
    case 'no-revision':
      return notFound('RevisionNotFound', `Invalid rev id: ${from ?? MAIN_BRANCH}`);
    default:
      return emptyAnswer(200);
  }
}

async function newBranch(
  repository: Repository,
  { branch, from, fields }: { branch: string; from: string | undefined; fields: Fields },
): Promise<'done' | 'exists' | 'no-revision'> {
  if (fields['emptyBranch'] === true) {
    const first = { title: 'initial commit', operations: [] };
    const result = await repository.createRootBranch(branch, first);
    if (result === 'exists') return 'exists';
    return result.kind === 'committed' ? 'done' : 'no-revision';
  }
  return repository.createBranch(branch, { from, overwrite: fields['overwrite'] === true });
}

export async function deleteBranch({ repository, match }: RepoCall): Promise<Answer> {
  const branch = match.revision ?? '';
  if (branch === MAIN_BRANCH) return errorAnswer(403, 'The main branch cannot be deleted');
  if (await repository.deleteBranch(branch)) return emptyAnswer(200);
  return notFound('RevisionNotFound', `Invalid rev id: ${branch}`);
}

const COMMITS_PER_PAGE = 100;
const MAX_COMMITS_PER_PAGE = 1000;

export async function listCommits(call: RevisionCall): Promise<Answer> {
  const { repository, commit, query } = call;
  const asked = Number(query.get('limit') ?? COMMITS_PER_PAGE) || COMMITS_PER_PAGE;
  const limit = Math.min(Math.max(asked, 1), MAX_COMMITS_PER_PAGE);
  const cursor = query.get('cursor');
  if (cursor !== null && !(await repository.commits.has(cursor))) {
    return badRequest('Invalid cursor');
  }
  const commits: Commit[] = [];
  let next: string | undefined;
  for await (const found of repository.commits.history(cursor ?? commit)) {
    if (commits.length === limit) {
      next = found.id;
      break;
    }
    commits.push(found);
  }
  const { number } = await repository.commits.commit(commit);
  const link = next === undefined ? {} : linkHeader(call, { revision: commit, cursor: next });
  return jsonAnswer(commits.map(commitData), { 'X-Total-Count': String(number), ...link });
}

function commitData({ id, title, description, date }: Commit) {
  const authors = [{ user: LOCAL_USER, avatar: '' }];
  return { id, title, message: description, authors, date };
}

function repoId({ namespace, name }: RepoName): string {
  return `${namespace}/${name}`;
}
