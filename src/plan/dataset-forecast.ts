// How many files each published dataset will have, as far as the pipeline foretells the number of
// partition values (`expected_values`), held against what a Hub takes.
import { expandTemplate, expandTemplateValue } from '../config/template.ts';
import type { Diagnostic } from '../diagnostic.ts';
import type { Plan, PlanStep } from './plan.ts';

/** What a Hub takes at most. Source: the Hub's documentation, "Repository limitations". */
const MAX_FILES_IN_DATASET = 100_000;
const MAX_FILES_IN_FOLDER = 10_000;

export interface DatasetForecast {
  readonly dataset: string;
  /** Files that each partition value will have: one for each file or group that is split. */
  readonly filesPerValue: number;
  readonly values: number;
}

/** Datasets whose number of partition values the pipeline foretells. */
export function forecastDatasets(plan: Plan): readonly DatasetForecast[] {
  return plan.steps.flatMap((step) => forecastStep(step, plan));
}

/** Layouts that a Hub does not take: found before anything runs for weeks. */
export function checkDatasets(plan: Plan): readonly Diagnostic[] {
  return plan.steps.flatMap((step) => {
    const tooMany = forecastStep(step, plan).flatMap((forecast) => excessOf(forecast) ?? []);
    if (tooMany.length === 0) return [];
    return [
      {
        code: 'too-many-files',
        severity: 'error',
        message: `Step "${step.name}" would publish more files than a Hub takes: ${tooMany.join('; ')}`,
        at: step.config.at,
        hint: 'split and publish larger groups (`groups:` of the source, `each:` of the steps)',
      },
    ];
  });
}

function forecastStep(step: PlanStep, plan: Plan): readonly DatasetForecast[] {
  const { publish, cells } = step.config;
  if (publish?.expectedValues === undefined) return [];
  const { dataset, expectedValues } = publish;
  return cells.map((cell) => {
    const lookup = (name: string) => cell.variables[name] ?? '';
    return {
      dataset: expandTemplate(dataset, lookup),
      filesPerValue: splitMembers(step, plan),
      values: Number(expandTemplateValue(expectedValues, lookup)),
    };
  });
}

function excessOf({ dataset, values, filesPerValue }: DatasetForecast): string | undefined {
  const files = values * filesPerValue;
  if (files > MAX_FILES_IN_DATASET) {
    return `${dataset} about ${files} files, and ${MAX_FILES_IN_DATASET} is the most`;
  }
  if (filesPerValue <= MAX_FILES_IN_FOLDER) return undefined;
  return `${dataset} ${filesPerValue} files in a folder, and ${MAX_FILES_IN_FOLDER} is the most`;
}

/** What the step publishes has as many parts as the step that it needs has members. */
function splitMembers(step: PlanStep, plan: Plan): number {
  const producers = step.needs.map((need) => plan.steps[need.step]?.memberCount ?? 0);
  return Math.max(0, ...producers);
}
