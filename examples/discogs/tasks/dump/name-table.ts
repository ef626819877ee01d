// Names that were read before, found again by their bytes: so that no text is made of the same few
// names a hundred times in every record, and two of them are compared by their addresses alone.

const SLOTS = 1024;
const LONGEST = 32;
const TRIES = 8;

/** 1 for a byte that a name may have, without any beyond ASCII, `:`, `.` and `-`. */
export const NAME_BYTES = Uint8Array.from({ length: 256 }, (_, byte) =>
  /[A-Za-z0-9_]/.test(String.fromCharCode(byte)) ? 1 : 0,
);

export interface NameSpan {
  readonly start: number;
  readonly end: number;
  /** Of the bytes from start to end; any will do that is the same for the same bytes. */
  readonly hash: number;
}

export class NameTable {
  readonly #names: (string | undefined)[] = Array(SLOTS).fill(undefined);
  readonly #bytes = new Uint8Array(SLOTS * LONGEST);
  readonly #lengths = new Uint8Array(SLOTS);

  /** Undefined for what is no name, and for more or longer ones than any dump has. */
  nameAt(bytes: Uint8Array, { start, end, hash }: NameSpan): string | undefined {
    const length = end - start;
    for (let turn = 0; turn < TRIES; turn += 1) {
      const slot = (hash + turn) & (SLOTS - 1);
      const known = this.#names[slot];
      if (known === undefined) return this.#add(bytes.subarray(start, end), slot);
      if (this.#lengths[slot] !== length) continue;
      const place = slot * LONGEST - start;
      let at = start;
      while (at < end && this.#bytes[place + at] === bytes[at]) at += 1;
      if (at === end) return known;
    }
    return undefined;
  }

  #add(bytes: Uint8Array, slot: number): string | undefined {
    const name = String.fromCharCode(...bytes.subarray(0, LONGEST));
    if (bytes.length > LONGEST || !/^[A-Za-z]/.test(name)) return undefined;
    this.#bytes.set(bytes, slot * LONGEST);
    this.#lengths[slot] = bytes.length;
    this.#names[slot] = uniqueName(name);
    return this.#names[slot];
  }
}

const unique = new Map<string, string>();

/** The same text, as the engine keeps it once for all keys of objects. */
export function uniqueName(name: string): string {
  const known = unique.get(name);
  if (known !== undefined) return known;
  const [made = name] = Object.keys({ [name]: 0 });
  if (unique.size < SLOTS) unique.set(made, made);
  return made;
}
