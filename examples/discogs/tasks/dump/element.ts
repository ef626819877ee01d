// The tree of a record, and how values are read out of it. An element or attribute that is missing or empty is NULL; a
// number that is none makes the record a reject rather than a NULL.
import { Utf8Text } from '../../../../src/task.ts';

/** In the record's bytes where it could stay there. */
export type Text = string | Utf8Text;

export interface Attribute {
  readonly name: string;
  readonly value: Text;
  readonly next: Attribute | undefined;
}

/** Lists are chains, which can be made of the same objects for every record. */
export interface Element {
  readonly name: string;
  /** The first of its attributes. */
  readonly attribute: Attribute | undefined;
  /** The first of the elements in it. */
  readonly child: Element | undefined;
  /** The one behind it in the same element. */
  readonly next: Element | undefined;
  /** All text directly in it. */
  readonly text: Text;
}

/** Why a record cannot be used, in words for a person. */
export class RecordProblem extends Error {}

const LARGEST = 2 ** 31 - 1;
const [ZERO, NINE] = [0x30, 0x39];
/** No number with as many digits is too large. */
const SAFE_DIGITS = 9;

export function childOf(element: Element, name: string): Element | undefined {
  let child = element.child;
  while (child !== undefined && child.name !== name) child = child.next;
  return child;
}

/** Goes over a list: over 'tracklist' from track to track, each with its place from 1. */
export function eachOf(
  element: Element,
  name: string,
  take: (child: Element, sequence: number) => void,
): void {
  let child = childOf(element, name)?.child;
  for (let sequence = 1; child !== undefined; sequence += 1) {
    take(child, sequence);
    child = child.next;
  }
}

/** The text of a child. */
export function textOf(element: Element, name: string): Text | null {
  return ownText(childOf(element, name));
}

export function ownText(element: Element | undefined): Text | null {
  return element === undefined || element.text === '' ? null : element.text;
}

export function attributeOf(element: Element | undefined, name: string): Text | null {
  let attribute = element?.attribute;
  while (attribute !== undefined && attribute.name !== name) attribute = attribute.next;
  return attribute === undefined || attribute.value === '' ? null : attribute.value;
}

/** `what` names the value for a person. */
export function wholeNumber(text: Text | null, what: string): number | null {
  if (text instanceof Utf8Text) {
    const number = digitsIn(text);
    if (number !== undefined) return number;
  }
  const digits = text?.toString().trim() ?? '';
  if (digits === '') return null;
  const value = Number(digits);
  if (/^\d+$/.test(digits) && value <= LARGEST) return value;
  throw new RecordProblem(`${what} is no whole number: ${JSON.stringify(digits.slice(0, 40))}.`);
}

/** Undefined when there is anything but digits, or very many. */
function digitsIn({ bytes, start, end }: Utf8Text): number | undefined {
  if (end - start > SAFE_DIGITS) return undefined;
  let number = 0;
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte < ZERO || byte > NINE) return undefined;
    number = number * 10 + byte - ZERO;
  }
  return number;
}

export function truth(text: Text | null, what: string): boolean | null {
  if (text === null) return null;
  const word = text.toString();
  if (word === 'true' || word === 'false') return word === 'true';
  throw new RecordProblem(`${what} is neither true nor false: ${JSON.stringify(word)}.`);
}

/** The id of a record, without which its rows could not be told apart. */
export function recordId(text: Text | null): number {
  const id = wholeNumber(text, 'The id');
  if (id === null || id === 0) throw new RecordProblem('It has no id.');
  return id;
}
