// How a simulated project begins, and what a step added to it may be. Only what a user could mean:
// outputs in folders of their own, and releases behind everything that reads what they free.
import type { Each } from '../src/config/config.ts';
import type { OutputSketch, Project, SourceSketch, StepSketch } from './simulation-pipeline.ts';
import type { Random } from './simulation-random.ts';

const FOLDERS = ['d0', 'd1', 'd2', 'd3', 'd4', 'd5', 'd6', 'd7', 'd8'];
export const VALUES = ['x', 'y', 'z'];

export function randomProject(random: Random): Project {
  const project: Project = {
    sources: ['main', 'side'].slice(0, random.chance(0.3) ? 2 : 1).map((name) => ({
      name,
      files: new Map(),
      batch: random.chance(0.4) ? randomBatch(random) : undefined,
    })),
    steps: [],
    values: new Map(VALUES.slice(0, 1 + random.below(2)).map((name) => [name, random.below(3)])),
    scale: 1,
    shared: 1,
    engine: 1,
    extra: content(random),
  };
  for (const { files } of project.sources) {
    for (let count = 1 + random.below(4); count > 0; count -= 1) {
      files.set(fileName(random), content(random));
    }
  }
  const count = 2 + random.below(4);
  while (project.steps.length < count) {
    addStep(project, { random, name: `s${project.steps.length}` });
  }
  return project;
}

/** By size or by number, of whole chunks or of single files. */
export function randomBatch(random: Random): NonNullable<SourceSketch['batch']> {
  const of = random.chance(0.5) ? 'chunk' : undefined;
  if (random.chance(0.5)) return { of, atLeastBytes: 0, files: 1 + random.below(3) };
  return { of, atLeastBytes: 3 + random.below(8), files: undefined };
}

/** Steps before an index whose files nobody releases: others may need them at any time. */
export function consumable(project: Project, index = project.steps.length): readonly StepSketch[] {
  const released = new Set(project.steps.flatMap(({ releases }) => releases));
  return project.steps
    .slice(0, index)
    .filter(({ name, kind }) => kind !== 'release' && !released.has(name));
}

export function addStep(
  project: Project,
  { random, name }: { random: Random; name: string },
): void {
  const release = random.chance(0.25) ? randomRelease(project, { random, name }) : undefined;
  project.steps.push(release ?? randomStep(project, { random, name }));
}

function randomStep(
  project: Project,
  { random, name }: { random: Random; name: string },
): StepSketch {
  const kind = random.pick(['sql', 'sql', 'task', 'task', 'run'] as const);
  const each = randomEach(project, random);
  const hasMatrix = random.chance(0.3);
  const candidates = consumable(project).slice(-3);
  const needs = random.some(candidates, 0.6).map((step) => step.name);
  const variables = [...memberVariables(each), ...(hasMatrix ? ['t', 'weight'] : [])];
  if (kind === 'sql') variables.push('scale');
  const step: StepSketch = {
    name,
    kind,
    each,
    needs,
    hasMatrix,
    meaning: 0,
    form: 0,
    isLossy: random.chance(0.3),
    hasVersion: random.chance(0.5),
    importsShared: random.chance(0.3),
    uses: random.some(variables, 0.4),
    mode: 0,
    interval: 0,
    outputs: [],
    releases: [],
    acceptsReleased: kind === 'task' && random.chance(0.3),
    readsExtra: random.chance(0.15),
    countsEngine: random.chance(0.1),
    retries: random.below(2),
    cpu: random.chance(0.3) ? 2 : 1,
    publishes: kind === 'task' && random.chance(0.3),
  };
  const outputs: OutputSketch[] = [];
  for (let count = kind !== 'sql' && random.chance(0.3) ? 2 : 1; count > 0; count -= 1) {
    const index = outputs.length;
    outputs.push(makeOutput(project, { kind, index, random, taken: outputs }));
  }
  if (kind === 'task' && random.chance(0.1)) outputs.push(...manyOutputs(project, outputs));
  return { ...step, outputs };
}

function memberVariables(each: Each): readonly string[] {
  switch (each.kind) {
    case 'once':
      return [];
    case 'file':
      return ['chunk', 'part', 'key'];
    case 'group':
      return [each.group, 'key'];
  }
}

/** More files than a trace names itself. */
function manyOutputs(project: Project, taken: readonly OutputSketch[]): readonly OutputSketch[] {
  const used = usedFolders(project).length + taken.length;
  return Array.from({ length: 8 }, (_, index) => {
    const name = `o${taken.length + index}`;
    return { name, kind: 'plain', folder: `many${used}/${name}`, style: 0 };
  });
}

/** Frees steps that are cut as finely as itself, after all that read them. */
function randomRelease(
  project: Project,
  { random, name }: { random: Random; name: string },
): StepSketch | undefined {
  const each = randomEach(project, random);
  const fine = consumable(project).filter((step) => isWithin(step.each, each));
  const releases = random.some(fine, 0.7).map((step) => step.name);
  if (releases.length === 0) return undefined;
  const readers = project.steps.filter(({ needs }) => needs.some((at) => releases.includes(at)));
  return {
    ...randomStep(project, { random, name }),
    kind: 'release',
    each,
    needs: [...new Set([...releases, ...readers.map((step) => step.name)])],
    hasMatrix: false,
    uses: [],
    outputs: [],
    releases,
    readsExtra: false,
    acceptsReleased: false,
    publishes: false,
  };
}

function isWithin(fine: Each, coarse: Each): boolean {
  if (coarse.kind === 'once') return true;
  if (fine.kind === 'once' || fine.source !== coarse.source) return false;
  if (fine.kind === 'file') return true;
  return coarse.kind === 'group' && coarse.group === fine.group;
}

function randomEach(project: Project, random: Random): Each {
  const { name: source, batch } = random.pick(project.sources);
  const number = random.below(10);
  if (number < 2) return { kind: 'once' };
  if (number < 7) return { kind: 'file', source };
  const group = batch !== undefined && random.chance(0.6) ? 'batch' : 'chunk';
  return { kind: 'group', source, group };
}

export function makeOutput(
  project: Project,
  {
    kind,
    index,
    random,
    taken = [],
  }: { kind: StepSketch['kind']; index: number; random: Random; taken?: readonly OutputSketch[] },
): OutputSketch {
  const folder = freeFolder(project, random, taken);
  const style = random.below(4);
  return { name: `o${index}`, kind: randomKind(kind, random), folder, style };
}

export function randomKind(kind: StepSketch['kind'], random: Random): OutputSketch['kind'] {
  if (kind === 'sql') return random.pick(['plain', 'partitioned'] as const);
  if (kind === 'run') return random.pick(['plain', 'glob'] as const);
  return random.pick(['plain', 'partitioned', 'glob'] as const);
}

export function usedFolders(project: Project): readonly string[] {
  return project.steps.flatMap(({ outputs }) => outputs.map(({ folder }) => folder));
}

export function freeFolder(
  project: Project,
  random: Random,
  taken: readonly OutputSketch[] = [],
): string {
  const used = new Set([...usedFolders(project), ...taken.map(({ folder }) => folder)]);
  const free = FOLDERS.filter((folder) => !used.has(folder));
  return free.length === 0 ? `more${used.size}` : random.pick(free);
}

export function fileName(random: Random): string {
  return `c${random.below(2)}-${random.below(12)}.txt`;
}

export function content(random: Random): string {
  return otherContent('x'.repeat(3 + random.below(2)), random);
}

/** Of the same length. */
export function otherContent(text: string, random: Random): string {
  return [...text].map(() => random.pick([...'abcdefgh'])).join('');
}

export function describe(step: StepSketch | undefined): string {
  if (step === undefined) return 'none';
  const { name, kind, each, needs, outputs, hasMatrix, releases } = step;
  const per = each.kind === 'group' ? each.group : each.kind;
  const over = each.kind === 'once' ? 'once' : `each ${per} of ${each.source}`;
  const makes = outputs.map((output) => `${output.kind} in ${output.folder}/${output.style}`);
  const flags = [
    hasMatrix ? 'matrix' : '',
    step.isLossy ? 'lossy' : '',
    kind === 'task' && step.hasVersion ? 'versioned' : '',
    step.publishes ? 'publishes' : '',
    step.acceptsReleased && kind === 'task' ? 'accepts released' : '',
    step.uses.length > 0 ? `uses ${step.uses.join(' ')}` : '',
    releases.length > 0 ? `releases ${releases.join(' ')}` : '',
  ].filter((flag) => flag !== '');
  return `${name}: ${[kind, over, `needs [${needs.join(' ')}]`, ...makes, ...flags].join(', ')}`;
}
