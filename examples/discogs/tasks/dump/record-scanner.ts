// Finds where each record of a dump begins and ends, without parsing it: so that a record can be
// parsed, refused, counted and resumed by itself, whatever is wrong with those around it. Knows of XML
// only what hides a tag: CDATA, comments, quoted attributes. A record ends with its end tag; one
// without ends where the next begins. Everything between records but white space, comments and the
// root's own tags is given as a record too, for the parser to refuse.

/** What a dump's records are called. */
export interface DumpShape {
  /** The element around all records. */
  readonly root: string;
  readonly record: string;
  /** The element within a record whose children are called like a record. */
  readonly nestedIn?: string;
}

/** A longer record is taken for damage: it would have to be held in memory as a whole. */
export const MAX_RECORD_BYTES = 16 * 1024 * 1024;

const SPACE = new Set([0x20, 0x09, 0x0a, 0x0d]);
const [GREATER, SLASH, LESS, NEWLINE, EXCLAMATION] = [0x3e, 0x2f, 0x3c, 0x0a, 0x21];
const QUOTES = new Set([0x22, 0x27]);
/** The longest text that has to be whole before it can be recognised: `</` + a name + one more. */
const LOOK_AHEAD = 32;

/** `more`: not decidable without the bytes that follow. */
export type Scanned =
  | { readonly kind: 'record'; readonly start: number; readonly end: number }
  | { readonly kind: 'more'; readonly start: number }
  /** Nothing is left; `isWhole` when the root's end tag was seen. */
  | { readonly kind: 'end'; readonly isWhole: boolean };

export class RecordScanner {
  readonly #shape: DumpShape;
  #isRootOpen: boolean;
  #isRootClosed = false;
  #finder: TagFinder | undefined;

  /** `isInside`: the bytes begin after the root's start tag. */
  constructor(shape: DumpShape, { isInside }: { readonly isInside: boolean }) {
    this.#shape = shape;
    this.#isRootOpen = isInside;
  }

  /**
   * The next record in `bytes` from `at` on. `isLast`: nothing follows these bytes. Throws when they
   * do not begin like this dump.
   */
  next(bytes: Buffer, { at, isLast }: { readonly at: number; readonly isLast: boolean }): Scanned {
    let place = at;
    for (;;) {
      while (place < bytes.length && SPACE.has(bytes[place] ?? 0)) place += 1;
      if (place === bytes.length) {
        if (isLast) return { kind: 'end', isWhole: this.#isRootClosed };
        return { kind: 'more', start: place };
      }
      if (bytes.length - place < LOOK_AHEAD && !isLast) return { kind: 'more', start: place };
      const skipped = this.#skipBetween(bytes, { at: place, isLast });
      if (skipped === 'more') return { kind: 'more', start: place };
      if (skipped === undefined) break;
      place = skipped;
    }
    const start = place;
    const isRecord = startsTag(bytes, { at: start, tag: `<${this.#shape.record}` });
    const end = isRecord
      ? this.#recordEnd(bytes, { at: start, isLast })
      : this.#strayEnd(bytes, { at: start, isLast });
    if (end !== undefined) return { kind: 'record', start, end };
    return isLast ? { kind: 'end', isWhole: false } : { kind: 'more', start };
  }

  /** Behind what may stand between records; undefined when something else stands there. */
  #skipBetween(
    bytes: Buffer,
    { at, isLast }: { readonly at: number; readonly isLast: boolean },
  ): number | 'more' | undefined {
    const { root } = this.#shape;
    const after = (close: string): number | 'more' | undefined => {
      const end = bytes.indexOf(close, at);
      if (end >= 0) return end + close.length;
      return isLast || bytes.length - at > MAX_RECORD_BYTES ? undefined : 'more';
    };
    if (at === 0 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 3;
    if (startsWith(bytes, { at, text: '<!--' })) return after('-->');
    if (startsWith(bytes, { at, text: '<?' })) {
      const end = after('?>');
      if (typeof end === 'number') checkEncoding(bytes.toString('latin1', at, end));
      return end;
    }
    if (startsWith(bytes, { at, text: '<!DOCTYPE' })) return after('>');
    if (startsTag(bytes, { at, tag: `</${root}` })) {
      this.#isRootClosed = true;
      return after('>');
    }
    if (this.#isRootOpen) return undefined;
    if (!startsTag(bytes, { at, tag: `<${root}` })) {
      const found = bytes.toString('latin1', at, at + 24).split('\n')[0];
      throw new Error(`is no dump of ${root}: it begins with ${JSON.stringify(found)}`);
    }
    this.#isRootOpen = true;
    return after('>');
  }

  /** Up to the next record or the root's end. */
  #strayEnd(
    bytes: Buffer,
    { at, isLast }: { readonly at: number; readonly isLast: boolean },
  ): number | undefined {
    const { root, record } = this.#shape;
    const finder = new TagFinder(bytes, [record, root]);
    const next = finder.firstOf([STARTS, ENDS + NEXT_NAME], at + 1);
    if (next !== undefined) return next;
    checkLength(bytes.length - at);
    return isLast && this.#isRootClosed ? bytes.length : undefined;
  }

  /** Behind the end tag of the record that begins here; undefined when it is not in these bytes. */
  #recordEnd(
    bytes: Buffer,
    { at, isLast }: { readonly at: number; readonly isLast: boolean },
  ): number | undefined {
    const { root, record, nestedIn } = this.#shape;
    const head = tagEnd(bytes, at);
    if (head === undefined) {
      checkLength(bytes.length - at);
      return undefined;
    }
    if (bytes[head - 2] === SLASH) return head;
    // Kept for all records of these bytes: what is far away is looked for once.
    if (this.#finder?.bytes !== bytes) {
      this.#finder = new TagFinder(bytes, nestedIn === undefined ? [record] : [record, nestedIn]);
    }
    const finder = this.#finder;
    let isNested = false;
    for (let place = head; ; ) {
      const found = finder.first(place);
      if (found === undefined) {
        // Behind the root's end tag is no other, so it is looked for only now.
        const end = new TagFinder(bytes, [root]).firstOf([ENDS], place);
        if (end !== undefined) return end;
        checkLength(bytes.length - at);
        return undefined;
      }
      place = found.at + 1;
      switch (found.tag) {
        case ENDS: {
          const end = bytes.indexOf(GREATER, found.at);
          if (end < 0) return undefined;
          if (!isNested) return end + 1;
          break;
        }
        case STARTS:
          if (!isNested || bytes[found.at - 1] === NEWLINE) return found.at;
          break;
        case STARTS + NEXT_NAME:
          isNested = !isEmptyTag(bytes, found.at);
          break;
        case ENDS + NEXT_NAME:
          isNested = false;
          break;
        default: {
          const end = hiddenEnd(bytes, found.at);
          if (end !== undefined) place = end;
          else if (!isLast && bytes.length - at <= MAX_RECORD_BYTES) return undefined;
          // It never ends: no hiding place, just a mistake in this record.
        }
      }
    }
  }
}

/** Tags of the first name that is looked for; those of the second are numbered on from NEXT_NAME. */
const [ENDS, STARTS, NEXT_NAME] = [0, 1, 2];
/** `<!` */
const HIDES = -1;

interface FoundTag {
  readonly at: number;
  readonly tag: number;
}

const NOWHERE: FoundTag = { at: Number.POSITIVE_INFINITY, tag: HIDES };

/**
 * The next tag of several names, or what hides tags. Each name is looked for once, without the `<` or
 * `</` in front of it: looking for text that begins like every tag takes twice as long.
 */
class TagFinder {
  readonly bytes: Buffer;
  readonly #names: readonly Buffer[];
  /** Of each name, and at last of `<!`. */
  readonly #next: FoundTag[];

  constructor(bytes: Buffer, names: readonly string[]) {
    this.bytes = bytes;
    this.#names = names.map((name) => Buffer.from(name));
    this.#next = [...names, '<!'].map(() => ({ at: -1, tag: HIDES }));
  }

  first(from: number): FoundTag | undefined {
    let best = NOWHERE;
    for (let index = 0; index < this.#next.length; index += 1) {
      let next = this.#next[index] ?? NOWHERE;
      if (next.at < from) {
        next = this.#find(index, from);
        this.#next[index] = next;
      }
      if (next.at < best.at) best = next;
    }
    return best === NOWHERE ? undefined : best;
  }

  /** Where the first of these tags begins. */
  firstOf(tags: readonly number[], from: number): number | undefined {
    let found = this.first(from);
    while (found !== undefined && !tags.includes(found.tag)) found = this.first(found.at + 1);
    return found?.at;
  }

  #find(index: number, from: number): FoundTag {
    const { bytes } = this;
    const name = this.#names[index];
    if (name === undefined) return this.#findHiding(from);
    for (let at = from + 1; ; at += 1) {
      at = bytes.indexOf(name, at);
      if (at < 0) return NOWHERE;
      if (!endsName(bytes[at + name.length])) continue;
      const before = bytes[at - 1];
      if (before === LESS) return { at: at - 1, tag: STARTS + NEXT_NAME * index };
      if (before !== SLASH || bytes[at - 2] !== LESS || at - 2 < from) continue;
      return { at: at - 2, tag: ENDS + NEXT_NAME * index };
    }
  }

  /** By its second byte, which text seldom has. */
  #findHiding(from: number): FoundTag {
    for (let at = from + 1; ; at += 1) {
      at = this.bytes.indexOf(EXCLAMATION, at);
      if (at < 0) return NOWHERE;
      if (this.bytes[at - 1] === LESS) return { at: at - 1, tag: HIDES };
    }
  }
}

/** Behind the CDATA section or comment that begins here. */
function hiddenEnd(bytes: Buffer, at: number): number | undefined {
  const close = startsWith(bytes, { at, text: '<!--' })
    ? '-->'
    : startsWith(bytes, { at, text: '<![CDATA[' })
      ? ']]>'
      : undefined;
  if (close === undefined) return bytes.length - at < LOOK_AHEAD ? undefined : at + 2;
  const end = bytes.indexOf(close, at + 4);
  return end < 0 ? undefined : end + close.length;
}

/** Behind the `>` of a start tag; one in quotes does not count. */
function tagEnd(bytes: Buffer, at: number): number | undefined {
  let quote = 0;
  for (let place = at; place < bytes.length; place += 1) {
    const byte = bytes[place] ?? 0;
    if (quote !== 0) {
      if (byte === quote) quote = 0;
      // No attribute holds a `<`: the quote was never closed.
      else if (byte === LESS) return place;
    } else if (QUOTES.has(byte)) quote = byte;
    else if (byte === GREATER) return place + 1;
    else if (byte === LESS && place > at) return place;
  }
  return undefined;
}

function isEmptyTag(bytes: Buffer, at: number): boolean {
  const end = tagEnd(bytes, at);
  return end !== undefined && bytes[end - 2] === SLASH;
}

function startsWith(
  bytes: Buffer,
  { at, text }: { readonly at: number; readonly text: string },
): boolean {
  for (let index = 0; index < text.length; index += 1) {
    if (bytes[at + index] !== text.charCodeAt(index)) return false;
  }
  return true;
}

function startsTag(
  bytes: Buffer,
  { at, tag }: { readonly at: number; readonly tag: string },
): boolean {
  return startsWith(bytes, { at, text: tag }) && endsName(bytes[at + tag.length]);
}

function endsName(byte: number | undefined): boolean {
  return byte === GREATER || byte === SLASH || (byte !== undefined && SPACE.has(byte));
}

function checkLength(bytes: number): void {
  if (bytes <= MAX_RECORD_BYTES) return;
  throw new Error(`has a record of more than ${MAX_RECORD_BYTES} bytes`);
}

function checkEncoding(declaration: string): void {
  const encoding = /\bencoding\s*=\s*["']([^"']*)["']/.exec(declaration)?.[1] ?? 'utf-8';
  if (/^(utf-?8|us-ascii)$/i.test(encoding)) return;
  throw new Error(`is written in ${encoding}, not in UTF-8`);
}
