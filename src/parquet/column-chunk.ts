// Encodes one column of one row group: the numbers of a value pool become a dictionary of its own
// and codes, or plain values where that is smaller, compressed, with statistics. Writes its pages to
// the end of a file's bytes and gives what the footer says about them.
import { freeBytes } from '../free-bytes.ts';
import { CODEC, ENCODING, type FlatColumn, PAGE } from './flat-file.ts';
import type { GrowingBytes } from './growing-bytes.ts';
import { type Range, rangeOf } from './range.ts';
import { encodeRuns, runsLimit, widthOf } from './run-length.ts';
import { appendStruct, BINARY, fields, I32, type Struct } from './thrift.ts';
import type { ValuePool } from './value-pool.ts';
import { Compressor } from './zstd.ts';

export interface EncodedChunk {
  /** The footer's `ColumnMetaData`, when the first page begins at this offset of the file. */
  metadata(offset: number): Struct;
  readonly bytes: number;
  readonly plainBytes: number;
  readonly range: Range | undefined;
}

type Numbers = Int32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;

/** Some rows of all columns: those from `from` to `to`, or one number in all of them. */
export interface Slice {
  readonly columns: readonly (Numbers | number)[];
  readonly from: number;
  readonly to: number;
}

/** As DuckDB: a longer text is in no statistics. */
const LONGEST_STATISTIC = 10_000;
/** Below it a frame with its own tables is larger than the bytes themselves. */
const SMALLEST_COMPRESSED = 256;
/** Before the bytes that are stored in one. */
const SMALL_FRAME_BYTES = 9;

/**
 * What is used again from chunk to chunk; its arrays grow as needed. The same chunks in the same
 * order give the same bytes.
 */
export class ChunkEncoder {
  readonly #compressor = new Compressor();
  #codes = new Int32Array(0);
  #levels = new Int32Array(0);
  #distinct = new Int32Array(0);
  #out = new Uint8Array(0);
  readonly #seen = new Map<ValuePool, { base: number; codes: Int32Array<ArrayBuffer> }>();

  /** Encodes the column `at` of the slices, `rows` in all. Its range holds until the pool changes. */
  encode(slices: readonly Slice[], request: EncodeRequest): EncodedChunk {
    const { at, rows, column, pool, out } = request;
    this.#reserve(rows);
    const { present, distinct } = this.#number(slices, { at, rows, pool });
    const range = rangeOf(this.#distinct, { count: distinct, column, pool });
    // Not every reader takes codes without bits.
    const width = Math.max(1, widthOf(distinct));
    let dictionaryBytes = 0;
    for (let code = 0; code < distinct; code++) {
      dictionaryBytes += sizeOf(pool, this.#distinct[code] ?? 0);
    }
    const packedBytes = dictionaryBytes + (present * width) / 8;
    // With two of each and more a dictionary pays; else it is weighed.
    const plainBytes =
      distinct * 2 <= present && distinct > 0 ? packedBytes + 1 : this.#plainBytes(pool, present);
    const isPlain = packedBytes >= plainBytes;
    const parts: WrittenPage[] = [];
    if (!isPlain) parts.push(this.#dictionaryPage(pool, { distinct, bytes: dictionaryBytes, out }));
    parts.push(this.#dataPage(pool, { rows, present, width, isPlain, plainBytes, column, out }));
    return chunkOf(parts, { column, rows, nulls: rows - present, isPlain, range });
  }

  /** Codes in the order in which values appear first; one is known while it is not below `base`. */
  #number(
    slices: readonly Slice[],
    { at: column, rows, pool }: Pick<EncodeRequest, 'at' | 'rows' | 'pool'>,
  ): { readonly present: number; readonly distinct: number } {
    const seen = this.#seenOf(pool, rows);
    const { base, codes: known } = seen;
    const codes = this.#codes;
    const levels = this.#levels;
    const values = this.#distinct;
    let row = 0;
    let present = 0;
    let distinct = 0;
    for (const { columns, from, to } of slices) {
      const numbers = columns[column] ?? 0;
      const isSame = typeof numbers === 'number';
      // Of a number that all rows have only the first row is looked up.
      for (let at = from; at < (isSame ? from + 1 : to); at++) {
        const number = isSame ? numbers : (numbers[at] ?? 0);
        if (number === 0) {
          levels[row++] = 0;
          continue;
        }
        levels[row++] = 1;
        let code = (known[number] ?? 0) - base;
        if (code < 0) {
          code = distinct++;
          known[number] = base + code;
          values[code] = number;
        }
        codes[present++] = code;
      }
      const same = isSame ? to - from - 1 : 0;
      if (same === 0) continue;
      const isPresent = numbers !== 0;
      levels.fill(isPresent ? 1 : 0, row, row + same);
      row += same;
      if (!isPresent) continue;
      codes.fill(codes[present - 1] ?? 0, present, present + same);
      present += same;
    }
    seen.base += distinct;
    return { present, distinct };
  }

  /** Gives its memory back. */
  close(): void {
    this.#compressor.close();
    for (const part of [this.#codes, this.#levels, this.#distinct, this.#out]) freeBytes(part);
    for (const { codes } of this.#seen.values()) freeBytes(codes);
  }

  #plainBytes(pool: ValuePool, present: number): number {
    let bytes = 0;
    for (let at = 0; at < present; at++) {
      bytes += sizeOf(pool, this.#distinct[this.#codes[at] ?? 0] ?? 0);
    }
    return bytes;
  }

  #seenOf(pool: ValuePool, rows: number): { base: number; codes: Int32Array<ArrayBuffer> } {
    let seen = this.#seen.get(pool);
    if (seen === undefined || seen.codes.length < pool.size || seen.base > 2 ** 31 - 1 - rows) {
      seen = { base: 1, codes: new Int32Array(pool.size) };
      this.#seen.set(pool, seen);
    }
    return seen;
  }

  #dictionaryPage(
    pool: ValuePool,
    {
      distinct,
      bytes,
      out,
    }: { readonly distinct: number; readonly bytes: number; readonly out: GrowingBytes },
  ): WrittenPage {
    const page = this.#space(bytes);
    let at = 0;
    for (let code = 0; code < distinct; code++) {
      at = copyValue(pool, { number: this.#distinct[code] ?? 0, out: page, at });
    }
    const header = [fields.i32(1, distinct), fields.i32(2, ENCODING.PLAIN)];
    const specific = fields.struct(7, header);
    return this.#append(out, { plain: page.subarray(0, at), type: PAGE.DICTIONARY, specific });
  }

  #dataPage(
    pool: ValuePool,
    { rows, present, width, isPlain, plainBytes, column, out }: DataPageOptions,
  ): WrittenPage {
    const limit = 16 + runsLimit(rows, 1) + (isPlain ? plainBytes : runsLimit(present, width));
    const page = this.#space(limit);
    let at = 0;
    if (column.isOptional) {
      at = encodeRuns(this.#levels, { count: rows, width: 1, out: page, at: 4 });
      new DataView(page.buffer).setUint32(0, at - 4, true);
    }
    if (isPlain) {
      for (let index = 0; index < present; index++) {
        at = copyValue(pool, {
          number: this.#distinct[this.#codes[index] ?? 0] ?? 0,
          out: page,
          at,
        });
      }
    } else {
      page[at++] = width;
      at = encodeRuns(this.#codes, { count: present, width, out: page, at });
    }
    const header = [
      fields.i32(1, rows),
      fields.i32(2, isPlain ? ENCODING.PLAIN : ENCODING.RLE_DICTIONARY),
      fields.i32(3, ENCODING.RLE),
      fields.i32(4, ENCODING.RLE),
    ];
    const specific = fields.struct(5, header);
    return this.#append(out, { plain: page.subarray(0, at), type: PAGE.DATA, specific });
  }

  #append(out: GrowingBytes, { plain, type, specific }: PlainPage): WrittenPage {
    const start = out.length;
    const frame = plain.length < SMALLEST_COMPRESSED ? undefined : this.#compressor.compress(plain);
    appendStruct(out, [
      fields.i32(1, type),
      fields.i32(2, plain.length),
      fields.i32(3, frame?.length ?? plain.length + SMALL_FRAME_BYTES),
      specific,
    ]);
    const headerBytes = out.length - start;
    if (frame === undefined) appendSmallFrame(out, plain);
    else out.append(frame);
    return { bytes: out.length - start, plainBytes: headerBytes + plain.length };
  }

  #reserve(rows: number): void {
    if (this.#codes.length >= rows) return;
    this.#codes = new Int32Array(rows);
    this.#levels = new Int32Array(rows);
    this.#distinct = new Int32Array(rows);
  }

  #space(bytes: number): Uint8Array {
    if (this.#out.length < bytes) this.#out = new Uint8Array(bytes * 2);
    return this.#out;
  }
}

interface EncodeRequest {
  readonly at: number;
  readonly rows: number;
  readonly column: FlatColumn;
  readonly pool: ValuePool;
  /** Where its pages go. */
  readonly out: GrowingBytes;
}

interface DataPageOptions {
  readonly rows: number;
  readonly present: number;
  readonly width: number;
  readonly isPlain: boolean;
  readonly plainBytes: number;
  readonly column: FlatColumn;
  readonly out: GrowingBytes;
}

interface PlainPage {
  readonly plain: Uint8Array;
  readonly type: number;
  /** What the header says of pages of this type. */
  readonly specific: Struct[number];
}

/** With its header. */
interface WrittenPage {
  readonly bytes: number;
  readonly plainBytes: number;
}

/** Few bytes are stored in a frame by hand: a compressor makes them no smaller. */
function appendSmallFrame(out: GrowingBytes, plain: Uint8Array): void {
  // Magic number; one segment with its size in a byte; the last block, raw, with its size.
  const block = (plain.length << 3) | 1;
  const head = [0x28, 0xb5, 0x2f, 0xfd, 0x20, plain.length, block & 255, block >> 8, 0];
  for (const byte of head) out.push(byte);
  out.append(plain);
}

function chunkOf(
  parts: readonly WrittenPage[],
  {
    column,
    rows,
    nulls,
    isPlain,
    range,
  }: {
    readonly column: FlatColumn;
    readonly rows: number;
    readonly nulls: number;
    readonly isPlain: boolean;
    readonly range: Range | undefined;
  },
): EncodedChunk {
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  const plainBytes = parts.reduce((sum, part) => sum + part.plainBytes, 0);
  const dictionaryBytes = isPlain ? 0 : (parts[0]?.bytes ?? 0);
  const isShort =
    range !== undefined && Math.max(range.min.length, range.max.length) <= LONGEST_STATISTIC;
  const statistics = [
    fields.i64(3, nulls),
    ...(isShort ? [fields.bytes(5, range.max), fields.bytes(6, range.min)] : []),
  ];
  const encodings = isPlain
    ? [ENCODING.PLAIN, ENCODING.RLE]
    : [ENCODING.PLAIN, ENCODING.RLE, ENCODING.RLE_DICTIONARY];
  return {
    bytes,
    plainBytes,
    range,
    metadata: (offset) => [
      fields.i32(1, column.type),
      fields.list(2, I32, encodings),
      fields.list(3, BINARY, [Buffer.from(column.name)]),
      fields.i32(4, CODEC.ZSTD),
      fields.i64(5, rows),
      fields.i64(6, plainBytes),
      fields.i64(7, bytes),
      fields.i64(9, offset + dictionaryBytes),
      ...(isPlain ? [] : [fields.i64(11, offset)]),
      fields.struct(12, statistics),
    ],
  };
}

function sizeOf({ starts }: ValuePool, number: number): number {
  return (starts[number + 1] ?? 0) - (starts[number] ?? 0);
}

function copyValue(
  { bytes, starts }: ValuePool,
  { number, out, at }: { readonly number: number; readonly out: Uint8Array; readonly at: number },
): number {
  const start = starts[number] ?? 0;
  const length = (starts[number + 1] ?? 0) - start;
  if (length < 64) for (let i = 0; i < length; i++) out[at + i] = bytes[start + i] ?? 0;
  else out.set(bytes.subarray(start, start + length), at);
  return at + length;
}
