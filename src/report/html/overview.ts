// The head of the page, what is most asked for, and the steps.
import { explainBytes, explainCount, explainDuration } from '../../reporter/quantity.ts';
import type { Report, RunData } from '../report.ts';
import { STATES } from '../shown-state.ts';
import { dataTable } from './data-table.ts';
import {
  bytesCell,
  countCell,
  durationCell,
  overText,
  rareCell,
  stateBar,
  stateMark,
  timeMarkup,
} from './figures.ts';
import { html, type Markup } from './markup.ts';
import { stepGraph } from './step-graph.ts';

export function pageHead(report: Report): Markup {
  const { pipeline, profile, work, madeAtMs, running } = report;
  const notice =
    running === undefined
      ? undefined
      : html`<p class="notice"><b>Running:</b> ${running}. The page shows that moment.</p>`;
  return html`<header class="top">
<h1>${pipeline}</h1>
<p class="where">profile <b>${profile}</b> · ${work} · as of ${timeMarkup(madeAtMs)}</p>
${notice}
</header>`;
}

export function overview(report: Report): Markup {
  const { states, targets } = report;
  const legend = STATES.map((state, index) => {
    const count = states[index] ?? 0;
    const number = html`<b data-state="${state}">${explainCount(count)}</b>`;
    return html`<li class="${count === 0 ? 'none' : undefined}">${stateMark(state)}${number} ${state}</li>`;
  });
  const total = targets.states.length;
  return html`<section id="overview" aria-labelledby="overview-head">
<h2 id="overview-head">Overview</h2>
<p class="lead"><b data-figure="targets">${explainCount(total)}</b> ${total === 1 ? 'target' : 'targets'}</p>
${stateBar(states)}
<ul class="legend">${legend}</ul>
<dl class="figures">${figures(report)}</dl>
</section>`;
}

function figures(report: Report): readonly Markup[] {
  const { runs, sources, datasets, steps, failures } = report;
  const [last] = runs;
  const workMs = steps.reduce((sum, { time }) => sum + (time?.totalMs ?? 0), 0);
  const taken = sources.flatMap(({ taken: each }) => each);
  const sum = (bytes: readonly { readonly bytes: number }[]) =>
    bytes.reduce((total, each) => total + each.bytes, 0);
  const peak = steps.reduce((most, { peakBytes }) => Math.max(most, peakBytes), 0);
  const freed = steps.reduce((total, { bytesFreed }) => total + bytesFreed, 0);
  const known: readonly (readonly [string, string] | undefined)[] = [
    last && [last.end === 'at work' ? 'run at work' : 'last run', runText(last)],
    ['runs that did something', explainCount(runs.length)],
    workMs > 0 ? ['work in the results', explainDuration(workMs)] : undefined,
    taken.length > 0 ? ['read from sources', explainBytes(sum(taken))] : undefined,
    datasets.length > 0 ? ['in datasets', explainBytes(sum(datasets))] : undefined,
    freed > 0 ? ['freed again', explainBytes(freed)] : undefined,
    peak > 0 ? ['largest target in memory', explainBytes(peak)] : undefined,
    failures.total > 0 ? ['failed targets', explainCount(failures.total)] : undefined,
  ];
  return known.flatMap((figure) =>
    figure === undefined ? [] : [html`<div><dt>${figure[0]}</dt><dd>${figure[1]}</dd></div>`],
  );
}

function runText({ startedMs, endedMs, end }: RunData): string {
  const took = explainDuration(endedMs - startedMs);
  return end === 'none' ? `${took}, no end` : took;
}

export function stepSection(report: Report): Markup {
  const rows = report.steps.map((step) => [
    { show: step.name },
    overText(step),
    countCell(step.targets),
    ...STATES.map((_, index) => rareCell(step.states[index] ?? 0)),
    countCell(step.rows),
    bytesCell(step.bytesOut),
    durationCell(step.time?.medianMs),
    durationCell(step.time?.maxMs),
    durationCell(step.time?.totalMs),
    bytesCell(step.peakBytes === 0 ? undefined : step.peakBytes),
  ]);
  return html`<section id="steps" aria-labelledby="steps-head">
<h2 id="steps-head">Steps</h2>
${stepGraph(report)}
${dataTable({
  id: 'steps-table',
  caption: 'Steps: targets by state, and what their valid results took',
  columns: [
    { name: 'step', kind: 'text' },
    { name: 'each', kind: 'text' },
    { name: 'targets', kind: 'number' },
    ...STATES.map((name) => ({ name, kind: 'number' as const })),
    { name: 'rows', kind: 'number' },
    { name: 'written', kind: 'number', title: 'bytes of all outputs, freed or not' },
    { name: 'median', kind: 'number', title: 'time of a target' },
    { name: 'longest', kind: 'number', title: 'time of a target' },
    { name: 'together', kind: 'number', title: 'time of all targets' },
    { name: 'memory', kind: 'number', title: 'the largest peak of a target' },
  ],
  rows,
})}
</section>`;
}
