// What a plan means in files and bytes, before anything runs: the size of the sources, and how many
// files each dataset will have.
import { forecastDatasets } from '../plan/dataset-forecast.ts';
import type { Plan } from '../plan/plan.ts';
import { explainBytes, explainCount, explainCounted } from '../reporter/quantity.ts';
import { layOutTable } from './table.ts';

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
    const files = `${explainCounted(listing.files.length, 'file')}, ${explainBytes(bytes)}`;
    const parts = groups.length === 0 ? '' : ` (${groups.join(', ')})`;
    return [`source ${source.name}${at}: ${files}${parts}`];
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
  ]);
  const head = ['dataset, as expected', 'values', 'files each', 'files'];
  return layOutTable([head, ...rows]);
}
