// The smallest and the largest of some values of a pool, for statistics and for the range of ids.
import { type FlatColumn, TYPE } from './flat-file.ts';
import type { ValuePool } from './value-pool.ts';

/** Values as written plainly, of a text without its length; they lie in the pool. */
export interface Range {
  readonly min: Uint8Array;
  readonly max: Uint8Array;
}

/** Of `values[0..count]`; undefined where there is none, or no order between them. */
export function rangeOf(
  values: Int32Array,
  {
    count,
    column,
    pool,
  }: { readonly count: number; readonly column: FlatColumn; readonly pool: ValuePool },
): Range | undefined {
  if (count === 0 || column.isUnsigned) return undefined;
  const isText = column.type === TYPE.BYTE_ARRAY;
  const found = isText
    ? textRange(values, { count, pool })
    : numberRange(values, { count, pool, type: column.type });
  if (found === undefined) return undefined;
  const { bytes, starts } = pool;
  const value = (number: number) =>
    bytes.subarray((starts[number] ?? 0) + (isText ? 4 : 0), starts[number + 1]);
  return { min: value(found.min), max: value(found.max) };
}

interface Numbers {
  readonly min: number;
  readonly max: number;
}

function textRange(
  values: Int32Array,
  { count, pool }: { readonly count: number; readonly pool: ValuePool },
): Numbers {
  let min = values[0] ?? 0;
  let max = min;
  let minHead = headOf(pool, min);
  let maxHead = minHead;
  for (let index = 1; index < count; index++) {
    const number = values[index] ?? 0;
    // Mostly the first bytes say enough.
    const head = headOf(pool, number);
    if (head > minHead && head < maxHead) continue;
    if (isBelow(pool, number, min)) {
      min = number;
      minHead = head;
    } else if (isBelow(pool, max, number)) {
      max = number;
      maxHead = head;
    }
  }
  return { min, max };
}

/** What is no number has no place between numbers: then nothing is said. */
function numberRange(
  values: Int32Array,
  {
    count,
    pool: { bytes, starts },
    type,
  }: { readonly count: number; readonly pool: ValuePool; readonly type: number },
): Numbers | undefined {
  const view = new DataView(bytes.buffer);
  const read = (number: number) => numberIn(view, { type, at: starts[number] ?? 0 });
  let min = values[0] ?? 0;
  let max = min;
  for (let index = 0; index < count; index++) {
    const number = values[index] ?? 0;
    const value = read(number);
    if (Number.isNaN(Number(value))) return undefined;
    if (value < read(min)) min = number;
    if (value > read(max)) max = number;
  }
  return { min, max };
}

/** The first two bytes of a text as a number, which orders texts as far as they go. */
function headOf({ bytes, starts }: ValuePool, number: number): number {
  const start = (starts[number] ?? 0) + 4;
  const length = (starts[number + 1] ?? 0) - start;
  const first = length > 0 ? (bytes[start] ?? 0) + 1 : 0;
  return first * 512 + (length > 1 ? (bytes[start + 1] ?? 0) + 1 : 0);
}

/** Texts in the order of their bytes, which is that of their code points. */
function isBelow({ bytes, starts }: ValuePool, one: number, other: number): boolean {
  const a = (starts[one] ?? 0) + 4;
  const b = (starts[other] ?? 0) + 4;
  const lengthA = (starts[one + 1] ?? 0) - a;
  const lengthB = (starts[other + 1] ?? 0) - b;
  const length = Math.min(lengthA, lengthB);
  for (let i = 0; i < length; i++) {
    const difference = (bytes[a + i] ?? 0) - (bytes[b + i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return lengthA < lengthB;
}

/** A plainly written number. */
export function numberIn(
  view: DataView,
  { type, at }: { readonly type: number; readonly at: number },
): number | bigint {
  switch (type) {
    case TYPE.INT32:
      return view.getInt32(at, true);
    case TYPE.FLOAT:
      return view.getFloat32(at, true);
    case TYPE.DOUBLE:
      return view.getFloat64(at, true);
    default:
      return view.getBigInt64(at, true);
  }
}
