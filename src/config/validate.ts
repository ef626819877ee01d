// Holds a pipeline against schema/pipeline.schema.json and says in plain words what does not fit:
// one diagnostic a mistake, at the key or value it concerns. What the schema cannot say (names that
// refer to something, cycles, paths) is decided elsewhere.
import { createRequire } from 'node:module';
import type { Ajv2020, ErrorObject } from 'ajv/dist/2020.js';
import schema from '../../schema/pipeline.schema.json' with { type: 'json' };
import type { Diagnostic, Location } from '../diagnostic.ts';
import { didYouMean, suggest } from '../suggestion.ts';
import { entriesOf, entryOf, type MapNode, type Node, type Report, toJson } from './document.ts';
import { fits } from './fits.ts';

type Path = readonly string[];
type Problem = Omit<Diagnostic, 'severity'>;

/** Reports what does not fit the schema. `profiles` must have been applied and taken away. */
export function validateShape(root: MapNode, report: Report): void {
  const value = toJson(root);
  if (fits(value, schema)) return;
  const validate = compiledSchema();
  if (validate(value)) return;
  for (const error of validate.errors ?? []) {
    const problem = describeError(error, root);
    if (problem !== undefined) report({ ...problem, severity: 'error' });
  }
}

let compiled: ReturnType<Ajv2020['compile']> | undefined;

function compiledSchema(): ReturnType<Ajv2020['compile']> {
  // By `require`: only a mistake is worth its eighty modules, and nothing is waited for here.
  const { Ajv2020 }: typeof import('ajv/dist/2020.js') = createRequire(import.meta.url)(
    'ajv/dist/2020.js',
  );
  compiled ??= new Ajv2020({
    allErrors: true,
    // The errors carry the schema they come from, whose titles say what was expected.
    verbose: true,
    allowUnionTypes: true,
    strictTypes: false,
    // One pipeline is validated, and ours is a schema by test: compiling takes half the time.
    validateSchema: false,
    meta: false,
    code: { optimize: false },
  }).compile(schema);
  return compiled;
}

/** Undefined for what another error of the same mistake says better. */
function describeError(error: ErrorObject, root: MapNode): Problem | undefined {
  const path = pathOf(error.instancePath);
  // Said at the map that has the key, by `propertyNames`.
  if (error.propertyName !== undefined) return undefined;
  switch (error.keyword) {
    case 'if':
      return undefined;
    case 'additionalProperties':
      return unknownKey(String(error.params['additionalProperty']), { error, path, root });
    case 'propertyNames':
      return badName(String(error.params['propertyName']), { error, path, root });
    case 'required': {
      // The branches of a oneOf; it speaks for them.
      if (error.schemaPath.includes('/oneOf/')) return undefined;
      const message = `${subject(path)} has no "${String(error.params['missingProperty'])}".`;
      return { code: 'missing-key', message, at: placeOf(path, root) };
    }
    case 'oneOf':
      return exactlyOne({ error, path, root });
    case 'minProperties':
      return {
        code: 'wrong-value',
        message: `${subject(path)} is empty.`,
        at: placeOf(path, root),
      };
    case 'uniqueItems': {
      const item = [...path, String(error.params['i'])];
      const message = `${subject(path)} names ${showFound(nodeAt(item, root))} twice.`;
      return { code: 'duplicate-key', message, at: placeOf(item, root) };
    }
    default:
      return wrongValue({ error, path, root });
  }
}

interface Context {
  readonly error: ErrorObject;
  readonly path: Path;
  readonly root: MapNode;
}

function unknownKey(key: string, { error, path, root }: Context): Problem {
  const known = Object.keys(mapOf(mapOf(error.parentSchema)['properties']));
  const others = known.flatMap((name) => synonyms[name] ?? []);
  const other = others.includes(key) ? key : suggest(key, others);
  const meant = suggest(key, known) ?? known.find((name) => synonyms[name]?.includes(other ?? ''));
  const hint = meant === undefined ? `known keys: ${known.join(', ')}` : `did you mean "${meant}"?`;
  const message = `Unknown key "${key}" ${within(path, root)}.`;
  return { code: 'unknown-key', message, at: placeOf([...path, key], root, 'key'), hint };
}

function badName(name: string, { error, path, root }: Context): Problem {
  const rule = titleOf(error.schema) ?? 'another name';
  const better = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]+/g, '_')
    .replace(/^[^a-z]+/, '');
  const message = `"${name}" ${within(path, root)} is not ${rule}.`;
  const hint = better === '' || better === name ? undefined : `such as "${better}"`;
  return { code: 'wrong-value', message, at: placeOf([...path, name], root, 'key'), hint };
}

function exactlyOne({ error, path, root }: Context): Problem | undefined {
  const branches: readonly unknown[] = Array.isArray(error.schema) ? error.schema : [];
  const choices = branches.map((branch) => String(mapOf(branch)['required']));
  const node = nodeAt(path, root);
  // What is no map at all says so itself.
  if (node?.kind !== 'map') return undefined;
  const [first, second] = [...node.entries.keys()].filter((key) => choices.includes(key));
  const list = choices.map((choice) => `"${choice}"`).join(', ');
  if (first === undefined || second === undefined) {
    const message = `${subject(path)} says not what to do: it needs one of ${list}.`;
    return { code: 'missing-key', message, at: placeOf(path, root) };
  }
  const both = `"${first}" and "${second}"`;
  const message = `${subject(path)} has both ${both}; it needs exactly one of ${list}.`;
  return { code: 'wrong-value', message, at: placeOf([...path, second], root, 'key') };
}

function wrongValue({ error, path, root }: Context): Problem {
  const code = error.keyword === 'type' ? 'wrong-type' : 'wrong-value';
  const expected = titleOf(error.parentSchema) ?? typesOf(error.parentSchema);
  const at = placeOf(path, root);
  const node = nodeAt(path, root);
  if (node?.kind === 'scalar' && node.value === null) {
    const message = `${subject(path)} has no value; it must be ${expected}.`;
    return { code, message, at: placeOf(path, root, 'key') };
  }
  const allowed: unknown = error.params['allowedValues'];
  const hint =
    Array.isArray(allowed) && node?.kind === 'scalar'
      ? didYouMean(String(node.value), allowed.map(String))
      : undefined;
  const message = `${subject(path)} must be ${expected}, not ${showFound(node)}.`;
  return { code, message, at, hint };
}

/** The thing a path leads to, to begin a sentence with. */
function subject(path: Path): string {
  const [section, name, ...rest] = path;
  if (section === undefined) return 'The pipeline';
  const owner = section === 'steps' ? 'step' : section === 'sources' ? 'source' : undefined;
  if (owner === undefined || name === undefined) return `"${showPath(path)}"`;
  if (rest.length === 0) return `${owner === 'step' ? 'Step' : 'Source'} "${name}"`;
  return `"${showPath(rest)}" of ${owner} "${name}"`;
}

/** `a.b[0]`: places in a list are counted from 0. */
function showPath(path: Path): string {
  return path.join('.').replaceAll(/\.(\d+)(?=\.|$)/g, '[$1]');
}

/** Where a key stands, for the middle of a sentence; a step says its kind as well. */
function within(path: Path, root: MapNode): string {
  const [section, name] = path;
  if (section === undefined) return 'at the top level';
  if (section !== 'steps' || name === undefined || path.length > 2) {
    return `in ${subject(path).replace(/^S/, 's')}`;
  }
  const keys = entriesOf(nodeAt(path, root)).map(([key]) => key);
  const kinds = keys.filter((key) => key === 'sql' || key === 'task' || key === 'run');
  return `in step "${name}"${kinds.length === 1 ? ` (kind: ${kinds[0]})` : ''}`;
}

/** A value in a few words, as found in the file. */
function showFound(node: Node | undefined): string {
  if (node === undefined) return 'nothing';
  if (node.kind === 'list') return 'a list';
  if (node.kind === 'map') return 'a map';
  if (typeof node.value !== 'string') {
    return typeof node.value === 'number' ? `the number ${node.value}` : String(node.value);
  }
  const firstLine = node.value.split('\n')[0] ?? '';
  return `the text "${firstLine.length > 60 ? `${firstLine.slice(0, 57)}..` : firstLine}"`;
}

const typeWords: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  null: 'null',
};

function typesOf(schemaPart: unknown): string {
  const type: unknown = mapOf(schemaPart)['type'];
  const types: readonly unknown[] = Array.isArray(type) ? type : [type];
  return types.map((name) => typeWords[String(name)] ?? 'another value').join(' or ');
}

function titleOf(schemaPart: unknown): string | undefined {
  const part = mapOf(schemaPart);
  if (typeof part['title'] === 'string') return part['title'];
  const reference: unknown = part['$ref'];
  const name = typeof reference === 'string' ? reference.replace('#/$defs/', '') : '';
  return reference === undefined ? undefined : titleOf(mapOf(schema.$defs)[name]);
}

function pathOf(pointer: string): Path {
  const parts = pointer.split('/').slice(1);
  return parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function nodeAt(path: Path, root: Node): Node | undefined {
  let node: Node | undefined = root;
  for (const part of path) {
    node = node?.kind === 'list' ? node.items[Number(part)] : entryOf(node, part)?.value;
  }
  return node;
}

/** Texts, numbers and items are underlined themselves; for a map, its key is. */
function placeOf(path: Path, root: MapNode, part?: 'key'): Location {
  const node = nodeAt(path, root);
  const key = path.at(-1);
  const entry = key === undefined ? undefined : entryOf(nodeAt(path.slice(0, -1), root), key);
  if (entry !== undefined && (part === 'key' || node?.kind !== 'scalar')) return entry.at;
  return node?.at ?? root.at;
}

function mapOf(value: unknown): Readonly<Record<string, unknown>> {
  // `as`: an object of the schema or of ajv's errors, read key by key and checked at each use.
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** What users of other tools would type, and what it is called here. */
const synonyms: Readonly<Record<string, readonly string[]>> = {
  needs: ['depends_on', 'dependsOn', 'deps', 'after', 'requires', 'need', 'upstream'],
  each: ['foreach', 'for_each', 'forEach', 'per', 'for'],
  from: ['source'],
  run: ['command', 'cmd', 'script', 'shell', 'bash', 'exec'],
  sql: ['query', 'select', 'statement'],
  task: ['uses', 'module', 'typescript'],
  with: ['params', 'parameters', 'args', 'config', 'options', 'env'],
  inputs: ['input', 'ins'],
  outputs: ['output', 'outs', 'out', 'produces', 'creates'],
  matrix: ['strategy', 'variants'],
  retries: ['retry', 'attempts', 'max_retries'],
  timeout: ['timeout-minutes', 'timeout_minutes', 'deadline'],
  pools: ['resources', 'limits', 'pool'],
  vars: ['env', 'environment', 'variables', 'config', 'params', 'parameters', 'var'],
  confirm_above: ['ask_above', 'confirm', 'confirm_over', 'limit'],
  steps: ['jobs', 'tasks', 'services', 'stages', 'rules', 'targets', 'models', 'pipeline'],
  sources: ['inputs', 'datasets', 'source', 'data'],
  files: ['glob', 'path', 'paths', 'file'],
  name: ['pattern', 'name_pattern'],
  path: ['file', 'to', 'location'],
  format: ['type', 'kind'],
  partition_by: ['partition', 'partitions', 'partitioned_by', 'split_by'],
  contract: ['schema', 'columns'],
  ordinal: ['order', 'index', 'position'],
};
