// Reads a flat Parquet file column by column into the numbers of a value pool, without making a
// value of any: what is in a dictionary stays in one. Reads what DuckDB writes for tables without
// nesting; anything else is `UnsupportedParquet`, and the caller goes another way.
import { closeSync, openSync } from 'node:fs';
import { freeBytes } from '../free-bytes.ts';
import { readBytes, readFooter } from './footer.ts';
import { decodeRuns } from './run-length.ts';
import { numberAt, readStruct, type Struct, structAt, structsAt, textAt } from './thrift.ts';
import type { ValuePool } from './value-pool.ts';
import { Decompressor } from './zstd.ts';

export class UnsupportedParquet extends Error {
  override readonly name = 'UnsupportedParquet';
}

export const TYPE = { INT32: 1, INT64: 2, FLOAT: 4, DOUBLE: 5, BYTE_ARRAY: 6 } as const;
export const CODEC = { NONE: 0, ZSTD: 6 } as const;
export const ENCODING = { PLAIN: 0, PLAIN_DICTIONARY: 2, RLE: 3, RLE_DICTIONARY: 8 } as const;
export const PAGE = { DATA: 0, DICTIONARY: 2 } as const;
/** Bytes of a value of fixed size. */
const WIDTHS: Readonly<Record<number, number>> = {
  [TYPE.INT32]: 4,
  [TYPE.INT64]: 8,
  [TYPE.FLOAT]: 4,
  [TYPE.DOUBLE]: 8,
};
/** Of `converted_type`: a text, whole numbers without and with a sign. */
const UTF8 = 0;
const UNSIGNED = [11, 12, 13, 14];
const SIGNED = [15, 16, 17, 18];

export interface FlatColumn {
  readonly name: string;
  readonly type: number;
  /** What its values are; `other` for instance a date, and what is without a sign. */
  readonly kind: 'text' | 'number' | 'other';
  readonly isUnsigned: boolean;
  readonly isOptional: boolean;
}

export interface RowGroup {
  readonly rows: number;
  readonly chunks: readonly ColumnChunk[];
}

interface ColumnChunk {
  readonly start: number;
  readonly bytes: number;
  readonly values: number;
  readonly codec: number;
}

export class FlatFile {
  readonly columns: readonly FlatColumn[];
  readonly rowGroups: readonly RowGroup[];
  /** As in the footer, to be written again. */
  readonly schema: readonly Struct[];
  readonly #file: number;
  readonly #zstd = new Decompressor();
  #levels = new Int32Array(0);

  /** Throws UnsupportedParquet, or what the operating system says about the file. */
  constructor(path: string) {
    this.#file = openSync(path, 'r');
    try {
      const footer = readFooter(this.#file);
      this.schema = structsAt(footer, 2);
      this.columns = flatColumns(this.schema);
      this.rowGroups = structsAt(footer, 4).map((group) => rowGroup(group, this.columns.length));
    } catch (error) {
      this.close();
      throw asUnsupported(error);
    }
  }

  close(): void {
    this.#zstd.close();
    freeBytes(this.#levels);
    closeSync(this.#file);
  }

  /** Reads a column of a row group into `out[0..rows]`. Throws UnsupportedParquet. */
  readColumn(group: RowGroup, request: ReadRequest): void {
    try {
      this.#readColumn(group, request);
    } catch (error) {
      throw asUnsupported(error);
    }
  }

  #readColumn(group: RowGroup, { column: at, pool, out }: ReadRequest): void {
    const chunk = group.chunks[at];
    const column = this.columns[at];
    if (chunk === undefined || column === undefined) throw new Error(`no column ${at}`);
    const bytes = readBytes(this.#file, { start: chunk.start, length: chunk.bytes });
    let dictionary: Int32Array | undefined;
    let row = 0;
    for (let next = 0; row < chunk.values; ) {
      const { value: header, end } = readStruct(bytes, next);
      const compressed = numberAt(header, 3) ?? 0;
      next = end + compressed;
      const type = numberAt(header, 1);
      if (type !== PAGE.DICTIONARY && type !== PAGE.DATA) {
        throw new UnsupportedParquet(`a page of type ${type}`);
      }
      const packed = bytes.subarray(end, next);
      const page = this.#unpack(packed, { codec: chunk.codec, length: numberAt(header, 2) ?? 0 });
      if (type === PAGE.DICTIONARY) {
        dictionary = new Int32Array(numberAt(structAt(header, 7) ?? [], 1) ?? 0);
        addPlain(page, {
          at: 0,
          type: column.type,
          pool,
          out: dictionary,
          count: dictionary.length,
        });
        continue;
      }
      const data = structAt(header, 5) ?? [];
      const count = numberAt(data, 1) ?? 0;
      if (row + count > group.rows) throw new Error(`${column.name} has too many values`);
      this.#readValues(page, {
        encoding: numberAt(data, 2),
        column,
        pool,
        dictionary,
        count,
        out: out.subarray(row, row + count),
      });
      row += count;
    }
    freeBytes(bytes);
  }

  /** The page's bytes, until the next page. */
  #unpack(
    page: Uint8Array,
    { codec, length }: { readonly codec: number; readonly length: number },
  ): Uint8Array {
    const bytes = codec === CODEC.NONE ? page : this.#zstd.decompress(page, length);
    if (bytes.length !== length) throw new Error('a page has another size than its header says');
    return bytes;
  }

  #readValues(page: Uint8Array, { column, out, count, ...values }: DataPage): void {
    let at = 0;
    let present = count;
    if (this.#levels.length < count) this.#levels = new Int32Array(count);
    const levels = this.#levels;
    if (column.isOptional) {
      const length = new DataView(page.buffer, page.byteOffset).getInt32(0, true);
      at = 4 + length;
      decodeRuns(page, { at: 4, end: at, width: 1, count, out: levels });
      present = 0;
      for (let row = 0; row < count; row++) present += levels[row] ?? 0;
    }
    const { encoding, dictionary, pool } = values;
    if (encoding === ENCODING.PLAIN) {
      addPlain(page, { at, type: column.type, pool, out, count: present });
    } else if (encoding === ENCODING.PLAIN_DICTIONARY || encoding === ENCODING.RLE_DICTIONARY) {
      if (dictionary === undefined) throw new Error(`${column.name} has no dictionary`);
      const width = present === 0 ? 0 : (page[at] ?? 0);
      if (width > 25) throw new UnsupportedParquet(`codes of ${width} bits`);
      decodeRuns(page, { at: at + 1, end: page.length, width, count: present, out });
      for (let index = 0; index < present; index++) {
        const number = dictionary[out[index] ?? 0];
        if (number === undefined) throw new Error(`${column.name} has an unknown code`);
        out[index] = number;
      }
    } else throw new UnsupportedParquet(`encoding ${encoding}`);
    if (present === count) return;
    // Spread from the end over the rows that have a value.
    for (let row = count - 1; row >= 0; row--) {
      out[row] = levels[row] === 0 ? 0 : (out[--present] ?? 0);
    }
  }
}

export interface ReadRequest {
  readonly column: number;
  readonly pool: ValuePool;
  readonly out: Int32Array;
}

interface DataPage {
  readonly encoding: number | undefined;
  readonly column: FlatColumn;
  readonly pool: ValuePool;
  readonly dictionary: Int32Array | undefined;
  readonly count: number;
  readonly out: Int32Array;
}

/** What does not read as it should is for somebody who reads more. */
function asUnsupported(error: unknown): UnsupportedParquet {
  if (error instanceof UnsupportedParquet) return error;
  return new UnsupportedParquet('damaged, or written in another way', { cause: error });
}

function flatColumns([root = [], ...leaves]: readonly Struct[]): readonly FlatColumn[] {
  if (numberAt(root, 5) !== leaves.length) throw new UnsupportedParquet('nested columns');
  return leaves.map((leaf) => {
    const type = numberAt(leaf, 1) ?? -1;
    const repetition = numberAt(leaf, 3) ?? 0;
    const name = textAt(leaf, 4) ?? '';
    if (type !== TYPE.BYTE_ARRAY && WIDTHS[type] === undefined) {
      throw new UnsupportedParquet(`column ${name} of type ${type}`);
    }
    if (repetition > 1) throw new UnsupportedParquet(`column ${name} is a list`);
    const meaning = numberAt(leaf, 6);
    const isText = type === TYPE.BYTE_ARRAY && meaning === UTF8;
    const isNumber =
      type !== TYPE.BYTE_ARRAY && (meaning === undefined || SIGNED.includes(meaning));
    return {
      name,
      type,
      kind: isText ? 'text' : isNumber ? 'number' : 'other',
      isUnsigned: meaning !== undefined && UNSIGNED.includes(meaning),
      isOptional: repetition === 1,
    };
  });
}

function rowGroup(group: Struct, columns: number): RowGroup {
  const chunks = structsAt(group, 1).map((chunk): ColumnChunk => {
    const data = structAt(chunk, 3) ?? [];
    const codec = numberAt(data, 4) ?? CODEC.NONE;
    if (codec !== CODEC.NONE && codec !== CODEC.ZSTD) {
      throw new UnsupportedParquet(`codec ${codec}`);
    }
    return {
      start: numberAt(data, 11) ?? numberAt(data, 9) ?? 0,
      bytes: numberAt(data, 7) ?? 0,
      values: numberAt(data, 5) ?? 0,
      codec,
    };
  });
  if (chunks.length !== columns) throw new UnsupportedParquet('a row group lacks columns');
  return { rows: numberAt(group, 3) ?? 0, chunks };
}

/** Gives the numbers of `count` plainly written values. */
function addPlain(
  page: Uint8Array,
  {
    at: start,
    type,
    pool,
    out,
    count,
  }: {
    readonly at: number;
    readonly type: number;
    readonly pool: ValuePool;
    readonly out: Int32Array;
    readonly count: number;
  },
): void {
  const width = WIDTHS[type];
  const view = new DataView(page.buffer, page.byteOffset, page.length);
  let at = start;
  for (let index = 0; index < count; index++) {
    const end = width === undefined ? at + 4 + view.getUint32(at, true) : at + width;
    if (end > page.length) throw new Error('a page ends within a value');
    out[index] = pool.add(page, at, end);
    at = end;
  }
}
