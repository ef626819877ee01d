// The distinct values of one column as numbers: the same bytes get the same number, whatever file
// or row group they came from. Values are kept as Parquet writes them plainly (a text with its
// length before it), so that a dictionary is made by copying. 0 stands for NULL.
import { freeBytes } from '../free-bytes.ts';

const FIRST_BYTES = 1 << 16;
const FIRST_SLOTS = 1 << 10;
/** Places are kept as 32-bit numbers. */
const LIMIT = 2 ** 31 - 1;

export class ValuePool {
  /** Numbers given so far, NULL's among them. */
  size = 1;
  /** All values one after the other. */
  bytes = new Uint8Array(FIRST_BYTES);
  /** Where each value begins in `bytes`; at `size`, where the next one will. */
  starts = new Int32Array(FIRST_SLOTS);
  #slots = new Int32Array(FIRST_SLOTS);
  #hashes = new Int32Array(FIRST_SLOTS);

  get usedBytes(): number {
    return this.starts[this.size] ?? 0;
  }

  /** The number of the value in `source[from..to]`, plainly written. */
  add(source: Uint8Array, from: number, to: number): number {
    let hash = 0x811c9dc5;
    for (let at = from; at < to; at++) hash = Math.imul(hash ^ (source[at] ?? 0), 0x01000193);
    hash ^= hash >>> 15;
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (;;) {
      const number = this.#slots[slot] ?? 0;
      if (number === 0) break;
      if (this.#hashes[number] === hash && this.#isAt(number, { source, from, to })) return number;
      slot = (slot + 1) & mask;
    }
    const number = this.#append(hash, { source, from, to });
    this.#slots[slot] = number;
    if (this.size * 2 > this.#slots.length) this.#rehash();
    return number;
  }

  /** Gives its memory back; it is of no use any more. */
  free(): void {
    for (const part of [this.bytes, this.starts, this.#slots, this.#hashes]) freeBytes(part);
  }

  #isAt(number: number, { source, from, to }: Slice): boolean {
    const start = this.starts[number] ?? 0;
    if ((this.starts[number + 1] ?? 0) - start !== to - from) return false;
    for (let at = from; at < to; at++) {
      if (source[at] !== this.bytes[start + at - from]) return false;
    }
    return true;
  }

  #append(hash: number, { source, from, to }: Slice): number {
    const number = this.size++;
    const start = this.starts[number] ?? 0;
    const end = start + to - from;
    if (end > LIMIT) throw new Error('one row group has more text than can be addressed');
    if (end > this.bytes.length)
      this.bytes = grown(this.bytes, Math.min(LIMIT, Math.max(end, start * 2)));
    if (to - from < 64) {
      for (let at = from; at < to; at++) this.bytes[start + at - from] = source[at] ?? 0;
    } else this.bytes.set(source.subarray(from, to), start);
    if (number + 2 > this.starts.length) {
      this.starts = grownNumbers(this.starts);
      this.#hashes = grownNumbers(this.#hashes);
    }
    this.starts[number + 1] = end;
    this.#hashes[number] = hash;
    return number;
  }

  #rehash(): void {
    const { length } = this.#slots;
    freeBytes(this.#slots);
    this.#slots = new Int32Array(length * 2);
    const mask = this.#slots.length - 1;
    for (let number = 1; number < this.size; number++) {
      let slot = (this.#hashes[number] ?? 0) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = number;
    }
  }
}

interface Slice {
  readonly source: Uint8Array;
  readonly from: number;
  readonly to: number;
}

/** Nobody may hold the shorter one any more. */
function grown(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes.buffer.transfer(length));
}

function grownNumbers(numbers: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  return new Int32Array(numbers.buffer.transfer(numbers.byteLength * 2));
}
