// How far each group is in each step: a table whose cells say it in words, bars and a tint.
import { explainCount } from '../../reporter/quantity.ts';
import type { Counts, Report } from '../report.ts';
import { STATES } from '../shown-state.ts';
import { type Cell, dataTable } from './data-table.ts';
import { explainStates, stateBar } from './figures.ts';
import { html, type Markup } from './markup.ts';

export function groupSection({ matrix, steps }: Report): Markup | undefined {
  if (matrix === undefined) return undefined;
  const { kind, rows, more } = matrix;
  const beyond =
    more === 0 ? undefined : html`<p>… and ${explainCount(more)} more, which are not shown.</p>`;
  return html`<section id="groups" aria-labelledby="groups-head">
<h2 id="groups-head">Groups</h2>
${dataTable({
  id: 'groups-table',
  caption: `Done targets of all, per ${kind} and step`,
  columns: [
    { name: kind, kind: 'text' },
    ...steps.map(({ name }) => ({ name, kind: 'number' as const })),
  ],
  rows: rows.map(({ group, steps: counts }) => [{ show: group }, ...counts.map(groupCell)]),
})}${beyond}
</section>`;
}

function groupCell(counts: Counts): Cell {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return { show: html`<span class="none">–</span>`, value: -1 };
  const done = counts[STATES.indexOf('done')] ?? 0;
  const others = counts.map((count, index) => (STATES[index] === 'done' ? 0 : count));
  const isAllTodo = counts[STATES.indexOf('to do')] === total;
  const words =
    done === total || isAllTodo
      ? undefined
      : html`<span class="others">${explainStates(others)}</span>`;
  return {
    show: html`<span class="share">${explainCount(done)}/${explainCount(total)}</span>${stateBar(counts)}${words}`,
    value: done / total,
  };
}
