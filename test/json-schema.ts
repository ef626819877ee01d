// The published schemas, as strict as they can be made: what they do not describe is a mistake.
import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

export function readSchema(name: string) {
  const url = new URL(`../schema/${name}.schema.json`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8'));
}

export function compile(document: unknown): ValidateFunction {
  const ajv = new Ajv2020({ strict: true, formats: { 'date-time': true } });
  return ajv.compile(document as object);
}

/** The schema with every object closed, so that a field it does not describe is an error. */
export function closed(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(closed);
  if (typeof node !== 'object' || node === null) return node;
  const copy: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(node)) copy[key] = closed(value);
  return 'properties' in copy ? { additionalProperties: false, ...copy } : copy;
}
