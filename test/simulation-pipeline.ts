// The project of a simulated user: sources, rules and steps as a small description that can be
// edited, and the configuration that it stands for.
import type {
  Cell,
  ComputedGroups,
  Config,
  Each,
  OutputConfig,
  RuleConfig,
  StepConfig,
  Template,
  TemplateValue,
} from '../src/config/config.ts';
import { LOSSY, RECORDS } from './simulation-result.ts';

export const ROOT = '/project';

export interface Project {
  readonly sources: SourceSketch[];
  readonly steps: StepSketch[];
  /** Values of the matrix that all steps with one share, each with an attribute. */
  readonly values: Map<string, number>;
  /** A variable of the pipeline. */
  scale: number;
  /** Number in the module that some tasks import. */
  shared: number;
  engine: number;
  /** Content of a file outside that some steps read. */
  extra: string;
}

export interface SourceSketch {
  readonly name: string;
  /** Contents of files by name. */
  readonly files: Map<string, string>;
  /** How `batch` joins files; undefined where there is no such kind of group. */
  batch: Pick<ComputedGroups, 'of' | 'atLeastBytes' | 'files'> | undefined;
}

export interface StepSketch {
  name: string;
  readonly kind: 'sql' | 'task' | 'run' | 'release';
  readonly each: Each;
  needs: readonly string[];
  readonly hasMatrix: boolean;
  /** What the rule does; another number is another rule. */
  meaning: number;
  /** White space and comments. */
  form: number;
  readonly isLossy: boolean;
  /** Of a task: only its version counts. */
  readonly hasVersion: boolean;
  readonly importsShared: boolean;
  /** Variables that SQL and commands use. */
  readonly uses: readonly string[];
  mode: number;
  /** A parameter that cannot change the result. */
  interval: number;
  outputs: readonly OutputSketch[];
  releases: readonly string[];
  readonly acceptsReleased: boolean;
  readonly readsExtra: boolean;
  readonly countsEngine: boolean;
  readonly retries: number;
  /** Cores that a target takes. */
  cpu: number;
  /** Its result also lies on a Hub. */
  readonly publishes: boolean;
}

export interface OutputSketch {
  readonly name: string;
  readonly kind: 'plain' | 'glob' | 'partitioned';
  readonly folder: string;
  /** How the rest of the path is written. */
  readonly style: number;
}

/** The Hub that everything is published on. */
export const HUB = {
  endpoint: 'http://hub',
  seed: undefined,
  isPrivate: false,
  xet: 'off',
  tokenEnv: undefined,
} as const;

const at = { file: 'pipeline.yaml', line: 1, column: 1, length: 1 };

export function sourceFolder(source: string): string {
  return `/in/${source}`;
}

export const EXTRA_PATH = `${ROOT}/extra.txt`;

/** The files under the project's folder, by absolute path. */
export function ruleFiles(project: Project): ReadonlyMap<string, string> {
  const files = new Map([
    [`${ROOT}/tasks/shared.ts`, `shared ${project.shared}`],
    [EXTRA_PATH, project.extra],
  ]);
  for (const step of project.steps) {
    if (step.kind === 'sql' || step.kind === 'task') files.set(rulePath(step), ruleText(step));
  }
  return files;
}

export function rulePath({ name, kind }: StepSketch): string {
  return `${ROOT}/tasks/${name}.${kind === 'sql' ? 'sql' : 'ts'}`;
}

/** What comes after `--` is form. */
export function ruleText(step: StepSketch): string {
  if (step.kind === 'sql') {
    const parameters = [...step.uses, 'mode'].map((name) => `$${name}`).join(' ');
    return `SELECT ${parameters} ${ruleWords(step)} -- ${step.form}`;
  }
  const shared = step.importsShared ? "import './shared.ts' " : '';
  const version = step.hasVersion ? 'version' : 'code';
  return `${shared}${version} ${ruleWords(step)} -- ${step.form}`;
}

export function ruleWords({ meaning, isLossy, acceptsReleased }: StepSketch): string {
  return `${isLossy ? `${LOSSY} ` : ''}${acceptsReleased ? `${RECORDS} ` : ''}${meaning}`;
}

export function command(step: StepSketch): Template {
  const values = step.uses.flatMap((name): Template => [{ variable: name }, ' ']);
  return [
    `do ${ruleWords(step)} `,
    ...values,
    { variable: 'input' },
    ' > ',
    { variable: 'output' },
  ];
}

/** A release needs nothing of this. */
export function parameters(step: StepSketch): Readonly<Record<string, TemplateValue>> {
  if (step.kind === 'sql') return { mode: step.mode };
  if (step.kind !== 'task') return {};
  const label: TemplateValue = { template: ['at ', ...memberPart(step)] };
  return { mode: step.mode, interval: step.interval, label };
}

function memberPart({ each }: StepSketch): Template {
  return each.kind === 'once' ? ['once'] : [{ variable: 'key' }];
}

export function outputPath(step: StepSketch, { kind, folder, style }: OutputSketch): Template {
  const member = memberPart(step);
  const own: Template = step.hasMatrix
    ? style % 2 === 0
      ? [{ variable: 't' }, '/', ...member]
      : [...member, '-', { variable: 't' }]
    : member;
  switch (kind) {
    case 'plain':
      return [folder, '/', ...own, '.txt'];
    case 'glob':
      return style < 2 ? [folder, '/', ...own, '/*.txt'] : [folder, '/', ...own, '_*.txt'];
    case 'partitioned':
      return [folder, style < 2 ? '/l=' : '/in/l=', { variable: 'value' }, '/', ...own, '.txt'];
  }
}

export function makeConfig(project: Project, work: string): Config {
  return {
    name: 'simulated',
    profile: 'default',
    profiles: ['default'],
    file: 'pipeline.yaml',
    root: ROOT,
    work,
    variables: { scale: project.scale },
    pools: { cpu: 2, memory: 'auto', network: 'auto' },
    disk: { budget: 'auto', keepFree: 'auto' },
    hub: undefined,
    confirmAboveBytes: 100e9,
    sources: project.sources.map(({ name, batch }) => ({
      kind: 'local',
      name,
      at,
      files: `${sourceFolder(name)}/*.txt`,
      pattern: {
        text: 'c{chunk}-{part}.txt',
        captures: ['chunk', 'part'],
        expression: 'c(?<chunk>[^/]+)-(?<part>[^/]+)\\.txt$',
      },
      groups: batch === undefined ? [] : [{ name: 'batch', ...batch }],
      exclude: {},
      seed: undefined,
    })),
    steps: project.steps.map((step, index) => makeStep(step, { project, ordinal: index + 1 })),
  };
}

function makeStep(
  step: StepSketch,
  { project, ordinal }: { project: Project; ordinal: number },
): StepConfig {
  return {
    name: step.name,
    at,
    ordinal,
    needs: step.needs,
    each: step.each,
    cells: step.hasMatrix ? [...project.values].map(makeCell) : [nameless],
    rule: makeRule(step),
    with: parameters(step),
    inputs: step.readsExtra ? [{ name: 'extra', path: [EXTRA_PATH], at }] : [],
    outputs: step.outputs.map((output) => makeOutput(step, output)),
    retries: { count: step.retries, backoffMs: 10, maxBackoffMs: 20 },
    timeoutMs: undefined,
    // So little memory that only the cores are a limit.
    pools: { cpu: step.cpu, memory: 1 },
    maxRejects: 0,
    hub: step.publishes ? HUB : undefined,
    publish: step.publishes
      ? { dataset: [`me/${step.outputs[0]?.folder}`], expectedValues: undefined }
      : undefined,
    acceptsReleased: step.acceptsReleased,
    rebuildOn: step.countsEngine ? ['engine'] : [],
  };
}

const nameless: Cell = { name: '', dimensions: {}, variables: {} };

function makeCell([t, weight]: readonly [string, number]): Cell {
  return { name: t, dimensions: { t }, variables: { t, weight } };
}

function makeRule(step: StepSketch): RuleConfig {
  switch (step.kind) {
    case 'sql':
      return { kind: 'sql', file: [rulePath(step)], text: undefined, at };
    case 'task':
      return { kind: 'task', name: step.name, module: rulePath(step) };
    case 'run':
      return { kind: 'run', command: command(step) };
    case 'release':
      return { kind: 'release', steps: step.releases };
  }
}

function makeOutput(step: StepSketch, output: OutputSketch): OutputConfig {
  return {
    name: output.name,
    path: outputPath(step, output),
    glob: output.kind === 'glob',
    format: undefined,
    partitionBy: output.kind === 'partitioned' ? ['l'] : undefined,
    idColumn: 'id',
    contract: undefined,
    at,
  };
}
