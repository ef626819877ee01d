// Brings files into a dataset and takes others out of it in commits, each on top of the one before.
// Their size goes up while the Hub makes them quickly, for it counts commits by the hour; a Hub that
// finds one too large, or gives up on it, is sent half of it and never so much again.
import type { RemoteChange } from '../../src/task.ts';

type Put = RemoteChange['put'][number];

export interface Transfer {
  /** The commit to begin on. */
  readonly parent: string;
  /** Title of the commits, which number their files. */
  readonly name: string;
  readonly put: readonly (Put & { readonly bytes: number })[];
  readonly remove: readonly string[];
  /** Comes with the first commit and is not counted. */
  readonly along: readonly Put[];
  /** Files in the first commit, and at most. */
  readonly size: number;
  readonly maxSize: number;
  /** A clock that never jumps. */
  readonly nowMs: () => number;
  readonly commit: (change: RemoteChange) => Promise<string>;
  /** Bytes of `put` so far. */
  readonly onBytes: (done: number) => void;
}

/**
 * A Hub ends a request for a commit after 60 s, though it may still make it. Source: the errors
 * that huggingface_hub's upload_large_folder is built around, which aims at 40 s as well.
 */
const AIMED_MS = 40_000;
const MAX_GROWTH = 2;

/** Gives the newest commit. Files are put before any is removed. */
export async function transfer(work: Transfer): Promise<string> {
  const { put, remove, along } = work;
  const total = put.length + remove.length;
  let { parent, size, maxSize } = work;
  let bytes = 0;
  for (let at = 0; at < total; ) {
    const end = Math.min(at + size, total);
    const some = put.slice(at, end);
    const gone = remove.slice(Math.max(at - put.length, 0), Math.max(end - put.length, 0));
    const before = bytes;
    const startedMs = work.nowMs();
    const deleted = gone.length === 0 ? '' : `, ${gone.length} deleted`;
    try {
      parent = await work.commit({
        parent,
        title: `${work.name}: files ${at + 1} to ${end} of ${total}${deleted}`,
        put: [...(at === 0 ? along : []), ...some.map(({ path, from }) => ({ path, from }))],
        remove: gone,
        onBytes: (done) => work.onBytes(before + done),
      });
    } catch (error) {
      if (!isTooLarge(error) || end - at === 1) throw error;
      size = Math.ceil((end - at) / 2);
      maxSize = size;
      continue;
    }
    for (const file of some) bytes += file.bytes;
    const growth = Math.min(MAX_GROWTH, AIMED_MS / Math.max(1, work.nowMs() - startedMs));
    size = Math.min(maxSize, Math.max(1, Math.floor((end - at) * growth)));
    at = end;
  }
  return parent;
}

/** The Hub refused the size of a commit, gave up on it, or never got done with it. */
function isTooLarge(error: unknown): boolean {
  return error instanceof Error && 'lessMayDo' in error && error.lessMayDo === true;
}
