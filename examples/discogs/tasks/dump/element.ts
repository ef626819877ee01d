// Reads values out of a record's tree. An element or attribute that is missing or empty is NULL; a
// number that is none makes the record a reject rather than a NULL.
import { type Element, RecordProblem } from './record-parser.ts';

const LARGEST = 2 ** 31 - 1;

export function childOf(element: Element, name: string): Element | undefined {
  for (const child of element.children) if (child.name === name) return child;
  return undefined;
}

/** The elements of a list: `listOf(release, 'tracklist')` are its tracks. */
export function listOf(element: Element, name: string): readonly Element[] {
  return childOf(element, name)?.children ?? [];
}

/** The text of a child. */
export function textOf(element: Element, name: string): string | null {
  return ownText(childOf(element, name));
}

export function ownText(element: Element | undefined): string | null {
  return element === undefined || element.text === '' ? null : element.text;
}

export function attributeOf(element: Element | undefined, name: string): string | null {
  const value = element?.attributes[name];
  return value === undefined || value === '' ? null : value;
}

/** `what` names the value for a person. */
export function wholeNumber(text: string | null, what: string): number | null {
  const digits = text?.trim() ?? '';
  if (digits === '') return null;
  const value = Number(digits);
  if (/^\d+$/.test(digits) && value <= LARGEST) return value;
  throw new RecordProblem(`${what} is no whole number: ${JSON.stringify(digits.slice(0, 40))}.`);
}

export function truth(text: string | null, what: string): boolean | null {
  if (text === null) return null;
  if (text === 'true' || text === 'false') return text === 'true';
  throw new RecordProblem(`${what} is neither true nor false: ${JSON.stringify(text)}.`);
}

/** The id of a record, without which its rows could not be told apart. */
export function recordId(text: string | null): number {
  const id = wholeNumber(text, 'The id');
  if (id === null || id === 0) throw new RecordProblem('It has no id.');
  return id;
}
