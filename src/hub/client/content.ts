// The identity of a file's content as a Hub gives it: the sha256 of a large file, and for one kept
// in git `git:` with the sha1 that git gives a blob. Both are computed while bytes pass by.
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';

const GIT = 'git:';

/** A running digest of the kind that `digest` is; a blob's sha1 begins with its size. */
export function startDigest(digest: string, bytes: number): Hash {
  if (!digest.startsWith(GIT)) return createHash('sha256');
  return createHash('sha1').update(`blob ${bytes}\0`);
}

export function endDigest(hash: Hash, digest: string): string {
  return `${digest.startsWith(GIT) ? GIT : ''}${hash.digest('hex')}`;
}

export function digestOfBytes(bytes: Uint8Array, like: string): string {
  return endDigest(startDigest(like, bytes.byteLength).update(bytes), like);
}

/** Digest of a local file of the given size, of the same kind as `like`. */
export async function digestOfFile(
  path: string,
  options: { readonly bytes: number; readonly like: string; readonly signal: AbortSignal },
): Promise<string> {
  const hash = startDigest(options.like, options.bytes);
  for await (const chunk of createReadStream(path, { signal: options.signal })) hash.update(chunk);
  return endDigest(hash, options.like);
}
