// Parses one record into a small tree. The parser is strict: what is not well-formed XML is no
// record. It lives on from record to record and is replaced after a mistake, so that nothing of a
// broken one reaches the next.
import { isUtf8 } from 'node:buffer';
import { SaxesParser } from 'saxes';

/** An element: its attributes, its children in order, and all text directly in it. */
export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  text: string;
}

/** Why a record cannot be used, in words for a person. */
export class RecordProblem extends Error {}

export class RecordParser {
  readonly #name: string;
  #parser = new ElementParser();

  /** Of what the records are called. */
  constructor(name: string) {
    this.#name = name;
  }

  /** Throws RecordProblem. */
  parse(bytes: Uint8Array): Element {
    if (!isUtf8(bytes)) throw new RecordProblem('It is not UTF-8.');
    try {
      const element = this.#parser.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
      if (element.name === this.#name) return element;
      throw new RecordProblem(`It is a <${element.name}> where a <${this.#name}> should be.`);
    } catch (error) {
      this.#parser = new ElementParser();
      throw error;
    }
  }
}

const OPTIONS = { fragment: true, position: false, xmlns: false } as const;

class ElementParser {
  readonly #parser = new SaxesParser<typeof OPTIONS>(OPTIONS);
  #open: Element[] = [];
  #top: Element | undefined;
  #problem: string | undefined;

  constructor() {
    this.#parser.on('error', (error) => {
      this.#problem ??= error.message;
    });
    this.#parser.on('opentag', ({ name, attributes }) => {
      const element: Element = { name, attributes, children: [], text: '' };
      const parent = this.#open.at(-1);
      if (parent !== undefined) parent.children.push(element);
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

  parse(bytes: Buffer): Element {
    this.#top = undefined;
    this.#parser.write(bytes.toString('utf8'));
    if (this.#problem === undefined && this.#open.length > 0) {
      this.#problem = `<${this.#open.at(-1)?.name}> is not closed`;
    }
    if (this.#problem !== undefined) throw new RecordProblem(`Bad XML: ${this.#problem}.`);
    if (this.#top === undefined) throw new RecordProblem('There is no element.');
    return this.#top;
  }
}
