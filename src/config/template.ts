// Texts with `{variable}` places: `{{` and `}}` are braces, `${..}` belongs to the shell and is
// left alone, every other brace is a mistake with a fix. It decides the syntax; which variables
// exist and what they are worth is the caller's knowledge.
import type { Json, Scalar } from '../task.ts';
import type { Template, TemplatePart, TemplateValue } from './config.ts';

/** A template as written: each variable with its place in the text, braces included. */
export interface ParsedTemplate {
  readonly parts: readonly ParsedPart[];
  readonly errors: readonly TemplateError[];
}

export type ParsedPart =
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'variable';
      readonly name: string;
      readonly offset: number;
      readonly length: number;
    };

export interface TemplateError {
  readonly message: string;
  readonly hint: string;
  readonly offset: number;
  readonly length: number;
}

const variableSyntax = /\{([A-Za-z_][\w-]*(?:\.[\w-]+)*)\}/y;

/** Reads the syntax of a template; what is wrong becomes an error and stays as literal text. */
export function parseTemplate(text: string): ParsedTemplate {
  const parts: ParsedPart[] = [];
  const errors: TemplateError[] = [];
  let literal = '';
  const endLiteral = () => {
    if (literal !== '') parts.push({ kind: 'text', text: literal });
    literal = '';
  };
  let offset = 0;
  while (offset < text.length) {
    const pair = text.slice(offset, offset + 2);
    const variable = matchAt(variableSyntax, { text, offset });
    let length = 1;
    if (pair === '${') {
      length = shellExpansionLength(text.slice(offset));
      literal += text.slice(offset, offset + length);
    } else if (pair === '{{' || pair === '}}') {
      length = 2;
      literal += pair[0];
    } else if (variable?.[1] !== undefined) {
      endLiteral();
      length = variable[0].length;
      parts.push({ kind: 'variable', name: variable[1], offset, length });
    } else {
      if (pair[0] === '{' || pair[0] === '}') {
        const error = strayBrace(text.slice(offset));
        errors.push({ ...error, offset });
        length = error.length;
      }
      literal += text.slice(offset, offset + length);
    }
    offset += length;
  }
  endLiteral();
  return { parts, errors };
}

/** The text, with every variable replaced by what `lookup` gives for it. */
export function expandTemplate(template: Template, lookup: (name: string) => Scalar): string {
  return template
    .map((part) => (typeof part === 'string' ? part : String(lookup(part.variable) ?? '')))
    .join('');
}

/** The JSON value, with every template expanded; a text that is one variable keeps its type. */
export function expandTemplateValue(value: TemplateValue, lookup: (name: string) => Scalar): Json {
  if (typeof value !== 'object' || value === null) return value;
  if (isList(value)) return value.map((item) => expandTemplateValue(item, lookup));
  if ('record' in value) {
    const entries = Object.entries(value.record);
    return Object.fromEntries(
      entries.map(([key, item]) => [key, expandTemplateValue(item, lookup)]),
    );
  }
  const [only, ...others] = value.template;
  if (only !== undefined && typeof only !== 'string' && others.length === 0) {
    return lookup(only.variable);
  }
  return expandTemplate(value.template, lookup);
}

/** The names of a template's variables, each once, in order of first use. */
export function templateVariables(template: Template): readonly string[] {
  return [
    ...new Set(template.flatMap((part) => (typeof part === 'string' ? [] : [part.variable]))),
  ];
}

/** The template with those variables replaced that `lookup` knows; the others stay. */
export function substituteTemplate(
  template: Template,
  lookup: (name: string) => Scalar | undefined,
): Template {
  return joinParts(
    template.map((part) => {
      const value = typeof part === 'string' ? part : lookup(part.variable);
      return value === undefined ? part : String(value ?? '');
    }),
  );
}

/** The template as a person would write it, without the doubling of braces. */
export function showTemplate(template: Template): string {
  return template.map((part) => (typeof part === 'string' ? part : `{${part.variable}}`)).join('');
}

/** Neighbouring literal parts become one; empty ones go. */
export function joinParts(parts: Template): Template {
  const joined: TemplatePart[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (typeof part === 'string' && typeof last === 'string')
      joined[joined.length - 1] = last + part;
    else if (part !== '') joined.push(part);
  }
  return joined;
}

/**
 * Applies a function on texts, such as a normalisation of paths, to a template: each variable is
 * shown to it as one character that it must take for an ordinary letter.
 */
export function mapTemplateText(template: Template, change: (text: string) => string): Template {
  const variables = template.flatMap((part) => (typeof part === 'string' ? [] : [part]));
  // Private use characters: no path that a person writes has them.
  const first = 0xe000;
  let next = first;
  const text = template
    .map((part) => (typeof part === 'string' ? part : String.fromCharCode(next++)))
    .join('');
  const parts = [...change(text)].map(
    (character): TemplatePart => variables[character.charCodeAt(0) - first] ?? character,
  );
  return joinParts(parts);
}

/** `Array.isArray` does not narrow readonly arrays. */
function isList(value: TemplateValue): value is readonly TemplateValue[] {
  return Array.isArray(value);
}

function matchAt(pattern: RegExp, place: { text: string; offset: number }): RegExpExecArray | null {
  pattern.lastIndex = place.offset;
  return pattern.exec(place.text);
}

/** Length of `${..}` up to the brace that closes it, or to the end. */
function shellExpansionLength(text: string): number {
  let depth = 0;
  for (let index = 1; index < text.length; index += 1) {
    if (text[index] === '{') depth += 1;
    if (text[index] === '}') depth -= 1;
    if (depth === 0) return index + 1;
  }
  return text.length;
}

/** What is wrong with the brace that the text begins with, and how far the wrong part goes. */
function strayBrace(text: string): Omit<TemplateError, 'offset'> {
  if (text.startsWith('}')) {
    const message = 'A closing brace stands alone.';
    return { message, hint: 'write "}}" for a literal brace', length: 1 };
  }
  const spaced = /^\{\s*([A-Za-z_][\w.-]*)\s*\}/.exec(text);
  if (spaced?.[1] !== undefined) {
    const hint = `write "{${spaced[1]}}" for the variable`;
    return {
      message: 'A variable stands in its braces without spaces.',
      hint,
      length: spaced[0].length,
    };
  }
  const inside = /^\{[^{}\n]{0,40}\}/.exec(text)?.[0];
  if (inside === undefined) {
    const message = 'This brace opens a variable but is not closed after a name.';
    return { message, hint: 'write "{{" for a literal brace', length: 1 };
  }
  const hint = `write "{${inside}}" for literal braces`;
  return { message: `"${inside}" is not the name of a variable.`, hint, length: inside.length };
}
