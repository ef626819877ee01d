// Makes the files of seeded sources before they are listed: a plan of its own with one target a
// source, judged, run and recorded like any other.
import { posix } from 'node:path';
import type { Config, SourceConfig, StepConfig } from '../config/config.ts';
import { type Graph, makeGraph } from '../plan/graph.ts';
import { makePlan } from '../plan/plan.ts';

/** Undefined when no source has a seed. */
export function seedGraph(config: Config): Graph | undefined {
  const steps = config.sources.flatMap((source) => seedStep(source, config) ?? []);
  if (steps.length === 0) return undefined;
  const { plan } = makePlan({ ...config, steps }, { listings: [] });
  return plan === undefined ? undefined : makeGraph(plan);
}

function seedStep(source: SourceConfig, config: Config): StepConfig | undefined {
  const { seed, at } = source;
  if (seed === undefined) return undefined;
  return {
    name: `seed-${source.name}`,
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
        path: [posix.relative(config.work, source.files)],
        glob: true,
        format: undefined,
        partitionBy: undefined,
        idColumn: 'id',
        contract: undefined,
        at,
      },
    ],
    retries: { count: 0, backoffMs: 1000, maxBackoffMs: 1000 },
    timeoutMs: undefined,
    pools: {},
    maxRejects: 0,
    rebuildOn: [],
  };
}
