// `pipeline -n`: what would run, and why; grouped, because a plan can have 100,000 targets.

import { existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { nodeFileSystem } from '../node-file-system.ts';
import { explainNothingToDo } from '../reporter/nothing-to-do.ts';
import { explainBytes } from '../reporter/quantity.ts';
import { isCostly } from '../run/consent.ts';
import { countSelected } from '../run/tally.ts';
import { ESTIMATE_HEAD, estimateCells, estimateJson, estimateLines } from './estimate-text.ts';
import { EXIT } from './exit-code.ts';
import { datasetLines, sourceLines } from './forecast.ts';
import { type Look, look, unlistedSources } from './look.ts';
import { plannedTargets } from './planned-target.ts';
import { poolSizes } from './pool-sizes.ts';
import { keptGroups, type Project } from './project.ts';
import { reasonLines } from './reason-lines.ts';
import type { RawRunOptions } from './run-command.ts';
import { layOutTable } from './table.ts';

export async function previewCommand(
  project: Project,
  { words, raw }: { words: readonly string[]; raw: RawRunOptions },
): Promise<number> {
  const unlisted = unlistedSources(project);
  if (unlisted.length > 0) {
    const names = unlisted.join(', ');
    process.stdout.write(`A run makes or lists the files of ${names} first, and then plans.\n`);
    return EXIT.ok;
  }
  process.stderr.write(keptGroups(project, nodeFileSystem));
  const rehash = raw.verify === true ? 'all' : 'unproven';
  const options = { words, until: raw.until, force: raw.force === true, rehash } as const;
  const text = await look(project, {
    options,
    use: (found) => (raw.json === true ? previewJson : previewText)(found, raw.jobs),
  });
  process.stdout.write(text);
  return EXIT.ok;
}

function previewText(found: Look, jobs: number | undefined): string {
  const { graph, selection, survey } = found;
  const { assessment } = survey;
  if (assessment.todo === 0) {
    const targets = selection.needed.reduce((sum, value) => sum + value, 0);
    return explainNothingToDo(targets);
  }
  const { config } = graph.plan;
  const pools = poolSizes(config.pools, jobs);
  const estimate = survey.estimate(pools);
  const rows = estimate.steps.map((foretold) => {
    const { step, would, may } = foretold;
    const targets = countSelected(step, selection.needed);
    const fresh = targets - would.targets - may.targets;
    const counts = [targets, fresh, would.targets, may.targets].map(String);
    return [step.name, ...counts, ...estimateCells(foretold)];
  });
  const head = ['step', 'targets', 'up to date', 'would run', 'may run', ...ESTIMATE_HEAD];
  const lines = [...sourceLines(graph.plan), '', ...layOutTable([head, ...rows])];
  const datasets = datasetLines(graph.plan);
  if (datasets.length > 0) lines.push('', ...datasets);
  lines.push('', ...reasonLines({ graph, assessment }));
  const freeBytes = freeBytesBelow(config.work);
  lines.push('', ...estimateLines(estimate, { cores: pools.cpu, freeBytes }));
  if (isCostly(estimate.transfers, config.confirmAboveBytes)) {
    const limit = explainBytes(config.confirmAboveBytes);
    lines.push(`a run asks first, as more than ${limit} (confirm_above) would go again`);
  }
  lines.push(
    '',
    '"may run": waits for something that runs, and runs only if that comes out different',
    '"time": as if the targets of a step ran one after the other, by what they took before',
  );
  return `${lines.join('\n')}\n`;
}

/** Of the disk that will hold the work folder. */
function freeBytesBelow(work: string): number | undefined {
  let folder = work;
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

/** One object a line for every target that would or may run, and one with the estimate. */
function previewJson(found: Look, jobs: number | undefined): string {
  const { graph, survey } = found;
  const lines = [...plannedTargets(found)].map((target) => JSON.stringify(target));
  if (lines.length === 0) return '';
  const { pools, confirmAboveBytes } = graph.plan.config;
  const estimate = survey.estimate(poolSizes(pools, jobs));
  return `${lines.join('\n')}\n${estimateJson(estimate, confirmAboveBytes)}\n`;
}
