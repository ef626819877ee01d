// Places for what the page's script draws over the time of a run, and the table of runs.
import type { Report, RunData } from '../report.ts';
import type { Lane } from '../run-series.ts';
import { dataTable } from './data-table.ts';
import { bytesCell, countCell, durationCell, rareCell, timeCell } from './figures.ts';
import { html, type Markup } from './markup.ts';

export function timeSection({ runs, steps }: Report): Markup | undefined {
  const drawn = runs.flatMap((run, index) => (run.series === undefined ? [] : [{ run, index }]));
  if (drawn.length === 0) return undefined;
  const options = drawn.map(
    ({ run, index }) => html`<option value="${index}">${optionText(run)}</option>`,
  );
  const swatches = steps.map(
    ({ name }, index) => html`<li><i class="swatch" data-color="${index}"></i>${name}</li>`,
  );
  const isUnplanned = drawn.some(({ run }) => run.series?.lanes.some(hasUnplanned));
  const unplanned = html`<li><i class="swatch" data-color="-1"></i>not in the plan (such as a seed)</li>`;
  return html`<section id="time" aria-labelledby="time-head">
<h2 id="time-head">Over time</h2>
<p class="choice"><label for="run-choice">Run</label> <select id="run-choice">${options}</select></p>
<p class="hint" id="time-hint">Drag to zoom, double-click for all. With the keyboard: Tab to a chart,
← → move, + − zoom, Esc shows all.</p>
<output id="time-readout" class="readout" aria-live="polite"></output>
<figure class="chart" data-chart="workers"><figcaption>Targets per worker</figcaption></figure>
<ul class="legend swatches">${swatches}${isUnplanned ? unplanned : undefined}</ul>
<div class="charts">
<figure class="chart" data-chart="targets"><figcaption>Targets per second</figcaption></figure>
<figure class="chart" data-chart="rows"><figcaption>Rows per second</figcaption></figure>
<figure class="chart" data-chart="bytes"><figcaption>Bytes per second</figcaption></figure>
<figure class="chart" data-chart="memory"><figcaption>Memory</figcaption></figure>
</div>
<details class="numbers"><summary>The same as numbers</summary><div id="time-tables"></div></details>
<noscript><p>Charts need JavaScript; the tables do not.</p></noscript>
</section>`;
}

function hasUnplanned({ stretches }: Lane): boolean {
  return stretches.some((step, index) => index % 3 === 2 && step < 0);
}

function optionText({ startedMs, counts, command }: RunData): string {
  const when = new Date(startedMs).toISOString().slice(0, 16).replace('T', ' ');
  return `${when} UTC, ${counts.done} done${counts.failed === 0 ? '' : `, ${counts.failed} failed`}: ${command}`;
}

export function runSection({ runs }: Report): Markup {
  return html`<section id="runs" aria-labelledby="runs-head">
<h2 id="runs-head">Runs</h2>
${dataTable({
  id: 'runs-table',
  caption: 'Runs that did something, the last first; attempts by how they ended',
  columns: [
    { name: 'started', kind: 'text' },
    { name: 'time', kind: 'number' },
    { name: 'done', kind: 'number' },
    { name: 'failed', kind: 'number', title: 'attempts, also those that were tried again' },
    { name: 'interrupted', kind: 'number' },
    { name: 'not ended', kind: 'number' },
    {
      name: 'not made here',
      kind: 'number',
      title: 'accepted, or taken from datasets and outputs',
    },
    { name: 'rows', kind: 'number' },
    { name: 'written', kind: 'number' },
    { name: 'end', kind: 'text' },
    { name: 'command', kind: 'text' },
  ],
  rows: runs.map(({ startedMs, endedMs, end, counts, rows, bytesOut, command }) => [
    timeCell(startedMs),
    durationCell(endedMs - startedMs),
    rareCell(counts.done),
    rareCell(counts.failed),
    rareCell(counts.interrupted),
    rareCell(counts.unended),
    rareCell(counts.accepted + counts.inferred),
    countCell(rows),
    bytesCell(bytesOut),
    end === 'none' ? 'none recorded' : end,
    { show: html`<code>${command}</code>` },
  ]),
})}
</section>`;
}
