// What became of every entry and row: the account of each step and cell, partition values, findings.
import { explainCount, explainCounted } from '../../reporter/quantity.ts';
import type { PartitionTable } from '../partition-table.ts';
import type { CellData, Report } from '../report.ts';
import { type Cell, type Column, dataTable } from './data-table.ts';
import { bytesCell, countCell, rareCell } from './figures.ts';
import { html, type Markup } from './markup.ts';

export function rowSection({ cells }: Report): Markup {
  const told = cells.filter(({ hasRows, accounts, files }) => hasRows || accounts > 0 || files > 0);
  const isCounted = told.some(({ accounts, rejects }) => accounts > 0 || rejects > 0);
  const account = isCounted
    ? html`<p>Where a step keeps account, its entries in are kept, dropped for a reason, or rejects.</p>`
    : undefined;
  return html`<section id="rows" aria-labelledby="rows-head">
<h2 id="rows-head">Rows</h2>
${account}
${dataTable({
  id: 'rows-table',
  caption: 'Of the results that are valid now, by step and table',
  columns: [
    { name: 'table', kind: 'text' },
    { name: 'targets', kind: 'number' },
    ...(isCounted ? ACCOUNT : []),
    { name: 'rows out', kind: 'number' },
    { name: 'files', kind: 'number' },
    { name: 'written', kind: 'number' },
    ...(isCounted ? [{ name: 'reasons of drops', kind: 'text' } as const] : []),
  ],
  rows: told.map((cell) => rowOf(cell, isCounted)),
  filterFrom: 20,
})}
</section>`;
}

const ACCOUNT = ['entries in', 'kept', 'dropped', 'rejects'].map((name): Column => {
  return { name, kind: 'number' };
});

function rowOf(cell: CellData, isCounted: boolean): readonly (Cell | string)[] {
  const { name, targets, drops, rows, hasRows, files, bytesOut } = cell;
  const reasons = drops.map(([reason, entries]) => `${reason} ${explainCount(entries)}`);
  return [
    { show: name },
    countCell(targets),
    ...(isCounted ? accountCells(cell) : []),
    countCell(hasRows ? rows : undefined),
    countCell(files),
    bytesCell(bytesOut),
    ...(isCounted ? [reasons.join(', ')] : []),
  ];
}

function accountCells({ accounts, entriesIn, kept, drops, rejects }: CellData): readonly Cell[] {
  const none = countCell(undefined);
  if (accounts === 0) return [none, none, none, rareCell(rejects)];
  const dropped = drops.reduce((sum, [, entries]) => sum + entries, 0);
  return [countCell(entriesIn), countCell(kept), rareCell(dropped), rareCell(rejects)];
}

export function partitionSection({ partitions }: Report): Markup | undefined {
  if (partitions.length === 0) return undefined;
  return html`<section id="values" aria-labelledby="values-head">
<h2 id="values-head">Partition values</h2>
${partitions.map(partition)}
</section>`;
}

/** Fewer values are seen in the table. */
const RANKED_FROM = 12;

function partition(table: PartitionTable, index: number): Markup {
  const { column, tables, values, more, unread } = table;
  const names = shortNames(tables);
  const most = values[0]?.total ?? 1;
  const notes = [
    more.values === 0
      ? ''
      : `${explainCounted(more.values, 'further value')} with ${explainCount(more.rows)} rows are not listed.`,
    unread === 0
      ? ''
      : `${explainCounted(unread, 'manifest')} could not be read and are not counted.`,
  ].join(' ');
  const ranks =
    values.length < RANKED_FROM
      ? undefined
      : html`
<figure class="chart" data-ranks="${index}"><figcaption>Rows of each ${column} by its rank</figcaption></figure>`;
  return html`<h3>${column}</h3>${ranks}
${dataTable({
  id: `values-${index}`,
  caption: `Rows per ${column} and table`,
  columns: [
    { name: column, kind: 'text' },
    { name: 'rows', kind: 'number' },
    ...names.map((name) => ({ name, kind: 'number' as const })),
    { name: 'files', kind: 'number' },
    { name: 'bytes', kind: 'number' },
  ],
  rows: values.map(({ value, total, rows, files, bytes }) => [
    { show: value },
    { ...countCell(total), bar: most === 0 ? 0 : total / most },
    ...rows.map(rareCell),
    countCell(files),
    bytesCell(bytes),
  ]),
})}${notes.trim() === '' ? undefined : html`<p class="note">${notes}</p>`}`;
}

/** Without the step where all are of the same. */
export function shortNames(tables: readonly string[]): readonly string[] {
  const steps = new Set(tables.map((name) => name.split(':')[0]));
  return steps.size === 1 ? tables.map((name) => name.slice(name.indexOf(':') + 1)) : tables;
}

export function findingSection({ findings }: Report): Markup | undefined {
  if (findings.length === 0) return undefined;
  return html`<section id="quality" aria-labelledby="quality-head">
<h2 id="quality-head">Quality</h2>
${dataTable({
  id: 'quality-table',
  caption: 'What rules of data quality found',
  columns: [
    { name: 'rule', kind: 'text' },
    { name: 'table', kind: 'text' },
    { name: 'kind', kind: 'text' },
    { name: 'rows', kind: 'number' },
    { name: 'that break it', kind: 'number' },
  ],
  rows: findings.map(({ rule, table, severity, rows, broken }) => [
    rule,
    table,
    severity,
    countCell(rows),
    rareCell(broken),
  ]),
})}
</section>`;
}
