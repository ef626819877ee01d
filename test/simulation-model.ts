// What a run over a simulated project should give, computed from the project alone: the files of
// every target, and what each target's result depends on. Knows no disk, no journal and no run.
import { expandTemplate, expandTemplateValue } from '../src/config/template.ts';
import { canonicalJson } from '../src/fingerprint.ts';
import { forEachProducer, forEachReleased, type Graph } from '../src/plan/graph.ts';
import { cellOf, locateTarget, memberVariables, targetName } from '../src/plan/plan.ts';
import type { Json, Scalar } from '../src/task.ts';
import { MAX_ARTIFACTS_IN_TRACE } from '../src/trace.ts';
import {
  command,
  EXTRA_PATH,
  outputPath,
  type Project,
  parameters,
  ruleWords,
  type StepSketch,
  sourceFolder,
} from './simulation-pipeline.ts';
import {
  digestResult,
  digestWork,
  type MadeFile,
  makeFiles,
  type ReadFile,
  sha256Of,
} from './simulation-result.ts';

export interface ExpectedTarget {
  readonly name: string;
  readonly step: StepSketch;
  readonly journal: string;
  readonly files: readonly MadeFile[];
  /** Where its manifest lies, if it has one. */
  readonly manifest: string | undefined;
  readonly digest: string;
  /** Equal for equal work: a target that was done with it needs no run. */
  readonly signature: string;
  readonly producers: readonly string[];
  readonly releases: readonly string[];
  /** Where its files lie, `*` for what a result itself decides. */
  readonly places: readonly string[];
  /** Absolute paths of the files that no target makes. */
  readonly outside: readonly string[];
}

export function expectTargets(project: Project, graph: Graph): ReadonlyMap<string, ExpectedTarget> {
  const targets = new Map<string, ExpectedTarget>();
  for (let id = 0; id < graph.plan.targetCount; id += 1) {
    const target = expectTarget(id, { project, graph, targets });
    targets.set(target.name, target);
  }
  return targets;
}

function expectTarget(
  id: number,
  {
    project,
    graph,
    targets,
  }: { project: Project; graph: Graph; targets: ReadonlyMap<string, ExpectedTarget> },
): ExpectedTarget {
  const { plan } = graph;
  const located = locateTarget(plan, id);
  const step = project.steps[located.step.index];
  if (step === undefined) throw new RangeError(`no step ${located.step.name}`);
  const name = targetName(plan, id);
  const cell = cellOf(located.step, located.cell).variables;
  const variables = { ...cell, ...memberVariables(located.step, located.member) };
  const read: ReadFile[] = [];
  const inputs: Record<string, string> = {};
  const producers: string[] = [];
  forEachProducer(graph, id, (producer) => {
    const made = targets.get(targetName(plan, producer));
    if (made === undefined) throw new Error(`${name} comes before what it needs`);
    producers.push(made.name);
    inputs[made.name] = made.digest;
    read.push(...readFiles(made));
  });
  const outside: string[] = [];
  for (const { input, key, path, content } of outsideFiles(id, { project, graph, step })) {
    const sha256 = sha256Of(content);
    outside.push(path);
    inputs[`./${key}`] = sha256;
    read.push({ input, output: '', value: null, sha256 });
  }
  const releases: string[] = [];
  forEachReleased(graph, id, (released) => releases.push(targetName(plan, released)));
  const meaning = describeWork(step, { project, variables });
  const lookup = (variable: string): Scalar => variables[variable] ?? `{${variable}}`;
  const places = step.outputs.map((output) => ({
    name: output.name,
    path: expandTemplate(outputPath(step, output), lookup),
  }));
  const files = step.kind === 'release' ? [] : makeFiles(digestWork(meaning, read), places);
  const member = located.step.table.names[located.member] ?? '';
  const folder = name.split('@')[0]?.replace(':', '/') ?? '';
  const isOpen = step.outputs.some(({ kind }) => kind !== 'plain');
  const isListed = isOpen || files.length > MAX_ARTIFACTS_IN_TRACE;
  return {
    name,
    step,
    journal: located.step.table.journals[located.member] ?? '',
    files,
    manifest: isListed
      ? `audit/${member === '' ? folder : `${folder}/${member}`}.parquet`
      : undefined,
    digest: digestResult(files.map((file) => ({ ...file, sha256: sha256Of(file.content) }))),
    signature: canonicalJson([
      meaning,
      step.countsEngine ? project.engine : 0,
      step.kind === 'task' ? { ...cell } : {},
      step.outputs.map((output) => [output.name, output.kind, pathText(step, output, cell)]),
      inputs,
    ]),
    producers,
    releases,
    places: places.map(({ path }) => path.replace('{value}', '*')),
    outside,
  };
}

function pathText(
  step: StepSketch,
  output: StepSketch['outputs'][number],
  cell: Readonly<Record<string, Scalar>>,
): string {
  return expandTemplate(outputPath(step, output), (name) => cell[name] ?? `{${name}}`);
}

function readFiles({ name, files }: ExpectedTarget): readonly ReadFile[] {
  const input = name.split(/[:@]/)[0] ?? '';
  return files.map(({ output, value, content }) => {
    return { input, output, value, sha256: sha256Of(content) };
  });
}

interface OutsideContent {
  readonly input: string;
  readonly key: string;
  /** Absolute. */
  readonly path: string;
  readonly content: string;
}

function outsideFiles(
  id: number,
  { project, graph, step }: { project: Project; graph: Graph; step: StepSketch },
): readonly OutsideContent[] {
  const { step: planned, member } = locateTarget(graph.plan, id);
  const found: OutsideContent[] = [];
  const { each } = step;
  if (step.needs.length === 0 && each.kind !== 'once') {
    const source = project.sources.find(({ name }) => name === each.source);
    for (const index of planned.table.filesOf(member)) {
      const key = planned.table.listing?.files[index]?.key ?? '';
      const path = `${sourceFolder(each.source)}/${key}.txt`;
      found.push({ input: 'input', key, path, content: source?.files.get(`${key}.txt`) ?? '' });
    }
  }
  if (step.readsExtra) {
    const content = project.extra;
    found.push({ input: 'extra', key: 'extra.txt', path: EXTRA_PATH, content });
  }
  return found;
}

/** What the rule makes of its parameters, as the executor sees it. */
function describeWork(
  step: StepSketch,
  { project, variables }: { project: Project; variables: Readonly<Record<string, Scalar>> },
): readonly Json[] {
  const all: Readonly<Record<string, Scalar>> = { scale: project.scale, ...variables };
  const lookup = (name: string): Scalar => all[name] ?? `{${name}}`;
  switch (step.kind) {
    case 'sql': {
      const text = [...step.uses, 'mode'].map((name) => `$${name}`).join(' ');
      const values = [...step.uses.map((name) => String(lookup(name))), String(step.mode)];
      return [`SELECT ${text} ${ruleWords(step)}`, values];
    }
    case 'task': {
      const used: Record<string, Json> = {};
      for (const [name, value] of Object.entries(parameters(step))) {
        if (name !== 'interval') used[name] = expandTemplateValue(value, lookup);
      }
      const own = `code ${ruleWords(step)} -- ${step.form}`;
      const imported = `shared ${project.shared} import './shared.ts' ${own}`;
      const text = step.importsShared ? imported : own;
      return [step.hasVersion ? ruleWords(step) : text, used, variables];
    }
    case 'run':
      return [
        expandTemplate(command(step), (name) =>
          name === 'input' || name === 'output' ? '' : lookup(name),
        ),
      ];
    case 'release':
      return [step.releases];
  }
}
