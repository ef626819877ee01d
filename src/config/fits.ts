// Whether a value fits a schema: yes or no, at once, for the keywords of JSON Schema that ours uses.
// Nearly every pipeline fits, and to load ajv and have it compile the schema costs more than anything
// else before the first target. What does not fit is for ajv to say, and so is what is not known
// here: no answer but yes is final. A property test holds each yes against ajv.

/** A part of a schema: `true`, `false` or a map of keywords. */
type Schema = unknown;

interface Context {
  /** The map of keywords that a keyword stands in. */
  readonly beside: Readonly<Record<string, unknown>>;
  readonly asks: Asks;
}

/** False also when the schema says something that is not understood here. */
export function fits(value: unknown, schema: Schema): boolean {
  const asks = new Asks(schema);
  return asks.fits(value, schema) && !asks.isBeyond;
}

class Asks {
  /** Something was not understood, so that no answer counts. */
  isBeyond = false;
  readonly #root: Schema;

  constructor(root: Schema) {
    this.#root = root;
  }

  fits(value: unknown, schema: Schema): boolean {
    if (typeof schema === 'boolean') return schema;
    const beside = mapOf(schema);
    const context = { beside, asks: this };
    for (const keyword in beside) {
      if (ANNOTATIONS.has(keyword)) continue;
      const check = CHECKS.get(keyword);
      if (check === undefined) this.isBeyond = true;
      else if (!check(beside[keyword], value, context)) return false;
    }
    return true;
  }

  /** The part that a reference such as `#/$defs/step` leads to. */
  referred(reference: unknown): Schema {
    const [start, ...path] = String(reference).split('/');
    let part: Schema = start === '#' ? this.#root : undefined;
    for (const key of path) part = mapOf(part)[key];
    if (part === undefined) this.isBeyond = true;
    return part;
  }
}

type Check = (rule: unknown, value: unknown, context: Context) => boolean;

const ANNOTATIONS: ReadonlySet<string> = new Set([
  '$schema',
  '$id',
  '$defs',
  'title',
  'description',
  'default',
  'examples',
  // Looked at with `if`.
  'then',
  'else',
]);

const CHECKS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['$ref', (rule, value, { asks }) => asks.fits(value, asks.referred(rule))],
  ['type', (rule, value) => listOf(rule, rule).some((type) => isOfType(value, type))],
  ['enum', (rule, value) => listOf(rule).includes(value)],
  ['pattern', (rule, value) => typeof value !== 'string' || patternOf(rule).test(value)],
  ['minLength', (rule, value) => typeof value !== 'string' || lengthOf(value) >= Number(rule)],
  ['maxLength', (rule, value) => typeof value !== 'string' || lengthOf(value) <= Number(rule)],
  ['minimum', (rule, value) => typeof value !== 'number' || value >= Number(rule)],
  ['maximum', (rule, value) => typeof value !== 'number' || value <= Number(rule)],
  ['exclusiveMinimum', (rule, value) => typeof value !== 'number' || value > Number(rule)],
  ['items', (rule, value, { asks }) => listOf(value).every((item) => asks.fits(item, rule))],
  ['minItems', (rule, value) => !Array.isArray(value) || value.length >= Number(rule)],
  ['uniqueItems', (rule, value, { asks }) => rule === false || areUnique(listOf(value), asks)],
  ['required', (rule, value) => !isMap(value) || listOf(rule).every((key) => hasKey(value, key))],
  ['minProperties', (rule, value) => !isMap(value) || keysOf(value).length >= Number(rule)],
  [
    'propertyNames',
    (rule, value, { asks }) => keysOf(value).every((name) => asks.fits(name, rule)),
  ],
  [
    'properties',
    (rule, value, { asks }) =>
      keysOf(rule).every((key) => {
        return !hasKey(value, key) || asks.fits(mapOf(value)[key], mapOf(rule)[key]);
      }),
  ],
  [
    'patternProperties',
    (rule, value, { asks }) =>
      keysOf(rule).every((pattern) =>
        keysOf(value)
          .filter((key) => patternOf(pattern).test(key))
          .every((key) => asks.fits(mapOf(value)[key], mapOf(rule)[pattern])),
      ),
  ],
  [
    'additionalProperties',
    (rule, value, { beside, asks }) => {
      const patterns = keysOf(beside['patternProperties']).map(patternOf);
      const isSaid = (key: string) =>
        hasKey(beside['properties'], key) || patterns.some((pattern) => pattern.test(key));
      return keysOf(value).every((key) => isSaid(key) || asks.fits(mapOf(value)[key], rule));
    },
  ],
  ['anyOf', (rule, value, { asks }) => listOf(rule).some((part) => asks.fits(value, part))],
  [
    'oneOf',
    (rule, value, { asks }) => listOf(rule).filter((part) => asks.fits(value, part)).length === 1,
  ],
  [
    'if',
    (rule, value, { beside, asks }) =>
      asks.fits(value, (asks.fits(value, rule) ? beside['then'] : beside['else']) ?? true),
  ],
]);

function isOfType(value: unknown, type: unknown): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isMap(value);
    case 'integer':
      return Number.isInteger(value);
    case 'number':
      return Number.isFinite(value);
    default:
      return typeof value === type;
  }
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mapOf(value: unknown): Readonly<Record<string, unknown>> {
  return isMap(value) ? value : {};
}

function keysOf(value: unknown): readonly string[] {
  return isMap(value) ? Object.keys(value) : [];
}

function hasKey(value: unknown, key: unknown): boolean {
  return isMap(value) && Object.hasOwn(value, String(key));
}

/** `single` stands for a list of one, where that may be written. */
function listOf(value: unknown, single?: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return single === undefined ? [] : [single];
}

/** Of scalars; to compare others is left to ajv. */
function areUnique(values: readonly unknown[], asks: Asks): boolean {
  if (values.some((value) => typeof value === 'object')) asks.isBeyond = true;
  return new Set(values).size === values.length;
}

function patternOf(pattern: unknown): RegExp {
  return new RegExp(String(pattern), 'u');
}

/** In characters: a pair of surrogates is one. */
function lengthOf(text: string): number {
  return [...text].length;
}
