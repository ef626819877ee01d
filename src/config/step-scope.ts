// Which variables each kind of text in a step may use: the fewer the earlier it must be known. What
// they are worth is known to the plan (cells, members) and the executor (paths).
import type { Cell } from './config.ts';
import { entriesOf, entryOf, type Node } from './document.ts';
import { outputNames } from './output.ts';
import type { Scope } from './scope.ts';
import type { ReadSource } from './source.ts';
import type { PipelineVariables } from './variables.ts';

export interface StepScopes {
  /** For what a cell decides: SQL files, contracts, partition columns. */
  readonly cell: Scope;
  /** For what a target decides: outputs, `with`, SQL parameters. */
  readonly target: Scope;
  /** For commands. */
  readonly run: Scope;
}

interface Surroundings {
  readonly sources: readonly ReadSource[];
  readonly variables: PipelineVariables;
  /** Undefined after a mistake in the matrix. */
  readonly cells: readonly Cell[] | undefined;
  /** Variables of the file or group; undefined after a mistake. */
  readonly member: readonly string[] | undefined;
  /** Names of the needed steps. */
  readonly needs: readonly string[];
}

export function readScopes(node: Node, surroundings: Surroundings): StepScopes {
  const { variables, cells, member } = surroundings;
  const cellNames = Object.keys(cells?.[0]?.variables ?? {});
  const elsewhere = variablesElsewhere(surroundings.sources);
  const perTarget = (member ?? []).map((name) => [name, 'differs from target to target'] as const);
  const cell: Scope = {
    find: variables.scope.find,
    names: variables.scope.names,
    later: new Set(cellNames),
    elsewhere: new Map([...elsewhere, ...perTarget]),
    isComplete: cells !== undefined,
    isShell: false,
  };
  const target: Scope = {
    ...cell,
    later: new Set([...cellNames, ...(member ?? [])]),
    elsewhere,
    isComplete: cells !== undefined && member !== undefined,
  };
  return { cell, target, run: commandScope(node, { target, needs: surroundings.needs }) };
}

/** Adds the paths: of all inputs, of each by name, and of the outputs. */
function commandScope(
  node: Node,
  { target, needs }: { target: Scope; needs: readonly string[] },
): Scope {
  const inputs = [...needs, ...entriesOf(entryOf(node, 'inputs')?.value).map(([key]) => key)];
  const outputs = outputNames(node);
  const later = new Set([...target.later, 'input']);
  for (const input of inputs) later.add(`input.${input}`);
  for (const output of outputs) later.add(`output.${output}`);
  const elsewhere = new Map(target.elsewhere);
  elsewhere.delete('input');
  elsewhere.delete('output');
  if (outputs.length === 1) later.add('output');
  else if (outputs.length === 0) elsewhere.set('output', 'exists only in a step with "outputs"');
  else {
    const choice = outputs.map((output) => `{output.${output}}`).join(', ');
    elsewhere.set('output', `could be any of the outputs: write ${choice}`);
  }
  return { ...target, later, elsewhere, isShell: true };
}

/** Where the variables exist that not every text may use. */
function variablesElsewhere(sources: readonly ReadSource[]): ReadonlyMap<string, string> {
  const elsewhere = new Map([
    ['key', 'exists only in a step with "each"'],
    ['file', 'exists only in a step with "each: file"'],
    ['value', 'exists only in the path of an output with "partition_by"'],
    ['input', 'exists only in "run"'],
    ['output', 'exists only in "run"'],
  ]);
  for (const source of sources) {
    for (const capture of source.captures ?? []) {
      const isOfNames = source.nameCaptures.includes(capture);
      const each = isOfNames ? `"each: file" or "each: ${capture}"` : `"each: ${capture}"`;
      const where = `${each} of the source "${source.name}"`;
      elsewhere.set(capture, `exists only in a step with ${where}`);
    }
  }
  return elsewhere;
}
