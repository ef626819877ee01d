// Splits the rows of flat Parquet files by one text column into a Parquet file per value, in the
// order of the source. No value is ever decoded: rows are tuples of numbers of value pools, grouped
// by a counting sort, and every column of a part gets a dictionary of its own.
//
//   file > row group > columns as numbers > grouped by value > block        (until the window is full)
//   blocks > for each value: its rows, column by column > encoded chunks > its file > empty window
//
// A window is a fixed number of bytes, so that the result depends on the rows alone.
import { join } from 'node:path';
import { freeBytes } from '../free-bytes.ts';
import { ChunkEncoder, type Slice } from './column-chunk.ts';
import { type FlatColumn, FlatFile, type RowGroup, UnsupportedParquet } from './flat-file.ts';
import { GrowingBytes } from './growing-bytes.ts';
import { type PartFacts, PartFile } from './part-file.ts';
import { type Struct, writeStruct } from './thrift.ts';
import { ValuePool } from './value-pool.ts';

export interface SplitRequest {
  readonly files: readonly string[];
  readonly column: string;
  readonly idColumn: string;
  /** An empty folder, in which the parts are made. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Told the share of the files' rows that is read, 0 to 1. */
  readonly onShare?: (share: number) => void;
  /** What may be held in memory before it is written; decides where row groups end. */
  readonly windowBytes?: number;
}

export interface Part extends PartFacts {
  readonly path: string;
  readonly value: string | null;
}

/** Blocks and pools of a file such as the dataset's mean one. */
const WINDOW_BYTES = 320 * 1024 * 1024;
/** More rows than this become several row groups. */
const ROW_GROUP = 122_880;

/**
 * Gives the parts in the order in which their values appear. Throws UnsupportedParquet where the
 * files are not flat, or not alike, before or after some parts were written.
 */
export async function splitParquet(request: SplitRequest): Promise<readonly Part[]> {
  const { files, signal, windowBytes = WINDOW_BYTES } = request;
  let splitter: Splitter | undefined;
  for (const [index, path] of files.entries()) {
    const file = new FlatFile(path);
    try {
      splitter ??= new Splitter(request, file);
      splitter.checkAlike(file);
      for (const [at, group] of file.rowGroups.entries()) {
        await breathe(signal);
        splitter.add(file, group);
        request.onShare?.((index + (at + 1) / file.rowGroups.length) / files.length);
        if (splitter.bytes >= windowBytes) await splitter.flush();
      }
    } finally {
      file.close();
    }
  }
  return splitter === undefined ? [] : await splitter.finish();
}

/**
 * Rows of a row group: a column's numbers, or the one number that it has in all rows. Of the column
 * that is split by there are none: each part has its own.
 */
interface Block {
  readonly columns: Slice['columns'];
  /** Where the rows of each part begin, and after the last part's, where they end. */
  readonly starts: Int32Array;
}

interface PartOfValue {
  readonly file: PartFile;
  readonly path: string;
  readonly value: string | null;
  /** The value's in the pool of its column; -1 while the window has no row with it. */
  number: number;
}

class Splitter {
  readonly #request: SplitRequest;
  readonly #columns: readonly FlatColumn[];
  readonly #schema: readonly Struct[];
  readonly #by: number;
  readonly #id: number;
  readonly #parts: PartOfValue[] = [];
  readonly #partOfValue = new Map<string | null, number>();
  #pools: ValuePool[] = [];
  /** By number in the pool of the column that is split by. */
  #partOfNumber: Int32Array = new Int32Array(0);
  #blocks: Block[] = [];
  #blockBytes = 0;
  #numbers = new Int32Array(0);
  #order = new Int32Array(0);
  /** Of the part that is being encoded, what is not in its file yet. */
  readonly #out = new GrowingBytes();

  constructor(request: SplitRequest, { columns, schema }: FlatFile) {
    this.#request = request;
    this.#columns = columns;
    this.#schema = schema;
    this.#by = columns.findIndex(({ name }) => name === request.column);
    this.#id = columns.findIndex(({ name }) => name === request.idColumn);
    if (columns[this.#by]?.kind !== 'text') throw new UnsupportedParquet('no text to split by');
    if (columns[this.#id]?.kind === 'other') throw new UnsupportedParquet('ids of another kind');
    this.#empty();
  }

  checkAlike({ schema }: FlatFile): void {
    if (JSON.stringify(schema) === JSON.stringify(this.#schema)) return;
    throw new UnsupportedParquet('files with different columns');
  }

  get bytes(): number {
    return this.#pools.reduce((sum, { usedBytes }) => sum + usedBytes, this.#blockBytes);
  }

  add(file: FlatFile, group: RowGroup): void {
    const { rows } = group;
    const read = (column: number): Int32Array => {
      if (this.#numbers.length < rows) this.#numbers = new Int32Array(rows);
      const out = this.#numbers.subarray(0, rows);
      file.readColumn(group, { column, pool: this.#poolOf(column), out });
      return out;
    };
    const { order, starts } = this.#group(read(this.#by));
    const columns = this.#columns.map((_, at) => {
      if (at === this.#by) return 0;
      const numbers = read(at);
      const [first = 0] = numbers;
      if (isConstant(numbers)) return first;
      const sorted = this.#poolOf(at).size < 65_536 ? new Uint16Array(rows) : new Int32Array(rows);
      for (let row = 0; row < rows; row++) sorted[row] = numbers[order[row] ?? 0] ?? 0;
      this.#blockBytes += sorted.byteLength;
      return sorted;
    });
    this.#blocks.push({ columns, starts });
  }

  /** Writes the window's rows and empties it. */
  async flush(): Promise<void> {
    for await (const { file } of this.#encodeParts()) file.flush(this.#out);
    this.#empty();
  }

  async finish(): Promise<readonly Part[]> {
    const parts: Part[] = [];
    const schema = this.#schema.map(writeStruct);
    for await (const { file, path, value } of this.#encodeParts()) {
      parts.push({ path, value, ...file.finish(this.#out, schema) });
    }
    this.#empty();
    for (const buffer of [this.#numbers, this.#order]) freeBytes(buffer);
    this.#out.free();
    return parts;
  }

  /** Makes a row group or more for each part that has rows in the window; gives every part. */
  async *#encodeParts(): AsyncGenerator<PartOfValue> {
    const encoder = new ChunkEncoder();
    for (const [at, part] of this.#parts.entries()) {
      await breathe(this.#request.signal);
      const slices = this.#blocks.flatMap(({ columns, starts }): readonly Slice[] => {
        const from = starts[at] ?? 0;
        const to = starts[at + 1] ?? from;
        return to > from ? [{ columns: columns.with(this.#by, part.number), from, to }] : [];
      });
      part.file.begin(this.#out);
      for (const group of rowGroups(slices)) this.#writeGroup(part.file, { group, encoder });
      yield part;
    }
    encoder.close();
  }

  #writeGroup(
    file: PartFile,
    { group, encoder }: { readonly group: readonly Slice[]; readonly encoder: ChunkEncoder },
  ): void {
    const rows = group.reduce((sum, { from, to }) => sum + to - from, 0);
    const chunks = this.#columns.map((column, at) =>
      encoder.encode(group, { at, rows, column, pool: this.#poolOf(at), out: this.#out }),
    );
    file.addRowGroup(chunks, { rows, id: chunks[this.#id] });
  }

  /** The order that puts the rows of a part together, and where each part's begin in it. */
  #group(numbers: Int32Array): { readonly order: Int32Array; readonly starts: Int32Array } {
    this.#namePartsOf(numbers);
    const parts = this.#partOfNumber;
    const starts = new Int32Array(this.#parts.length + 1);
    for (const number of numbers) {
      const next = (parts[number] ?? 0) + 1;
      starts[next] = (starts[next] ?? 0) + 1;
    }
    for (let part = 1; part < starts.length; part++) {
      starts[part] = (starts[part] ?? 0) + (starts[part - 1] ?? 0);
    }
    const next = starts.slice();
    if (this.#order.length < numbers.length) this.#order = new Int32Array(numbers.length);
    const order = this.#order;
    for (let row = 0; row < numbers.length; row++) {
      const part = parts[numbers[row] ?? 0] ?? 0;
      const place = next[part] ?? 0;
      order[place] = row;
      next[part] = place + 1;
    }
    return { order, starts };
  }

  /** Every value of the column has its part, the new ones too. */
  #namePartsOf(numbers: Int32Array): void {
    const pool = this.#poolOf(this.#by);
    const known = this.#partOfNumber;
    if (known.length < pool.size) {
      this.#partOfNumber = new Int32Array(pool.size * 2).fill(-1);
      this.#partOfNumber.set(known);
    }
    const parts = this.#partOfNumber;
    for (const number of numbers) {
      if (parts[number] === -1) parts[number] = this.#partOf(number);
    }
  }

  #partOf(number: number): number {
    const { bytes, starts } = this.#poolOf(this.#by);
    const text = bytes.subarray((starts[number] ?? 0) + 4, starts[number + 1]);
    const value = number === 0 ? null : Buffer.from(text).toString();
    const at = this.#partOfValue.get(value) ?? this.#addPart(value);
    const part = this.#parts[at];
    // Else two values of different bytes were the same text.
    if (part?.number !== -1) throw new UnsupportedParquet('text that is not UTF-8');
    part.number = number;
    return at;
  }

  #addPart(value: string | null): number {
    const at = this.#parts.length;
    const path = join(this.#request.folder, `${at}.parquet`);
    const file = new PartFile(path, this.#columns[this.#id]);
    this.#parts.push({ file, path, value, number: -1 });
    this.#partOfValue.set(value, at);
    return at;
  }

  #poolOf(column: number): ValuePool {
    const pool = this.#pools[column];
    if (pool === undefined) throw new Error(`no column ${column}`);
    return pool;
  }

  /** What a window holds is given back at once: the next target of the worker needs it. */
  #empty(): void {
    for (const pool of this.#pools) pool.free();
    for (const { columns } of this.#blocks) {
      for (const column of columns) if (typeof column === 'object') freeBytes(column);
    }
    this.#pools = this.#columns.map(() => new ValuePool());
    this.#partOfNumber = new Int32Array(0);
    for (const part of this.#parts) part.number = -1;
    this.#blocks = [];
    this.#blockBytes = 0;
  }
}

/** Cuts the rows of one part into row groups of bounded size. */
function rowGroups(slices: readonly Slice[]): readonly (readonly Slice[])[] {
  const groups: Slice[][] = [];
  let free = 0;
  for (const slice of slices) {
    let { from } = slice;
    while (from < slice.to) {
      if (free === 0) {
        groups.push([]);
        free = ROW_GROUP;
      }
      const to = Math.min(slice.to, from + free);
      groups.at(-1)?.push({ ...slice, from, to });
      free -= to - from;
      from = to;
    }
  }
  return groups;
}

function isConstant(numbers: Int32Array): boolean {
  for (let row = 1; row < numbers.length; row++) if (numbers[row] !== numbers[0]) return false;
  return true;
}

/** Lets the worker hear that it is to stop. */
async function breathe(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  signal.throwIfAborted();
}
