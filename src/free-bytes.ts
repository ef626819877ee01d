// Gives memory back at once that would else wait for the garbage collector, which counts what lies
// outside its heap too generously: 64 MiB in each thread before it looks.

/** The bytes are gone; nobody may hold them any more. */
export function freeBytes({ buffer }: { readonly buffer: ArrayBuffer }): void {
  buffer.transfer(0);
}
