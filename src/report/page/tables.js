// Makes tables sortable by a click on a column's head and filterable by a text.
import { countText } from './quantity.js';

/** All that are on the page already. */
export function improveTables() {
  for (const table of document.querySelectorAll('table.data')) {
    if (table instanceof HTMLTableElement && table.tBodies[0]?.rows.length) makeSortable(table);
  }
  for (const field of document.querySelectorAll('input[data-table]')) {
    if (field instanceof HTMLInputElement) makeFilter(field);
  }
}

/** @param {HTMLTableElement} table */
export function makeSortable(table) {
  const body = table.tBodies[0];
  if (body === undefined || body.rows.length < 2) return;
  addSortButtons(table, (column, isAscending) => {
    const sign = isAscending ? 1 : -1;
    const rows = [...body.rows].map((row) => ({ row, cell: row.cells[column] }));
    rows.sort((a, b) => sign * compareCells(a.cell, b.cell));
    body.append(...rows.map(({ row }) => row));
  });
}

/**
 * @param {HTMLTableElement} table
 * @param {(column: number, isAscending: boolean) => void} sort
 */
export function addSortButtons(table, sort) {
  const heads = [...(table.tHead?.rows[0]?.cells ?? [])];
  for (const [column, head] of heads.entries()) {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      const before = head.getAttribute('aria-sort');
      const isNumber = head.classList.contains('number');
      const isAscending = before === null ? !isNumber : before === 'descending';
      for (const other of heads) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', isAscending ? 'ascending' : 'descending');
      sort(column, isAscending);
    });
  }
}

/** @param {HTMLTableCellElement | undefined} a @param {HTMLTableCellElement | undefined} b */
function compareCells(a, b) {
  const [first, second] = [a?.dataset['value'], b?.dataset['value']];
  if (first !== undefined && second !== undefined) return Number(first) - Number(second);
  return (a?.textContent ?? '').localeCompare(b?.textContent ?? '', 'en', { numeric: true });
}

/** @param {HTMLInputElement} field */
function makeFilter(field) {
  const table = document.getElementById(field.dataset['table'] ?? '');
  const count = document.getElementById(`${field.dataset['table']}-count`);
  if (!(table instanceof HTMLTableElement)) return;
  const body = table.tBodies[0];
  if (field.parentElement !== null) field.parentElement.hidden = false;
  field.addEventListener('input', () => {
    const wanted = field.value.trim().toLowerCase();
    let shown = 0;
    for (const row of body?.rows ?? []) {
      row.hidden = !(row.textContent ?? '').toLowerCase().includes(wanted);
      if (!row.hidden) shown += 1;
    }
    const all = countText(body?.rows.length ?? 0);
    if (count !== null) count.textContent = wanted === '' ? '' : `${countText(shown)} of ${all}`;
  });
}
