// The variables of the pipeline: `vars` with `--set` laid over them, each resolved once. It decides
// types (by example), cycles between variables, and names that may not be taken.
import type { Location } from '../diagnostic.ts';
import { didYouMeanOneOf } from '../suggestion.ts';
import type { Json } from '../task.ts';
import {
  type Entry,
  entriesOf,
  entryOf,
  type MapNode,
  type Node,
  type Report,
  toJson,
} from './document.ts';
import { builtInVariables, readTemplateValue, type Scope } from './scope.ts';
import { expandTemplateValue } from './template.ts';

export interface PipelineVariables {
  /** Those of `vars`, without the built-in ones; a broken one is missing. */
  readonly values: ReadonlyMap<string, Json>;
  /** Where each variable of `vars` stands. */
  readonly places: ReadonlyMap<string, Location>;
  /** Variables of the pipeline and nothing else; `work` and `profile` included. */
  readonly scope: Scope;
}

interface Surroundings {
  /** Assignments of the command line, `name=value`, the last one counting. */
  readonly set: readonly string[];
  readonly work: string;
  readonly profile: string;
  readonly report: Report;
}

/** Resolves `vars` of a pipeline whose profile is applied. */
export function resolveVariables(root: MapNode, surroundings: Surroundings): PipelineVariables {
  const { report, work, profile } = surroundings;
  const entries = new Map(entriesOf(entryOf(root, 'vars')?.value));
  for (const [name, { at }] of entries) {
    const meaning = builtInVariables.get(name);
    if (meaning === undefined) continue;
    const message = `The variable "${name}" has the name of a built-in one (${meaning}).`;
    report({ code: 'reserved-name', severity: 'error', message, at, hint: 'give it another name' });
    entries.delete(name);
  }
  for (const assignment of surroundings.set) {
    assign(assignment, { entries, report });
  }
  const resolver = new Resolver({
    entries,
    report,
    builtIn: new Map([
      ['work', work],
      ['profile', profile],
    ]),
  });
  const values = new Map<string, Json>();
  for (const name of entries.keys()) {
    const found = resolver.scope.find(name);
    if (found !== undefined && found !== 'broken') values.set(name, found.value);
  }
  const places = new Map([...entries].map(([name, { at }]) => [name, at]));
  return { values, places, scope: resolver.scope };
}

/** Resolves each variable at its first use; a cycle shows as a variable used while under way. */
class Resolver {
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #report: Report;
  readonly #resolved = new Map<string, { value: Json } | 'broken'>();
  readonly #underWay: string[] = [];
  readonly scope: Scope;

  constructor(options: {
    entries: ReadonlyMap<string, Entry>;
    builtIn: ReadonlyMap<string, Json>;
    report: Report;
  }) {
    this.#entries = options.entries;
    this.#report = options.report;
    for (const [name, value] of options.builtIn) this.#resolved.set(name, { value });
    this.scope = {
      find: (name) => this.#find(name),
      names: [...options.entries.keys(), ...options.builtIn.keys()],
      later: new Set(),
      elsewhere: new Map(
        [...builtInVariables].map(([name, meaning]) => [
          name,
          `is ${meaning}, which is known only within a step`,
        ]),
      ),
      isComplete: true,
      isShell: false,
    };
  }

  #find(name: string): { value: Json } | 'broken' | undefined {
    const known = this.#resolved.get(name);
    const entry = this.#entries.get(name);
    if (known !== undefined || entry === undefined) return known;
    const start = this.#underWay.indexOf(name);
    if (start !== -1) {
      const path = [...this.#underWay.slice(start), name].join(' > ');
      const message = `Variables refer to each other in a circle: ${path}.`;
      this.#report({ code: 'cycle', severity: 'error', message, at: entry.at });
      return 'broken';
    }
    this.#underWay.push(name);
    const value = readTemplateValue(entry.value, { scope: this.scope, report: this.#report });
    this.#underWay.pop();
    const result = this.#complete(value);
    this.#resolved.set(name, result);
    return result;
  }

  /** A value that still holds a variable rests on a broken one. */
  #complete(value: ReturnType<typeof readTemplateValue>): { value: Json } | 'broken' {
    if (value === undefined) return 'broken';
    let isBroken = false;
    const json = expandTemplateValue(value, () => {
      isBroken = true;
      return null;
    });
    return isBroken ? 'broken' : { value: json };
  }
}

/** Puts one `--set` into the entries, at the place of the variable it replaces. */
function assign(
  assignment: string,
  { entries, report }: { entries: Map<string, Entry>; report: Report },
): void {
  const equals = assignment.indexOf('=');
  const name = assignment.slice(0, Math.max(0, equals));
  const text = assignment.slice(equals + 1);
  if (name === '') {
    const message = `--set takes name=value, not "${assignment}".`;
    const known = entries.has(text) ? text : 'NAME';
    const hint = `such as --set ${known}=VALUE`;
    report({ code: 'usage', severity: 'error', message, hint });
    return;
  }
  const entry = entries.get(name);
  if (entry === undefined) {
    const hint = didYouMeanOneOf(name, entries.keys());
    const message = `--set ${name}: the pipeline has no variable "${name}".`;
    report({ code: 'unknown-variable', severity: 'error', message, hint });
    return;
  }
  const value = parseLike(toJson(entry.value), text);
  if (value === undefined) {
    const { expected, example } = describeType(toJson(entry.value));
    const message = `--set ${name}: "${text}" is not ${expected}, which "${name}" must be.`;
    const hint = `such as --set '${name}=${example}'`;
    report({ code: 'wrong-type', severity: 'error', message, at: entry.at, hint });
    return;
  }
  entries.set(name, { at: entry.at, value: toNode(value, entry.at) });
}

/** The text as a value of the example's type, or undefined. */
function parseLike(example: Json, text: string): Json | undefined {
  if (typeof example === 'string') return text;
  if (typeof example === 'number') {
    return /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined;
  }
  if (typeof example === 'boolean') {
    return text === 'true' ? true : text === 'false' ? false : undefined;
  }
  const value = parseJson(text);
  const isAlike =
    typeof value === 'object' && value !== null && Array.isArray(value) === Array.isArray(example);
  return isAlike ? value : undefined;
}

/** Undefined for what is no JSON: the caller says what was expected instead. */
function parseJson(text: string): Json | undefined {
  try {
    // `as`: what JSON.parse returns is Json by definition.
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function describeType(value: Json): { expected: string; example: string } {
  const example = JSON.stringify(value);
  if (typeof value === 'number') return { expected: 'a number', example };
  if (typeof value === 'boolean') return { expected: 'true or false', example };
  return { expected: Array.isArray(value) ? 'a list in JSON' : 'a map in JSON', example };
}

function toNode(value: Json, at: Location): Node {
  if (value === null || typeof value !== 'object')
    return { kind: 'scalar', value, at, lines: undefined };
  if (Array.isArray(value))
    return { kind: 'list', items: value.map((item) => toNode(item, at)), at };
  const entries = Object.entries(value).map(
    ([key, item]) => [key, { at, value: toNode(item, at) }] as const,
  );
  return { kind: 'map', entries: new Map(entries), at };
}
