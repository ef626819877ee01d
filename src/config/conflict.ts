// Compares steps with each other: outputs that are one path, a file that would also be a folder,
// outside inputs that are really another step's output, and steps that write into a source. Paths
// that can only be told apart by the files of a source are compared once these are listed.
import type { Diagnostic } from '../diagnostic.ts';
import { staticFolder } from '../glob.ts';
import type { Cell, OutputConfig, SourceConfig, StepConfig, Template } from './config.ts';
import type { Report } from './document.ts';
import { pathWithin } from './site.ts';
import { expandTemplate, showTemplate, substituteTemplate, templateVariables } from './template.ts';

/** One output of one cell, its member variables still open. */
interface CellOutput {
  readonly step: StepConfig;
  readonly cell: Cell;
  readonly output: OutputConfig;
  readonly path: Template;
}

interface Surroundings {
  readonly sources: readonly SourceConfig[];
  /** The absolute work folder. */
  readonly work: string;
  readonly report: Report;
}

/** Reports the conflicts among the steps, and of steps with sources. */
export function checkConflicts(steps: readonly StepConfig[], surroundings: Surroundings): void {
  const outputs = steps.flatMap(cellOutputs);
  checkOutputs(outputs, surroundings.report);
  checkSources(outputs, surroundings);
  for (const step of steps) checkInputs(step, { ...surroundings, steps, outputs });
}

function cellOutputs(step: StepConfig): readonly CellOutput[] {
  return step.outputs.flatMap((output) =>
    step.cells.map((cell) => {
      const path = substituteTemplate(output.path, (name) => cell.variables[name]);
      return { step, cell, output, path };
    }),
  );
}

function checkOutputs(outputs: readonly CellOutput[], report: Report): void {
  const firsts = new Map<string, CellOutput>();
  const reported = new Set<OutputConfig>();
  for (const one of outputs) {
    const key = pathKey(one);
    const first = firsts.get(key);
    if (first === undefined) {
      firsts.set(key, one);
    } else if (!reported.has(one.output)) {
      reported.add(one.output);
      report({ ...describeTwins(first, one), code: 'duplicate-output', severity: 'error' });
    }
  }
  for (const [key, one] of firsts) {
    const folder = foldersOf(key).find((path) => firsts.has(path));
    const file = folder === undefined ? undefined : firsts.get(folder);
    if (file === undefined || reported.has(one.output)) continue;
    reported.add(one.output);
    const owner = `The output "${showTemplate(one.path)}" of step "${one.step.name}"`;
    const message = `${owner} lies in a folder that step "${file.step.name}" makes as a file.`;
    report({ code: 'duplicate-output', severity: 'error', message, at: one.output.at });
  }
}

/** The same text of members of different sources is not yet the same path. */
function pathKey({ step, path }: CellOutput): string {
  const isFixed = templateVariables(path).every((name) => name === 'value');
  const source = isFixed || step.each.kind === 'once' ? '' : step.each.source;
  return `${source}:${showTemplate(path)}`;
}

function foldersOf(path: string): readonly string[] {
  const segments = path.split('/');
  return segments.slice(1).map((_, index) => segments.slice(0, index + 1).join('/'));
}

function describeTwins(
  first: CellOutput,
  second: CellOutput,
): Pick<Diagnostic, 'message' | 'at' | 'hint'> {
  const path = `"${showTemplate(second.path)}"`;
  const { at } = second.output;
  if (first.step !== second.step) {
    const message = `Steps "${first.step.name}" and "${second.step.name}" both write ${path}.`;
    const hint = `the other is in line ${first.output.at.line}: give each step a folder of its own`;
    return { message, at, hint };
  }
  if (first.cell !== second.cell) {
    const cells = `The cells "${first.cell.name}" and "${second.cell.name}"`;
    const message = `${cells} of step "${second.step.name}" both write ${path}.`;
    const names = Object.keys(second.cell.dimensions).map((name) => `{${name}}`);
    return { message, at, hint: `put ${names.join(' and ')} into the path` };
  }
  const names = `"${first.output.name}" and "${second.output.name}"`;
  const message = `The outputs ${names} of step "${second.step.name}" are both ${path}.`;
  return { message, at };
}

/** A source is listed before anything runs, so that no step can make its files. */
function checkSources(
  outputs: readonly CellOutput[],
  { sources, work, report }: Surroundings,
): void {
  for (const source of sources) {
    if (source.kind === 'hub') continue;
    const folder = pathWithin(work, `${staticFolder(source.files)}/`);
    if (folder === undefined) continue;
    const maker = outputs.find(({ path }) => String(path[0]).startsWith(folder));
    if (maker === undefined) continue;
    const owner = `The step "${maker.step.name}"`;
    const message = `${owner} writes into "${folder}", the folder of the source "${source.name}".`;
    const hint = 'a source is listed before anything runs: let the step write elsewhere';
    const { at } = maker.output;
    report({ code: 'duplicate-output', severity: 'error', message, at, hint });
  }
}

function checkInputs(
  step: StepConfig,
  {
    steps,
    outputs,
    sources,
    work,
    report,
  }: Surroundings & { steps: readonly StepConfig[]; outputs: readonly CellOutput[] },
): void {
  const upstream = upstreamOf(step, steps);
  for (const input of step.inputs) {
    const paths = step.cells.map((cell) =>
      expandTemplate(input.path, (name) => cell.variables[name] ?? '_'),
    );
    const relative = paths.flatMap((path) => pathWithin(work, path) ?? []);
    const makers = outputs.filter((output) => relative.some((path) => couldMake(output, path)));
    const maker = makers.find((output) => !upstream.has(output.step.name));
    const isSeeded = sources.some(
      (source) =>
        source.kind === 'local' &&
        source.seed !== undefined &&
        paths.every((path) => pathWithin(staticFolder(source.files), path) !== undefined),
    );
    if (relative.length === 0 || isSeeded || (makers.length > 0 && maker === undefined)) continue;
    const owner = `The input "${input.name}" of step "${step.name}"`;
    const message =
      maker === undefined
        ? `${owner} lies in the work folder, but no step makes it.`
        : `${owner} is what step "${maker.step.name}" makes, but the step does not need it.`;
    const hint =
      maker === undefined ? 'inputs are files from outside' : `add "needs: ${maker.step.name}"`;
    report({ code: 'input-without-needs', severity: 'error', message, at: input.at, hint });
  }
}

/** All steps that must be done before this one. */
function upstreamOf(step: StepConfig, steps: readonly StepConfig[]): ReadonlySet<string> {
  const upstream = new Set<string>();
  const waiting = [...step.needs];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (upstream.has(name)) continue;
    upstream.add(name);
    waiting.push(...(steps.find((other) => other.name === name)?.needs ?? []));
  }
  return upstream;
}

/** Whether some member could give the output this path. */
function couldMake({ path }: CellOutput, candidate: string): boolean {
  const expression = path.map((part) =>
    typeof part === 'string' ? RegExp.escape(part).replaceAll('\\*', '[^/]*') : '[^/]+',
  );
  return new RegExp(`^${expression.join('')}$`).test(candidate);
}
