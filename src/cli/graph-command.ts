// `pipeline graph`: the steps, what each is expanded over, and what they need. Needs no listing.
import type { Config, StepConfig } from '../config/config.ts';
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

function drawMermaid({ sources, steps }: Config): string {
  const lines = ['flowchart LR'];
  for (const { name, files } of sources) lines.push(`  source_${name}[("${name}<br>${files}")]`);
  for (const step of steps) {
    lines.push(`  ${step.name}["${describe(step).join('<br>')}"]`);
    for (const need of producersOf(step)) lines.push(`  ${need.id} --> ${step.name}`);
  }
  return lines.join('\n');
}

function drawDot({ name, sources, steps }: Config): string {
  const lines = [`digraph "${name}" {`, '  rankdir=LR;', '  node [shape=box];'];
  for (const source of sources) lines.push(`  "source_${source.name}" [shape=cylinder];`);
  for (const step of steps) {
    lines.push(`  "${step.name}" [label="${describe(step).join('\\n')}"];`);
    for (const need of producersOf(step)) lines.push(`  "${need.id}" -> "${step.name}";`);
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

function describe({ name, each, cells }: StepConfig): readonly string[] {
  const over = each.kind === 'once' ? 'once' : `each ${each.kind === 'file' ? 'file' : each.group}`;
  const names = cells.map((cell) => cell.name).filter((cell) => cell !== '');
  return [name, names.length === 0 ? over : `${over} x ${names.join(', ')}`];
}

function producersOf(step: StepConfig): readonly { readonly id: string }[] {
  if (step.needs.length > 0) return step.needs.map((id) => ({ id }));
  return step.each.kind === 'once' ? [] : [{ id: `source_${step.each.source}` }];
}
