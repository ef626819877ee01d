// Makes the files of seeds before sources are listed: a plan of its own with one target a
// source, judged, run and recorded like any other.
import { posix } from 'node:path';
import type { Config, SeedConfig, StepConfig } from '../config/config.ts';
import type { Location } from '../diagnostic.ts';
import { type Graph, makeGraph } from '../plan/graph.ts';
import { makePlan } from '../plan/plan.ts';

/** Undefined when no source has a seed. */
export function seedGraph(config: Config): Graph | undefined {
  const steps = seedsOf(config).map((seed) => seedStep(seed, config));
  if (steps.length === 0) return undefined;
  const { plan } = makePlan({ ...config, steps }, { listings: [] });
  return plan === undefined ? undefined : makeGraph(plan);
}

/** Files that a task makes before anything is listed. */
export interface Seeding {
  readonly name: string;
  readonly seed: SeedConfig;
  /** Absolute glob of the files. */
  readonly files: string;
  readonly at: Location;
}

export function seedsOf(config: Config): readonly Seeding[] {
  const seeds: Seeding[] = [];
  for (const source of config.sources) {
    if (source.kind !== 'local' || source.seed === undefined) continue;
    const { name, seed, files, at } = source;
    seeds.push({ name, seed, files, at });
  }
  const hubSeed = config.hub?.seed;
  if (hubSeed?.seed !== undefined) {
    const files = posix.join(hubSeed.folder, hubSeed.files);
    seeds.push({ name: 'hub', seed: hubSeed.seed, files, at: hubSeed.at });
  }
  return seeds;
}

function seedStep({ name, seed, files, at }: Seeding, config: Config): StepConfig {
  return {
    name: `seed-${name}`,
    at,
    ordinal: 0,
    needs: [],
    each: { kind: 'once' },
    cells: [{ name: '', dimensions: {}, variables: {} }],
    rule: seed.task,
    with: seed.with,
    inputs: [],
    outputs: [
      {
        name: 'output',
        path: [posix.relative(config.work, files)],
        glob: true,
        format: undefined,
        partitionBy: undefined,
        idColumn: 'id',
        contract: undefined,
        at,
      },
    ],
    // A worker may be killed here as anywhere else.
    retries: { count: 2, backoffMs: 1000, maxBackoffMs: 60_000 },
    timeoutMs: undefined,
    pools: {},
    maxRejects: 0,
    hub: undefined,
    publish: undefined,
    acceptsReleased: false,
    rebuildOn: [],
  };
}
