// Parquet's hybrid of runs and bit packing, in which definition levels and codes of a dictionary
// are written. Pure.

/**
 * Decodes `count` values of a bit width up to 25 from `bytes[at..end]` into `out[0..count]`.
 * Throws when the bytes do not hold as many.
 */
export function decodeRuns(
  bytes: Uint8Array,
  {
    at: start,
    end,
    width,
    count,
    out,
  }: {
    readonly at: number;
    readonly end: number;
    readonly width: number;
    readonly count: number;
    readonly out: Int32Array;
  },
): void {
  if (width === 0) {
    out.fill(0, 0, count);
    return;
  }
  const mask = 2 ** width - 1;
  const byteWidth = (width + 7) >> 3;
  let at = start;
  let done = 0;
  while (done < count) {
    let head = 0;
    for (let shift = 0; ; shift += 7) {
      if (at >= end) throw new Error('runs end too early');
      const byte = bytes[at++] ?? 0;
      head |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    if ((head & 1) === 0) {
      let value = 0;
      for (let byte = 0; byte < byteWidth; byte++) value |= (bytes[at + byte] ?? 0) << (8 * byte);
      at += byteWidth;
      const next = Math.min(count, done + (head >>> 1));
      out.fill(value, done, next);
      done = next;
      continue;
    }
    const next = Math.min(count, done + (head >>> 1) * 8);
    let bit = 0;
    for (; done < next; done++) {
      const p = at + (bit >>> 3);
      const four =
        (bytes[p] ?? 0) |
        ((bytes[p + 1] ?? 0) << 8) |
        ((bytes[p + 2] ?? 0) << 16) |
        ((bytes[p + 3] ?? 0) << 24);
      out[done] = (four >>> (bit & 7)) & mask;
      bit += width;
    }
    at += (head >>> 1) * width;
  }
}

/** Bits that a code needs when there are as many of them. */
export function widthOf(codes: number): number {
  return codes <= 1 ? 0 : 32 - Math.clz32(codes - 1);
}

/** The most that `encodeRuns` writes. */
export function runsLimit(count: number, width: number): number {
  const bytes = (width + 7) >> 3;
  return Math.ceil(count / 8) * (width + 5) + bytes + 5;
}

/** Encodes `codes[0..count]` into `out` from `at`; gives the end. */
export function encodeRuns(
  codes: Int32Array,
  {
    count,
    width,
    out,
    at: start,
  }: {
    readonly count: number;
    readonly width: number;
    readonly out: Uint8Array;
    readonly at: number;
  },
): number {
  const byteWidth = (width + 7) >> 3;
  let at = start;
  let packed = 0; // Where the values begin that are to be bit-packed.
  let next = 0;
  while (next < count) {
    const value = codes[next] ?? 0;
    let end = next + 1;
    while (end < count && codes[end] === value) end++;
    // Packed values come in eights: a run first fills up those before it.
    const runStart = next + ((8 - ((next - packed) & 7)) & 7);
    if (end - runStart < 8) {
      next = end;
      continue;
    }
    if (runStart > packed) at = pack(codes, { from: packed, to: runStart, width, out, at });
    at = putVarint(out, { at, value: (end - runStart) * 2 });
    for (let byte = 0; byte < byteWidth; byte++) out[at++] = value >>> (8 * byte);
    next = end;
    packed = end;
  }
  if (count > packed) at = pack(codes, { from: packed, to: count, width, out, at });
  return at;
}

interface Packing {
  readonly from: number;
  readonly to: number;
  readonly width: number;
  readonly out: Uint8Array;
  readonly at: number;
}

/** The last group is filled up with zeros. */
function pack(codes: Int32Array, { from, to, width, out, at: start }: Packing): number {
  const groups = Math.ceil((to - from) / 8);
  let at = putVarint(out, { at: start, value: groups * 2 + 1 });
  const end = at + groups * width;
  let held = 0;
  let bits = 0;
  for (let index = from; index < to; index++) {
    held |= (codes[index] ?? 0) << bits;
    bits += width;
    while (bits >= 8) {
      out[at++] = held;
      held >>>= 8;
      bits -= 8;
    }
  }
  if (bits > 0) out[at++] = held;
  while (at < end) out[at++] = 0;
  return at;
}

function putVarint(
  out: Uint8Array,
  { at: start, value }: { readonly at: number; readonly value: number },
): number {
  let at = start;
  let rest = value;
  for (; rest >= 128; rest >>>= 7) out[at++] = (rest & 127) | 128;
  out[at++] = rest;
  return at;
}
