// The table of all targets: names are made when they are asked for, and only the rows that are
// looked at are on the page.
import { elementOf, make } from './data.js';
import { bytesText, countText, durationText, timeText } from './quantity.js';
import { addSortButtons } from './tables.js';

const PAGE_ROWS = 100;

/** @typedef {import('./data.js').Targets} Targets */
/** @typedef {(id: number) => number | string | null} Value */
/** @typedef {{ name: string, kind: string, value: Value, show: (id: number) => string }} TargetColumn */

export class TargetTable {
  /** @param {Targets} targets @param {string[]} states */
  constructor(targets, states) {
    this.targets = targets;
    this.states = states;
    this.bases = basesOf(targets);
    /** @type {string[] | undefined} lower case, by id */
    this.names = undefined;
    /** @type {Uint32Array} those that match, in their order */
    this.ids = new Uint32Array();
    this.shown = 0;
    this.columns = this.makeColumns();
    this.table = /** @type {HTMLTableElement} */ (elementOf('targets-table'));
    this.more = elementOf('targets-more');
    this.sorted = { column: -1, isAscending: true };
  }

  /** Shows all and listens. */
  start() {
    const head = make(
      'tr',
      {},
      this.columns.map(({ name, kind }) => make('th', { scope: 'col', class: kind }, [name])),
    );
    this.table.tHead?.append(head);
    addSortButtons(this.table, (column, isAscending) => {
      this.sorted = { column, isAscending };
      this.update();
    });
    elementOf('targets-form').addEventListener('input', () => this.update());
    elementOf('targets-form').addEventListener('submit', (event) => event.preventDefault());
    this.more.addEventListener('click', () => this.showMore());
    for (const link of document.querySelectorAll('a[data-step]')) {
      link.addEventListener('click', () => this.selectStep(link.getAttribute('data-step') ?? ''));
    }
    this.update();
  }

  /** @param {string} name */
  selectStep(name) {
    const step = this.targets.steps.findIndex((each) => each.name === name);
    /** @type {HTMLSelectElement} */ (elementOf('targets-step')).value = String(step);
    this.update();
  }

  update() {
    const value = (/** @type {string} */ id) =>
      /** @type {HTMLInputElement | HTMLSelectElement} */ (elementOf(id)).value.trim();
    const [text, step, state] = [
      value('targets-text').toLowerCase(),
      value('targets-step'),
      value('targets-state'),
    ];
    const { states } = this.targets;
    const from = step === '' ? 0 : (this.bases[Number(step)] ?? 0);
    const to = step === '' ? states.length : (this.bases[Number(step) + 1] ?? states.length);
    const names = text === '' ? undefined : this.allNames();
    const found = [];
    for (let id = from; id < to; id += 1) {
      if (state !== '' && states[id] !== Number(state)) continue;
      if (names !== undefined && !names[id]?.includes(text)) continue;
      found.push(id);
    }
    this.ids = Uint32Array.from(found);
    this.sort();
    this.table.tBodies[0]?.replaceChildren();
    this.shown = 0;
    this.showMore();
  }

  sort() {
    const column = this.columns[this.sorted.column];
    if (column === undefined) return;
    const sign = this.sorted.isAscending ? 1 : -1;
    const { value } = column;
    this.ids.sort((a, b) => sign * compare(value(a), value(b)) || a - b);
  }

  showMore() {
    const some = this.ids.subarray(this.shown, this.shown + PAGE_ROWS);
    const rows = Array.from(some, (id) => this.rowOf(id));
    this.table.tBodies[0]?.append(...rows);
    this.shown += some.length;
    this.more.hidden = this.shown >= this.ids.length;
    const all = countText(this.ids.length);
    const text = this.more.hidden ? `${all} targets` : `${countText(this.shown)} of ${all} targets`;
    elementOf('targets-count').textContent = text;
  }

  /** @param {number} id */
  rowOf(id) {
    const cells = this.columns.map(({ kind, show }, index) => {
      if (index === 0)
        return make('th', { scope: 'row', class: kind }, [make('code', {}, [show(id)])]);
      const text = show(id);
      const mark =
        index === 1 ? [make('i', { class: `mark state-${text.replace(' ', '-')}` })] : [];
      return make('td', { class: kind }, [...mark, text]);
    });
    return make('tr', {}, cells);
  }

  allNames() {
    this.names ??= this.targets.states.map((_, id) => this.nameOf(id).toLowerCase());
    return this.names;
  }

  /** @param {number} id `process:claims@chunk_0-00001-of-00546` */
  nameOf(id) {
    const { steps, members } = this.targets;
    const index = this.bases.findLastIndex((base) => base <= id);
    const step = steps[Math.min(index, steps.length - 1)];
    if (step === undefined) return '';
    const names = members[step.table] ?? [];
    const offset = id - (this.bases[index] ?? 0);
    const cell = step.cells[Math.floor(offset / names.length)] ?? '';
    const member = names[offset % names.length] ?? '';
    return `${step.name}${cell === '' ? '' : `:${cell}`}${member === '' ? '' : `@${member}`}`;
  }

  /** @returns {TargetColumn[]} */
  makeColumns() {
    const {
      states,
      attempts,
      started,
      durationMs,
      rows,
      bytesIn,
      bytesOut,
      peakKib,
      worker,
      fromMs,
    } = this.targets;
    /** @type {(name: string, of: (number | null)[], text: (value: number) => string) => TargetColumn} */
    const figure = (name, of, text) => ({
      name,
      kind: 'number',
      value: (id) => of[id] ?? null,
      show: (id) => {
        const value = of[id];
        return value === null || value === undefined ? '–' : text(value);
      },
    });
    const state = (/** @type {number} */ id) => this.states[states[id] ?? 0] ?? '';
    return [
      { name: 'target', kind: 'text', value: (id) => id, show: (id) => this.nameOf(id) },
      { name: 'state', kind: 'text', value: state, show: state },
      figure('attempts', attempts, (count) => (count === 0 ? '–' : countText(count))),
      figure('started', started, (seconds) => timeText(new Date(fromMs + seconds * 1000))),
      figure('time', durationMs, durationText),
      figure('rows', rows, countText),
      figure('read', bytesIn, bytesText),
      figure('written', bytesOut, bytesText),
      figure('memory', peakKib, (kib) => (kib === 0 ? '–' : bytesText(kib * 1024))),
      figure('worker', worker, String),
    ];
  }
}

/** First id of each step, and the number of all. @param {Targets} targets */
function basesOf({ steps, members }) {
  const bases = [0];
  for (const { cells, table } of steps) {
    bases.push((bases.at(-1) ?? 0) + cells.length * (members[table]?.length ?? 0));
  }
  return bases;
}

/** What is not known comes last. @param {number | string | null} a @param {number | string | null} b */
function compare(a, b) {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
