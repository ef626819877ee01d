// The graph of steps as a drawing, laid out when the page is written. Each step leads to its targets.
import { explainBytes, explainCount } from '../../reporter/quantity.ts';
import { type GraphNode, layOutGraph, type PlacedEdge } from '../graph-layout.ts';
import type { Counts, Report, SourceData, StepData } from '../report.ts';
import { STATES } from '../shown-state.ts';
import { explainStates, overText, stateClass } from './figures.ts';
import { html, type Markup } from './markup.ts';

const SIZE = { width: 138, height: 80, gapX: 26, gapY: 16 };
const MARGIN = 2;
const PADDING = 10;
/** Letters that fit into a box. */
const NAME_LENGTH = 15;
const SMALL_LENGTH = 19;

export function stepGraph({ steps, sources }: Report): Markup {
  const nodes: readonly GraphNode[] = [
    ...sources.map(({ name }) => ({ id: `source ${name}`, needs: [] })),
    ...steps.map((step) => ({
      id: step.name,
      needs: [
        ...step.needs.flatMap((need) => steps[need]?.name ?? []),
        ...step.sources.map((name) => `source ${name}`),
      ],
    })),
  ];
  const { width, height, nodes: placed, edges } = layOutGraph(nodes, SIZE);
  const [full, tall] = [width + 2 * MARGIN, height + 2 * MARGIN];
  const boxes = placed.map(({ id, x, y }) => {
    const step = steps.find(({ name }) => name === id);
    const source = sources.find(({ name }) => `source ${name}` === id);
    const box = step === undefined ? source && sourceBox(source) : stepBox(step);
    return html`<g transform="translate(${x + MARGIN} ${y + MARGIN})">${box}</g>`;
  });
  return html`<div class="scroll graph" role="region" tabindex="0" aria-label="Graph of the steps">
<svg role="group" aria-label="Steps and what they need" viewBox="0 0 ${full} ${tall}"
width="${full}" height="${tall}" style="min-width:${Math.round(full * 0.78)}px">
<g class="edges" aria-hidden="true">${edges.map(edgeLine)}</g>
${boxes}</svg></div>`;
}

function edgeLine({ points }: PlacedEdge): Markup {
  const [first, ...rest] = points.map(({ x, y }) => ({ x: x + MARGIN, y: y + MARGIN }));
  if (first === undefined) return html``;
  let path = `M${first.x} ${first.y}`;
  let at = first;
  for (const point of rest) {
    const middle = (at.x + point.x) / 2;
    path += `C${middle} ${at.y} ${middle} ${point.y} ${point.x} ${point.y}`;
    at = point;
  }
  return html`<path d="${path}"/>`;
}

function stepBox(step: StepData): Markup {
  const { name, states, targets } = step;
  const over = overText(step);
  const done = states[STATES.indexOf('done')] ?? 0;
  return html`<title>${explainStates(states)}</title><a href="#targets" data-step="${name}">
<rect class="box" width="${SIZE.width}" height="${SIZE.height}" rx="4"/>
<text class="name" x="${PADDING}" y="20">${shorten(name, NAME_LENGTH)}</text>
<text class="small" x="${PADDING}" y="35">${shorten(over, SMALL_LENGTH)}</text>
<text class="small" x="${PADDING}" y="49">${explainCount(done)} of ${explainCount(targets)}</text>
<text class="small" x="${PADDING}" y="63">${otherThanDone(states)}</text>
${bar(states, targets)}</a>`;
}

/** What needs attention most. */
function otherThanDone(states: Counts): string {
  const worst = (['failed', 'running', 'stale'] as const).find(
    (state) => (states[STATES.indexOf(state)] ?? 0) > 0,
  );
  return worst === undefined ? '' : `${explainCount(states[STATES.indexOf(worst)] ?? 0)} ${worst}`;
}

function bar(states: Counts, targets: number): Markup {
  const full = SIZE.width - 2 * PADDING;
  let x = PADDING;
  const pieces = STATES.map((state, index) => {
    const width = targets === 0 ? 0 : ((states[index] ?? 0) / targets) * full;
    if (width === 0) return undefined;
    const place = html`x="${x.toFixed(2)}" y="69" width="${width.toFixed(2)}" height="5"`;
    const piece = html`<rect class="${stateClass(state)}" ${place}/>`;
    x += width;
    return piece;
  });
  return html`${pieces}`;
}

function sourceBox({ name, files, bytes, where }: SourceData): Markup {
  return html`<title>${where}</title><rect class="box source" width="${SIZE.width}" height="${SIZE.height}" rx="4"/>
<text class="name" x="${PADDING}" y="20">${shorten(name, NAME_LENGTH)}</text>
<text class="small" x="${PADDING}" y="35">${shorten(where, SMALL_LENGTH)}</text>
<text class="small" x="${PADDING}" y="49">${explainCount(files)} files, ${explainBytes(bytes)}</text>`;
}

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
