// `pipeline graph`: the steps, what each is expanded over, and what they need. Needs no listing.
import type { Config, SourceConfig, StepConfig } from '../config/config.ts';
import { EXIT } from './exit-code.ts';
import { projectOptions, type RawOptions } from './options.ts';
import { openProject } from './project.ts';

export function graphCommand(
  raw: RawOptions & { readonly format: 'mermaid' | 'dot' | 'json' },
): number {
  const { config } = openProject(projectOptions(raw));
  process.stdout.write(`${draw(config, raw.format)}\n`);
  return EXIT.ok;
}

function draw(config: Config, format: 'mermaid' | 'dot' | 'json'): string {
  switch (format) {
    case 'mermaid':
      return drawMermaid(config);
    case 'dot':
      return drawDot(config);
    case 'json':
      return drawJson(config);
  }
}

/** Words of the notation, which cannot begin a node's name. Names of steps are small letters only. */
const MERMAID_WORD =
  /^(call|class|click|end|flowchart|graph|href|interpolate|style|subgraph)(?![a-z0-9_])/;

function drawMermaid(config: Config): string {
  const idOf = (name: string) => (MERMAID_WORD.test(name) ? name.toUpperCase() : name);
  const textOf = (lines: readonly string[]) => lines.join('<br>').replaceAll('"', '#quot;');
  const lines = ['flowchart LR'];
  for (const source of config.sources) {
    lines.push(`  source_${source.name}[("${textOf(describeSource(source, config))}")]`);
  }
  for (const step of config.steps) {
    lines.push(`  ${idOf(step.name)}["${textOf(describe(step))}"]`);
    for (const id of producersOf(step)) lines.push(`  ${idOf(id)} --> ${idOf(step.name)}`);
  }
  return lines.join('\n');
}

function drawDot(config: Config): string {
  const quote = (...lines: readonly string[]) =>
    `"${lines.map((line) => line.replaceAll(/["\\]/g, '\\$&')).join('\\n')}"`;
  const lines = [`digraph ${quote(config.name)} {`, '  rankdir=LR;', '  node [shape=box];'];
  for (const source of config.sources) {
    const label = quote(...describeSource(source, config));
    lines.push(`  ${quote(`source_${source.name}`)} [shape=cylinder, label=${label}];`);
  }
  for (const step of config.steps) {
    lines.push(`  ${quote(step.name)} [label=${quote(...describe(step))}];`);
    for (const id of producersOf(step)) lines.push(`  ${quote(id)} -> ${quote(step.name)};`);
  }
  return [...lines, '}'].join('\n');
}

function drawJson({ name, steps }: Config): string {
  const rows = steps.map((step) => ({
    step: step.name,
    ordinal: step.ordinal,
    kind: step.rule.kind,
    each: step.each,
    cells: step.cells.map((cell) => cell.name).filter((cell) => cell !== ''),
    needs: step.needs,
  }));
  return JSON.stringify({ pipeline: name, steps: rows }, null, 2);
}

/** The files as the pipeline says them, not where they happen to lie. */
function describeSource({ name, files }: SourceConfig, { root, work }: Config): readonly string[] {
  return [name, files.replace(`${work}/`, '{work}/').replace(`${root}/`, '')];
}

/** More cells than this are counted. */
const SHOWN_CELLS = 8;

function describe({ name, each, cells }: StepConfig): readonly string[] {
  const over = each.kind === 'once' ? 'once' : `each ${each.kind === 'file' ? 'file' : each.group}`;
  const names = cells.map((cell) => cell.name).filter((cell) => cell !== '');
  if (names.length === 0) return [name, over];
  const shown = names.length > SHOWN_CELLS ? `${names.length} cells` : names.join(', ');
  return [name, `${over} x ${shown}`];
}

function producersOf({ needs, each }: StepConfig): readonly string[] {
  if (needs.length > 0) return needs;
  return each.kind === 'once' ? [] : [`source_${each.source}`];
}
