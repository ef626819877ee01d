// Turns YAML text into a tree of our own in which every key and value knows its place, so that
// nothing else depends on the YAML library. It decides which YAML is accepted (anchors yes, merge
// keys no, one document, what JSON can say), not what the keys mean.
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Diagnostic, Location } from '../diagnostic.ts';
import type { Json, Scalar } from '../task.ts';

export type Node = ScalarNode | ListNode | MapNode;

export interface ScalarNode {
  readonly kind: 'scalar';
  readonly value: Scalar;
  readonly at: Location;
  /**
   * Where each line of a text begins, when its characters stand in the file as they are; undefined
   * when they do not (escapes, folded lines).
   */
  readonly lines: readonly Place[] | undefined;
}

export interface ListNode {
  readonly kind: 'list';
  readonly items: readonly Node[];
  readonly at: Location;
}

export interface MapNode {
  readonly kind: 'map';
  /** In the order written. */
  readonly entries: ReadonlyMap<string, Entry>;
  readonly at: Location;
}

export interface Entry {
  /** Where the key stands. */
  readonly at: Location;
  readonly value: Node;
}

interface Place {
  readonly line: number;
  readonly column: number;
}

export type Report = (diagnostic: Diagnostic) => void;

/** What one pipeline may hold, aliases counted at every use: stops texts made to explode. */
const maxNodes = 200_000;

/** The tree of a YAML file, or undefined after reporting why its syntax cannot be read. */
export function parseYaml(
  text: string,
  { file, report }: { file: string; report: Report },
): MapNode | undefined {
  const counter = new LineCounter();
  const yaml = parseDocument(text, {
    lineCounter: counter,
    prettyErrors: false,
    uniqueKeys: false,
    stringKeys: false,
    version: '1.2',
    merge: false,
  });
  const reader = new TreeReader({ text, file, report, counter, yaml });
  const problems = [...yaml.errors, ...yaml.warnings];
  for (const problem of problems) {
    const message =
      problem.code === 'MULTIPLE_DOCS'
        ? 'A pipeline file holds one YAML document, and here a second one begins.'
        : `This is not valid YAML: ${problem.message.replace(/\.$/, '')}.`;
    report({
      code: 'yaml-syntax',
      severity: 'error',
      message,
      at: reader.locate(problem.pos[0], problem.pos[1]),
      hint: problem.code === 'TAB_AS_INDENT' ? 'indent with spaces' : undefined,
    });
  }
  if (problems.length > 0) return undefined;
  const root = reader.read(yaml.contents, 0);
  if (root.kind === 'map') return root;
  const found = root.kind === 'scalar' && root.value === null ? 'is empty' : 'is not a map of keys';
  const message = `The pipeline file ${found}.`;
  const hint = 'begin with "name: .." and "steps: .."';
  report({ code: 'wrong-type', severity: 'error', message, at: root.at, hint });
  return undefined;
}

/** Reads one document; keeps what is under way (for aliases of themselves) and the node count. */
class TreeReader {
  readonly #text: string;
  readonly #file: string;
  readonly #report: Report;
  readonly #counter: LineCounter;
  readonly #yaml: Document;
  readonly #open = new Set<unknown>();
  #nodeCount = 0;

  constructor(options: {
    text: string;
    file: string;
    report: Report;
    counter: LineCounter;
    yaml: Document;
  }) {
    this.#text = options.text;
    this.#file = options.file;
    this.#report = options.report;
    this.#counter = options.counter;
    this.#yaml = options.yaml;
  }

  /** `fallback` is the place of a node that stands nowhere, such as the value of a lone key. */
  read(node: unknown, fallback: number): Node {
    this.#nodeCount += 1;
    const source = isAlias(node) ? node.resolve(this.#yaml) : node;
    const range = rangeOf(source) ?? [fallback, fallback];
    const at = this.locate(...range);
    if (this.#nodeCount > maxNodes) {
      if (this.#nodeCount === maxNodes + 1) {
        this.#reject('wrong-value', `More than ${maxNodes} values in one pipeline.`, at);
      }
      return nothing(at);
    }
    if (this.#open.has(source)) {
      this.#reject('yaml-syntax', 'An anchor holds an alias of itself.', at);
      return nothing(at);
    }
    if (isMap(source)) {
      this.#open.add(source);
      const entries = this.#entries(source.items);
      this.#open.delete(source);
      return { kind: 'map', entries, at };
    }
    if (isSeq(source)) {
      this.#open.add(source);
      const items = source.items.map((item) => this.read(item, range[0]));
      this.#open.delete(source);
      return { kind: 'list', items, at };
    }
    if (isScalar(source)) {
      const value = this.#scalar(source.value, at);
      return { kind: 'scalar', value, at, lines: this.#lines(source, range) };
    }
    return nothing(at);
  }

  locate(start: number, end: number): Location {
    const { line, col } = this.#counter.linePos(Math.min(start, this.#text.length));
    const lineEnd = this.#text.indexOf('\n', start);
    const stop = lineEnd === -1 ? end : Math.min(end, lineEnd);
    const length = Math.max(1, this.#text.slice(start, stop).trimEnd().length);
    return { file: this.#file, line: Math.max(1, line), column: Math.max(1, col), length };
  }

  #entries(items: readonly { key: unknown; value: unknown }[]): ReadonlyMap<string, Entry> {
    const entries = new Map<string, Entry>();
    for (const pair of items) {
      const range = rangeOf(pair.key) ?? [0, 0];
      const at = this.locate(...range);
      const key = isScalar(pair.key) ? (pair.key.source ?? String(pair.key.value)) : undefined;
      const value = this.read(pair.value, range[0]);
      const first = key === undefined ? undefined : entries.get(key);
      if (key === undefined || key === '') {
        this.#reject('yaml-syntax', 'A key must be a plain name.', at);
      } else if (key === '<<') {
        const hint = 'give an anchor a whole value (with: *common), or repeat the keys';
        this.#reject('yaml-syntax', 'Merge keys ("<<") are not supported.', at, hint);
      } else if (first !== undefined) {
        const hint = `the first is in line ${first.at.line}: keep one of them`;
        this.#reject('duplicate-key', `The key "${key}" stands here a second time.`, at, hint);
      } else {
        entries.set(key, { at, value });
      }
    }
    return entries;
  }

  #scalar(value: unknown, at: Location): Scalar {
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
    if (typeof value === 'number') {
      const isExact = Number.isInteger(value)
        ? Number.isSafeInteger(value)
        : Number.isFinite(value);
      if (isExact) return value;
      const hint = 'write it in quotes to keep it as text';
      this.#reject('wrong-value', 'This number cannot be kept exactly.', at, hint);
      return 0;
    }
    this.#reject('wrong-type', 'This value is neither text, number, true, false nor null.', at);
    return null;
  }

  /** See `ScalarNode.lines`. */
  #lines(
    scalar: { value: unknown; type?: unknown },
    [start, end]: readonly [number, number],
  ): readonly Place[] | undefined {
    const { value, type } = scalar;
    if (typeof value !== 'string') return undefined;
    if (type === 'BLOCK_LITERAL') return this.#literalLines(start, value);
    const isQuoted = type === 'QUOTE_DOUBLE' || type === 'QUOTE_SINGLE';
    const from = isQuoted ? start + 1 : start;
    const to = isQuoted ? end - 1 : end;
    if (this.#text.slice(from, to) !== value || value.includes('\n')) return undefined;
    const { line, col } = this.#counter.linePos(from);
    return [{ line, column: col }];
  }

  #literalLines(start: number, value: string): readonly Place[] {
    const header = this.#counter.linePos(start).line;
    const textLines = this.#text.slice(this.#text.indexOf('\n', start) + 1).split('\n');
    const valueLines = value.split('\n');
    const filled = valueLines.findIndex((line) => line.trim() !== '');
    const indent = Math.max(0, (textLines[filled] ?? '').indexOf(valueLines[filled] ?? ''));
    return valueLines.map((_, index) => ({ line: header + 1 + index, column: indent + 1 }));
  }

  #reject(code: Diagnostic['code'], message: string, at: Location, hint?: string): void {
    this.#report({ code, severity: 'error', message, at, hint });
  }
}

/** The place of `length` characters from `offset` on in a text; the whole text when unknown. */
export function locateIn(
  node: ScalarNode,
  { offset, length }: { offset: number; length: number },
): Location {
  if (node.lines === undefined || typeof node.value !== 'string') return node.at;
  const before = node.value.slice(0, offset).split('\n');
  const place = node.lines[before.length - 1];
  if (place === undefined) return node.at;
  const column = place.column + (before.at(-1)?.length ?? 0);
  return { file: node.at.file, line: place.line, column, length };
}

/** The value as plain data. */
export function toJson(node: Node): Json {
  switch (node.kind) {
    case 'scalar':
      return node.value;
    case 'list':
      return node.items.map(toJson);
    case 'map':
      return Object.fromEntries([...node.entries].map(([key, { value }]) => [key, toJson(value)]));
  }
}

/** The entry under a key, or undefined when the node is no map or lacks it. */
export function entryOf(node: Node | undefined, key: string): Entry | undefined {
  return node?.kind === 'map' ? node.entries.get(key) : undefined;
}

/** The entries of a map in the order written; none for anything else. */
export function entriesOf(node: Node | undefined): readonly (readonly [string, Entry])[] {
  return node?.kind === 'map' ? [...node.entries] : [];
}

/** The text node under a key, or undefined when there is none or it is no text. */
export function textOf(node: Node | undefined): TextNode | undefined {
  if (node?.kind !== 'scalar' || typeof node.value !== 'string') return undefined;
  return { ...node, value: node.value };
}

export interface TextNode extends ScalarNode {
  readonly value: string;
}

function nothing(at: Location): ScalarNode {
  return { kind: 'scalar', value: null, at, lines: undefined };
}

function rangeOf(node: unknown): readonly [number, number] | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node)) return undefined;
  const { range } = node;
  if (!Array.isArray(range)) return undefined;
  const [start, end]: readonly unknown[] = range;
  return typeof start === 'number' && typeof end === 'number' ? [start, end] : undefined;
}
