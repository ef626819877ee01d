// How a publication was made, beside its manifest: the text that the runner gives, compressed, and
// what can be learned from it and the manifest when the same group is to be made somewhere else.
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import type { RecallContext, Recalled, RecalledFile } from '../../src/task.ts';
import type { PublishedFile } from './manifest.ts';
import { readRemoteManifest } from './remote-manifest.ts';

/** Path of the provenance in the dataset, beside the manifest. */
export function provenancePath(manifestPath: string): string {
  return manifestPath.replace(/\.parquet$/, '.provenance.jsonl.gz');
}

/** Byte of a gzip file that names the system it was made on; 255 is "unknown". */
const SYSTEM_BYTE = 9;

/** Compresses the text; the same text gives the same bytes. */
export async function packProvenance(
  text: string,
  { scratch }: { readonly scratch: string },
): Promise<{ readonly file: string; readonly sha256: string }> {
  const file = join(scratch, 'provenance.jsonl.gz');
  await pipeline(createReadStream(text), createGzip({ level: 9 }), createWriteStream(file));
  const handle = await open(file, 'r+');
  try {
    await handle.write(Uint8Array.of(255), 0, 1, SYSTEM_BYTE);
  } finally {
    await handle.close();
  }
  const sha256 = createHash('sha256');
  for await (const piece of createReadStream(file)) sha256.update(piece);
  return { file, sha256: sha256.digest('hex') };
}

/** Undefined when the group was never published, or without its provenance. */
export async function recallPublication<P>(
  context: RecallContext<P>,
  manifestPath: string,
): Promise<Recalled | undefined> {
  const { repository, revision, scratch } = context;
  const path = provenancePath(manifestPath);
  const there = await repository.find(revision, [manifestPath, path]);
  if (!there.has(manifestPath) || !there.has(path)) return undefined;
  const sql = await context.sql();
  const place = { commit: revision, path: manifestPath, sql, scratch };
  const files = await readRemoteManifest(repository, place);
  const present = await repository.find(
    revision,
    files.map((file) => file.path),
  );
  const packed = await repository.read(revision, path);
  return {
    files: files.flatMap((file) =>
      present.get(file.path)?.digest === file.sha256 ? recalledFile(file) : [],
    ),
    provenance: linesOf(packed),
  };
}

function recalledFile({ path: _, ...file }: PublishedFile): readonly RecalledFile[] {
  const { producer, output, workPath } = file;
  // A manifest of an older version does not say who made its files.
  if (producer === null || output === null || workPath === null) return [];
  return [{ ...file, producer, output, workPath }];
}

async function* linesOf(packed: Uint8Array): AsyncGenerator<string> {
  const text = Readable.from([packed]).pipe(createGunzip());
  for await (const line of createInterface({ input: text })) yield line;
}
