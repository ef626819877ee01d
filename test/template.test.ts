import { expect, test } from 'vitest';
import {
  expandTemplate,
  expandTemplateValue,
  mapTemplateText,
  parseTemplate,
  showTemplate,
  substituteTemplate,
  templateVariables,
} from '../src/config/template.ts';

/** The parts of a template, a variable written as <name>, and its errors with their places. */
function check(text: string): readonly string[] {
  const { parts, errors } = parseTemplate(text);
  const shown = parts.map((part) => (part.kind === 'text' ? part.text : `<${part.name}>`)).join('');
  return [shown, ...errors.map(({ offset, length, hint }) => `${offset}+${length} ${hint}`)];
}

test('variables, literal braces and shell expansions are told apart', () => {
  expect(check('a{b}c{d_1.e-f}')).toEqual(['a<b>c<d_1.e-f>']);
  expect(check('{{a}} {{{b}}}')).toEqual(['{a} {<b>}']);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's syntax is what is tested.
  expect(check('${HOME}/${A:-${B}}/{c}/${open')).toEqual(['${HOME}/${A:-${B}}/<c>/${open']);
  expect(check('')).toEqual(['']);
});

test('every other brace is a mistake that says what to write', () => {
  expect(check('{ a }')).toEqual(['{ a }', '0+5 write "{a}" for the variable']);
  expect(check("awk '{print $1}'")).toEqual([
    "awk '{print $1}'",
    '5+10 write "{{print $1}}" for literal braces',
  ]);
  expect(check('x{a')).toEqual(['x{a', '1+1 write "{{" for a literal brace']);
  expect(check('a}')).toEqual(['a}', '1+1 write "}}" for a literal brace']);
});

test('a template is expanded, partly substituted and shown', () => {
  const template = ['a/', { variable: 'x' }, '-', { variable: 'y' }, { variable: 'x' }];
  expect(expandTemplate(template, (name) => (name === 'x' ? 1 : null))).toBe('a/1-1');
  expect(substituteTemplate(template, (name) => (name === 'x' ? 'b' : undefined))).toEqual([
    'a/b-',
    { variable: 'y' },
    'b',
  ]);
  expect(templateVariables(template)).toEqual(['x', 'y']);
  expect(showTemplate(template)).toBe('a/{x}-{y}{x}');
});

test('a text that is one variable keeps the type of its value', () => {
  const value = {
    record: {
      one: { template: [{ variable: 'n' }] },
      text: { template: ['n=', { variable: 'n' }] },
      list: [true, { template: [] }],
    },
  };
  expect(expandTemplateValue(value, () => 3)).toEqual({ one: 3, text: 'n=3', list: [true, ''] });
});

test('a change of the text leaves the variables where they are', () => {
  const changed = mapTemplateText(['/A/', { variable: 'x' }, '/B/../', { variable: 'y' }], (text) =>
    text.toLowerCase().replace('b/../', ''),
  );
  expect(changed).toEqual(['/a/', { variable: 'x' }, '/', { variable: 'y' }]);
});
