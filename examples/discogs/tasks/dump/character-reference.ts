// Resolves the references in a text: those to characters by number and the five that XML names.

const NAMED = Object.entries({ amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }).map(
  ([name, character]) => ({ name: Buffer.from(name), point: character.charCodeAt(0) }),
);
const LONGEST = 10;
const [AMPERSAND, HASH, SEMICOLON, SMALL_X] = [0x26, 0x23, 0x3b, 0x78];
const [ZERO, NINE, SMALL_A, SMALL_F] = [0x30, 0x39, 0x61, 0x66];
/** What makes a letter a small one. */
const SMALL = 0x20;

/**
 * Writes the UTF-8 text from `start` to `end` to `at` in `out`, which has room for as much, and gives
 * the place behind it; undefined when something in the text is no such reference.
 */
export function resolve(
  bytes: Uint8Array,
  { start, end, out, at }: Readonly<{ start: number; end: number; out: Uint8Array; at: number }>,
): number | undefined {
  let to = at;
  for (let from = start; from < end; ) {
    const byte = bytes[from] ?? 0;
    if (byte !== AMPERSAND) {
      out[to++] = byte;
      from += 1;
      continue;
    }
    let close = from + 1;
    while (close < end && bytes[close] !== SEMICOLON) close += 1;
    if (close === end || close - from > LONGEST) return undefined;
    const point = pointOf(bytes, from + 1, close);
    if (point === undefined) return undefined;
    to = putCharacter(out, to, point);
    from = close + 1;
  }
  return to;
}

function pointOf(bytes: Uint8Array, start: number, end: number): number | undefined {
  if (bytes[start] !== HASH) {
    return NAMED.find(({ name }) => isAt(bytes, { start, end, name }))?.point;
  }
  const isHexadecimal = bytes[start + 1] === SMALL_X;
  const first = start + (isHexadecimal ? 2 : 1);
  let point = 0;
  for (let at = first; at < end; at += 1) {
    const digit = digitOf(bytes[at] ?? 0, isHexadecimal);
    if (digit === undefined) return undefined;
    point = point * (isHexadecimal ? 16 : 10) + digit;
  }
  return first < end && isCharacter(point) ? point : undefined;
}

function isAt(
  bytes: Uint8Array,
  { start, end, name }: Readonly<{ start: number; end: number; name: Uint8Array }>,
): boolean {
  if (end - start !== name.length) return false;
  for (let index = 0; index < name.length; index += 1) {
    if (bytes[start + index] !== name[index]) return false;
  }
  return true;
}

function digitOf(byte: number, isHexadecimal: boolean): number | undefined {
  if (byte >= ZERO && byte <= NINE) return byte - ZERO;
  const letter = byte | SMALL;
  return isHexadecimal && letter >= SMALL_A && letter <= SMALL_F
    ? letter - SMALL_A + 10
    : undefined;
}

/** As XML 1.0 defines it (section 2.2). */
function isCharacter(point: number): boolean {
  if (point < 0x20) return point === 0x09 || point === 0x0a || point === 0x0d;
  if (point <= 0xd7ff) return true;
  return (point >= 0xe000 && point <= 0xfffd) || (point >= 0x10000 && point <= 0x10ffff);
}

function putCharacter(out: Uint8Array, at: number, point: number): number {
  let to = at;
  if (point < 0x80) {
    out[to++] = point;
    return to;
  }
  if (point < 0x800) out[to++] = 0xc0 | (point >> 6);
  else {
    if (point < 0x10000) out[to++] = 0xe0 | (point >> 12);
    else {
      out[to++] = 0xf0 | (point >> 18);
      out[to++] = 0x80 | ((point >> 12) & 0x3f);
    }
    out[to++] = 0x80 | ((point >> 6) & 0x3f);
  }
  out[to++] = 0x80 | (point & 0x3f);
  return to;
}
