// Thrift's compact protocol, in which Parquet writes its headers and footers: read into and written
// from a tree of fields with their types, so that what is not understood can be passed on as it is.
// Maps, which Parquet does not use, are refused. Pure.
import { GrowingBytes } from './growing-bytes.ts';

export const I32 = 5;
export const I64 = 6;
export const BINARY = 8;
export const LIST = 9;
export const STRUCT = 12;
const TRUE = 1;
const FALSE = 2;
const BYTE = 3;
const I16 = 4;
const DOUBLE = 7;

export interface Field {
  readonly id: number;
  readonly type: number;
  readonly value: Value;
}
export type Struct = readonly Field[];
export interface List {
  readonly of: number;
  readonly items: readonly Value[];
}
/** Bytes are those of a text, or of a struct that is written already. */
export type Value = boolean | number | Uint8Array | List | Struct;

/** Throws a plain Error when the bytes are no such struct; reads nothing beyond them. */
export function readStruct(bytes: Uint8Array, at: number): { value: Struct; end: number } {
  const reader = new Reader(bytes, at);
  const value = reader.struct();
  return { value, end: reader.at };
}

export function writeStruct(struct: Struct): Uint8Array<ArrayBuffer> {
  const out = new GrowingBytes();
  appendStruct(out, struct);
  return out.view;
}

/** Writes the struct at the end. */
export function appendStruct(out: GrowingBytes, struct: Struct): void {
  let last = 0;
  for (const { id, type, value } of struct) {
    const head = type === TRUE || type === FALSE ? (value === true ? TRUE : FALSE) : type;
    const step = id - last;
    if (step > 0 && step < 16) out.push((step << 4) | head);
    else {
      out.push(head);
      putVarint(out, zigzag(id));
    }
    last = id;
    if (typeof value !== 'boolean') putValue(out, type, value);
  }
  out.push(0);
}

export const fields = {
  i32: (id: number, value: number): Field => ({ id, type: I32, value }),
  i64: (id: number, value: number): Field => ({ id, type: I64, value }),
  bytes: (id: number, value: Uint8Array): Field => ({ id, type: BINARY, value }),
  text: (id: number, value: string): Field => ({ id, type: BINARY, value: Buffer.from(value) }),
  struct: (id: number, value: Struct): Field => ({ id, type: STRUCT, value }),
  list: (id: number, of: number, items: readonly Value[]): Field => ({
    id,
    type: LIST,
    value: { of, items },
  }),
};

export function numberAt(struct: Struct, id: number): number | undefined {
  const value = struct.find((field) => field.id === id)?.value;
  return typeof value === 'number' ? value : undefined;
}

export function textAt(struct: Struct, id: number): string | undefined {
  const value = struct.find((field) => field.id === id)?.value;
  return value instanceof Uint8Array ? Buffer.from(value).toString() : undefined;
}

export function structAt(struct: Struct, id: number): Struct | undefined {
  const value = struct.find((field) => field.id === id)?.value;
  return value !== undefined && isStruct(value) ? value : undefined;
}

export function structsAt(struct: Struct, id: number): readonly Struct[] {
  return itemsAt(struct, id).filter(isStruct);
}

export function numbersAt(struct: Struct, id: number): readonly number[] {
  return itemsAt(struct, id).filter((item) => typeof item === 'number');
}

function itemsAt(struct: Struct, id: number): readonly Value[] {
  const value = struct.find((field) => field.id === id)?.value;
  return typeof value === 'object' && 'items' in value ? value.items : [];
}

function isStruct(value: Value): value is Struct {
  return Array.isArray(value);
}

class Reader {
  at: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  struct(): Struct {
    const found: Field[] = [];
    let id = 0;
    for (;;) {
      const head = this.#byte();
      if (head === 0) return found;
      const type = head & 15;
      id = head >> 4 === 0 ? this.#zigzag() : id + (head >> 4);
      const value = type === TRUE ? true : type === FALSE ? false : this.#value(type);
      found.push({ id, type, value });
    }
  }

  #value(type: number): Value {
    switch (type) {
      case TRUE:
      case FALSE:
        return this.#byte() === TRUE;
      case BYTE:
        return (this.#byte() << 24) >> 24;
      case I16:
      case I32:
      case I64:
        return this.#zigzag();
      case DOUBLE: {
        const bytes = this.#take(8);
        return new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, true);
      }
      case BINARY:
        return this.#take(this.#varint());
      case LIST: {
        const head = this.#byte();
        const count = head >> 4 === 15 ? this.#varint() : head >> 4;
        const items: Value[] = [];
        for (let item = 0; item < count; item++) items.push(this.#value(head & 15));
        return { of: head & 15, items };
      }
      case STRUCT:
        return this.struct();
      default:
        throw new Error(`thrift type ${type} at byte ${this.at}`);
    }
  }

  #byte(): number {
    const byte = this.#bytes[this.at++];
    if (byte === undefined) throw new Error('a thrift struct ends too early');
    return byte;
  }

  #take(length: number): Uint8Array {
    if (this.at + length > this.#bytes.length) throw new Error('a thrift text ends too early');
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }

  // Numbers beyond 2^53 lose digits; they are offsets, sizes and counts.
  #varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#byte();
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }

  #zigzag(): number {
    const value = this.#varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}

function putValue(out: GrowingBytes, type: number, value: Value): void {
  if (typeof value === 'boolean') out.push(value ? TRUE : FALSE);
  else if (typeof value === 'number') {
    if (type === DOUBLE) out.append(new Uint8Array(Float64Array.of(value).buffer));
    else if (type === BYTE) out.push(value & 255);
    else putVarint(out, zigzag(value));
  } else if (value instanceof Uint8Array) {
    if (type !== STRUCT) putVarint(out, value.length);
    out.append(value);
  } else if (isStruct(value)) appendStruct(out, value);
  else {
    const { of, items } = value;
    out.push((Math.min(items.length, 15) << 4) | of);
    if (items.length >= 15) putVarint(out, items.length);
    for (const item of items) putValue(out, of, item);
  }
}

function zigzag(value: number): number {
  return value < 0 ? -value * 2 - 1 : value * 2;
}

function putVarint(out: GrowingBytes, value: number): void {
  let rest = value;
  while (rest >= 128) {
    out.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
}
