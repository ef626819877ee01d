// Reads what a step makes: paths within the work folder, formats, partitions and contracts. It
// checks each output by itself; outputs of different targets are compared in conflict.ts.
import { posix } from 'node:path';
import type { Diagnostic } from '../diagnostic.ts';
import type { Cell, Each, OutputConfig, Template } from './config.ts';
import { entriesOf, entryOf, type Node, type TextNode, textOf } from './document.ts';
import { readTemplate, readText, type Scope } from './scope.ts';
import { absolutePath, pathWithin, reportMissing, type Site } from './site.ts';
import {
  expandTemplate,
  mapTemplateText,
  showTemplate,
  substituteTemplate,
  templateVariables,
} from './template.ts';

/** What the short forms are called. */
const onlyOutput = 'output';

/** Folders of the work folder that the runner keeps for itself. */
const ownFolders: readonly string[] = ['state', 'audit', 'rejects', 'logs', 'hub', 'tmp'];

const outputKeys: readonly string[] = ['path', 'format', 'partition_by', 'id_column', 'contract'];

export interface OutputSurroundings {
  readonly site: Site;
  readonly step: string;
  /** How the step is made; undefined when that is not clear. */
  readonly kind: 'sql' | 'task' | 'run' | 'release' | undefined;
  /** Undefined after a mistake. */
  readonly each: Each | undefined;
  /** Of the file or group that the step runs for. */
  readonly memberVariables: readonly string[];
  readonly cells: readonly Cell[];
  readonly cellScope: Scope;
  readonly targetScope: Scope;
}

/** The outputs in the order written, without those that have a mistake. */
export function readOutputs(
  stepNode: Node,
  surroundings: OutputSurroundings,
): readonly OutputConfig[] {
  const node = entryOf(stepNode, 'outputs')?.value;
  const isOne = textOf(node) !== undefined || outputKeys.some((key) => entryOf(node, key));
  const named: readonly (readonly [string, Node])[] =
    node !== undefined && isOne
      ? [[onlyOutput, node]]
      : entriesOf(node).map(([name, entry]) => [name, entry.value]);
  const outputs = named.map(([name, value]) => new OutputReader(name, surroundings).read(value));
  return outputs.filter((output) => output !== undefined);
}

/** Names of the outputs as written, also of those with a mistake. */
export function outputNames(stepNode: Node): readonly string[] {
  const node = entryOf(stepNode, 'outputs')?.value;
  if (node === undefined) return [];
  if (textOf(node) !== undefined || outputKeys.some((key) => entryOf(node, key)))
    return [onlyOutput];
  return entriesOf(node).map(([name]) => name);
}

class OutputReader {
  readonly #name: string;
  readonly #surroundings: OutputSurroundings;

  constructor(name: string, surroundings: OutputSurroundings) {
    this.#name = name;
    this.#surroundings = surroundings;
  }

  read(node: Node): OutputConfig | undefined {
    const { site, cellScope, targetScope } = this.#surroundings;
    const pathNode = textOf(node) ?? textOf(entryOf(node, 'path')?.value);
    const partitionNode = textOf(entryOf(node, 'partition_by')?.value);
    const partitionBy =
      partitionNode && readTemplate(partitionNode, { scope: cellScope, report: site.report });
    const contractNode = textOf(entryOf(node, 'contract')?.value);
    const contract = contractNode && this.#readContract(contractNode);
    const idNode = textOf(entryOf(node, 'id_column')?.value);
    const scope: Scope =
      partitionNode === undefined
        ? targetScope
        : { ...targetScope, later: new Set([...targetScope.later, 'value']) };
    const written = pathNode && readTemplate(pathNode, { scope, report: site.report });
    if (pathNode === undefined || written === undefined) return undefined;
    const path = this.#readPath(pathNode, written);
    if (path === undefined) return undefined;
    this.#checkMember(pathNode, path);
    this.#checkPartition(path, { pathNode, partitionNode });
    const formatNode = textOf(entryOf(node, 'format')?.value);
    const format = readFormat(formatNode?.value, path);
    this.#checkFormat(format, {
      place: formatNode ?? pathNode,
      isPartitioned: partitionNode !== undefined,
    });
    return {
      name: this.#name,
      path,
      glob: path.some((part) => typeof part === 'string' && part.includes('*')),
      format,
      partitionBy,
      idColumn: (idNode && readText(idNode, { scope: cellScope, report: site.report })) ?? 'id',
      contract,
      at: pathNode.at,
    };
  }

  /** The path relative to the work folder, checked for each cell. */
  #readPath(node: TextNode, written: Template): Template | undefined {
    const { site, step, cells } = this.#surroundings;
    let isInside = true;
    const path = mapTemplateText(written, (text) => {
      const absolute = posix.isAbsolute(text) ? posix.normalize(text) : posix.join(site.work, text);
      const relative = pathWithin(site.work, absolute);
      isInside &&= relative !== undefined;
      return relative ?? text;
    });
    if (!isInside) {
      const owner = `The output "${showTemplate(written)}" of step "${step}"`;
      const message = `${owner} lies outside the work folder.`;
      const hint = 'outputs are relative to the work folder and stay in it';
      this.#reject(node, { code: 'output-outside-work', message, hint });
      return undefined;
    }
    for (const cell of cells) {
      const shown = showTemplate(substituteTemplate(path, (name) => cell.variables[name]));
      if (!this.#checkShownPath(node, shown)) return undefined;
    }
    return path;
  }

  #checkShownPath(node: TextNode, shown: string): boolean {
    const { step } = this.#surroundings;
    const owner = `The output "${shown}" of step "${step}"`;
    const folder = shown.split('/')[0] ?? '';
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a path must not have.
    if (/[\u0000-\u001f\u007f]/.test(shown)) {
      this.#reject(node, { message: `${owner} has a control character in its path.` });
    } else if (shown.startsWith('/') || /(^|\/)\.\.(\/|$)/.test(shown)) {
      this.#reject(node, {
        code: 'output-outside-work',
        message: `${owner} could leave the work folder.`,
      });
    } else if (shown.endsWith('/')) {
      const hint = `write "${shown}*" for every file in it`;
      this.#reject(node, { message: `${owner} is a folder.`, hint });
    } else if (/(^|\/)\.?(\/|$)/.test(shown)) {
      this.#reject(node, { message: `${owner} has an empty folder in its path.` });
    } else if (ownFolders.includes(folder)) {
      const message = `${owner} lies in "${folder}/", which the runner keeps for itself.`;
      const hint = 'choose another folder, such as data, flat or results';
      this.#reject(node, { code: 'reserved-name', message, hint });
    } else {
      return true;
    }
    return false;
  }

  #checkMember(node: TextNode, path: Template): void {
    const { each, memberVariables, step, targetScope } = this.#surroundings;
    if (each === undefined || each.kind === 'once' || !targetScope.isComplete) return;
    if (templateVariables(path).some((name) => memberVariables.includes(name))) return;
    const member = each.kind === 'file' ? 'file' : each.group;
    const owner = `The output "${showTemplate(path)}" of step "${step}"`;
    const message = `${owner} is the same for every ${member}.`;
    const variable = each.kind === 'file' ? '{key}' : `{${each.group}}`;
    this.#reject(node, {
      code: 'duplicate-output',
      message,
      hint: `put ${variable} into the path`,
    });
  }

  #checkPartition(
    path: Template,
    { pathNode, partitionNode }: { pathNode: TextNode; partitionNode: TextNode | undefined },
  ): void {
    if (partitionNode === undefined) return;
    const segments = showTemplate(path).split('/');
    const folders = segments.filter((segment) => segment.includes('{value}'));
    const [folder, ...others] = folders;
    const isLast = segments.at(-1)?.includes('{value}') ?? false;
    const example = `such as "${partitionNode.value}={value}/"`;
    if (folder === undefined) {
      const message = '"partition_by" needs a folder for the values, and the path has no {value}.';
      this.#reject(pathNode, { message, hint: `put a folder ${example} into it` });
    } else if (isLast) {
      const message = '{value} stands in the file name of the output.';
      this.#reject(pathNode, { message, hint: `give it a folder, ${example}` });
    } else if (others.length > 0 || !/^[^{}]+=\{value\}$|=\{value\}$/.test(folder)) {
      const message = '{value} must stand once, in a folder of its own.';
      this.#reject(pathNode, { message, hint: example });
    } else if (showTemplate(path).includes('*')) {
      const message = 'An output has either "partition_by" or a "*", not both.';
      this.#reject(pathNode, { message });
    }
  }

  #checkFormat(
    format: OutputConfig['format'],
    { place, isPartitioned }: { place: TextNode; isPartitioned: boolean },
  ): void {
    const { step, kind } = this.#surroundings;
    if (isPartitioned && kind === 'run') {
      const message = `The output of the command "${step}" cannot be partitioned.`;
      const hint = 'only SQL and tasks can: write a folder of files, named with a "*"';
      this.#reject(place, { message, hint });
    } else if (isPartitioned && format !== 'parquet') {
      const found = format ?? 'this file';
      const message = `A partitioned output is written as parquet, not as ${found}.`;
      this.#reject(place, { message });
    } else if (kind === 'sql' && format === undefined) {
      const message = `The path of step "${step}" does not say how its rows are written.`;
      const hint = 'end it in .parquet, .csv or .json, or add "format: parquet"';
      this.#reject(place, { message, hint });
    }
  }

  /** `module#table` with the module made absolute and looked for. */
  #readContract(node: TextNode): Template | undefined {
    const { site, step, cells, cellScope } = this.#surroundings;
    const written = readTemplate(node, { scope: cellScope, report: site.report });
    if (written === undefined) return undefined;
    const contract = mapTemplateText(written, (text) => absolutePath(site, text));
    if (!cellScope.isComplete) return contract;
    const modules = cells.map((cell) => {
      const shown = expandTemplate(contract, (name) => cell.variables[name] ?? null);
      return shown.split('#')[0] ?? '';
    });
    for (const module of new Set(modules)) {
      if (site.readFile(module) !== undefined) continue;
      const what = `Step "${step}" has a contract`;
      reportMissing(site, { what, path: module, at: node.at });
    }
    return contract;
  }

  #reject(
    node: TextNode,
    problem: Pick<Diagnostic, 'message' | 'hint'> & { code?: Diagnostic['code'] },
  ): void {
    const { code = 'wrong-value', message, hint } = problem;
    this.#surroundings.site.report({ code, severity: 'error', message, at: node.at, hint });
  }
}

/** What is said, else what the path ends in, compression aside. */
function readFormat(said: string | undefined, path: Template): OutputConfig['format'] {
  if (said === 'parquet' || said === 'csv' || said === 'json') return said;
  const name = showTemplate(path).replace(/\.(gz|zst)$/, '');
  const ending = /\.([a-z]+)$/.exec(name)?.[1];
  if (ending === 'parquet' || ending === 'csv') return ending;
  return ending === 'json' || ending === 'jsonl' || ending === 'ndjson' ? 'json' : undefined;
}
