// The recorded listing of a Hub source (`state/@source-NAME.jsonl`): which files it has at the
// pinned commit. A lock in the sense of package managers: runs plan from it without a network,
// until `refresh` makes it anew. Every line has its checksum; the last one counts the files.
import { posix } from 'node:path';
import type { HubSourceConfig } from '../config/config.ts';
import type { FileSystem } from '../file-system.ts';
import { matchesPath, staticFolder } from '../glob.ts';
import { frameLine, scanLines } from '../store/line.ts';
import type { Hub, RemoteFile } from '../task.ts';

export interface RecordedListing {
  /** What was listed; another dataset, Hub, revision or glob needs a new listing. */
  readonly hub: string;
  readonly dataset: string;
  readonly revision: string;
  readonly glob: string;
  /** The commit that the revision stood for. */
  readonly commit: string;
  /** ISO time. */
  readonly at: string;
  readonly files: readonly RemoteFile[];
}

/** Undefined when there is none, or when it is damaged: it can always be made again. */
export function readListing(
  fs: FileSystem,
  { state, source }: { state: string; source: string },
): RecordedListing | undefined {
  const content = fs.read(listingPath(state, source));
  if (content === undefined) return undefined;
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const { whole, damaged, torn } = scanLines(bytes);
  const [head, ...rest] = whole;
  const last = rest.pop();
  if (head === undefined || last === undefined || damaged.length > 0 || torn !== undefined) {
    return undefined;
  }
  const parse = (line: { start: number; end: number }): Record<string, unknown> =>
    JSON.parse(bytes.toString('utf8', line.start, line.end));
  const { hub, dataset, revision, glob, commit, at } = parse(head);
  if (parse(last)['files'] !== rest.length) return undefined;
  const files = rest.map((line): RemoteFile => {
    const { path, bytes: size, digest } = parse(line);
    return { path: String(path), bytes: Number(size), digest: String(digest) };
  });
  return {
    hub: String(hub),
    dataset: String(dataset),
    revision: String(revision),
    glob: String(glob),
    commit: String(commit),
    at: String(at),
    files,
  };
}

export function writeListing(
  fs: FileSystem,
  { state, source, listing }: { state: string; source: string; listing: RecordedListing },
): void {
  const { files, ...head } = listing;
  const lines = [head, ...files, { files: files.length }].map(frameLine);
  fs.makeFolder(state);
  fs.replace(listingPath(state, source), lines.join(''));
}

/** Whether a recorded listing is one of what the source says now. */
export function isListingOf(
  listing: RecordedListing,
  { source, hubId }: { source: HubSourceConfig; hubId: string },
): boolean {
  return (
    listing.hub === hubId &&
    listing.dataset === source.dataset &&
    listing.revision === source.revision &&
    listing.glob === source.files
  );
}

/** Lists the source's files at the commit that its revision stands for now. */
export async function listDataset(
  hub: Hub,
  { source, at }: { source: HubSourceConfig; at: string },
): Promise<RecordedListing | undefined> {
  const repository = hub.repository(source.dataset);
  const commit = await repository.head(source.revision);
  if (commit === undefined) return undefined;
  const files: RemoteFile[] = [];
  for await (const file of repository.list(commit, staticFolder(source.files))) {
    if (matchesPath(source.files, file.path)) files.push(file);
  }
  const { dataset, revision, files: glob } = source;
  return { hub: hub.id, dataset, revision, glob, commit, at, files };
}

/** What a new listing has that the old one had not, has with other content, or has no more. */
export function compareListings(
  before: RecordedListing | undefined,
  after: RecordedListing,
): { readonly added: string[]; readonly changed: string[]; readonly removed: string[] } {
  const old = new Map(before?.files.map((file) => [file.path, file.digest]));
  const added: string[] = [];
  const changed: string[] = [];
  for (const { path, digest } of after.files) {
    const known = old.get(path);
    old.delete(path);
    if (known === undefined) added.push(path);
    else if (known !== digest) changed.push(path);
  }
  return { added, changed, removed: [...old.keys()] };
}

/** A path of a listing that must not be used as one of this machine. */
export function isUnsafePath(path: string): boolean {
  if (path === '' || posix.isAbsolute(path) || path.includes('\0') || path.includes('\\'))
    return true;
  return path.split('/').some((segment) => segment === '..' || segment === '.' || segment === '');
}

function listingPath(state: string, source: string): string {
  return posix.join(state, `@source-${source}.jsonl`);
}
