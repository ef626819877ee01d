// The published schema by itself: what editors show, and that it admits what the parser admits.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import schema from '../schema/pipeline.schema.json' with { type: 'json' };
import { parseDuration, parseSize } from '../src/config/quantity.ts';

const projectFolder = join(import.meta.dirname, '..');

type Part = Readonly<Record<string, unknown>>;

/** Every schema of a key, by its path, and what its references say. */
function keysOf(part: Part, path: string): readonly (readonly [string, Part])[] {
  const found: (readonly [string, Part])[] = [];
  for (const [key, value] of Object.entries(part)) {
    if (typeof value !== 'object' || value === null) continue;
    // `as`: an object of the schema, read key by key.
    const inner = value as Part;
    if (key === 'properties') {
      for (const [name, property] of Object.entries(inner)) {
        found.push([`${path}/${name}`, property as Part]);
      }
    }
    if (key !== 'examples') found.push(...keysOf(inner, `${path}/${key}`));
  }
  return found;
}

function resolve(part: Part): Part {
  const nullable = Array.isArray(part['anyOf']) ? part['anyOf'][1] : undefined;
  const reference: unknown = nullable?.['$ref'] ?? part['$ref'];
  if (typeof reference !== 'string') return part;
  let target: unknown = schema;
  for (const step of reference.split('/').slice(1)) target = (target as Part)[step];
  return { ...(target as Part), ...part };
}

test('every key has a description and an example, so that editors explain and complete it', () => {
  const silent = keysOf(schema, '').filter(([, part]) => {
    const { description, examples } = resolve(part);
    return typeof description !== 'string' || !Array.isArray(examples) || examples.length === 0;
  });
  expect(silent.map(([path]) => path)).toEqual([]);
});

test('a profile may change every key of a step, a source and the pools', () => {
  const { step, stepOverlay, source, sourceOverlay, pools, overlay } = schema.$defs;
  expect(Object.keys(stepOverlay.properties)).toEqual(Object.keys(step.properties));
  expect(Object.keys(sourceOverlay.properties)).toEqual(Object.keys(source.properties));
  const overlaid = overlay.properties.pools.properties;
  expect(Object.keys(overlaid)).toEqual(Object.keys(pools.properties));
});

test('the default pipeline fits the schema as editors see it, profiles included', () => {
  const validate = new Ajv2020({ strict: false, allErrors: true }).compile(schema);
  validate(parseYaml(readFileSync(join(projectFolder, 'pipeline.yaml'), 'utf8')));
  expect(validate.errors ?? []).toEqual([]);
});

test('the examples of sizes and durations, and near misses, are read as the schema says', () => {
  const { size, duration } = schema.$defs;
  const texts = ['4GB', '2 GiB', '1.5TB', '10', '10B', '1kB', 'GB', '4 gigs', '4GBs', '-1GB', ''];
  for (const text of texts) {
    expect([text, parseSize(text) !== undefined]).toEqual([
      text,
      new RegExp(size.pattern).test(text),
    ]);
  }
  for (const text of ['90s', '1h30m', '1.5h', '500ms', '2d', '90', '10 m', 'm', '', '1h-1m']) {
    expect([text, parseDuration(text) !== undefined]).toEqual([
      text,
      new RegExp(duration.pattern).test(text),
    ]);
  }
  expect(parseSize('4GB')).toBe(4e9);
  expect(parseSize('2GiB')).toBe(2 * 2 ** 30);
  expect(parseDuration('1h30m')).toBe(5_400_000);
});
