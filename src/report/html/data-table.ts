// Real HTML tables that the page's script makes sortable and filterable; without it they are whole
// and in their order.
import { type Content, html, type Markup } from './markup.ts';

export interface Column {
  readonly name: string;
  readonly kind: 'text' | 'number';
  /** A word more, for who wonders. */
  readonly title?: string;
}

export interface Cell {
  readonly show: Content;
  /** What it is sorted by: the number behind `1.2 MB`. */
  readonly value?: number;
  /** 0 to 1: a bar behind the text. */
  readonly bar?: number;
}

export interface DataTable {
  /** Also the base of the ids that it needs. */
  readonly id: string;
  readonly caption: string;
  readonly columns: readonly Column[];
  /** The first cell of a row is its head. */
  readonly rows: readonly (readonly (Cell | string)[])[];
  /** Rows from which a field to filter by is worth its place. */
  readonly filterFrom?: number;
}

const FILTER_FROM = 12;

export function dataTable(table: DataTable): Markup {
  const { id, caption, columns, rows, filterFrom = FILTER_FROM } = table;
  const filter = html`<p class="filter" hidden><label for="${id}-filter">Filter</label>
<input type="search" id="${id}-filter" data-table="${id}" autocomplete="off" spellcheck="false">
<output id="${id}-count" for="${id}-filter" aria-live="polite"></output></p>`;
  return html`${rows.length < filterFrom ? undefined : filter}
<div class="scroll" role="region" tabindex="0" aria-labelledby="${id}-caption">
<table id="${id}" class="data">
<caption><span id="${id}-caption">${caption}</span></caption>
<thead><tr>${columns.map(headCell)}</tr></thead>
<tbody>${rows.map(
    (row) => html`<tr>${row.map((cell, index) => bodyCell(cell, { columns, index }))}</tr>
`,
  )}</tbody>
</table></div>`;
}

function headCell({ name, kind, title }: Column): Markup {
  const attributes = title === undefined ? undefined : html` title="${title}"`;
  return html`<th scope="col" class="${kind}"${attributes}>${name}</th>`;
}

function bodyCell(
  cell: Cell | string,
  { columns, index }: { readonly columns: readonly Column[]; readonly index: number },
): Markup {
  const kind = columns[index]?.kind ?? 'text';
  const { show, value, bar } = typeof cell === 'string' ? { show: cell } : cell;
  const sorted = value === undefined ? undefined : html` data-value="${value}"`;
  const style = bar === undefined ? undefined : html` style="--bar:${(bar * 100).toFixed(1)}%"`;
  const name = bar === undefined ? kind : `${kind} bar`;
  if (index === 0) return html`<th scope="row" class="${name}"${sorted}>${show}</th>`;
  return html`<td class="${name}"${sorted}${style}>${show}</td>`;
}
