// Reads what a step's rule consists of: SQL text, a task's module with the modules it imports,
// a contract's module. Made once per cell before anything is judged.
import { posix } from 'node:path';
import type { Config, StepConfig } from '../config/config.ts';
import { sqlParameters } from '../config/sql-parameters.ts';
import { expandTemplate } from '../config/template.ts';
import type { RuleOrder } from '../executor/executor.ts';
import type { FileSystem } from '../file-system.ts';
import { digestText, type RuleText } from '../fingerprint.ts';
import { digestModule } from '../module-digest.ts';
import { cellOf, type PlanStep } from '../plan/plan.ts';

/** A cell's rule: its digests for the fingerprint, and the order for a worker. */
export interface CellRule {
  readonly text: RuleText;
  /** Relative to the pipeline file; undefined for what stands in that itself. */
  readonly file: string | undefined;
  /** Undefined for `run:`, whose command depends on the member. */
  readonly order: Exclude<RuleOrder, { kind: 'run' }> | undefined;
  readonly contracts: Readonly<Record<string, { readonly module: string; readonly name: string }>>;
}

/** Reads rules and remembers files, so that a module shared by many cells is read once. */
export class RuleReader {
  readonly #fs: FileSystem;
  readonly #config: Config;
  readonly #texts = new Map<string, string>();
  readonly #digests = new Map<string, string>();

  constructor(config: Config, fs: FileSystem) {
    this.#config = config;
    this.#fs = fs;
  }

  read(step: PlanStep, cell: number): CellRule {
    const { config } = step;
    const { variables } = cellOf(step, cell);
    const contracts: Record<string, { module: string; name: string }> = {};
    const contractDigests: Record<string, string> = {};
    for (const output of config.outputs) {
      if (output.contract === undefined) continue;
      const text = expandTemplate(output.contract, (name) => variables[name] ?? '');
      const hash = text.lastIndexOf('#');
      const contract = { module: text.slice(0, hash), name: text.slice(hash + 1) };
      contracts[output.name] = contract;
      contractDigests[output.name] = digestText(
        `${this.#module(contract.module)}#${contract.name}`,
      );
    }
    const rule = this.#rule(config, variables);
    const { order, file } = rule;
    return { text: { ...rule.text, contracts: contractDigests }, file, order, contracts };
  }

  #rule(
    { rule, with: parameters }: StepConfig,
    variables: Readonly<Record<string, unknown>>,
  ): Pick<CellRule, 'file' | 'order'> & { text: Omit<RuleText, 'contracts'> } {
    switch (rule.kind) {
      case 'run':
      case 'release':
        return { text: { code: '', variables: [] }, file: undefined, order: undefined };
      case 'task': {
        const code = this.#module(rule.module);
        return {
          text: { code, variables: [] },
          file: posix.relative(this.#config.root, rule.module),
          order: { kind: 'task', module: rule.module, code },
        };
      }
      case 'sql': {
        const path =
          rule.file === undefined
            ? undefined
            : expandTemplate(rule.file, (name) => String(variables[name] ?? ''));
        const text = path === undefined ? (rule.text ?? '') : this.#text(path);
        const names = sqlParameters(text).map((parameter) => parameter.name);
        const used = new Set(names.filter((name) => name !== 'input' && !(name in parameters)));
        const file = path === undefined ? rule.at.file : posix.relative(this.#config.root, path);
        const firstLine = path === undefined ? rule.at.line : 1;
        return {
          text: { code: digestText(text), variables: [...used] },
          file: path === undefined ? undefined : file,
          order: { kind: 'sql', text, file, firstLine },
        };
      }
    }
  }

  /** Digest of a module's bytes and of all files that it imports by relative paths. */
  #module(path: string): string {
    const known = this.#digests.get(path);
    if (known !== undefined) return known;
    const digest = digestModule(path, (file) => this.#text(file));
    this.#digests.set(path, digest);
    return digest;
  }

  #text(path: string): string {
    const known = this.#texts.get(path);
    if (known !== undefined) return known;
    const bytes = this.#fs.read(path);
    const text = bytes === undefined ? '' : new TextDecoder().decode(bytes);
    this.#texts.set(path, text);
    return text;
  }
}
