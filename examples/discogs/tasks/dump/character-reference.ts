// Resolves the references in a text: those to characters by number and the five that XML names.

const NAMED: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
};
const NUMBERED = /^#(?:x([0-9a-fA-F]+)|([0-9]+))$/;
const LONGEST = 10;
const HASH = 0x23;

/** Undefined when something in it is no such reference. */
export function dereferenced(text: string): string | undefined {
  let done = '';
  let from = 0;
  for (let at = text.indexOf('&'); at >= 0; at = text.indexOf('&', from)) {
    const end = text.indexOf(';', at);
    if (end < 0 || end - at > LONGEST) return undefined;
    const character = characterOf(text.substring(at + 1, end));
    if (character === undefined) return undefined;
    done += text.substring(from, at) + character;
    from = end + 1;
  }
  return done + text.substring(from);
}

function characterOf(reference: string): string | undefined {
  if (reference.charCodeAt(0) !== HASH) {
    return Object.hasOwn(NAMED, reference) ? NAMED[reference] : undefined;
  }
  const [, hexadecimal, decimal] = NUMBERED.exec(reference) ?? [];
  const digits = hexadecimal ?? decimal;
  if (digits === undefined) return undefined;
  const point = Number.parseInt(digits, hexadecimal === undefined ? 10 : 16);
  return isCharacter(point) ? String.fromCodePoint(point) : undefined;
}

/** As XML 1.0 defines it (section 2.2). */
function isCharacter(point: number): boolean {
  if (point < 0x20) return point === 0x09 || point === 0x0a || point === 0x0d;
  if (point <= 0xd7ff) return true;
  return (point >= 0xe000 && point <= 0xfffd) || (point >= 0x10000 && point <= 0x10ffff);
}
