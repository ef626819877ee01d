// Which folder a partition value gets. Pure. The rule is DESIGN "Partition values": values are
// data and must survive any file system, so names are ASCII, differ even where case does not
// count, and are never `.`, `..` or longer than a file name may be.
import { hash } from 'node:crypto';

/** Longest encoded name; leaves room for `key=` within the usual 255 bytes. */
const MAX_NAME_BYTES = 200;
const NULL_NAME = '__null__';
const EMPTY_NAME = '__empty__';

/**
 * The folder name of every distinct value of one result, without the `key=` before it. A value's
 * name depends on the others only where two differ by nothing but case.
 */
export function partitionNames(
  values: Iterable<string | null>,
): ReadonlyMap<string | null, string> {
  const distinct = new Set(values);
  const inLowerCase = new Map<string, number>();
  for (const value of distinct) {
    if (value === null) continue;
    const lower = value.toLowerCase();
    inLowerCase.set(lower, (inLowerCase.get(lower) ?? 0) + 1);
  }
  const names = new Map<string | null, string>();
  for (const value of distinct) {
    const lower = value?.toLowerCase() ?? '';
    const isTwin = (inLowerCase.get(lower) ?? 0) > 1 && lower !== value;
    names.set(value, partitionName(value, isTwin));
  }
  return names;
}

function partitionName(value: string | null, isTwin: boolean): string {
  if (value === null) return NULL_NAME;
  if (value === '') return EMPTY_NAME;
  const encoded = encodeName(value);
  const lower = encoded.toLowerCase();
  const isReserved = lower === NULL_NAME || lower === EMPTY_NAME;
  if (!isTwin && !isReserved && encoded.length <= MAX_NAME_BYTES) return encoded;
  const mark = `~${hash('sha256', value).slice(0, 12)}`;
  return shorten(encoded, MAX_NAME_BYTES - mark.length) + mark;
}

/** Percent-encoded UTF-8; letters, digits, `-`, `_` and `.` stay. */
function encodeName(value: string): string {
  if (value === '.') return '%2E';
  if (value === '..') return '%2E%2E';
  let name = '';
  for (const byte of Buffer.from(value, 'utf8')) {
    const character = String.fromCharCode(byte);
    name += /[A-Za-z0-9\-_.]/.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return name;
}

/** Cuts an encoded name without leaving half of a `%XX`. */
function shorten(name: string, length: number): string {
  return name.slice(0, length).replace(/%.?$/, '');
}
