// Text made fit to be shown: what comes from outside (names, error messages) must neither move the
// cursor nor break a line. Widths count UTF-16 units: a name of wide characters may come out too
// long, which the terminal's own cut corrects.
import { stripVTControlCharacters } from 'node:util';

const controls = /[\p{Cc}\u2028\u2029]+/gu;
/** The same, but for tab and line feed. */
const controlsInLines = /(?![\t\n])\p{Cc}/gu;

/** One line without control characters. */
export function oneLine(text: string): string {
  return stripVTControlCharacters(text).replace(controls, ' ').trim();
}

/** The lines of a text without control characters, without empty lines at the end. */
export function cleanLines(text: string): readonly string[] {
  return stripVTControlCharacters(text).replace(controlsInLines, '').trimEnd().split('\n');
}

/** The text in at most `width` columns; what is cut at the end becomes `…`. */
export function cutEnd(text: string, width: number): string {
  if (text.length <= width) return text;
  return width < 1 ? '' : `${text.slice(0, width - 1)}…`;
}

/** Like `cutEnd`, but cut in the middle: both ends of a target's name tell targets apart. */
export function cutMiddle(text: string, width: number): string {
  if (text.length <= width) return text;
  if (width < 3) return cutEnd(text, width);
  const head = Math.floor((width - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (width - 1 - head))}`;
}
