// Finds members of a step that would write the same output: only the listing can show that a
// template without `{key}` or `{file}` gives two of them one path.
import type { StepConfig } from '../config/config.ts';
import { expandTemplate, templateVariables } from '../config/template.ts';
import type { Diagnostic } from '../diagnostic.ts';
import { memberVariables, type Plan, type PlanStep } from './plan.ts';

export function findCollisions(plan: Plan): readonly Diagnostic[] {
  return plan.steps.flatMap((step) =>
    step.config.outputs.flatMap((output) => findCollision(step, output) ?? []),
  );
}

function findCollision(
  step: PlanStep,
  output: StepConfig['outputs'][number],
): Diagnostic | undefined {
  const names = templateVariables(output.path);
  if (step.memberCount < 2 || names.includes('key') || names.includes('file')) return undefined;
  const seen = new Map<string, number>();
  for (let member = 0; member < step.memberCount; member += 1) {
    const variables = memberVariables(step, member);
    const path = expandTemplate(output.path, (name) => variables[name] ?? `{${name}}`);
    const other = seen.get(path);
    if (other !== undefined) {
      const { names: members } = step.table;
      return {
        code: 'duplicate-output',
        severity: 'error',
        message: `Step "${step.name}" would write ${path} for both ${members[other]} and ${members[member]}`,
        at: output.at,
        hint: 'add {key} to the path: it differs for every file and group',
      };
    }
    seen.set(path, member);
  }
  return undefined;
}
