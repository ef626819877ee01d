// Reads a record that is plain into the same tree as the parser would make, several times faster: it
// goes over the bytes once and makes no text of them. Plain are nearly all records of the dumps:
// elements, attributes in quotes, text, character references. Whatever else there may be, and every
// mistake, is left to the parser, which alone decides what is well-formed.
import { Utf8Text } from '../../../../src/task.ts';
import { resolve } from './character-reference.ts';
import type { Attribute, Element, Text } from './element.ts';
import { NAME_BYTES, NameTable } from './name-table.ts';

const [TAB, NEWLINE, SPACE, QUOTE, AMPERSAND] = [0x09, 0x0a, 0x20, 0x22, 0x26];
const [APOSTROPHE, SLASH, LESS, EQUALS, GREATER] = [0x27, 0x2f, 0x3c, 0x3d, 0x3e];
const BRACKET = 0x5d;
const DEEPEST = 64;
/** Elements that are kept for the next record; nearly none has more. */
const POOLED = 16_384;
const NO_BYTES = new Uint8Array(0);

/** What a byte of a text is: it may end it, begin a reference, or begin what is no character. */
const [STOP, REFERENCE, NO_CHARACTER] = [1, 2, 4];
const TEXT_BYTES = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte === 0xef) return NO_CHARACTER;
  if (byte === AMPERSAND) return REFERENCE;
  if (byte === TAB || byte === NEWLINE) return 0;
  return byte < SPACE || byte === LESS || byte === GREATER ? STOP : 0;
});
/** .. of a value of an attribute, in which any white space but a space would become one. */
const VALUE_BYTES = TEXT_BYTES.map((kind, byte) => {
  if (byte === QUOTE || byte === APOSTROPHE || byte < SPACE) return STOP;
  return byte === GREATER ? 0 : kind;
});

export class PlainReader {
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  #top: PlainElement | undefined;
  /** The elements around the place, and where their names are. */
  readonly #open: PlainElement[] = [];
  #depth = 0;
  readonly #nameStarts = new Int32Array(DEEPEST);
  readonly #names = new NameTable();
  readonly #elements = new Pool(() => new PlainElement());
  readonly #attributes = new Pool(() => new PlainAttribute());
  /** The texts of the record in which there were references, without them. */
  #resolved = new Uint8Array(0);
  #resolvedBytes = 0;

  /**
   * The element of the record that lies from `start` to `end`, in UTF-8; undefined when it is not
   * plain. It is gone when the next is read.
   */
  read(bytes: Uint8Array, start = 0, end = bytes.length): Element | undefined {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#top = undefined;
    this.#depth = 0;
    this.#elements.taken = 0;
    this.#attributes.taken = 0;
    this.#resolvedBytes = 0;
    if (this.#resolved.length < end - start) this.#resolved = new Uint8Array((end - start) * 2);
    while (this.#at < end) {
      const isPlain =
        bytes[this.#at] !== LESS
          ? this.#readText()
          : bytes[this.#at + 1] === SLASH
            ? this.#readEndTag()
            : this.#readStartTag();
      if (!isPlain) return undefined;
    }
    // What seems to end behind the record lacks its end.
    return this.#at === end && this.#depth === 0 ? this.#top : undefined;
  }

  #readStartTag(): boolean {
    const bytes = this.#bytes;
    const start = this.#at + 1;
    const name = this.#readName(start);
    if (name === undefined) return false;
    const element = this.#elements.take();
    element.reset(name);
    while (bytes[this.#at] === SPACE) {
      this.#at += 1;
      if (bytes[this.#at] === SLASH || bytes[this.#at] === GREATER) break;
      if (!this.#readAttribute(element)) return false;
    }
    const depth = this.#depth;
    if (depth > 0) this.#open[depth - 1]?.addChild(element);
    else if (this.#top === undefined) this.#top = element;
    else return false;
    if (bytes[this.#at] === SLASH) {
      this.#at += 2;
      return bytes[this.#at - 1] === GREATER;
    }
    if (bytes[this.#at] !== GREATER || depth === DEEPEST) return false;
    this.#at += 1;
    this.#open[depth] = element;
    this.#nameStarts[depth] = start;
    this.#depth = depth + 1;
    return true;
  }

  #readEndTag(): boolean {
    const bytes = this.#bytes;
    if (this.#depth === 0) return false;
    this.#depth -= 1;
    const length = this.#open[this.#depth]?.name.length ?? 0;
    const opened = this.#nameStarts[this.#depth] ?? 0;
    const start = this.#at + 2;
    for (let index = 0; index < length; index += 1) {
      if (bytes[start + index] !== bytes[opened + index]) return false;
    }
    this.#at = start + length + 1;
    return bytes[start + length] === GREATER;
  }

  /** Behind a space. */
  #readAttribute(element: PlainElement): boolean {
    const bytes = this.#bytes;
    const name = this.#readName(this.#at);
    const quote = bytes[this.#at + 1];
    if (name === undefined || bytes[this.#at] !== EQUALS) return false;
    if (quote !== QUOTE && quote !== APOSTROPHE) return false;
    const start = this.#at + 2;
    const end = this.#end;
    let [at, seen] = [start, 0];
    for (; at < end; at += 1) {
      const kind = VALUE_BYTES[bytes[at] ?? 0] ?? 0;
      seen |= kind;
      if (kind !== STOP) continue;
      const byte = bytes[at];
      if (byte === quote) break;
      if (byte !== QUOTE && byte !== APOSTROPHE) return false;
    }
    if (at >= end) return false;
    this.#at = at + 1;
    const attribute = this.#attributes.take();
    const value = this.#textOf(attribute.place, { start, end: at, seen });
    if (value === undefined) return false;
    attribute.reset(name, value);
    return element.addAttribute(attribute);
  }

  #readText(): boolean {
    const bytes = this.#bytes;
    const start = this.#at;
    const end = this.#end;
    let [at, seen] = [start, 0];
    for (; at < end; at += 1) {
      const kind = TEXT_BYTES[bytes[at] ?? 0] ?? 0;
      seen |= kind;
      if (kind !== STOP) continue;
      if (bytes[at] === LESS) break;
      // The end of a CDATA section must not stand alone.
      if (bytes[at] !== GREATER || bytes[at - 1] === BRACKET) return false;
    }
    this.#at = at;
    const element = this.#depth > 0 ? this.#open[this.#depth - 1] : undefined;
    const isFirst = element !== undefined && element.text === '';
    const place = isFirst ? element.place : new Utf8Text(bytes, start, at);
    const text = this.#textOf(place, { start, end: at, seen });
    if (text === undefined) return false;
    if (element === undefined) return text.toString().trim() === '';
    element.text = isFirst ? text : `${element.text}${text}`;
    return true;
  }

  #readName(start: number): string | undefined {
    const bytes = this.#bytes;
    let [at, hash] = [start, 0];
    for (; ; at += 1) {
      const byte = bytes[at] ?? 0;
      if (NAME_BYTES[byte] === 0) break;
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    this.#at = at;
    return this.#names.nameAt(bytes, { start, end: at, hash });
  }

  /** Undefined when it is not plain. */
  #textOf(
    place: Utf8Text,
    { start, end, seen }: { readonly start: number; readonly end: number; readonly seen: number },
  ): Text | undefined {
    if (start === end) return '';
    if ((seen & NO_CHARACTER) !== 0 && hasNoCharacter(this.#bytes, start, end)) return undefined;
    if ((seen & REFERENCE) === 0) {
      place.move(this.#bytes, start, end);
      return place;
    }
    // A character is never longer than what refers to it.
    const at = this.#resolvedBytes;
    const resolved = resolve(this.#bytes, { start, end, out: this.#resolved, at });
    if (resolved === undefined) return undefined;
    this.#resolvedBytes = resolved;
    place.move(this.#resolved, at, resolved);
    return place;
  }
}

/** What is made once and used again for every record, unless one has very many. */
class Pool<T> {
  taken = 0;
  readonly #made: T[] = [];
  readonly #make: () => T;

  constructor(make: () => T) {
    this.#make = make;
  }

  take(): T {
    const at = this.taken;
    this.taken = at + 1;
    const known = at < this.#made.length ? this.#made[at] : undefined;
    if (known !== undefined) return known;
    const made = this.#make();
    if (at < POOLED) this.#made.push(made);
    return made;
  }
}

class PlainElement implements Element {
  name = '';
  attribute: PlainAttribute | undefined;
  child: PlainElement | undefined;
  next: PlainElement | undefined;
  text: Text = '';
  /** Of its text, as long as that is in the record's bytes. */
  readonly place = new Utf8Text(NO_BYTES, 0, 0);
  #lastChild: PlainElement | undefined;

  reset(name: string): void {
    this.name = name;
    this.attribute = undefined;
    this.child = undefined;
    this.next = undefined;
    this.text = '';
    this.#lastChild = undefined;
  }

  addChild(child: PlainElement): void {
    if (this.#lastChild === undefined) this.child = child;
    else this.#lastChild.next = child;
    this.#lastChild = child;
  }

  /** False for a second one of the same name. */
  addAttribute(attribute: PlainAttribute): boolean {
    let last = this.attribute;
    if (last === undefined) this.attribute = attribute;
    else {
      for (; last.name !== attribute.name; last = last.next) {
        if (last.next !== undefined) continue;
        last.next = attribute;
        return true;
      }
      return false;
    }
    return true;
  }
}

class PlainAttribute implements Attribute {
  name = '';
  value: Text = '';
  next: PlainAttribute | undefined;
  readonly place = new Utf8Text(NO_BYTES, 0, 0);

  reset(name: string, value: Text): void {
    this.name = name;
    this.value = value;
    this.next = undefined;
  }
}

/** Whether U+FFFE or U+FFFF, which are none, are in these bytes. */
function hasNoCharacter(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    if (bytes[at] === 0xef && bytes[at + 1] === 0xbf && (bytes[at + 2] ?? 0) >= 0xbe) return true;
  }
  return false;
}
