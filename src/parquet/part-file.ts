// One Parquet file that is written row group by row group, and not held open in between: hundreds
// of them grow side by side. Its sha256 is taken on the way.
import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import type { EncodedChunk } from './column-chunk.ts';
import { type FlatColumn, TYPE } from './flat-file.ts';
import { numberIn, type Range } from './range.ts';
import { fields, STRUCT, type Struct, writeStruct } from './thrift.ts';

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
  readonly #hash = createHash('sha256');
  readonly #groups: Struct[] = [];
  #pending: Uint8Array[] = [MAGIC];
  #offset = MAGIC.length;
  #rows = 0;
  #min: Uint8Array | undefined;
  #max: Uint8Array | undefined;

  constructor(path: string, idColumn: FlatColumn | undefined) {
    this.#path = path;
    this.#idColumn = idColumn;
  }

  /** `id` is the chunk of the id column. */
  addRowGroup(
    chunks: readonly EncodedChunk[],
    { rows, id }: { readonly rows: number; readonly id: EncodedChunk | undefined },
  ): void {
    const start = this.#offset;
    const columns = chunks.map((chunk): Struct => {
      const metadata = chunk.metadata(this.#offset);
      const struct = [fields.i64(2, this.#offset), fields.struct(3, metadata)];
      this.#offset += chunk.bytes;
      this.#pending.push(...chunk.pages);
      return struct;
    });
    this.#groups.push([
      fields.list(1, STRUCT, columns),
      fields.i64(
        2,
        chunks.reduce((sum, { plainBytes }) => sum + plainBytes, 0),
      ),
      fields.i64(3, rows),
      fields.i64(5, start),
      fields.i64(6, this.#offset - start),
    ]);
    this.#rows += rows;
    this.#widen(id?.range);
  }

  /** Writes what was added so far to the end of the file. */
  flush(): void {
    if (this.#pending.length === 0) return;
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#hash.update(bytes);
    appendFileSync(this.#path, bytes);
  }

  /** Ends the file with its footer. */
  finish(schema: readonly Struct[]): PartFacts {
    const order: Struct = [fields.struct(1, [])];
    const footer = writeStruct([
      fields.i32(1, 1),
      fields.list(2, STRUCT, schema),
      fields.i64(3, this.#rows),
      fields.list(4, STRUCT, this.#groups),
      fields.text(6, 'Eider'),
      fields.list(7, STRUCT, Array(schema.length - 1).fill(order)),
    ]);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(footer.length);
    this.#pending.push(footer, length, MAGIC);
    this.flush();
    return {
      rows: this.#rows,
      minId: this.#text(this.#min),
      maxId: this.#text(this.#max),
      bytes: this.#offset + footer.length + length.length + MAGIC.length,
      sha256: this.#hash.digest('hex'),
    };
  }

  #widen(range: Range | undefined): void {
    if (range === undefined) return;
    if (this.#min === undefined || this.#isBelow(range.min, this.#min)) this.#min = range.min;
    if (this.#max === undefined || this.#isBelow(this.#max, range.max)) this.#max = range.max;
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
