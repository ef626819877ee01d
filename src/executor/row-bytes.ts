// Growing bytes into which the values of a column are written as Parquet has them plainly: numbers in
// little endian, a text as UTF-8 behind its length. Texts code unit by code unit, because most are
// short ASCII: five times cheaper than a call of the system's encoder for each.
import type { Utf8Text } from '../task-pieces.ts';
import { targetError } from './target-error.ts';

/** From here on the system's encoder, and its copying, are cheaper. */
const LONG = 256;
const LONG_COPY = 48;
const FIRST_BYTES = 1024;
const LENGTH_BYTES = 4;

const wide = new DataView(new ArrayBuffer(8));
const wideBytes = new Uint8Array(wide.buffer);

export class RowBytes {
  /** Bytes written so far; set it back to forget the last ones. */
  length = 0;
  bytes = new Uint8Array(FIRST_BYTES);

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  int32(value: number): void {
    this.reserve(4);
    this.#putInt32(this.length, value);
    this.length += 4;
  }

  int64(value: bigint): void {
    wide.setBigInt64(0, value, true);
    this.#wide();
  }

  double(value: number): void {
    wide.setFloat64(0, value, true);
    this.#wide();
  }

  /** Throws for text that is none. */
  text(text: string): void {
    const { length } = text;
    // A code unit takes at most three bytes.
    this.reserve(LENGTH_BYTES + length * 3);
    const { bytes } = this;
    const start = this.length + LENGTH_BYTES;
    let at = start;
    if (length > LONG) {
      if (!text.isWellFormed()) throw loneSurrogate(text);
      at += new TextEncoder().encodeInto(text, bytes.subarray(at)).written;
    } else {
      for (let index = 0; index < length; index += 1) {
        const unit = text.charCodeAt(index);
        if (unit >= 0x80) {
          at = writeWide(text, { from: index, bytes, at });
          break;
        }
        bytes[at++] = unit;
      }
    }
    this.#putInt32(this.length, at - start);
    this.length = at;
  }

  utf8({ bytes: source, start, end }: Utf8Text): void {
    const length = end - start;
    this.reserve(LENGTH_BYTES + length);
    this.#putInt32(this.length, length);
    const { bytes } = this;
    const at = this.length + LENGTH_BYTES;
    if (length > LONG_COPY) bytes.set(source.subarray(start, end), at);
    else
      for (let index = 0; index < length; index += 1)
        bytes[at + index] = source[start + index] ?? 0;
    this.length = at + length;
  }

  /** Makes room for so many bytes more. */
  reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }

  #putInt32(at: number, value: number): void {
    const { bytes } = this;
    bytes[at] = value;
    bytes[at + 1] = value >> 8;
    bytes[at + 2] = value >> 16;
    bytes[at + 3] = value >> 24;
  }

  #wide(): void {
    this.reserve(8);
    this.bytes.set(wideBytes, this.length);
    this.length += 8;
  }
}

/** The rest of a text in which not all is ASCII; gives the place behind it. */
function writeWide(
  text: string,
  {
    from,
    bytes,
    at: start,
  }: { readonly from: number; readonly bytes: Uint8Array; readonly at: number },
): number {
  let at = start;
  for (let index = from; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) bytes[at++] = unit;
    else if (unit < 0x800) {
      bytes[at++] = 0xc0 | (unit >> 6);
      bytes[at++] = 0x80 | (unit & 0x3f);
    } else if (unit < 0xd800 || unit > 0xdfff) {
      bytes[at++] = 0xe0 | (unit >> 12);
      bytes[at++] = 0x80 | ((unit >> 6) & 0x3f);
      bytes[at++] = 0x80 | (unit & 0x3f);
    } else {
      const point = text.codePointAt(index) ?? 0;
      if (point < 0x10000) throw loneSurrogate(text);
      bytes[at++] = 0xf0 | (point >> 18);
      bytes[at++] = 0x80 | ((point >> 12) & 0x3f);
      bytes[at++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[at++] = 0x80 | (point & 0x3f);
      index += 1;
    }
  }
  return at;
}

/** Half a surrogate pair is no Unicode text and would silently become another character. */
function loneSurrogate(text: string): Error {
  return targetError(
    'task-error',
    'A row holds half of a surrogate pair, which is no Unicode text',
    {
      detail: text.toWellFormed().slice(0, 500),
      hint: 'reject() the record, or repair its text with toWellFormed()',
    },
  );
}
