// Parses one record into a small tree. What is plain is read as such; the rest is for a parser that
// knows all of XML. It is strict: what is not well-formed is no record. It lives on from record to
// record and is replaced after a mistake, so that nothing of a broken one reaches the next.
import { isUtf8 } from 'node:buffer';
import { SaxesParser } from 'saxes';
import { type Attribute, type Element, RecordProblem } from './element.ts';
import { uniqueName } from './name-table.ts';
import { PlainReader } from './plain-reader.ts';

export class RecordParser {
  readonly #name: string;
  readonly #reader = new PlainReader();
  #parser = new StrictParser();

  /** Of what the records are called. */
  constructor(name: string) {
    this.#name = name;
  }

  /** The record from `start` to `end`, until the next one is asked for. Throws RecordProblem. */
  parse(bytes: Uint8Array, start = 0, end = bytes.length): Element {
    const record = bytes.subarray(start, end);
    if (!isUtf8(record)) throw new RecordProblem('It is not UTF-8.');
    try {
      const element = this.#reader.read(bytes, start, end) ?? this.#parser.parse(record);
      if (element.name === this.#name) return element;
      throw new RecordProblem(`It is a <${element.name}> where a <${this.#name}> should be.`);
    } catch (error) {
      this.#parser = new StrictParser();
      throw error;
    }
  }
}

const OPTIONS = { fragment: true, position: false, xmlns: false } as const;

interface OpenElement extends Element {
  child: OpenElement | undefined;
  next: OpenElement | undefined;
  /** Where the next child is to follow. */
  last: OpenElement | undefined;
  text: string;
}

/** Knows all of XML. Throws RecordProblem for what is not well-formed, and is of no use any more. */
export class StrictParser {
  readonly #parser = new SaxesParser<typeof OPTIONS>(OPTIONS);
  #open: OpenElement[] = [];
  #top: Element | undefined;
  #problem: string | undefined;

  constructor() {
    this.#parser.on('error', (error) => {
      this.#problem ??= error.message;
    });
    this.#parser.on('opentag', ({ name, attributes }) => {
      const element: OpenElement = {
        name: uniqueName(name),
        attribute: firstAttribute(attributes),
        child: undefined,
        next: undefined,
        last: undefined,
        text: '',
      };
      const parent = this.#open.at(-1);
      if (parent !== undefined) addChild(parent, element);
      else if (this.#top === undefined) this.#top = element;
      else this.#problem ??= 'more than one element';
      this.#open.push(element);
    });
    this.#parser.on('closetag', () => {
      this.#open.pop();
    });
    const addText = (text: string) => {
      const element = this.#open.at(-1);
      if (element !== undefined) element.text += text;
      else if (text.trim() !== '') this.#problem ??= 'text outside of any element';
    };
    this.#parser.on('text', addText);
    this.#parser.on('cdata', addText);
  }

  parse(bytes: Uint8Array): Element {
    this.#top = undefined;
    const { buffer, byteOffset, length } = bytes;
    this.#parser.write(Buffer.from(buffer, byteOffset, length).toString('utf8'));
    if (this.#problem === undefined && this.#open.length > 0) {
      this.#problem = `<${this.#open.at(-1)?.name}> is not closed`;
    }
    if (this.#problem !== undefined) throw new RecordProblem(`Bad XML: ${this.#problem}.`);
    if (this.#top === undefined) throw new RecordProblem('There is no element.');
    return this.#top;
  }
}

function addChild(parent: OpenElement, child: OpenElement): void {
  if (parent.last === undefined) parent.child = child;
  else parent.last.next = child;
  parent.last = child;
}

function firstAttribute(values: Readonly<Record<string, string>>): Attribute | undefined {
  let next: Attribute | undefined;
  for (const [name, value] of Object.entries(values).reverse()) {
    next = { name: uniqueName(name), value, next };
  }
  return next;
}
