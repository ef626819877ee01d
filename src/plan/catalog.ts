// What the outside looks like, as data: the files of every source, listed before planning. The
// plan is a function of the configuration and this; nothing here lists or opens anything.
import type { RemoteFile } from '../task.ts';

export interface Catalog {
  /** One per source of the configuration, in its order. */
  readonly listings: readonly Listing[];
}

export interface Listing {
  readonly source: string;
  /** In natural order of their keys (`chunk_2` before `chunk_10`). */
  readonly files: readonly SourceFile[];
  /** Files that the pipeline leaves out. */
  readonly excluded: readonly ExcludedFile[];
}

export interface ExcludedFile extends SourceFile {
  readonly reason: string;
}

export interface SourceFile {
  /** Absolute path of a local file; path in the dataset of one that lies on a Hub. */
  readonly path: string;
  /** File name without known suffixes: names the file's targets and journal. */
  readonly key: string;
  readonly bytes: number;
  /** 0 for a file on a Hub, which has a digest instead. */
  readonly mtimeMs: number;
  /** Where a file on a Hub is found, and what it must be. */
  readonly remote?: RemoteSource;
  /** Values of the name pattern's captures, in their order. */
  readonly captures: readonly string[];
}

export interface RemoteSource {
  readonly repository: string;
  /** The pinned commit. */
  readonly revision: string;
  readonly file: RemoteFile;
}

const KNOWN_SUFFIX = /\.(parquet|csv|tsv|json|jsonl|ndjson|xml|txt|gz|zst|bz2)$/i;

/** `data/chunk_0-00001-of-00546.parquet` gives `chunk_0-00001-of-00546`. */
export function keyOfFile(path: string): string {
  let name = path.slice(path.lastIndexOf('/') + 1);
  while (KNOWN_SUFFIX.test(name)) name = name.replace(KNOWN_SUFFIX, '');
  return name;
}

/** Orders texts as people do: runs of digits compare as numbers, everything else by code unit. */
export function compareNaturally(a: string, b: string): number {
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const endA = digitsEnd(a, i);
    const endB = digitsEnd(b, j);
    if (endA > i && endB > j) {
      const difference = compareDigits(a, { from: i, to: endA, b, fromB: j, toB: endB });
      if (difference !== 0) return difference;
      i = endA;
      j = endB;
    } else {
      const difference = a.charCodeAt(i) - b.charCodeAt(j);
      if (difference !== 0) return difference;
      i += 1;
      j += 1;
    }
  }
  const left = a.length - i - (b.length - j);
  return left !== 0 ? left : a < b ? -1 : a > b ? 1 : 0;
}

function digitsEnd(text: string, from: number): number {
  let end = from;
  while (end < text.length && text.charCodeAt(end) >= ZERO && text.charCodeAt(end) <= ZERO + 9)
    end += 1;
  return end;
}

/** By value, without leading zeros. Makes no pieces: 10,000 names are compared 130,000 times. */
function compareDigits(
  a: string,
  run: { from: number; to: number; b: string; fromB: number; toB: number },
): number {
  let { from: i, fromB: j } = run;
  while (i < run.to - 1 && a.charCodeAt(i) === ZERO) i += 1;
  while (j < run.toB - 1 && run.b.charCodeAt(j) === ZERO) j += 1;
  if (run.to - i !== run.toB - j) return run.to - i - (run.toB - j);
  while (i < run.to && a.charCodeAt(i) === run.b.charCodeAt(j)) {
    i += 1;
    j += 1;
  }
  return i === run.to ? 0 : a.charCodeAt(i) - run.b.charCodeAt(j);
}

const ZERO = 48;
