// What is said to fit the schema without ajv, ajv finds valid, and the other way round: for each
// keyword at its limits, and for the shipped pipelines with random changes.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import schema from '../schema/pipeline.schema.json' with { type: 'json' };
import { fits } from '../src/config/fits.ts';

const projectFolder = join(import.meta.dirname, '..');
const shipped = [
  'pipeline.yaml',
  'examples/*/pipeline.yaml',
  'templates/{shell,parquet}/pipeline.yaml',
]
  .flatMap((pattern) => globSync(join(projectFolder, pattern)))
  .map((path): unknown => ({ ...parseYaml(readFileSync(path, 'utf8')), profiles: undefined }))
  .map((pipeline): unknown => JSON.parse(JSON.stringify(pipeline)));

function compile(document: object) {
  return new Ajv2020({
    strict: false,
    strictNumbers: true,
    validateSchema: false,
    logger: false,
  }).compile(document);
}

test('the shipped pipelines fit without ajv', () => {
  expect(shipped.length).toBeGreaterThan(2);
  expect(shipped.map((pipeline) => fits(pipeline, schema))).toEqual(shipped.map(() => true));
});

const VALUES: readonly unknown[] = [
  null,
  true,
  0,
  1,
  2.5,
  -1,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  '',
  'a',
  'ab',
  'abc',
  '😀',
  '😀😀',
  '\ud83d',
  [],
  ['a'],
  ['a', 'a'],
  [1, '1'],
  [1, 1],
  [[1], [1]],
  {},
  { a: 1 },
  { b: 'a' },
  { a: 'a', b: 1 },
  { toString: 1 },
  { ab: null },
];

/** As text, because a linter takes an object with `then` for a promise. */
const CONDITIONS = [
  '{ "if": { "required": ["a"] }, "then": { "minProperties": 2 }, "else": { "type": "array" } }',
  '{ "if": { "type": "string" }, "then": { "minLength": 1 } }',
  '{ "if": { "type": "string" }, "else": { "type": "object" } }',
  '{ "if": { "const": 1 }, "then": { "type": "string" } }',
];

const PARTS: readonly object[] = [
  ...CONDITIONS.map((text): object => JSON.parse(text)),
  { type: 'integer' },
  { type: 'number' },
  { type: ['string', 'null'] },
  { type: 'object' },
  { type: 'array' },
  { type: 'boolean' },
  { enum: ['a', 1, null] },
  { pattern: '^.$' },
  { minLength: 2 },
  { maxLength: 1 },
  { minimum: 1 },
  { maximum: 1 },
  { exclusiveMinimum: 1 },
  { items: { type: 'string' } },
  { minItems: 2 },
  { uniqueItems: true },
  { required: ['a'] },
  { minProperties: 2 },
  { propertyNames: { maxLength: 1 } },
  { properties: { a: { type: 'string' } } },
  { properties: { a: true }, additionalProperties: false },
  { patternProperties: { '^a': { type: 'integer' } }, additionalProperties: { type: 'string' } },
  { anyOf: [{ minLength: 2 }, { required: ['a'] }] },
  { oneOf: [{ required: ['a'] }, { required: ['b'] }] },
  { $ref: '#/$defs/short', minLength: 1, $defs: { short: { maxLength: 1 } } },
  { $ref: '#/$defs/a/properties/b', $defs: { a: { properties: { b: { const: 1 } } } } },
  { const: 1 },
  { not: { type: 'string' } },
];

test.each(PARTS.map((part) => [JSON.stringify(part), part] as const))('%s', (_, part) => {
  const validate = compile(part);
  const isKnown = !JSON.stringify(part).match(/const|not/);
  for (const value of VALUES) {
    const isValid = validate(value);
    if (fits(value, part)) expect({ value, isValid }).toEqual({ value, isValid: true });
    else if (isKnown && !isLeftToAjv(value))
      expect({ value, isValid }).toMatchObject({ isValid: false });
  }
  if (!isKnown) expect(VALUES.filter((value) => fits(value, part) && !validate(value))).toEqual([]);
});

/** Nobody writes it, and to say no too often costs only time. */
function isLeftToAjv(value: unknown): boolean {
  return (
    (typeof value === 'number' && !Number.isFinite(value)) ||
    (Array.isArray(value) && value.some(Array.isArray))
  );
}

/** All places in a value, as keys from its top. */
function placesIn(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [
    path,
    ...Object.entries(value).flatMap(([key, inner]) => placesIn(inner, [...path, key])),
  ];
}

/** A copy with another value, or none, at a place. */
function changed(value: unknown, [key, ...rest]: readonly string[], to: unknown): unknown {
  if (key === undefined) return to;
  if (Array.isArray(value))
    return value.map((item, at) => (String(at) === key ? changed(item, rest, to) : item));
  const entries = Object.entries(value as object).map(([name, inner]) => [
    name,
    name === key ? changed(inner, rest, to) : inner,
  ]);
  return Object.fromEntries(entries.filter(([, inner]) => inner !== undefined));
}

test('changed pipelines fit exactly when ajv finds them valid', async () => {
  const validate = compile(schema);
  const subtrees = shipped.flatMap((pipeline) =>
    placesIn(pipeline).map((path) =>
      path.reduce((part: unknown, key) => (part as Record<string, unknown>)[key], pipeline),
    ),
  );
  const replacement = fc.oneof(
    fc.constantFrom<unknown>(
      undefined,
      null,
      '',
      'x',
      'A b',
      0,
      -1,
      1.5,
      true,
      [],
      {},
      '8GB',
      '5m',
      [1, 1],
    ),
    fc.constantFrom(...subtrees),
    fc.record({ sql: fc.string(), task: fc.string(), extra: fc.anything() }, { requiredKeys: [] }),
  );
  let validCount = 0;
  const change = fc.tuple(fc.nat(), replacement);
  const changes = fc.tuple(fc.constantFrom(...shipped), fc.array(change, { maxLength: 3 }));
  const agree = fc.property(changes, ([pipeline, made]) => {
    let value = pipeline;
    for (const [at, to] of made) {
      const places = placesIn(value);
      value = changed(value, places[at % places.length] ?? [], to);
    }
    const isValid = validate(value);
    if (isValid) validCount += 1;
    expect(fits(value, schema)).toBe(isValid);
  });
  await fc.assert(agree, { numRuns: 2000 });
  expect(validCount).toBeGreaterThan(100);
});
