// What rules of data quality found in all targets of a run: a line for each rule that is broken or
// could not be checked. Bounded by the number of rules, not of targets.
import type { Finding } from '../finding.ts';

export interface RuleResult {
  readonly table: string;
  readonly rule: string;
  readonly severity: Finding['severity'];
  readonly rows: number;
  readonly broken: number;
  /** Of the first target where it could not be checked. */
  readonly problem: string | undefined;
}

const MAX_RULES = 200;

export class Findings {
  readonly #rules = new Map<string, RuleResult>();

  add({ table, rule, severity, rows, broken = 0, problem }: Finding): void {
    const key = JSON.stringify([table, rule, severity]);
    const sum = this.#rules.get(key);
    if (sum === undefined && this.#rules.size === MAX_RULES) return;
    this.#rules.set(key, {
      table,
      rule,
      severity,
      rows: (sum?.rows ?? 0) + rows,
      broken: (sum?.broken ?? 0) + broken,
      problem: sum?.problem ?? problem,
    });
  }

  get checked(): number {
    return this.#rules.size;
  }

  /** Those that not everything keeps, errors first. */
  get broken(): readonly RuleResult[] {
    return [...this.#rules.values()]
      .filter(({ broken, problem }) => broken > 0 || problem !== undefined)
      .sort((a, b) => (a.severity < b.severity ? -1 : a.severity > b.severity ? 1 : 0));
  }
}
