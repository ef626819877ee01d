// One Parquet file that is written row group by row group, and not held open in between: hundreds
// of them grow side by side, of which one at a time has bytes that are not written yet. Its sha256
// is taken on the way.
import { createHash, type Hash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import type { EncodedChunk } from './column-chunk.ts';
import { type FlatColumn, TYPE } from './flat-file.ts';
import type { GrowingBytes } from './growing-bytes.ts';
import { numberIn, type Range } from './range.ts';
import { appendStruct, fields, STRUCT, type Struct, writeStruct } from './thrift.ts';

export interface PartFacts {
  readonly rows: number;
  readonly minId: string | null;
  readonly maxId: string | null;
  readonly bytes: number;
  readonly sha256: string;
}

const MAGIC = Buffer.from('PAR1');

export class PartFile {
  readonly #path: string;
  readonly #idColumn: FlatColumn | undefined;
  /** Their structs as they go into the footer. */
  readonly #groups: Uint8Array[] = [];
  /** Of what is in the file; undefined while nothing is. */
  #hash: Hash | undefined;
  #offset = MAGIC.length;
  #rows = 0;
  #min: Uint8Array | undefined;
  #max: Uint8Array | undefined;

  constructor(path: string, idColumn: FlatColumn | undefined) {
    this.#path = path;
    this.#idColumn = idColumn;
  }

  /** To be called before row groups are encoded to the end of `out`, which has nothing in it. */
  begin(out: GrowingBytes): void {
    if (this.#hash === undefined) out.append(MAGIC);
  }

  /** Of chunks that follow one another; `id` is the one of the id column. */
  addRowGroup(
    chunks: readonly EncodedChunk[],
    { rows, id }: { readonly rows: number; readonly id: EncodedChunk | undefined },
  ): void {
    const start = this.#offset;
    const columns = chunks.map((chunk): Struct => {
      const metadata = chunk.metadata(this.#offset);
      const struct = [fields.i64(2, this.#offset), fields.struct(3, metadata)];
      this.#offset += chunk.bytes;
      return struct;
    });
    const plainBytes = chunks.reduce((sum, chunk) => sum + chunk.plainBytes, 0);
    const group = [
      fields.list(1, STRUCT, columns),
      fields.i64(2, plainBytes),
      fields.i64(3, rows),
      fields.i64(5, start),
      fields.i64(6, this.#offset - start),
    ];
    this.#groups.push(writeStruct(group));
    this.#rows += rows;
    this.#widen(id?.range);
  }

  /** Writes `out` to the end of the file and empties it. */
  flush(out: GrowingBytes): void {
    if (out.length === 0) return;
    const bytes = out.view;
    this.#hash ??= createHash('sha256');
    this.#hash.update(bytes);
    appendFileSync(this.#path, bytes);
    out.clear();
  }

  /** Ends the file, after what is in `out`, with its footer; `schema` as written structs. */
  finish(out: GrowingBytes, schema: readonly Uint8Array[]): PartFacts {
    const start = out.length;
    const order: Struct = [fields.struct(1, [])];
    appendStruct(out, [
      fields.i32(1, 1),
      fields.list(2, STRUCT, schema),
      fields.i64(3, this.#rows),
      fields.list(4, STRUCT, this.#groups),
      fields.text(6, 'Eider'),
      fields.list(7, STRUCT, Array(schema.length - 1).fill(order)),
    ]);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(out.length - start);
    out.append(length);
    out.append(MAGIC);
    const bytes = this.#offset + out.length - start;
    this.flush(out);
    return {
      rows: this.#rows,
      minId: this.#text(this.#min),
      maxId: this.#text(this.#max),
      bytes,
      sha256: this.#hash?.digest('hex') ?? '',
    };
  }

  #widen(range: Range | undefined): void {
    if (range === undefined) return;
    const { min, max } = range;
    if (this.#min === undefined || this.#isBelow(min, this.#min)) this.#min = min.slice();
    if (this.#max === undefined || this.#isBelow(this.#max, max)) this.#max = max.slice();
  }

  #isBelow(one: Uint8Array, other: Uint8Array): boolean {
    const type = this.#idColumn?.type ?? TYPE.BYTE_ARRAY;
    if (type === TYPE.BYTE_ARRAY) return Buffer.compare(one, other) < 0;
    return idNumber(one, type) < idNumber(other, type);
  }

  #text(id: Uint8Array | undefined): string | null {
    if (id === undefined || this.#idColumn === undefined) return null;
    const { type } = this.#idColumn;
    return type === TYPE.BYTE_ARRAY ? Buffer.from(id).toString() : String(idNumber(id, type));
  }
}

function idNumber(id: Uint8Array, type: number): number | bigint {
  return numberIn(new DataView(id.buffer, id.byteOffset), { type, at: 0 });
}
