// Name patterns such as `chunk_{chunk}-{part}.parquet`: what stands in braces is captured. Matched
// against the end of a path, whole segments; a capture is never empty and never crosses a `/`.
import type { NamePattern } from './config.ts';
import { locateIn, type Report, type TextNode } from './document.ts';
import { type ParsedPart, parseTemplate } from './template.ts';

/** What a source without `name` has: every file, no captures. */
export const anyName: NamePattern = { text: '*', captures: [], expression: '(?:^|/)[^/]+$' };

/** Undefined after reporting what is wrong with the pattern. */
export function readNamePattern(node: TextNode, report: Report): NamePattern | undefined {
  const parsed = parseTemplate(node.value);
  let isGood = true;
  const reject = (message: string, place: { offset: number; length: number }, hint?: string) => {
    isGood = false;
    const at = locateIn(node, place);
    report({ code: 'wrong-value', severity: 'error', message, at, hint });
  };
  for (const error of parsed.errors) reject(error.message, error, error.hint);
  const captures: string[] = [];
  let before: ParsedPart | undefined;
  for (const part of parsed.parts) {
    if (part.kind === 'variable') {
      if (!/^[a-z][a-z0-9_]*$/.test(part.name)) {
        const hint = 'use small letters, digits and "_"';
        reject(`"${part.name}" cannot be the name of a capture.`, part, hint);
      } else if (captures.includes(part.name)) {
        reject(`The capture "${part.name}" stands here a second time.`, part);
      } else if (before?.kind === 'variable') {
        const message = `Nothing separates the captures "${before.name}" and "${part.name}".`;
        reject(message, part, 'put a text between them');
      }
      captures.push(part.name);
    }
    before = part;
  }
  const star = node.value.indexOf('*');
  if (star !== -1) {
    const hint = 'name what varies: {part} instead of *';
    reject('A name pattern has captures instead of "*".', { offset: star, length: 1 }, hint);
  }
  if (!isGood) return undefined;
  // The shortest match: the text after a capture ends it at its first occurrence.
  const body = parsed.parts.map((part) =>
    part.kind === 'text' ? RegExp.escape(part.text) : `(?<${part.name}>[^/]+?)`,
  );
  return { text: node.value, captures, expression: `(?:^|/)${body.join('')}$` };
}
