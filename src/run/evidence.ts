// What a judgement rested on, and whether it still holds. A judgement is a function of what was
// typed, of the program, and of what was read through the file-system port: when a later look at
// the same places finds the same, the judgement would come out the same, and need not be made.
//
//   what was read                        counts as the same when
//   what a path is (stat)                kind, size, mtime and the system's change time are equal
//   the content of a file                its text is equal
//   .. of one below the work folder      what the path is and, if it was young, its checksum too
//   the names in a folder                they are equal, in the order in which the system gives them
//   .. of one below the work folder      .. or both of its times, if it was not young
//
// *Young*: changed so recently that another change might have given the same times, because file
// systems keep times in steps. What was young is looked into until it no longer is. Times of folders
// count only where they were seen to change with the names (`doFoldersTell`).
import { crc32 } from 'node:zlib';
import type { Clock, FileStat, FileSystem } from '../file-system.ts';

export interface Evidence {
  readonly looks: readonly FolderLooks[];
  /** Contents of files, by absolute path. */
  readonly texts: readonly (readonly [path: string, text: string])[];
  /** Checksums of contents that were young, by absolute path; `looks` has them too. */
  readonly young: readonly (readonly [path: string, crc32: number])[];
  readonly lists: readonly ListEvidence[];
  /** The folder below which times may stand for contents and names; it ends in a slash. */
  readonly own: string;
  readonly doFoldersTell: boolean;
}

/** What the paths in one folder were: for each three numbers, as `encodeLook` gives them. */
export interface FolderLooks {
  readonly folder: string;
  readonly names: readonly string[];
  readonly numbers: Float64Array;
}

export interface ListEvidence {
  readonly folder: string;
  readonly held:
    | { readonly kind: 'names'; readonly names: string }
    | { readonly kind: 'times'; readonly mtimeMs: number; readonly changedMs: number }
    | { readonly kind: 'absent' };
}

/** FAT keeps times in steps of 2 s; the rest is for clocks that are not quite the same. */
const COARSEST_STEP_MS = 3000;

/** Whether a change after `now` might leave the times as they are. */
export function isYoung({ mtimeMs, changedMs }: FileStat, now: number): boolean {
  return Math.max(mtimeMs, changedMs) >= now - COARSEST_STEP_MS;
}

/** Of what is no file only the kind counts: a folder is told by its names. */
export function encodeLook(stat: FileStat | undefined): readonly [number, number, number] {
  if (stat === undefined) return [-1, 0, 0];
  if (stat.kind !== 'file') return [-2, stat.kind === 'folder' ? 1 : 0, 0];
  return [stat.bytes, stat.mtimeMs, stat.changedMs];
}

/** How names are held. `stat` is of the folder, from before they were read. */
export function holdNames(
  names: readonly string[] | undefined,
  { stat, isTold }: { stat: FileStat | undefined; isTold: boolean },
): ListEvidence['held'] {
  if (names === undefined) return { kind: 'absent' };
  if (!isTold || stat === undefined) return { kind: 'names', names: joinNames(names) };
  const { mtimeMs, changedMs } = stat;
  return { kind: 'times', mtimeMs, changedMs };
}

/** No name holds a slash. */
export function joinNames(names: readonly string[]): string {
  return names.join('/');
}

export type Recheck =
  | { readonly kind: 'differs' }
  /** With evidence that is cheaper to look at again, where something is no longer young. */
  | { readonly kind: 'same'; readonly older: Evidence | undefined };

/** Looks at all the places again; stops at the first that differs. */
export function recheck(
  evidence: Evidence,
  { fs, clock }: { readonly fs: FileSystem; readonly clock: Clock },
): Recheck {
  const now = clock.now();
  const lists: ListEvidence[] = [];
  for (const list of evidence.lists) {
    const found = recheckList(list, { fs, now, evidence });
    if (found === undefined) return { kind: 'differs' };
    lists.push(found);
  }
  const isSame =
    evidence.texts.every(([path, text]) => readText(fs, path) === text) &&
    evidence.young.every(([path, sum]) => sumOfFile(fs, path) === sum) &&
    evidence.looks.every((looks) => areLooksSame(looks, fs));
  if (!isSame) return { kind: 'differs' };
  const young = evidence.young.filter(([path]) => {
    const stat = fs.stat(path);
    return stat === undefined || isYoung(stat, now);
  });
  const isOlder =
    young.length < evidence.young.length || lists.some((list, at) => list !== evidence.lists[at]);
  return { kind: 'same', older: isOlder ? { ...evidence, young, lists } : undefined };
}

/** The list as it is to be held from now on; undefined when it differs. */
function recheckList(
  list: ListEvidence,
  { fs, now, evidence }: { fs: FileSystem; now: number; evidence: Evidence },
): ListEvidence | undefined {
  const { folder, held } = list;
  const stat = fs.stat(folder);
  if (held.kind === 'times') {
    const isSame = stat?.mtimeMs === held.mtimeMs && stat.changedMs === held.changedMs;
    return isSame ? list : undefined;
  }
  const names = fs.list(folder);
  if (held.kind === 'absent') return names === undefined ? list : undefined;
  if (names === undefined || joinNames(names) !== held.names) return undefined;
  const isTold = doTimesTell(folder, { stat, now, ...evidence });
  return isTold ? { folder, held: holdNames(names, { stat, isTold }) } : list;
}

/** Whether a folder's times, `stat`, stand for the names that were read after them. */
export function doTimesTell(
  folder: string,
  options: {
    readonly stat: FileStat | undefined;
    readonly now: number;
    readonly own: string;
    readonly doFoldersTell: boolean;
  },
): boolean {
  const { stat, now, own, doFoldersTell } = options;
  return doFoldersTell && folder.startsWith(own) && stat !== undefined && !isYoung(stat, now);
}

function readText(fs: FileSystem, path: string): string | undefined {
  const content = fs.stat(path)?.kind === 'file' ? fs.read(path) : undefined;
  return content === undefined ? undefined : decodeText(content);
}

/** Undefined for bytes that are no text: what cannot be compared is never the same. */
export function decodeText(content: Uint8Array): string | undefined {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(content);
  return text.includes('\uFFFD') ? undefined : text;
}

function sumOfFile(fs: FileSystem, path: string): number | undefined {
  const content = fs.read(path);
  return content === undefined ? undefined : crc32(content);
}

function areLooksSame({ folder, names, numbers }: FolderLooks, fs: FileSystem): boolean {
  for (let index = 0; index < names.length; index += 1) {
    const [bytes, mtimeMs, changedMs] = encodeLook(fs.stat(`${folder}/${names[index]}`));
    const at = 3 * index;
    if (numbers[at] !== bytes || numbers[at + 1] !== mtimeMs || numbers[at + 2] !== changedMs) {
      return false;
    }
  }
  return true;
}

/** Looks by absolute path, put together by folder. */
export function groupLooks(
  looks: ReadonlyMap<string, FileStat | undefined>,
): readonly FolderLooks[] {
  const folders = new Map<string, { names: string[]; numbers: number[] }>();
  for (const [path, stat] of looks) {
    const slash = path.lastIndexOf('/');
    const folder = path.slice(0, slash);
    let found = folders.get(folder);
    if (found === undefined) {
      found = { names: [], numbers: [] };
      folders.set(folder, found);
    }
    found.names.push(path.slice(slash + 1));
    found.numbers.push(...encodeLook(stat));
  }
  return [...folders].map(([folder, { names, numbers }]) => ({
    folder,
    names,
    numbers: new Float64Array(numbers),
  }));
}
