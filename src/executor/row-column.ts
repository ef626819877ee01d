// Collects the values of one column of a task's table as a page of a Parquet file, uncompressed, so
// that rows need no second encoding on their way from a thread through the log to DuckDB. What
// Parquet has a plain form for is written in it; all else as text, which DuckDB casts.
import { ENCODING, PAGE, TYPE } from '../parquet/flat-file.ts';
import { fields, type Struct, writeStruct } from '../parquet/thrift.ts';
import { Utf8Text } from '../task-pieces.ts';
import type { Column } from './duckdb.ts';
import { RowBytes } from './row-bytes.ts';
import { targetError } from './target-error.ts';

/** How a column lies in a page: Parquet's number of its type, and whether it is text. */
export type PlainType = 'text' | 'int32' | 'int64' | 'double' | 'boolean';

/** Of a column with this type of DuckDB's. */
export function plainTypeOf(type: string): PlainType {
  switch (type) {
    case 'TINYINT':
    case 'UTINYINT':
    case 'SMALLINT':
    case 'USMALLINT':
    case 'INTEGER':
      return 'int32';
    case 'UINTEGER':
    case 'BIGINT':
      return 'int64';
    case 'FLOAT':
    case 'DOUBLE':
      return 'double';
    case 'BOOLEAN':
      return 'boolean';
    default:
      return 'text';
  }
}

const TYPES = {
  text: TYPE.BYTE_ARRAY,
  int32: TYPE.INT32,
  int64: TYPE.INT64,
  double: TYPE.DOUBLE,
  boolean: 0,
} as const;

/** Parquet's number for it. */
export function parquetType(type: PlainType): number {
  return TYPES[type];
}

const WHOLE = /^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/;
const [INT32_MIN, INT32_MAX] = [-(2 ** 31), 2 ** 31 - 1];
const [INT64_MIN, INT64_MAX] = [-(2n ** 63n), 2n ** 63n - 1n];

export class RowColumn {
  readonly #table: string;
  readonly #column: Column;
  readonly #type: PlainType;
  /** Since the last `take`. */
  rows = 0;
  readonly #values = new RowBytes();
  /** Which rows have no value. */
  #nulls = new Uint32Array(64);
  #nullCount = 0;
  #bytesBefore = 0;

  constructor(table: string, column: Column) {
    this.#table = table;
    this.#column = column;
    this.#type = plainTypeOf(column.type);
  }

  /** Gives the number of bytes. Throws `contract-broken` for a value of a wrong kind; call `dropLast` then. */
  add(value: unknown): number {
    const row = this.rows;
    const before = this.#values.length;
    this.rows = row + 1;
    this.#bytesBefore = before;
    if (value === undefined || value === null) this.#addNull(row);
    else if (!(value instanceof Utf8Text)) this.#write(value);
    else if (this.#type === 'text') this.#values.utf8(value);
    else this.#write(value.toString());
    return this.#values.length - before;
  }

  /** Undoes the last `add`, also one that threw. */
  dropLast(): void {
    this.rows -= 1;
    this.#values.length = this.#bytesBefore;
    if (this.#nullCount > 0 && this.#nulls[this.#nullCount - 1] === this.rows) this.#nullCount -= 1;
  }

  /** The page of all rows since the last time, with its header. */
  take(): readonly Uint8Array[] {
    const { rows } = this;
    const values = this.#type === 'boolean' ? this.#packedValues() : this.#plainValues();
    const levels = this.#takenLevels();
    const length = levels.length + values.length;
    const header = writeStruct([
      fields.i32(1, PAGE.DATA),
      fields.i32(2, length),
      fields.i32(3, length),
      fields.struct(5, pageHeader(rows)),
    ]);
    this.rows = 0;
    this.#nullCount = 0;
    this.#values.length = 0;
    return [header, levels, values];
  }

  #addNull(row: number): void {
    if (this.#nullCount === this.#nulls.length) {
      const larger = new Uint32Array(this.#nullCount * 2);
      larger.set(this.#nulls);
      this.#nulls = larger;
    }
    this.#nulls[this.#nullCount] = row;
    this.#nullCount += 1;
  }

  #write(value: NonNullable<unknown>): void {
    switch (this.#type) {
      case 'text':
        this.#values.text(typeof value === 'string' ? value : this.#textOf(value));
        break;
      case 'int32':
        this.#values.int32(this.#int32Of(value));
        break;
      case 'int64':
        this.#values.int64(this.#int64Of(value));
        break;
      case 'double':
        this.#values.double(this.#doubleOf(value));
        break;
      case 'boolean':
        this.#values.byte(this.#bitOf(value));
        break;
    }
  }

  #textOf(value: NonNullable<unknown>): string {
    if (typeof value === 'number' && WHOLE.test(this.#column.type) && !Number.isInteger(value)) {
      throw this.#misfit(value, 'a whole number');
    }
    if (typeof value === 'object') {
      return value instanceof Date
        ? value.toISOString()
        : (JSON.stringify(value, encodeSpecial) ?? '');
    }
    return Object.is(value, -0) ? '-0' : String(value);
  }

  #int32Of(value: NonNullable<unknown>): number {
    const number = typeof value === 'number' ? value : Number(this.#int64Of(value));
    if (Number.isInteger(number) && number >= INT32_MIN && number <= INT32_MAX) return number;
    throw this.#misfit(value, 'a whole number');
  }

  /** Refuses numbers with a fraction: they would be rounded in silence. */
  #int64Of(value: NonNullable<unknown>): bigint {
    const isWhole =
      typeof value === 'bigint' ||
      (typeof value === 'number' && Number.isInteger(value)) ||
      (typeof value === 'string' && /^\s*[+-]?\d+\s*$/.test(value));
    const number = isWhole
      ? BigInt(typeof value === 'string' ? value.replace('+', '') : value)
      : undefined;
    if (number !== undefined && number >= INT64_MIN && number <= INT64_MAX) return number;
    throw this.#misfit(value, 'a whole number');
  }

  #doubleOf(value: NonNullable<unknown>): number {
    if (typeof value === 'number') return value;
    const number = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value);
    const isNumber = typeof value === 'bigint' || typeof value === 'string';
    if (isNumber && !Number.isNaN(number)) return number;
    throw this.#misfit(value, 'a number');
  }

  #bitOf(value: NonNullable<unknown>): number {
    if (value === true || value === 'true') return 1;
    if (value === false || value === 'false') return 0;
    throw this.#misfit(value, 'true or false');
  }

  #misfit(value: NonNullable<unknown>, kind: string): Error {
    const { name, type } = this.#column;
    const text = typeof value === 'object' ? JSON.stringify(value, encodeSpecial) : String(value);
    return targetError(
      'contract-broken',
      `A row of table("${this.#table}") does not fit its contract`,
      { detail: `${name} is ${text.slice(0, 200)}, not ${kind} (${type})` },
    );
  }

  #plainValues(): Uint8Array {
    return this.#values.bytes.subarray(0, this.#values.length);
  }

  #packedValues(): Uint8Array {
    const packed = new Uint8Array((this.#values.length + 7) >> 3);
    for (let at = 0; at < this.#values.length; at += 1) {
      packed[at >> 3] = (packed[at >> 3] ?? 0) | ((this.#values.bytes[at] ?? 0) << (at & 7));
    }
    return packed;
  }

  /** Which rows have a value: one run, or a bit for each, behind their length. */
  #takenLevels(): Uint8Array {
    const isFull = this.#nullCount === 0;
    const groups = (this.rows + 7) >> 3;
    const out: number[] = [0, 0, 0, 0];
    for (let rest = isFull ? this.rows * 2 : groups * 2 + 1; ; rest >>>= 7) {
      out.push(rest < 128 ? rest : (rest & 127) | 128);
      if (rest < 128) break;
    }
    if (isFull) out.push(1);
    const levels = new Uint8Array(out.length + (isFull ? 0 : groups));
    levels.set(out);
    if (!isFull) this.#putBits(levels.subarray(out.length));
    new DataView(levels.buffer).setUint32(0, levels.length - 4, true);
    return levels;
  }

  #putBits(bits: Uint8Array): void {
    bits.fill(0xff);
    const last = this.rows & 7;
    if (last !== 0) bits[bits.length - 1] = (1 << last) - 1;
    for (let index = 0; index < this.#nullCount; index += 1) {
      const row = this.#nulls[index] ?? 0;
      bits[row >> 3] = (bits[row >> 3] ?? 0) & ~(1 << (row & 7));
    }
  }
}

function pageHeader(rows: number): Struct {
  return [
    fields.i32(1, rows),
    fields.i32(2, ENCODING.PLAIN),
    fields.i32(3, ENCODING.RLE),
    fields.i32(4, ENCODING.RLE),
  ];
}

/** Of lists and the like: what JSON has no words for, as text that DuckDB casts back. */
function encodeSpecial(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return value;
}
