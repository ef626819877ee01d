// Small configurations and catalogs built by hand, for tests of the pure core.
import type { Cell, Config, Each, OutputConfig, StepConfig } from '../src/config/config.ts';
import type { Catalog } from '../src/plan/catalog.ts';
import { type Graph, makeGraph } from '../src/plan/graph.ts';
import { makePlan, type Plan } from '../src/plan/plan.ts';

const at = { file: 'pipeline.yaml', line: 1, column: 1, length: 1 };

export interface StepSketch {
  readonly name: string;
  readonly needs?: readonly string[];
  /** 'file', 'chunk', or absent for once. */
  readonly each?: string;
  readonly tables?: readonly string[];
  readonly source?: string;
  /** Steps whose files it frees; then it makes nothing itself. */
  readonly releases?: readonly string[];
  /** Path of an output; a part that is the name of a variable stands for it. */
  readonly output?: readonly string[];
}

export function sketchStep(sketch: StepSketch, ordinal: number): StepConfig {
  return {
    name: sketch.name,
    at,
    ordinal,
    needs: sketch.needs ?? [],
    each: sketchEach(sketch),
    cells: sketch.tables === undefined ? [nameless] : sketch.tables.map(tableCell),
    rule:
      sketch.releases === undefined
        ? { kind: 'run', command: ['true'] }
        : { kind: 'release', steps: sketch.releases },
    with: {},
    inputs: [],
    outputs: sketch.output === undefined ? [] : [sketchOutput(sketch.output)],
    retries: { count: 0, backoffMs: 1, maxBackoffMs: 1 },
    timeoutMs: undefined,
    pools: { cpu: 1 },
    maxRejects: 0,
    hub: undefined,
    publish: undefined,
    acceptsReleased: false,
    rebuildOn: [],
  };
}

function sketchEach({ each, source = 'main' }: StepSketch): Each {
  if (each === undefined) return { kind: 'once' };
  return each === 'file' ? { kind: 'file', source } : { kind: 'group', source, group: each };
}

function sketchOutput(parts: readonly string[]): OutputConfig {
  const variables = ['key', 'file', 'chunk', 'part'];
  return {
    name: 'output',
    path: parts.map((part) => (variables.includes(part) ? { variable: part } : part)),
    glob: false,
    format: undefined,
    partitionBy: undefined,
    idColumn: 'id',
    contract: undefined,
    at,
  };
}

const nameless: Cell = { name: '', dimensions: {}, variables: {} };

function tableCell(table: string): Cell {
  return { name: table, dimensions: { table }, variables: { table } };
}

/** Sources by name, each with the chunk number of each of its files. */
export function sketchCatalog(sources: Readonly<Record<string, readonly number[]>>): Catalog {
  return {
    listings: Object.entries(sources).map(([source, chunks]) => ({
      source,
      excluded: [],
      files: chunks.map((chunk, index) => ({
        path: `/in/${source}/c${chunk}-${index}.parquet`,
        key: `c${chunk}-${index}`,
        bytes: 10,
        mtimeMs: 1,
        captures: [String(chunk), String(index)],
      })),
    })),
  };
}

export function sketchConfig(
  steps: readonly StepSketch[],
  sources: readonly string[] = ['main'],
): Config {
  return {
    name: 'sketch',
    profile: 'default',
    profiles: ['default'],
    file: 'pipeline.yaml',
    root: '/project',
    work: '/project/work/default',
    variables: {},
    pools: { cpu: 2, memory: 'auto', network: 'auto' },
    disk: { budget: 'auto', keepFree: 'auto' },
    hub: undefined,
    confirmAboveBytes: 100e9,
    sources: sources.map((name) => ({
      kind: 'local',
      name,
      at,
      files: `/in/${name}/*.parquet`,
      pattern: {
        text: 'c{chunk}-{part}.parquet',
        captures: ['chunk', 'part'],
        expression: 'c(?<chunk>[^/]+)-(?<part>[^/]+)\\.parquet$',
      },
      groups: [],
      exclude: {},
      seed: undefined,
    })),
    steps: steps.map((step, index) => sketchStep(step, index + 1)),
  };
}

export function sketchGraph(
  steps: readonly StepSketch[],
  sources: Readonly<Record<string, readonly number[]>> = { main: [0, 0, 1] },
): Graph {
  return makeGraph(sketchPlan(steps, sources));
}

export function sketchPlan(
  steps: readonly StepSketch[],
  sources: Readonly<Record<string, readonly number[]>> = { main: [0, 0, 1] },
): Plan {
  const config = sketchConfig(steps, Object.keys(sources));
  const { plan, diagnostics } = makePlan(config, sketchCatalog(sources));
  if (plan === undefined) throw new Error(diagnostics.map(({ message }) => message).join('\n'));
  return plan;
}
