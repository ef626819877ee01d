// Bytes that grow at their end and whose space is used again: what is put together of thousands of
// small pieces, file after file, would else be garbage that costs more than the pieces.

const FIRST_BYTES = 256;

export class GrowingBytes {
  length = 0;
  #bytes = new Uint8Array(FIRST_BYTES);

  /** All of them, until the next change. */
  get view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.length);
  }

  push(byte: number): void {
    if (this.length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.length++] = byte;
  }

  append(bytes: Uint8Array): void {
    if (this.length + bytes.length > this.#bytes.length) this.#grow(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  clear(): void {
    this.length = 0;
  }

  /** Gives their memory back; there are none any more. */
  free(): void {
    this.length = 0;
    this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(0));
  }

  #grow(more: number): void {
    const length = Math.max(this.length + more, this.#bytes.length * 2);
    this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(length));
  }
}
