// Reads what each step needs and puts the steps into an order in which that works: as written if
// it does, else with the written order as tie-break. It knows steps by name only.
import type { Location } from '../diagnostic.ts';
import { didYouMean } from '../suggestion.ts';
import { type Entry, entryOf, type Node, type Report, textOf } from './document.ts';

export interface StepOrder {
  /** Every step once. With a circle, which is reported, its steps stand as written. */
  readonly names: readonly string[];
  /** The existing steps that each step needs. */
  readonly needs: ReadonlyMap<string, readonly Need[]>;
}

export interface Need {
  readonly step: string;
  /** Where it is said. */
  readonly at: Location;
}

export function orderSteps(
  steps: ReadonlyMap<string, Entry>,
  { sources, report }: { sources: readonly string[]; report: Report },
): StepOrder {
  const needs = new Map<string, readonly Need[]>();
  for (const [name, { value }] of steps) {
    needs.set(name, readNeeds(name, { step: value, steps, sources, report }));
  }
  reportCircles(needs, report);
  return { names: sortSteps(needs), needs };
}

function readNeeds(
  name: string,
  {
    step,
    steps,
    sources,
    report,
  }: {
    step: Node;
    steps: ReadonlyMap<string, Entry>;
    sources: readonly string[];
    report: Report;
  },
): readonly Need[] {
  const node = entryOf(step, 'needs')?.value;
  const items = node?.kind === 'list' ? node.items : node === undefined ? [] : [node];
  const needs: Need[] = [];
  for (const item of items) {
    const text = textOf(item);
    if (text === undefined) continue;
    if (steps.has(text.value)) {
      if (!needs.some((need) => need.step === text.value))
        needs.push({ step: text.value, at: text.at });
      continue;
    }
    const others = [...steps.keys()].filter((other) => other !== name);
    const hint = sources.includes(text.value)
      ? `"${text.value}" is a source: a step says "each: file" to run for its files`
      : (didYouMean(text.value, others) ??
        (others.length > 0 ? `steps: ${others.join(', ')}` : undefined));
    const message = `Step "${name}" needs "${text.value}", which is no step.`;
    report({ code: 'unknown-step', severity: 'error', message, at: text.at, hint });
  }
  return needs;
}

/** Depth first; a need that leads back to a step under way closes a circle. */
function reportCircles(needs: ReadonlyMap<string, readonly Need[]>, report: Report): void {
  const done = new Set<string>();
  const underWay: string[] = [];
  const visit = (name: string): void => {
    underWay.push(name);
    for (const { step, at } of needs.get(name) ?? []) {
      const start = underWay.indexOf(step);
      if (start !== -1) {
        const circle = [...underWay.slice(start), step].join(' needs ');
        const message =
          step === name
            ? `Step "${name}" needs itself.`
            : `Steps need each other in a circle: ${circle}.`;
        const hint = 'take one of these needs away';
        report({ code: 'cycle', severity: 'error', message, at, hint });
      } else if (!done.has(step)) {
        visit(step);
      }
    }
    underWay.pop();
    done.add(name);
  };
  for (const name of needs.keys()) if (!done.has(name)) visit(name);
}

function sortSteps(needs: ReadonlyMap<string, readonly Need[]>): readonly string[] {
  const remaining = new Set(needs.keys());
  const order: string[] = [];
  while (remaining.size > 0) {
    const waiting = [...remaining];
    const next =
      waiting.find((name) => !needs.get(name)?.some(({ step }) => remaining.has(step))) ??
      waiting[0];
    if (next === undefined) break;
    remaining.delete(next);
    order.push(next);
  }
  return order;
}
