// What only one running target may have at a time: the dataset that it publishes to. Two pushes to
// one dataset would each move the head that the other builds on, and repeat themselves in turn.
import { expandTemplate } from '../config/template.ts';
import { cellOf, type PlanStep } from '../plan/plan.ts';

/** Undefined for steps that publish nothing, or to another dataset for each member. */
export function exclusiveDataset(step: PlanStep, cell: number): string | undefined {
  const { publish, hub } = step.config;
  if (publish === undefined) return undefined;
  const { variables } = cellOf(step, cell);
  const isKnown = publish.dataset.every(
    (part) => typeof part === 'string' || variables[part.variable] !== undefined,
  );
  if (!isKnown) return undefined;
  const dataset = expandTemplate(publish.dataset, (name) => variables[name] ?? '');
  return `${hub?.endpoint ?? ''} ${dataset}`;
}
