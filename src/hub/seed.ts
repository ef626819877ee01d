// Gives the embedded Hub the dataset that the pipeline says it has from the start. What was put
// there is noted beside it (`hub/seed.json`), so that nothing is hashed or sent while the local
// files look the same.
import { posix } from 'node:path';
import type { HubSeedConfig } from '../config/config.ts';
import type { FileSystem } from '../file-system.ts';
import { findFiles } from '../glob.ts';
import { compareNaturally } from '../plan/catalog.ts';
import type { Hub } from '../task.ts';

/** Files in one commit. */
const COMMIT_FILES = 100;

export interface SeedContext {
  readonly fs: FileSystem;
  /** Folder of the embedded Hub. */
  readonly folder: string;
  readonly hub: () => Promise<Hub>;
  readonly digest: (path: string) => Promise<string>;
}

/** Whether anything was sent; undefined when there are no files to send. */
export async function seedHub(
  seed: HubSeedConfig,
  context: SeedContext,
): Promise<'same' | 'sent' | undefined> {
  const { fs, folder } = context;
  const files = localFiles(seed, fs);
  if (files.length === 0) return undefined;
  const note = `${JSON.stringify({ dataset: seed.dataset, files })}\n`;
  const notePath = posix.join(folder, 'seed.json');
  const before = fs.read(notePath);
  if (before !== undefined && new TextDecoder().decode(before) === note) return 'same';
  await send(seed, { ...context, files });
  fs.makeFolder(folder);
  fs.replace(notePath, note);
  return 'sent';
}

interface LocalFile {
  /** Path in the dataset. */
  readonly path: string;
  readonly bytes: number;
  readonly mtimeMs: number;
}

function localFiles({ folder, files }: HubSeedConfig, fs: FileSystem): readonly LocalFile[] {
  const found = findFiles(fs, posix.join(folder, files)).map((file) => ({
    ...file,
    path: posix.relative(folder, file.path),
  }));
  return found.sort((a, b) => compareNaturally(a.path, b.path));
}

/** Makes the dataset hold exactly these files below their folder, sending what differs. */
async function send(
  seed: HubSeedConfig,
  { hub, digest, files }: SeedContext & { files: readonly LocalFile[] },
): Promise<void> {
  const repository = (await hub()).repository(seed.dataset);
  let head = await repository.create({ private: false });
  const there = new Map<string, string>();
  for await (const file of repository.list(head, '')) there.set(file.path, file.digest);
  const put: { path: string; from: { file: string; sha256: string } }[] = [];
  for (const { path } of files) {
    const file = posix.join(seed.folder, path);
    const sha256 = await digest(file);
    if (there.get(path) !== sha256) put.push({ path, from: { file, sha256 } });
  }
  const kept = new Set(files.map((file) => file.path));
  const remove = [...there.keys()].filter((path) => !kept.has(path) && !isRepositoryFile(path));
  const title = 'Seed';
  for (let at = 0; at < put.length; at += COMMIT_FILES) {
    const some = put.slice(at, at + COMMIT_FILES);
    head = await repository.commit({ parent: head, title, put: some, remove: [] });
  }
  if (remove.length > 0) await repository.commit({ parent: head, title, put: [], remove });
}

function isRepositoryFile(path: string): boolean {
  return path === '.gitattributes' || path === 'README.md';
}
