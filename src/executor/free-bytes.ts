// Gives memory back at once that would else wait for the garbage collector, which counts what lies
// outside its heap too generously for a stream: 64 MiB in each thread before it looks.

/** The bytes are gone; nobody may hold them any more. */
export function freeBytes({ buffer }: Uint8Array<ArrayBuffer>): void {
  buffer.transfer(0);
}
