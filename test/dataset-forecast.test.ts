// The real dataset's listing under the project's own pipeline: how many files each published dataset
// would have, and that a layout which a Hub does not take is refused.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { realFiles } from '../bench/wikidata-files.ts';
import type { Config } from '../src/config/config.ts';
import { parseConfig } from '../src/config/parse.ts';
import { checkDatasets, forecastDatasets } from '../src/plan/dataset-forecast.ts';
import { makePlan, type Plan } from '../src/plan/plan.ts';
import { observeSources } from '../src/run/source.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeFileSystem } from './fake-file-system.ts';

const root = join(import.meta.dirname, '..');
const text = readFileSync(join(root, 'pipeline.yaml'), 'utf8');

function configOf(edit: (text: string) => string): Config {
  const input = { text: edit(text), file: 'pipeline.yaml', root, work: '/work', set: [] };
  const { config } = parseConfig({ ...input, profile: 'full', readFile: () => '' });
  if (config === undefined) throw new Error('the pipeline is broken');
  return config;
}

function planOf(config: Config): Plan {
  const files = realFiles().map(({ key, bytes }) => {
    return { path: `data/${key}.parquet`, bytes, digest: '' };
  });
  const listing = { hub: '', commit: 'c0', at: '', files };
  const { catalog } = observeSources(config, {
    fs: new FakeFileSystem(new FakeClock()),
    recorded: () => listing as never,
    groups: () => ({}),
  });
  const { plan } = makePlan(config, catalog);
  if (plan === undefined) throw new Error('there is no plan');
  return plan;
}

test('published by batches of at least 8 GB, every dataset fits on the Hub', () => {
  const plan = planOf(configOf((own) => own));
  const files = forecastDatasets(plan).map(({ dataset, values, filesPerValue }) => [
    dataset,
    values * filesPerValue,
  ]);
  expect(files).toEqual([
    ['local/wikidata-labels', 28_476],
    ['local/wikidata-descriptions', 27_342],
    ['local/wikidata-aliases', 25_956],
    ['local/wikidata-links', 58_338],
    ['local/wikidata-claims', 20_853],
  ]);
  expect(checkDatasets(plan)).toEqual([]);
});

test('cut by source file, every dataset would be too large, and is refused', () => {
  const plan = planOf(configOf((own) => own.replaceAll('each: batch', 'each: file')));
  const [mistake, ...others] = checkDatasets(plan);
  expect(others).toEqual([]);
  expect(mistake).toMatchObject({ code: 'too-many-files', severity: 'error' });
  expect(mistake?.message).toContain('local/wikidata-links about 8970162 files');
});

test('a folder with too many files is refused even where the dataset is small', () => {
  const few = configOf((own) =>
    own.replace(/values: \d+/g, 'values: 2').replaceAll('each: batch', 'each: file'),
  );
  expect(checkDatasets(planOf(few))).toEqual([]);
  const plan = planOf(few);
  const steps = plan.steps.map((step) => ({ ...step, memberCount: step.memberCount * 2 }));
  expect(checkDatasets({ ...plan, steps })[0]?.message).toContain('19374 files in a folder');
});
