// What the user of a simulated project does to it: each edit changes the description and says what
// it did, or does nothing where it does not apply.

import type { Project, StepSketch } from './simulation-pipeline.ts';
import {
  addStep,
  consumable,
  content,
  describe,
  fileName,
  freeFolder,
  makeOutput,
  otherContent,
  randomBatch,
  randomKind,
  usedFolders,
  VALUES,
} from './simulation-project.ts';
import type { Random } from './simulation-random.ts';

const MAX_STEPS = 6;

/** What was removed may come back. */
export interface Attic {
  readonly steps: StepSketch[];
  readonly files: { readonly source: string; readonly name: string; readonly content: string }[];
  /** Names that steps once had. */
  readonly names: string[];
  stepsMade: number;
  /** The project as it was before the last edits. */
  before: Project | undefined;
}

export type Edit = (
  project: Project,
  tools: { random: Random; attic: Attic },
) => string | undefined;

export const EDITS: readonly Edit[] = [
  (project, { random }) => {
    const { files } = random.pick(project.sources);
    const name = random.pick([...files.keys()]);
    const before = files.get(name) ?? '';
    const after = random.chance(0.5) ? otherContent(before, random) : content(random);
    files.set(name, after);
    return `edit source ${name}: ${before} -> ${after}`;
  },
  (project, { random }) => {
    const { name: source, files } = random.pick(project.sources);
    const name = fileName(random);
    if (files.has(name)) return undefined;
    files.set(name, content(random));
    return `add source file ${source}/${name}`;
  },
  (project, { random, attic }) => {
    const { name: source, files } = random.pick(project.sources);
    if (files.size < 2) return undefined;
    const name = random.pick([...files.keys()]);
    attic.files.push({ source, name, content: files.get(name) ?? '' });
    files.delete(name);
    return `remove source file ${source}/${name}`;
  },
  (project, { random, attic }) => {
    const file = attic.files.pop();
    const source = project.sources.find(({ name }) => name === file?.source);
    if (file === undefined || source === undefined || source.files.has(file.name)) return undefined;
    const back = random.chance(0.7) ? file.content : otherContent(file.content, random);
    source.files.set(file.name, back);
    return `put back source file ${file.source}/${file.name} with ${back}`;
  },
  (project, { random }) => {
    const { name: source, files } = random.pick(project.sources);
    const name = random.pick([...files.keys()]);
    const to = fileName(random);
    if (files.has(to)) return undefined;
    files.set(to, files.get(name) ?? '');
    files.delete(name);
    return `rename source file ${source}/${name} to ${to}`;
  },
  (project, { random }) => {
    const step = random.pick(project.steps);
    if (step.kind === 'release') return undefined;
    step.meaning = random.below(3);
    return `rule of ${step.name} means ${step.meaning}`;
  },
  (project, { random }) => {
    const step = random.pick(project.steps);
    if (step.kind !== 'sql' && step.kind !== 'task') return undefined;
    step.form = random.below(4);
    return `form of ${step.name} is ${step.form}`;
  },
  (project, { random }) => {
    const step = random.pick(project.steps);
    if (step.kind !== 'sql' && step.kind !== 'task') return undefined;
    step.mode = random.below(3);
    return `mode of ${step.name} is ${step.mode}`;
  },
  (project, { random }) => {
    const step = random.pick(project.steps);
    if (step.kind !== 'task') return undefined;
    step.interval = random.below(5);
    return `interval of ${step.name} is ${step.interval}, which changes no result`;
  },
  (project, { random }) => {
    switch (random.below(4)) {
      case 0:
        project.scale += 1;
        return `scale is ${project.scale}`;
      case 1:
        project.shared += 1;
        return `the shared module is ${project.shared}`;
      case 2:
        project.engine += 1;
        return `the engine is ${project.engine}`;
      default:
        project.extra = content(random);
        return `extra.txt is ${project.extra}`;
    }
  },
  (project, { random }) => {
    const step = random.pick(project.steps);
    if (step.outputs.length === 0) return undefined;
    const chosen = random.pick(step.outputs);
    const kind = random.chance(0.4) ? randomKind(step.kind, random) : chosen.kind;
    const style = random.below(4);
    const folder = random.chance(0.6) ? freeFolder(project, random) : chosen.folder;
    const changed = { ...chosen, kind, style, folder };
    step.outputs = step.outputs.map((output) => (output === chosen ? changed : output));
    return `output ${chosen.name} of ${step.name} is ${kind} in ${folder}, style ${style}`;
  },
  (project, { random }) => {
    const one = random.pick(project.steps);
    const two = random.pick(project.steps);
    const [a] = one.outputs;
    const [b] = two.outputs;
    if (one === two || a === undefined || b === undefined) return undefined;
    one.outputs = one.outputs.map((output) =>
      output === a ? { ...a, folder: b.folder, style: b.style } : output,
    );
    two.outputs = two.outputs.map((output) =>
      output === b ? { ...b, folder: a.folder, style: a.style } : output,
    );
    return `${one.name} and ${two.name} change output folders: ${b.folder} and ${a.folder}`;
  },
  (project, { random }) => {
    const step = random.pick(project.steps);
    if (step.kind !== 'task' && step.kind !== 'run') return undefined;
    const without = step.outputs.slice(0, -1);
    step.outputs =
      step.outputs.length > 1
        ? without
        : [...step.outputs, makeOutput(project, { kind: step.kind, index: 1, random })];
    return `${step.name} has ${step.outputs.length} outputs`;
  },
  (project, { random }) => {
    const value = random.pick(VALUES);
    const weight = project.values.get(value);
    if (weight === undefined) project.values.set(value, random.below(3));
    else if (random.chance(0.5)) project.values.set(value, weight + 1);
    else if (project.values.size > 1) project.values.delete(value);
    return `matrix: ${JSON.stringify([...project.values])}`;
  },
  (project, { random, attic }) => {
    const step = random.pick(project.steps);
    const taken = new Set([...project.steps, ...attic.steps].map(({ name }) => name));
    const former = attic.names.filter((name) => !taken.has(name));
    attic.stepsMade += 1;
    const to =
      former.length > 0 && random.chance(0.6) ? random.pick(former) : `r${attic.stepsMade}`;
    const from = step.name;
    attic.names.push(from);
    step.name = to;
    const renamed = (name: string) => (name === from ? to : name);
    for (const other of project.steps) {
      other.needs = other.needs.map(renamed);
      other.releases = other.releases.map(renamed);
    }
    return `rename step ${from} to ${to}`;
  },
  (project, { random, attic }) => {
    const step = random.pick(project.steps);
    const [output] = step.outputs;
    const open = consumable(project).map(({ name }) => name);
    if (output === undefined || project.steps.length >= MAX_STEPS) return undefined;
    if (step.needs.some((name) => !open.includes(name))) return undefined;
    attic.stepsMade += 1;
    const name = `n${attic.stepsMade}`;
    const folder = freeFolder(project, random);
    const heir = { ...step, name, outputs: [output], publishes: false };
    step.outputs = step.outputs.map((one) => (one === output ? { ...one, folder } : one));
    project.steps.push(heir);
    return `${step.name} moves to ${folder}, and ${describe(heir)} takes its place`;
  },
  (project, { random }) => {
    const source = random.pick(project.sources);
    if (source.batch === undefined) return undefined;
    source.batch = randomBatch(random);
    return `batches of ${source.name}: ${JSON.stringify(source.batch)}`;
  },
  (project, { random }) => {
    const step = random.pick(project.steps);
    step.cpu = 1 + random.below(2);
    return `${step.name} takes ${step.cpu} cores, which changes no result`;
  },
  (project, { random, attic }) => {
    if (project.steps.length >= MAX_STEPS) return undefined;
    attic.stepsMade += 1;
    const name = `n${attic.stepsMade}`;
    addStep(project, { random, name });
    return `add step ${describe(project.steps.at(-1))}`;
  },
  (project, { random, attic }) => {
    const gone = random.pick(project.steps);
    const others = project.steps.filter((step) => step !== gone && step.kind !== 'release');
    if (others.length === 0) return undefined;
    project.steps.splice(project.steps.indexOf(gone), 1);
    attic.steps.push(gone);
    for (const step of project.steps) {
      step.needs = step.needs.filter((name) => name !== gone.name);
    }
    dropEmptyReleases(project, gone.name);
    return `remove step ${gone.name}`;
  },
  (project, { attic }) => {
    const step = attic.steps.pop();
    if (step === undefined || project.steps.length >= MAX_STEPS) return undefined;
    if (step.kind === 'release') return undefined;
    if (project.steps.some(({ name }) => name === step.name)) return undefined;
    const { needs, outputs } = step;
    const used = new Set(usedFolders(project));
    if (outputs.some(({ folder }) => used.has(folder))) return undefined;
    const open = consumable(project).map(({ name }) => name);
    step.needs = needs.filter((name) => open.includes(name));
    project.steps.push(step);
    return `put back step ${describe(step)}`;
  },
  (project, { random }) => {
    const index = random.below(project.steps.length);
    const step = project.steps[index];
    if (step === undefined || step.kind === 'release') return undefined;
    const [before] = consumable(project, index);
    if (before === undefined) return undefined;
    const has = step.needs.includes(before.name);
    step.needs = has
      ? step.needs.filter((name) => name !== before.name)
      : [...step.needs, before.name];
    return `${step.name} needs ${step.needs.join(', ')}`;
  },
];

/** Puts the project back to what it was before the last edits. */
export function undo(project: Project, { before }: Attic): string {
  if (before === undefined) return 'nothing to undo';
  const { sources, steps, values, ...rest } = structuredClone(before);
  Object.assign(project, rest);
  project.steps.splice(0, project.steps.length, ...steps);
  for (const [index, { files, batch }] of sources.entries()) {
    const source = project.sources[index];
    if (source === undefined) continue;
    refill(source.files, files);
    source.batch = batch;
  }
  refill(project.values, values);
  return 'undo the last edits';
}

function refill<K, V>(map: Map<K, V> | undefined, entries: ReadonlyMap<K, V>): void {
  map?.clear();
  for (const [key, value] of entries) map?.set(key, value);
}

/** A step that releases what is gone has nothing to do. */
function dropEmptyReleases(project: Project, gone: string): void {
  for (const step of [...project.steps]) {
    if (step.kind !== 'release' || !step.releases.includes(gone)) continue;
    project.steps.splice(project.steps.indexOf(step), 1);
    for (const other of project.steps) {
      other.needs = other.needs.filter((name) => name !== step.name);
    }
  }
}
