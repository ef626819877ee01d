// What a plan means in files and bytes, before anything runs: the size of the sources, and how many
// files each dataset will have, held against what a Hub takes.
import { expandTemplate, expandTemplateValue } from '../config/template.ts';
import type { Plan, PlanStep } from '../plan/plan.ts';
import { explainBytes, explainCount } from '../reporter/quantity.ts';
import { layOutTable } from './table.ts';

/** What the Hub advises at most. Source: its documentation, "Repository limitations". */
const MAX_FILES_IN_REPOSITORY = 100_000;
const MAX_FILES_IN_FOLDER = 10_000;

export interface DatasetForecast {
  readonly dataset: string;
  /** Files that each partition value will have: one for each file or group that is split. */
  readonly filesPerValue: number;
  readonly values: number;
}

export function sourceLines({ tables, config }: Plan): readonly string[] {
  return config.sources.flatMap((source) => {
    const listing = tables.find((table) => table.listing?.source === source.name)?.listing;
    if (listing === undefined) return [];
    const bytes = listing.files.reduce((sum, file) => sum + file.bytes, 0);
    const groups = source.pattern.captures.map((capture, index) => {
      const values = new Set(listing.files.map((file) => file.captures[index]));
      return `${explainCount(values.size)} ${capture}`;
    });
    const commit = listing.files[0]?.remote?.revision;
    const at = commit === undefined ? '' : ` at ${commit.slice(0, 12)}`;
    const files = `${explainCount(listing.files.length)} files, ${explainBytes(bytes)}`;
    return [`source ${source.name}${at}: ${files} (${groups.join(', ')})`];
  });
}

/** Datasets whose number of partition values the pipeline foretells. */
export function forecastDatasets(plan: Plan): readonly DatasetForecast[] {
  return plan.steps.flatMap((step) => {
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
  });
}

export function datasetLines(plan: Plan): readonly string[] {
  const forecasts = forecastDatasets(plan);
  if (forecasts.length === 0) return [];
  const rows = forecasts.map(({ dataset, filesPerValue, values }) => [
    dataset,
    explainCount(values),
    explainCount(filesPerValue),
    explainCount(values * filesPerValue),
    limitOf({ dataset, filesPerValue, values }),
  ]);
  const head = ['dataset, as expected', 'values', 'files each', 'files', ''];
  return layOutTable([head, ...rows]);
}

function limitOf({ filesPerValue, values }: DatasetForecast): string {
  if (values * filesPerValue > MAX_FILES_IN_REPOSITORY) {
    return `more than the ${explainCount(MAX_FILES_IN_REPOSITORY)} that the Hub advises`;
  }
  const isFolderFull = filesPerValue > MAX_FILES_IN_FOLDER;
  return isFolderFull ? `more than ${explainCount(MAX_FILES_IN_FOLDER)} in a folder` : '';
}

/** What the step publishes has as many parts as the step that it needs has members. */
function splitMembers(step: PlanStep, plan: Plan): number {
  const producers = step.needs.map((need) => plan.steps[need.step]?.memberCount ?? 0);
  return Math.max(0, ...producers);
}
