// Reads a record that is plain into the same tree as the parser would make, several times faster: it
// goes over the bytes once and makes no text of them. Plain are nearly all records of the dumps:
// elements, attributes in quotes, text, character references. Whatever else there may be, and every
// mistake, is left to the parser, which alone decides what is well-formed.
import { Utf8Text } from '../../../../src/task.ts';
import { dereferenced } from './character-reference.ts';
import type { Attribute, Element, Text } from './element.ts';
import { NAME_BYTES, NameTable } from './name-table.ts';

const [TAB, NEWLINE, SPACE, QUOTE, AMPERSAND] = [0x09, 0x0a, 0x20, 0x22, 0x26];
const [APOSTROPHE, SLASH, LESS, EQUALS, GREATER] = [0x27, 0x2f, 0x3c, 0x3d, 0x3e];
const BRACKET = 0x5d;
const DEEPEST = 64;

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

const NO_CHILDREN: readonly Element[] = [];
const NO_ATTRIBUTES: readonly Attribute[] = [];

export class PlainReader {
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #top: PlainElement | undefined;
  /** The elements around the place, and where their names are. */
  readonly #open: PlainElement[] = [];
  readonly #nameStarts = new Int32Array(DEEPEST);
  readonly #names = new NameTable();

  /** The record's element; undefined when the bytes, which must be UTF-8, are not plain. */
  read(bytes: Uint8Array): Element | undefined {
    this.#bytes = bytes;
    this.#at = 0;
    this.#top = undefined;
    this.#open.length = 0;
    while (this.#at < bytes.length) {
      const isPlain =
        bytes[this.#at] !== LESS
          ? this.#readText()
          : bytes[this.#at + 1] === SLASH
            ? this.#readEndTag()
            : this.#readStartTag();
      if (!isPlain) return undefined;
    }
    return this.#open.length === 0 ? this.#top : undefined;
  }

  #readStartTag(): boolean {
    const bytes = this.#bytes;
    const start = this.#at + 1;
    const name = this.#readName(start);
    if (name === undefined) return false;
    const element = new PlainElement(name);
    while (bytes[this.#at] === SPACE) {
      this.#at += 1;
      if (bytes[this.#at] === SLASH || bytes[this.#at] === GREATER) break;
      if (!this.#readAttribute(element)) return false;
    }
    const depth = this.#open.length;
    const parent = this.#open[depth - 1];
    if (parent !== undefined) addChild(parent, element);
    else if (this.#top === undefined) this.#top = element;
    else return false;
    if (bytes[this.#at] === SLASH) {
      this.#at += 2;
      return bytes[this.#at - 1] === GREATER;
    }
    if (bytes[this.#at] !== GREATER || depth === DEEPEST) return false;
    this.#at += 1;
    this.#open.push(element);
    this.#nameStarts[depth] = start;
    return true;
  }

  #readEndTag(): boolean {
    const bytes = this.#bytes;
    const element = this.#open.pop();
    if (element === undefined) return false;
    const { length } = element.name;
    const opened = this.#nameStarts[this.#open.length] ?? 0;
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
    let [at, seen] = [start, 0];
    for (; at < bytes.length; at += 1) {
      const kind = VALUE_BYTES[bytes[at] ?? 0] ?? 0;
      seen |= kind;
      if (kind !== STOP) continue;
      const byte = bytes[at];
      if (byte === quote) break;
      if (byte !== QUOTE && byte !== APOSTROPHE) return false;
    }
    const value = this.#textOf(start, at, seen);
    if (value === undefined || at === bytes.length) return false;
    this.#at = at + 1;
    return addAttribute(element, { name, value });
  }

  #readText(): boolean {
    const bytes = this.#bytes;
    const start = this.#at;
    let [at, seen] = [start, 0];
    for (; at < bytes.length; at += 1) {
      const kind = TEXT_BYTES[bytes[at] ?? 0] ?? 0;
      seen |= kind;
      if (kind !== STOP) continue;
      if (bytes[at] === LESS) break;
      // The end of a CDATA section must not stand alone.
      if (bytes[at] !== GREATER || bytes[at - 1] === BRACKET) return false;
    }
    const text = this.#textOf(start, at, seen);
    if (text === undefined) return false;
    this.#at = at;
    const element = this.#open[this.#open.length - 1];
    if (element === undefined) return text.toString().trim() === '';
    element.text = element.text === '' ? text : `${element.text}${text}`;
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

  #textOf(start: number, end: number, seen: number): Text | undefined {
    if (start === end) return '';
    if ((seen & NO_CHARACTER) !== 0 && hasNoCharacter(this.#bytes, start, end)) return undefined;
    const text = new Utf8Text(this.#bytes, start, end);
    return (seen & REFERENCE) === 0 ? text : dereferenced(text.toString());
  }
}

class PlainElement implements Element {
  readonly name: string;
  attributes = NO_ATTRIBUTES;
  children = NO_CHILDREN;
  text: Text = '';

  constructor(name: string) {
    this.name = name;
  }
}

function addChild(parent: PlainElement, child: Element): void {
  if (parent.children === NO_CHILDREN) parent.children = [child];
  else (parent.children as Element[]).push(child);
}

/** False for a second one of the same name. */
function addAttribute(element: PlainElement, attribute: Attribute): boolean {
  if (element.attributes === NO_ATTRIBUTES) element.attributes = [attribute];
  else if (element.attributes.some(({ name }) => name === attribute.name)) return false;
  else (element.attributes as Attribute[]).push(attribute);
  return true;
}

/** Whether U+FFFE or U+FFFF, which are none, are in these bytes. */
function hasNoCharacter(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    if (bytes[at] === 0xef && bytes[at + 1] === 0xbf && (bytes[at + 2] ?? 0) >= 0xbe) return true;
  }
  return false;
}
