// What went wrong, with the ends of the logs, and what took longest.
import { explainCount, explainCounted } from '../../reporter/quantity.ts';
import type { FailureData, Report } from '../report.ts';
import { dataTable } from './data-table.ts';
import { bytesCell, countCell, durationCell, timeMarkup } from './figures.ts';
import { html, type Markup } from './markup.ts';

export function failureSection({ failures }: Report): Markup {
  const { total, byCode, shown } = failures;
  const codes = byCode.map(
    ([code, count]) => html`<li><code>${code}</code> <b>${explainCount(count)}</b></li>`,
  );
  const more =
    total > shown.length
      ? html`<p>… and ${explainCount(total - shown.length)} more: the table of targets has them all.</p>`
      : undefined;
  const none = html`<p>Nothing failed that did not succeed since.</p>`;
  return html`<section id="failures" aria-labelledby="failures-head">
<h2 id="failures-head">Failures</h2>
${total === 0 ? none : html`<p>${explainCounted(total, 'target')} failed.</p><ul class="codes">${codes}</ul>`}
${shown.map(failureDetails)}${more}
</section>`;
}

function failureDetails(failure: FailureData['shown'][number], index: number): Markup {
  const { target, code, message, hint, attempt, atMs, log, logEnd } = failure;
  const end =
    logEnd === ''
      ? html`<p>It has left no log.</p>`
      : html`<p>The end of <code>${log}</code>:</p>
<pre tabindex="0" role="region" aria-label="End of the log of ${target}">${logEnd}</pre>`;
  return html`<details class="failure"${index === 0 ? html` open` : undefined}>
<summary><b class="target">${target}</b> <code>${code}</code> <span>${message}</span></summary>
<p>Attempt ${attempt}, ended ${timeMarkup(atMs)}.${hint === undefined ? undefined : html` ${hint}`}</p>
${end}</details>`;
}

export function slowSection({ slowest, targets, steps }: Report): Markup {
  const longest = targets.durationMs[slowest[0]?.id ?? -1] ?? 1;
  return html`<section id="slowest" aria-labelledby="slowest-head">
<h2 id="slowest-head">Slowest targets</h2>
${dataTable({
  id: 'slowest-table',
  caption: `The ${slowest.length} targets whose last attempt took longest`,
  columns: [
    { name: 'target', kind: 'text' },
    { name: 'step', kind: 'text' },
    { name: 'time', kind: 'number' },
    { name: 'rows', kind: 'number' },
    { name: 'read', kind: 'number' },
    { name: 'written', kind: 'number' },
    { name: 'memory', kind: 'number' },
  ],
  rows: slowest.map(({ id, target, step }) => {
    const durationMs = targets.durationMs[id] ?? 0;
    const known = (column: Float64Array) => {
      const value = column[id] ?? Number.NaN;
      return Number.isNaN(value) ? undefined : value;
    };
    return [
      { show: html`<code>${target}</code>` },
      steps[step]?.name ?? '',
      { ...durationCell(durationMs), bar: longest === 0 ? 0 : durationMs / longest },
      countCell(known(targets.rows)),
      bytesCell(known(targets.bytesIn)),
      bytesCell(known(targets.bytesOut)),
      bytesCell(known(targets.peakBytes) || undefined),
    ];
  }),
})}
</section>`;
}
