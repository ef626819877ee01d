// Reads a step's matrix into cells: every combination of values, the first dimension slowest. It
// keeps names apart that later stand side by side in targets, paths and templates.
import type { Location } from '../diagnostic.ts';
import type { Json, Scalar } from '../task.ts';
import type { Cell } from './config.ts';
import { entryOf, type Node, type Report } from './document.ts';
import { builtInVariables, isList, isScalar, readTemplateValue } from './scope.ts';
import { expandTemplateValue } from './template.ts';
import type { PipelineVariables } from './variables.ts';

const onlyCell: Cell = { name: '', dimensions: {}, variables: {} };
/** More cells than that are a slip, not a plan. */
const maxCells = 10_000;
/** Values stand in targets (`step:value@file`) and paths. */
const valueSyntax = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

interface Surroundings {
  readonly step: string;
  readonly variables: PipelineVariables;
  /** Variables of the file or group that the step runs for. */
  readonly members: readonly string[];
  readonly report: Report;
}

/** One value of a dimension with its attributes. */
interface DimensionValue {
  readonly name: string;
  readonly attributes: Readonly<Record<string, Scalar>>;
}

/** The nameless cell when there is no matrix; undefined after a mistake. */
export function readCells(stepNode: Node, surroundings: Surroundings): readonly Cell[] | undefined {
  const node = entryOf(stepNode, 'matrix')?.value;
  if (node === undefined) return [onlyCell];
  const { scope } = surroundings.variables;
  const value = readTemplateValue(node, { scope, report: surroundings.report });
  if (value === undefined) return undefined;
  let isBroken = false;
  const matrix = expandTemplateValue(value, () => {
    isBroken = true;
    return null;
  });
  if (isBroken) return undefined;
  return new MatrixReader(node, surroundings).read(matrix);
}

/** Remembers whether a mistake was found, and finds places in the text of the matrix. */
class MatrixReader {
  readonly #node: Node;
  readonly #surroundings: Surroundings;
  readonly #names = new Set<string>();
  #isGood = true;

  constructor(node: Node, surroundings: Surroundings) {
    this.#node = node;
    this.#surroundings = surroundings;
  }

  read(matrix: Json): readonly Cell[] | undefined {
    const { step } = this.#surroundings;
    if (isScalar(matrix) || isList(matrix)) {
      this.#reject([], `The matrix of step "${step}" must be a map of dimensions.`, 'wrong-type');
      return undefined;
    }
    let cells: readonly Cell[] = [onlyCell];
    for (const [dimension, json] of Object.entries(matrix)) {
      this.#claimName(dimension, [dimension]);
      const values = this.#readDimension(dimension, json);
      if (cells.length * values.length > maxCells) {
        this.#reject([dimension], `The matrix of step "${step}" has more than ${maxCells} cells.`);
        return undefined;
      }
      cells = cells.flatMap((cell) =>
        values.map((value) => extendCell(cell, { dimension, value })),
      );
    }
    return this.#isGood ? cells : undefined;
  }

  #readDimension(dimension: string, json: Json): readonly DimensionValue[] {
    if (isScalar(json)) {
      const expected = 'a list of values, or a map of values to attributes';
      const message = `The dimension "${dimension}" must be ${expected}.`;
      this.#reject([dimension], message, 'wrong-type');
      return [];
    }
    const values = isList(json)
      ? this.#readList(dimension, json)
      : Object.entries(json).flatMap(([name, attributes]) => {
          const read = this.#readAttributes([dimension, name], attributes);
          return read === undefined ? [] : [{ name, attributes: read }];
        });
    if (Object.keys(json).length === 0) {
      this.#reject([dimension], `The dimension "${dimension}" has no values.`);
    }
    for (const { name } of values) {
      if (valueSyntax.test(name)) continue;
      const message = `The value "${name}" of dimension "${dimension}" cannot stand in a target.`;
      const hint = 'use letters, digits, "_", "-" and ".", beginning with a letter or digit';
      const place = isList(json) ? String(json.findIndex((item) => String(item) === name)) : name;
      this.#reject([dimension, place], message, 'wrong-value', hint);
    }
    this.#checkAttributes(dimension, values);
    return values;
  }

  #readList(dimension: string, items: readonly Json[]): readonly DimensionValue[] {
    const names: string[] = [];
    for (const [index, item] of items.entries()) {
      const path = [dimension, String(index)];
      if (!isScalar(item) || item === null) {
        const message = `A value of dimension "${dimension}" must be a text or a number.`;
        this.#reject(path, message, 'wrong-type');
      } else if (names.includes(String(item))) {
        const message = `The dimension "${dimension}" has the value "${item}" twice.`;
        this.#reject(path, message, 'duplicate-key');
      } else {
        names.push(String(item));
      }
    }
    return names.map((name) => ({ name, attributes: {} }));
  }

  #readAttributes(
    path: readonly string[],
    json: Json,
  ): Readonly<Record<string, Scalar>> | undefined {
    if (isScalar(json) || isList(json)) {
      const [dimension, name] = path;
      const message = `The value "${name}" of dimension "${dimension}" needs a map of attributes.`;
      this.#reject(path, message, 'wrong-type', 'write {} for none, or make the dimension a list');
      return undefined;
    }
    const attributes: [string, Scalar][] = [];
    for (const [name, value] of Object.entries(json)) {
      if (isScalar(value) && value !== null) attributes.push([name, value]);
      else {
        const message = `The attribute "${name}" must be a text, a number, true or false.`;
        this.#reject([...path, name], message, 'wrong-type');
      }
    }
    return Object.fromEntries(attributes);
  }

  /** Every value has the attributes of the first: a template uses them in every cell. */
  #checkAttributes(dimension: string, values: readonly DimensionValue[]): void {
    const all = new Set(values.flatMap(({ attributes }) => Object.keys(attributes)));
    for (const name of all) {
      const owner = values.find(({ attributes }) => Object.hasOwn(attributes, name));
      this.#claimName(name, [dimension, owner?.name ?? '', name]);
      for (const value of values) {
        if (Object.hasOwn(value.attributes, name)) continue;
        const others = `other values of "${dimension}"`;
        const message = `"${value.name}" lacks the attribute "${name}" that ${others} have.`;
        this.#reject([dimension, value.name], message, 'missing-key');
      }
    }
  }

  /** Dimensions and attributes are variables, so they hide no other. */
  #claimName(name: string, path: readonly string[]): void {
    const { variables, members } = this.#surroundings;
    const meaning = builtInVariables.get(name);
    const owner =
      meaning !== undefined
        ? `a built-in variable (${meaning})`
        : variables.places.has(name)
          ? 'a variable of the pipeline'
          : members.includes(name)
            ? 'a capture of the source'
            : this.#names.has(name)
              ? 'another dimension or attribute'
              : undefined;
    this.#names.add(name);
    if (!/^[a-z][a-z0-9_]*$/.test(name)) {
      const message = `"${name}" cannot be the name of a dimension or attribute.`;
      this.#reject(path, message, 'wrong-value', 'use small letters, digits and "_"');
    } else if (owner !== undefined) {
      const message = `"${name}" in the matrix has the name of ${owner}.`;
      this.#reject(path, message, 'reserved-name', 'give one of them another name');
    }
  }

  #reject(
    path: readonly string[],
    message: string,
    code:
      | 'wrong-type'
      | 'wrong-value'
      | 'reserved-name'
      | 'duplicate-key'
      | 'missing-key' = 'wrong-value',
    hint?: string,
  ): void {
    this.#isGood = false;
    const at = deepestPlace(this.#node, path);
    this.#surroundings.report({ code, severity: 'error', message, at, hint });
  }
}

function extendCell(
  cell: Cell,
  { dimension, value }: { dimension: string; value: DimensionValue },
): Cell {
  return {
    name: cell.name === '' ? value.name : `${cell.name}:${value.name}`,
    dimensions: { ...cell.dimensions, [dimension]: value.name },
    variables: { ...cell.variables, [dimension]: value.name, ...value.attributes },
  };
}

/** As deep as the path goes in the text; a matrix out of a variable has no more places. */
function deepestPlace(node: Node, path: readonly string[]): Location {
  let deepest = node;
  let at = node.at;
  for (const part of path) {
    const entry = entryOf(deepest, part);
    const next = deepest.kind === 'list' ? deepest.items[Number(part)] : entry?.value;
    if (next === undefined) break;
    deepest = next;
    at = entry === undefined || next.kind === 'scalar' ? next.at : entry.at;
  }
  return at;
}
