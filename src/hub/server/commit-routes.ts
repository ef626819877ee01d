// How files get into a repo: first a client asks which of its files are large (preupload), sends
// the contents of those, and then one commit request names everything that changes.
import { type Answer, badRequest, errorAnswer, jsonAnswer, notFound } from './answer.ts';
import type { RepoCall, RevisionCall } from './call.ts';
import type { Operation } from './change-plan.ts';
import type { ContentStore } from './content-store.ts';
import { entryAt } from './file-tree.ts';
import { gitBlobOid, pointerText } from './git-object.ts';
import {
  countOf,
  type Fields,
  fieldsOf,
  isTrue,
  listOf,
  parseJson,
  textOf,
} from './json-fields.ts';
import { explainBadPath, repoUrlPath } from './repo-name.ts';
import type { CommitResult } from './repository.ts';
import { drain, readJson, readLines } from './request-body.ts';
import { REGULAR_LIMIT, uploadMode } from './upload-mode.ts';

export async function preupload({ repository, commit, request }: RevisionCall): Promise<Answer> {
  const tree = await repository.commits.treeAt(commit);
  const files = [];
  for (const file of listOf(fieldsOf(await readJson(request))['files']).map(fieldsOf)) {
    const path = textOf(file['path']) ?? '';
    const size = countOf(file['size']);
    const problem = explainBadPath(path);
    if (problem !== undefined || size === undefined) {
      return badRequest(`Invalid file ${JSON.stringify(path)}: ${problem ?? 'no size'}`);
    }
    const sample = Buffer.from(textOf(file['sample']) ?? '', 'base64');
    const entry = entryAt(tree, path);
    // What the client compares with its own file, to leave out what did not change.
    const oid = entry?.kind === 'file' ? (entry.sha256 ?? entry.oid) : null;
    files.push({ path, uploadMode: uploadMode({ path, size, sample }), shouldIgnore: false, oid });
  }
  return jsonAnswer({ files });
}

export async function commit(call: RepoCall): Promise<Answer> {
  const { hub, request, repository, match, query, origin } = call;
  const branch = match.revision ?? '';
  if (isTrue(query.get('create_pr'))) {
    await drain(request);
    return badRequest('The embedded Hub has no pull requests');
  }
  const read = await readCommit(call, hub.contents);
  if (read.kind === 'refused') {
    await drain(request);
    return read.answer;
  }
  const { summary, description, parentCommit } = read.header;
  const title = textOf(summary);
  if (title === undefined) return badRequest('The commit has no header with a summary');
  const result = await repository.commit(branch, {
    title,
    description: textOf(description) ?? '',
    parentCommit: textOf(parentCommit),
    operations: read.operations,
  });
  if (result.kind !== 'committed') return explainRefusal(result, branch);
  const { id } = result.commit;
  return jsonAnswer({
    success: true,
    commitOid: id,
    commitUrl: `${origin}/${repoUrlPath(repository.record)}/commit/${id}`,
    hookOutput: '',
  });
}

function explainRefusal(
  result: Exclude<CommitResult, { kind: 'committed' }>,
  branch: string,
): Answer {
  switch (result.kind) {
    case 'stale':
      return errorAnswer(
        412,
        `A commit has happened since. Please refresh and try again. The head is ${result.head}`,
      );
    case 'no-branch':
      return notFound('RevisionNotFound', `Invalid rev id: ${branch}`);
    case 'invalid':
      return badRequest(result.message);
  }
}

type ReadCommit =
  | { readonly kind: 'read'; readonly header: Fields; readonly operations: readonly Operation[] }
  | { readonly kind: 'refused'; readonly answer: Answer };

/** Stores contents as they come by, so that only one line is in memory at a time. */
async function readCommit({ request }: RepoCall, contents: ContentStore): Promise<ReadCommit> {
  let header: Fields = {};
  const operations: Operation[] = [];
  for await (const line of readLines(request)) {
    if (line === undefined) return refused(errorAnswer(413, 'A line of the commit is too long'));
    const { key, value } = fieldsOf(parseJson(line));
    const fields = fieldsOf(value);
    if (key === 'header') {
      header = fields;
      continue;
    }
    const operation = await readOperation({ key, fields }, contents);
    if (typeof operation === 'string') return refused(badRequest(operation));
    operations.push(operation);
  }
  return { kind: 'read', header, operations };
}

function refused(answer: Answer): ReadCommit {
  return { kind: 'refused', answer };
}

interface OperationLine {
  readonly key: unknown;
  readonly fields: Fields;
}

/** A text says what is wrong. */
async function readOperation(
  { key, fields }: OperationLine,
  contents: ContentStore,
): Promise<Operation | string> {
  const given = textOf(fields['path']) ?? '';
  const path = key === 'deletedFolder' ? given.replace(/\/$/, '') : given;
  const problem = explainBadPath(path);
  if (problem !== undefined) return `Invalid path ${JSON.stringify(path)}: ${problem}`;
  switch (key) {
    case 'file':
      return readRegular({ path, fields }, contents);
    case 'lfsFile':
      return readLarge({ path, fields }, contents);
    case 'deletedFile':
      return { kind: 'delete-file', path };
    case 'deletedFolder':
      return { kind: 'delete-folder', path };
    default:
      return `Unknown operation ${JSON.stringify(key)}`;
  }
}

interface FileLine {
  readonly path: string;
  readonly fields: Fields;
}

async function readRegular(
  { path, fields }: FileLine,
  contents: ContentStore,
): Promise<Operation | string> {
  const text = textOf(fields['content']);
  if (text === undefined) return `"${path}" has no content`;
  const content = Buffer.from(text, fields['encoding'] === 'utf-8' ? 'utf8' : 'base64');
  const size = content.byteLength;
  if (size > REGULAR_LIMIT) return `"${path}" is too long for a regular file`;
  const oid = await contents.addRegular(content);
  return { kind: 'add', path, oid, size, sha256: undefined };
}

async function readLarge(
  { path, fields }: FileLine,
  contents: ContentStore,
): Promise<Operation | string> {
  const sha256 = textOf(fields['oid']) ?? '';
  const size = isSha256(sha256) ? await contents.largeSize(sha256) : undefined;
  if (size === undefined) {
    return `LFS pointer pointed to a file that does not exist: "${path}" (${sha256})`;
  }
  const announced = fields['size'];
  if (announced !== undefined && announced !== size) {
    return `"${path}" has ${size} bytes, not ${String(announced)}`;
  }
  const oid = gitBlobOid(Buffer.from(pointerText({ sha256, size })));
  return { kind: 'add', path, oid, size, sha256 };
}

export function isSha256(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}
