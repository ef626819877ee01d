// How the contents of large files arrive: the batch request says what is missing and where to
// send it, in one piece or in parts; everything received is measured and hashed before it counts.
// The answer never offers xet, so clients use plain HTTP.
import { createHash } from 'node:crypto';
import { constants, open } from 'node:fs/promises';
import {
  type Answer,
  badRequest,
  emptyAnswer,
  errorAnswer,
  jsonAnswer,
  notFound,
} from './answer.ts';
import type { Call, RepoCall } from './call.ts';
import { isSha256 } from './commit-routes.ts';
import { type LargeFile, writeAt } from './content-store.ts';
import { countOf, fieldsOf, listOf, textOf } from './json-fields.ts';
import { repoUrlPath } from './repo-name.ts';
import { chunksOf, drain, readJson } from './request-body.ts';
import { OWN_PREFIX } from './route.ts';
import type { PartsUpload } from './upload-table.ts';

const LFS_JSON = { 'Content-Type': 'application/vnd.git-lfs+json' };

export async function lfsBatch(call: RepoCall): Promise<Answer> {
  const fields = fieldsOf(await readJson(call.request));
  const objects = listOf(fields['objects']).map(fieldsOf);
  if (fields['operation'] !== 'upload') {
    return errorAnswer(422, 'Only uploads: files are downloaded from /resolve/', LFS_JSON);
  }
  const inParts = listOf(fields['transfers']).includes('multipart');
  const answers = [];
  for (const object of objects) {
    const sha256 = textOf(object['oid']) ?? '';
    const size = countOf(object['size']);
    if (!isSha256(sha256) || size === undefined) {
      const error = { code: 422, message: 'The object needs an oid (sha256) and a size' };
      answers.push({ oid: object['oid'], size: object['size'], error });
    } else {
      answers.push(await answerObject(call, { sha256, size, inParts }));
    }
  }
  const transfer = answers.some(({ isInParts }) => isInParts === true) ? 'multipart' : 'basic';
  const rows = answers.map(({ isInParts, ...row }) => row);
  return jsonAnswer({ transfer, objects: rows }, LFS_JSON);
}

interface ObjectAnswer {
  readonly oid: unknown;
  readonly size: unknown;
  readonly authenticated?: boolean;
  readonly actions?: object;
  readonly error?: { readonly code: number; readonly message: string };
  readonly isInParts?: boolean;
}

async function answerObject(
  { hub, origin, repository }: RepoCall,
  { sha256, size, inParts }: LargeFile & { readonly inParts: boolean },
): Promise<ObjectAnswer> {
  const oid = sha256;
  if ((await hub.contents.largeSize(sha256)) === size) return { oid, size };
  const uploads = `${origin}/${OWN_PREFIX}/uploads`;
  const parts = inParts ? hub.uploads.begin({ sha256, size }) : undefined;
  const upload =
    parts === undefined
      ? { href: `${uploads}/${sha256}?${hub.signer.signWrite({ sha256, size })}` }
      : { href: `${uploads}/${parts.id}`, header: partLinks(`${uploads}/${parts.id}`, parts) };
  const verify = { href: `${origin}/${repoUrlPath(repository.record)}.git/info/lfs/verify` };
  const actions = { upload, verify };
  return { oid, size, authenticated: true, actions, isInParts: parts !== undefined };
}

function partLinks(href: string, { partSize, count }: PartsUpload): Record<string, string> {
  const header: Record<string, string> = { chunk_size: String(partSize) };
  for (let part = 1; part <= count; part += 1) {
    header[String(part).padStart(5, '0')] = `${href}/${part}`;
  }
  return header;
}

/** Python clients ask once more after an upload. */
export async function lfsVerify({ hub, request }: RepoCall): Promise<Answer> {
  const { oid, size } = fieldsOf(await readJson(request));
  const sha256 = textOf(oid) ?? '';
  const known = isSha256(sha256) ? await hub.contents.largeSize(sha256) : undefined;
  if (known === undefined || known !== size) {
    return errorAnswer(404, `There is no object ${sha256} of ${String(size)} bytes`, LFS_JSON);
  }
  return jsonAnswer({ message: 'OK' }, LFS_JSON);
}

export async function receiveWhole(call: Call): Promise<Answer> {
  const { hub, match, query, request } = call;
  const file = hub.signer.allowedWrite(match.id ?? '', query);
  if (file === undefined) return noSuchUpload(call);
  if (announcesOtherSize(call, file.size)) return refuseSize(call, file.size);
  const mismatch = await hub.contents.receive(chunksOf(request), file);
  return mismatch === undefined ? emptyAnswer(200) : badRequest(`Upload refused: ${mismatch}`);
}

export async function receivePart(call: Call): Promise<Answer> {
  const { hub, match } = call;
  const { id = '', part = 0 } = match;
  const upload = hub.uploads.find(id);
  if (upload === undefined || part < 1 || part > upload.count || upload.isCompleting) {
    return noSuchUpload(call);
  }
  const position = (part - 1) * upload.partSize;
  const expected = Math.min(upload.partSize, upload.size - position);
  if (announcesOtherSize(call, expected)) return refuseSize(call, expected);
  upload.receiving += 1;
  try {
    const { size, etag } = await writePart(call, { path: upload.path, position, expected });
    if (size !== expected) return badRequest(`Part ${part} has ${size} bytes, not ${expected}`);
    upload.etags.set(part, etag);
    return emptyAnswer(200, { ETag: etag });
  } finally {
    upload.receiving -= 1;
  }
}

interface PartPlace {
  readonly path: string;
  readonly position: number;
  readonly expected: number;
}

async function writePart({ request }: Call, { path, position, expected }: PartPlace) {
  const hash = createHash('md5');
  // Created if missing, never truncated: other parts may be there already.
  const handle = await open(path, constants.O_RDWR | constants.O_CREAT);
  try {
    const limit = expected;
    const size = await writeAt(chunksOf(request), { handle, position, limit, hash });
    return { size, etag: `"${hash.digest('hex')}"` };
  } finally {
    await handle.close();
  }
}

/** Not idempotent, as on the Hub: who is not sure asks for a new batch. */
export async function completeParts(call: Call): Promise<Answer> {
  const { hub, match, request } = call;
  const upload = hub.uploads.find(match.id ?? '');
  if (upload === undefined) return noSuchUpload(call);
  const fields = fieldsOf(await readJson(request));
  const problem = explainParts(upload, listOf(fields['parts']).map(fieldsOf));
  if (problem !== undefined || fields['oid'] !== upload.sha256) {
    return badRequest(`Upload refused: ${problem ?? 'the oid is another one'}`);
  }
  if (upload.receiving > 0 || upload.isCompleting) {
    return errorAnswer(409, 'Upload refused: a part of it is still being received');
  }
  upload.isCompleting = true;
  try {
    const mismatch = await hub.contents.adopt(upload.path, upload);
    if (mismatch !== undefined) return badRequest(`Upload refused: ${mismatch}`);
    hub.uploads.end(upload);
    return jsonAnswer({ success: true }, LFS_JSON);
  } finally {
    upload.isCompleting = false;
  }
}

function explainParts(
  { count, etags }: PartsUpload,
  given: readonly Readonly<Record<string, unknown>>[],
): string | undefined {
  const named = new Set(given.map(({ partNumber }) => partNumber));
  if (named.size !== count) return `${named.size} parts instead of ${count}`;
  for (const { partNumber, etag } of given) {
    const known = typeof partNumber === 'number' ? etags.get(partNumber) : undefined;
    if (known === undefined) return `part ${String(partNumber)} is missing`;
    if (unquoted(known) !== unquoted(textOf(etag) ?? '')) {
      return `part ${String(partNumber)} has another ETag`;
    }
  }
  return undefined;
}

function unquoted(etag: string): string {
  return etag.replaceAll('"', '');
}

async function noSuchUpload({ request }: Call): Promise<Answer> {
  await drain(request);
  return notFound('EntryNotFound', 'There is no such upload: it expired, or is complete');
}

function announcesOtherSize({ request }: Call, size: number): boolean {
  const announced = request.headers['content-length'];
  return announced !== undefined && Number(announced) !== size;
}

async function refuseSize({ request }: Call, size: number): Promise<Answer> {
  const announced = request.headers['content-length'];
  await drain(request);
  return badRequest(`Upload refused: announced ${announced} bytes instead of ${size}`);
}
