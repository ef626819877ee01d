// Reads how a step is made: exactly one of sql, task and run. It checks that the files exist for
// every cell and that SQL uses only parameters that will be bound; it runs and parses no SQL.
import type { Location } from '../diagnostic.ts';
import type { Cell, RuleConfig, SqlRuleConfig, TaskRuleConfig, Template } from './config.ts';
import { entryOf, locateIn, type Node, type TextNode, textOf } from './document.ts';
import { hintForUnknown, readTemplate, readText, type Scope } from './scope.ts';
import { absolutePath, absoluteTemplate, reportMissing, type Site, shownPath } from './site.ts';
import { sqlParameters } from './sql-parameters.ts';
import { expandTemplate, showTemplate } from './template.ts';

export interface RuleSurroundings {
  readonly site: Site;
  /** The step's name. */
  readonly step: string;
  readonly cells: readonly Cell[];
  /** What names of files may use: variables of the pipeline and the matrix. */
  readonly cellScope: Scope;
  /** What SQL parameters and values may use: also those of the file or group. */
  readonly targetScope: Scope;
  /** What a command may use: also input and output paths. */
  readonly runScope: Scope;
  /** The keys of `with`. */
  readonly withKeys: readonly string[];
}

/** Undefined after a mistake, also one that the schema has reported. */
export function readRule(step: Node, surroundings: RuleSurroundings): RuleConfig | undefined {
  const { site } = surroundings;
  const sql = textOf(entryOf(step, 'sql')?.value);
  if (sql !== undefined) return readSqlRule(sql, surroundings);
  const task = textOf(entryOf(step, 'task')?.value);
  if (task !== undefined) {
    const owner = `Step "${surroundings.step}"`;
    return readTaskRule(task, { site, scope: surroundings.cellScope, owner });
  }
  const run = textOf(entryOf(step, 'run')?.value);
  if (run === undefined) return undefined;
  const command = readTemplate(run, { scope: surroundings.runScope, report: site.report });
  return command === undefined ? undefined : { kind: 'run', command };
}

/** `NAME` is the module tasks/NAME.ts; a path that ends in .ts is itself. */
export function readTaskRule(
  node: TextNode,
  { site, scope, owner }: { site: Site; scope: Scope; owner: string },
): TaskRuleConfig | undefined {
  const reason = 'differs from cell to cell, while a task is one module for all';
  const elsewhere = new Map([...scope.later].map((variable) => [variable, reason]));
  const fixed = { ...scope, later: new Set<string>(), elsewhere };
  const name = readText(node, { scope: fixed, report: site.report });
  if (name === undefined) return undefined;
  const module = absolutePath(site, name.endsWith('.ts') ? name : `tasks/${name}.ts`);
  if (site.readFile(module) === undefined) {
    const hint = 'create it (its default export is a task), or correct the name';
    reportMissing(site, {
      what: `${owner} has the task "${name}"`,
      path: module,
      at: node.at,
      hint,
    });
    return undefined;
  }
  return { kind: 'task', name, module };
}

function readSqlRule(node: TextNode, surroundings: RuleSurroundings): SqlRuleConfig | undefined {
  const { site, cellScope, cells, step } = surroundings;
  const text = node.value.trim();
  const at = locateIn(node, { offset: 0, length: node.at.length });
  if (text.includes('\n') || !text.endsWith('.sql')) {
    checkParameters(node.value, {
      ...surroundings,
      locate: (offset, length) => locateIn(node, { offset, length }),
    });
    return { kind: 'sql', file: undefined, text: node.value, at };
  }
  const path = readTemplate(node, { scope: cellScope, report: site.report });
  if (path === undefined) return undefined;
  const file = absoluteTemplate(site, path);
  const seen = new Set<string>();
  for (const cell of cells) {
    const absolute = expandTemplate(file, (name) => cell.variables[name] ?? null);
    if (seen.has(absolute) || !cellScope.isComplete) continue;
    seen.add(absolute);
    const sql = site.readFile(absolute);
    if (sql === undefined) {
      const what = cell.name === '' ? `Step "${step}"` : `Cell "${cell.name}" of step "${step}"`;
      reportMissing(site, { what, path: absolute, at: node.at, hint: hintFor(file, absolute) });
    } else {
      const shown = shownPath(site, absolute);
      const locate = (offset: number, length: number) =>
        placeIn(sql, { file: shown, offset, length });
      checkParameters(sql, { ...surroundings, locate });
    }
  }
  return { kind: 'sql', file, text: undefined, at };
}

function hintFor(file: Template, path: string): string {
  const isSame = showTemplate(file) === path;
  return isSame
    ? 'create it, or correct the path'
    : 'create it, or take the value out of the matrix';
}

function checkParameters(
  sql: string,
  surroundings: RuleSurroundings & { locate: (offset: number, length: number) => Location },
): void {
  const { site, step, targetScope, withKeys, locate } = surroundings;
  if (!targetScope.isComplete) return;
  // `$input` is all inputs, and `$NAME` those of one needed step or entry of `inputs`.
  const inputs = [...surroundings.runScope.later].filter((name) => /^input(\.|$)/.test(name));
  const names = inputs.map((name) => name.replace(/^input\./, ''));
  const later = new Set([...targetScope.later, ...withKeys, ...names]);
  const scope: Scope = { ...targetScope, later, elsewhere: new Map() };
  const reported = new Set<string>();
  for (const { name, offset } of sqlParameters(sql)) {
    if (later.has(name) || scope.names.includes(name) || reported.has(name)) continue;
    reported.add(name);
    const isPosition = /^\d+$/.test(name);
    const message = isPosition
      ? `The SQL of step "${step}" uses the positional parameter "$${name}".`
      : `The SQL of step "${step}" uses the unknown parameter "$${name}".`;
    const hint = isPosition
      ? 'parameters have names: $input, a variable or a key of with'
      : (hintForUnknown(name, scope) ?? 'parameters are $input, variables and the keys of with');
    const at = locate(offset, name.length + 1);
    site.report({ code: 'unknown-variable', severity: 'error', message, at, hint });
  }
}

function placeIn(
  text: string,
  { file, offset, length }: { file: string; offset: number; length: number },
): Location {
  const before = text.slice(0, offset).split('\n');
  return { file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1, length };
}
