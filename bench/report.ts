// What a bench found: lines for a person, and one line for a program.
import type { Measured, PairFigures, Spread } from './measure.ts';

export interface BenchResult {
  readonly ratios: Readonly<Record<string, number>>;
  readonly figures: Readonly<Record<string, number>>;
}

export interface BenchOptions {
  readonly runs: number;
  /** Where what is measured is kept for the next time; a temporary folder when undefined. */
  readonly folder: string | undefined;
  readonly say: (line: string) => void;
}

export interface RatioOptions {
  readonly pair: PairFigures;
  /** What is compared. */
  readonly of?: 'wall' | 'cpu';
  /** What the first and the second of the pair are. */
  readonly first?: string;
  readonly peer: string;
  readonly goal: number;
  /** The goal is to be at least as large. */
  readonly isFloor?: boolean;
}

/** Collects the results of a bench and says each as it comes. */
export class Report {
  readonly #say: (line: string) => void;
  readonly #ratios: Record<string, number> = {};
  readonly #figures: Record<string, number> = {};

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  ratio(name: string, { pair, of = 'wall', first = 'eider', peer, goal, isFloor }: RatioOptions) {
    const ratio = pair.ratio[of];
    this.#ratios[name] = round(ratio.median);
    this.#say(`${name}: ${show(ratio)} (goal ${isFloor === true ? '>=' : '<='} ${goal})`);
    this.#say(`  ${first} ${showMeasured(pair.first)}`);
    this.#say(`  ${peer} ${showMeasured(pair.second)}`);
  }

  figure(name: string, { spread, goal }: { spread: Spread; goal: number }) {
    this.#figures[name] = round(spread.median);
    this.#say(`${name}: ${show(spread)} (goal <= ${goal})`);
  }

  /** What has a goal in words, or none. */
  compared(
    name: string,
    found: { readonly ratio: Spread; readonly goal?: string } | { readonly figure: Spread },
  ) {
    const [kept, spread] =
      'ratio' in found ? [this.#ratios, found.ratio] : [this.#figures, found.figure];
    kept[name] = round(spread.median);
    this.#say(
      `${name}: ${show(spread)}${'goal' in found && found.goal !== undefined ? ` (goal ${found.goal})` : ''}`,
    );
  }

  measured(what: string, measured: Measured) {
    this.#say(`  ${what} ${showMeasured(measured)}`);
  }

  get result(): BenchResult {
    return { ratios: this.#ratios, figures: this.#figures };
  }
}

function showMeasured({ wallS, cpuS }: Measured): string {
  return `wall s ${show(wallS)}, CPU s ${show(cpuS)}`;
}

/** Median, then the smallest and the largest. */
function show({ median, min, max }: Spread): string {
  return `${round(median)} (${round(min)} to ${round(max)})`;
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}
