// A page of the documentation as its fenced blocks, each with the mark that stands before it in the
// source and says what a test can do with it:
//
//   sh                          is run, in order, and must end with 0
//   sh, <!-- exit: 1 -->        .. with 1
//   sh, <!-- until: TEXT -->    is started, and interrupted once it has printed TEXT
//   text, <!-- output -->       must stand in what the last command printed, line for line
//   any, <!-- file: PATH -->    is written to that file
//   yaml, sql                   without a mark: must fit the schema as a part of a pipeline; must parse
//   any, <!-- not run: WHY -->  is only shown
import { readFileSync } from 'node:fs';

export interface Block {
  readonly language: string;
  readonly text: string;
  /** Of its first line in the page, 1-based. */
  readonly line: number;
  readonly mark: Mark;
}

export type Mark =
  | { readonly kind: 'none' | 'output' }
  | { readonly kind: 'file' | 'until' | 'not run'; readonly text: string }
  | { readonly kind: 'exit'; readonly code: number };

const FENCE = /^(```+)(\w*)$/;

/** All blocks of a page in order; throws at a mark that says nothing or belongs to no block. */
export function readBlocks(path: string): readonly Block[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  const blocks: Block[] = [];
  let mark: Mark | undefined;
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? '';
    const [, fence, language = ''] = FENCE.exec(line) ?? [];
    if (fence !== undefined) {
      const end = lines.indexOf(fence, index + 1);
      if (end === -1) throw new Error(`${path}:${index + 1}: the block never ends`);
      const text = `${lines.slice(index + 1, end).join('\n')}\n`;
      blocks.push({ language, text, line: index + 2, mark: mark ?? { kind: 'none' } });
      mark = undefined;
      index = end;
    } else if (mark !== undefined && line !== '') {
      throw new Error(`${path}:${index + 1}: a mark that belongs to no block stands above`);
    } else {
      mark = readMark(line) ?? mark;
    }
  }
  return blocks;
}

function readMark(line: string): Mark | undefined {
  const [, kind, text = ''] =
    /^<!-- (file|exit|until|output|not run)(?:: (.+))? -->$/.exec(line) ?? [];
  switch (kind) {
    case undefined:
      return undefined;
    case 'exit':
      return { kind, code: Number(text) };
    case 'output':
      return { kind };
    default:
      if (text === '') throw new Error(`${line} says nothing`);
      return { kind: kind as 'file' | 'until' | 'not run', text };
  }
}

/**
 * Lines as far as they are the same in every run: without times, sizes, digests and ids, and
 * without the width of columns.
 */
export function comparable(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) =>
      line
        .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
        .replaceAll(/\d{8}T\d{6}-[0-9a-f]{8}/g, 'RUN')
        .replaceAll(/\b(?=[0-9a-f]*\d)[0-9a-f]{8,64}\b/g, 'DIGEST')
        .replaceAll(/\b(\d+(\.\d+)? (ms|s|min|m|h)\b ?)+/g, 'DURATION ')
        .replaceAll(/\b\d+(\.\d+)? (B|kB|MB|GB|KiB|MiB|GiB)\b/g, 'SIZE')
        .replaceAll(/\s+/g, ' ')
        .trim(),
    )
    .filter((line) => line !== '');
}

/** The first line of `wanted` that `found` has not, in order; undefined when all are there. */
export function missingLine(wanted: string, found: string): string | undefined {
  const printed = comparable(found);
  let from = 0;
  for (const line of comparable(wanted)) {
    if (line === '..') continue;
    const at = printed.indexOf(line, from);
    if (at === -1) return line;
    from = at + 1;
  }
  return undefined;
}
