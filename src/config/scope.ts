// Which variables a text may use, and the reading of texts under that rule: variables of the
// pipeline are put in, those that get their value later (cell, member, paths) stay, all others are
// reported with the nearest name. It does not know where each kind of text may stand.
import { didYouMeanOneOf } from '../suggestion.ts';
import type { Json, Scalar } from '../task.ts';
import type { Template, TemplatePart, TemplateValue } from './config.ts';
import { locateIn, type Node, type Report, type TextNode, textOf } from './document.ts';
import { shellQuote } from './shell-quote.ts';
import { joinParts, type ParsedPart, parseTemplate } from './template.ts';

export interface Scope {
  /** The value of a pipeline variable; `broken` when its own mistake is reported already. */
  readonly find: (name: string) => { readonly value: Json } | 'broken' | undefined;
  /** All names that `find` knows. */
  readonly names: readonly string[];
  /** Names whose values come later. */
  readonly later: ReadonlySet<string>;
  /** Why a known variable may not be used here; undefined for one that exists nowhere. */
  readonly elsewhere: ReadonlyMap<string, string>;
  /** False when a mistake elsewhere hides which variables there are: none is called unknown. */
  readonly isComplete: boolean;
  /** In a shell command every value becomes a quoted word, a list several. */
  readonly isShell: boolean;
}

/** Names that the runner gives a meaning; nothing that the user names may hide them. */
export const builtInVariables: ReadonlyMap<string, string> = new Map([
  ['work', 'the work folder'],
  ['profile', 'the profile'],
  ['key', 'the name of the file or group'],
  ['file', 'the file name'],
  ['value', 'the value of a partition'],
  ['input', 'the input files'],
  ['output', 'the output path'],
]);

/** Undefined after reporting a mistake. */
export function readTemplate(
  node: TextNode,
  { scope, report }: { scope: Scope; report: Report },
): Template | undefined {
  const parsed = parseTemplate(node.value);
  for (const error of parsed.errors) {
    const at = locateIn(node, error);
    report({
      code: 'template-syntax',
      severity: 'error',
      message: error.message,
      at,
      hint: error.hint,
    });
  }
  if (!scope.isShell) warnOfShellSyntax(node, { scope, report });
  const parts = parsed.parts.map((part) => readPart(part, { node, scope, report }));
  const known = parts.filter((part) => part !== undefined);
  return known.length < parts.length || parsed.errors.length > 0 ? undefined : joinParts(known);
}

/** A value whose texts are templates; a text of one variable becomes that variable's value. */
export function readTemplateValue(
  node: Node,
  { scope, report }: { scope: Scope; report: Report },
): TemplateValue | undefined {
  if (node.kind === 'list') {
    const items = node.items.map((item) => readTemplateValue(item, { scope, report }));
    const known = items.filter((item) => item !== undefined);
    return known.length < items.length ? undefined : known;
  }
  if (node.kind === 'map') {
    const record = readTemplateRecord(node, { scope, report });
    return record === undefined ? undefined : { record };
  }
  const text = textOf(node);
  if (text === undefined) return typeof node.value === 'string' ? undefined : node.value;
  const [only, ...others] = parseTemplate(text.value).parts;
  if (only?.kind === 'variable' && others.length === 0) {
    const found = scope.find(only.name);
    if (found !== undefined && found !== 'broken') return toTemplateValue(found.value);
  }
  const template = readTemplate(text, { scope, report });
  return template === undefined ? undefined : { template };
}

/** The same for the entries of a map; undefined for anything else, or after reporting. */
export function readTemplateRecord(
  node: Node | undefined,
  { scope, report }: { scope: Scope; report: Report },
): Readonly<Record<string, TemplateValue>> | undefined {
  if (node?.kind !== 'map') return undefined;
  const values: [string, TemplateValue][] = [];
  for (const [key, { value }] of node.entries) {
    const read = readTemplateValue(value, { scope, report });
    if (read !== undefined) values.push([key, read]);
  }
  return values.length < node.entries.size ? undefined : Object.fromEntries(values);
}

/** A template all of whose variables are known now, as text; undefined after reporting. */
export function readText(
  node: TextNode,
  { scope, report }: { scope: Scope; report: Report },
): string | undefined {
  const template = readTemplate(node, { scope, report });
  if (template === undefined) return undefined;
  const texts = template.filter((part) => typeof part === 'string');
  return texts.length < template.length ? undefined : texts.join('');
}

/** What to do about a name that the scope does not have. */
export function hintForUnknown(name: string, scope: Scope): string | undefined {
  const reason = scope.elsewhere.get(name) ?? scope.elsewhere.get(name.split('.')[0] ?? '');
  if (reason !== undefined) return `{${name}} ${reason}`;
  return didYouMeanOneOf(name, [...scope.later, ...scope.names]);
}

/** `${name}` and `${{ name }}` are how other tools write a variable. */
function warnOfShellSyntax(
  node: TextNode,
  { scope, report }: { scope: Scope; report: Report },
): void {
  for (const match of node.value.matchAll(/\$\{\{?\s*([\w.]+)\s*\}?\}/g)) {
    const [text, name = ''] = match;
    if (!scope.later.has(name) && scope.find(name) === undefined) continue;
    const at = locateIn(node, { offset: match.index, length: text.length });
    const message = `"${text}" is left as it is: that is how a shell writes a variable.`;
    const hint = `write "{${name}}" for its value`;
    report({ code: 'template-syntax', severity: 'warning', message, at, hint });
  }
}

function readPart(
  part: ParsedPart,
  { node, scope, report }: { node: TextNode; scope: Scope; report: Report },
): TemplatePart | undefined {
  if (part.kind === 'text') return part.text;
  const { name } = part;
  const at = locateIn(node, part);
  const found = scope.find(name);
  if (scope.later.has(name) || found === 'broken') return { variable: name };
  if (found === undefined) {
    if (!scope.isComplete) return { variable: name };
    const message = `Unknown variable "${name}".`;
    const hint = hintForUnknown(name, scope);
    report({ code: 'unknown-variable', severity: 'error', message, at, hint });
    return undefined;
  }
  const text = textFrom(found.value, scope.isShell);
  if (text !== undefined) return text;
  const kind = isList(found.value) ? 'a list' : 'a map';
  const message = `The variable "${name}" is ${kind} and cannot stand within a text.`;
  report({ code: 'wrong-type', severity: 'error', message, at });
  return undefined;
}

/** Undefined for a value that is no text: a map, or outside a shell command a list. */
function textFrom(value: Json, isShell: boolean): string | undefined {
  if (isScalar(value)) return isShell ? shellQuote(String(value ?? '')) : String(value ?? '');
  if (!isShell || !isList(value)) return undefined;
  const words = value.filter(isScalar).map((item) => shellQuote(String(item ?? '')));
  return words.length < value.length ? undefined : words.join(' ');
}

function toTemplateValue(value: Json): TemplateValue {
  if (typeof value === 'string') return { template: value === '' ? [] : [value] };
  if (isScalar(value)) return value;
  if (isList(value)) return value.map(toTemplateValue);
  const entries = Object.entries(value).map(([key, item]) => [key, toTemplateValue(item)] as const);
  return { record: Object.fromEntries(entries) };
}

export function isScalar(value: Json): value is Scalar {
  return value === null || typeof value !== 'object';
}

/** `Array.isArray` does not narrow readonly arrays. */
export function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
