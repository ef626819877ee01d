// The frame of every line that the store writes: one JSON object whose last keys are the format's
// version and a checksum of all bytes before it. Journals, the log of runs and the lock file share
// it. This file knows neither records nor files; it only tells whole lines from damaged ones. The
// frame itself is the same in every version, so that an old Eider recognises a newer file.
import { crc32 } from 'node:zlib';

/** Longest line in bytes, its newline included. */
export const LINE_LIMIT = 4096;

/** The version of the format that is written. Only this one has ever existed. */
export const FORMAT_VERSION = 1;

const NEWLINE = 10;
const SUM_KEY = ',"sum":"';
/** `,"sum":"` + 8 hex digits + `"}` */
const SUM_LENGTH = SUM_KEY.length + 8 + 2;
const VERSION_END = `,"v":${FORMAT_VERSION}`;

export interface LineSpan {
  /** 1-based. */
  readonly number: number;
  /** Byte offsets; `end` is that of the newline. */
  readonly start: number;
  readonly end: number;
}

export interface ScannedLines {
  readonly whole: readonly LineSpan[];
  /** Lines without a valid checksum, the torn tail excepted. */
  readonly damaged: readonly LineSpan[];
  /** The last line when it lacks its newline, or fails its checksum with nothing after it. */
  readonly torn: LineSpan | undefined;
  /** The highest version above `FORMAT_VERSION` that a whole line states. */
  readonly newerVersion: number | undefined;
}

/** The object as one line with version, checksum and newline. It must have at least one key. */
export function frameLine(value: object): string {
  const covered = `${JSON.stringify(value).slice(0, -1)}${VERSION_END}`;
  return `${covered}${SUM_KEY}${hex(crc32(covered))}"}\n`;
}

/** Whether a framed line keeps within the limit. */
export function fitsLine(line: string): boolean {
  return Buffer.byteLength(line) <= LINE_LIMIT;
}

/** The checksum of a whole line: it names the line within its file. */
export function sumOfLine(bytes: Buffer, line: LineSpan): string {
  return bytes.toString('latin1', line.end - 10, line.end - 2);
}

/** Finds the lines of a file and checks each; parses none. */
export function scanLines(bytes: Buffer): ScannedLines {
  const whole: LineSpan[] = [];
  const damaged: LineSpan[] = [];
  let newerVersion: number | undefined;
  let start = 0;
  for (let number = 1; start < bytes.length; number += 1) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline < 0 ? bytes.length : newline;
    const line = { number, start, end };
    const version = newline < 0 ? undefined : versionOfLine(bytes, line);
    if (version === undefined) {
      damaged.push(line);
    } else {
      whole.push(line);
      if (version > (newerVersion ?? FORMAT_VERSION)) newerVersion = version;
    }
    start = end + 1;
  }
  const last = damaged.at(-1);
  const torn = last !== undefined && last.end + 1 >= bytes.length ? damaged.pop() : undefined;
  return { whole, damaged, torn, newerVersion };
}

/** The version that a line states; undefined when its checksum does not hold. */
function versionOfLine(bytes: Buffer, { start, end }: LineSpan): number | undefined {
  const covered = end - SUM_LENGTH;
  if (covered <= start) return undefined;
  const sum = bytes.toString('latin1', covered, end);
  if (sum !== `${SUM_KEY}${hex(crc32(bytes.subarray(start, covered)))}"}`) return undefined;
  const tail = bytes.toString('latin1', Math.max(start, covered - 16), covered);
  if (tail.endsWith(VERSION_END)) return FORMAT_VERSION;
  const stated = /,"v":(\d+)$/.exec(tail)?.[1];
  return stated === undefined ? undefined : Number(stated);
}

function hex(sum: number): string {
  return sum.toString(16).padStart(8, '0');
}
