// The charts over the time of one run, with one cursor and one zoom, and the same as tables.
import { axisStyle, color, drawChart, timeAxis } from './chart.js';
import { elementOf, make } from './data.js';
import { drawLanes } from './lanes.js';
import { bytesText, countText, durationText, momentText, roughText, timeText } from './quantity.js';
import { makeSortable } from './tables.js';

/** @typedef {import('./data.js').Series} Series */
/** @typedef {{ name: string, color: string, values: number[] }} Line */
/** @typedef {(value: number) => string} ToText */
/** @typedef {{ chart: string, title: string, lines: Line[], axis: ToText, text: ToText }} TimeChart */

const CHART_HEIGHT = 150;

/** @param {Series} series @param {string[]} steps */
export function drawRun(series, steps) {
  const readout = elementOf('time-readout');
  readout.textContent = '';
  /** @type {import('uplot')[]} */
  const plots = [];
  const shared = { readout, together: () => plots };
  const x = Array.from(
    { length: series.targets.length + 1 },
    (_, piece) => (series.fromMs + piece * series.widthMs) / 1000,
  );
  const figure = (/** @type {string} */ name) => document.querySelector(`[data-chart="${name}"]`);
  const lanes = figure('workers');
  if (lanes !== null) plots.push(drawLanes(lanes, { series, steps, x, shared }));
  for (const chart of chartsOf(series)) {
    const place = figure(chart.chart);
    if (place !== null && !tellNothing(place, chart))
      plots.push(drawLines(place, { chart, x, widthMs: series.widthMs, shared }));
  }
  elementOf('time-tables').replaceChildren(laneTable(series), pieceTable(series));
}

/** Whether there is nothing to draw, which is said instead. @param {Element} figure @param {TimeChart} chart */
function tellNothing(figure, { title, lines }) {
  figure.querySelector('.note')?.remove();
  if (lines.some(({ values }) => values.some((value) => value > 0))) return false;
  figure.querySelector('.plot')?.remove();
  figure.querySelector('figcaption')?.replaceChildren(title);
  figure.append(make('p', { class: 'note' }, ['Nothing is recorded.']));
  return true;
}

/** @param {Series} series @returns {TimeChart[]} */
function chartsOf({ widthMs, targets, rows, bytesIn, bytesOut, peakBytes, togetherBytes }) {
  const perSecond = (/** @type {number[]} */ sums) => sums.map((sum) => (sum * 1000) / widthMs);
  const rate = (/** @type {(value: number) => string} */ text) => (/** @type {number} */ value) =>
    `${text(value)}/s`;
  return [
    {
      chart: 'targets',
      title: 'Targets per second',
      axis: roughText,
      text: rate(roughText),
      lines: [{ name: 'done', color: '--c1', values: perSecond(targets) }],
    },
    {
      chart: 'rows',
      title: 'Rows per second',
      axis: roughText,
      text: rate(roughText),
      lines: [{ name: 'rows', color: '--c1', values: perSecond(rows) }],
    },
    {
      chart: 'bytes',
      title: 'Bytes per second',
      axis: bytesText,
      text: rate(bytesText),
      lines: [
        { name: 'read', color: '--c2', values: perSecond(bytesIn) },
        { name: 'written', color: '--c1', values: perSecond(bytesOut) },
      ],
    },
    {
      chart: 'memory',
      title: 'Memory',
      axis: bytesText,
      text: bytesText,
      lines: [
        { name: 'at once, each at its peak', color: '--c2', values: togetherBytes },
        { name: 'largest target', color: '--c1', values: peakBytes },
      ],
    },
  ];
}

/**
 * @param {Element} figure
 * @param {{ chart: TimeChart, x: number[], widthMs: number, shared: import('./chart.js').Shared }} what
 */
function drawLines(figure, { chart: { title, lines, axis, text }, x, widthMs, shared }) {
  const caption = figure.querySelector('figcaption');
  const keys =
    lines.length === 1
      ? []
      : lines.map((line) =>
          make('span', { class: 'key' }, [
            make('i', { class: 'swatch', style: `background:var(${line.color})` }),
            line.name,
          ]),
        );
  caption?.replaceChildren(title, ...keys);
  const most = (/** @type {number[]} */ values) => values.reduce((a, b) => Math.max(a, b), 0);
  const stepped = uPlot.paths.stepped?.({ align: 1 });
  const label = lines
    .map(({ name, values }) => `${name}: at most ${text(most(values))}`)
    .join('; ');
  return drawChart(figure, {
    ...shared,
    label: `${title} over time. ${label}`,
    height: CHART_HEIGHT,
    data: [x, ...lines.map(({ values }) => [...values, values.at(-1) ?? 0])],
    options: {
      padding: [8, 8, 0, 0],
      cursor: { sync: { key: 'run', setSeries: false }, drag: { x: true, y: false }, y: false },
      scales: {
        x: { time: true },
        y: { range: (_plot, _least, highest) => [0, highest > 0 ? highest * 1.08 : 1] },
      },
      axes: [timeAxis(), { ...axisStyle(), size: 58, values: (_plot, splits) => splits.map(axis) }],
      series: [
        {},
        ...lines.map((line) => ({
          stroke: () => color(line.color),
          fill: () => `color-mix(in srgb, ${color(line.color)} 14%, transparent)`,
          width: 1.5,
          points: { show: false },
          ...(stepped === undefined ? {} : { paths: stepped }),
        })),
      ],
    },
    describe: ({ cursor: { idx } }) => {
      if (idx === null || idx === undefined) return undefined;
      const parts = lines.map(
        ({ name, values }) => `${name} ${text(values[Math.min(idx, values.length - 1)] ?? 0)}`,
      );
      return `${momentText(new Date((x[idx] ?? 0) * 1000), widthMs)}  ${title}: ${parts.join(', ')}`;
    },
  });
}

/** @param {Series} series */
function laneTable({ lanes, targets, widthMs }) {
  const wholeMs = targets.length * widthMs;
  return numberTable(
    'Workers',
    ['worker', 'targets', 'at work', 'share of the run'],
    lanes.map(({ name, attempts, busyMs }) => [
      name,
      [attempts, countText(attempts)],
      [busyMs, durationText(busyMs)],
      [busyMs / wholeMs, `${Math.round((busyMs / wholeMs) * 100)} %`],
    ]),
  );
}

/** @param {Series} series */
function pieceTable({
  fromMs,
  widthMs,
  targets,
  rows,
  bytesIn,
  bytesOut,
  peakBytes,
  togetherBytes,
}) {
  const at = (
    /** @type {number[]} */ values,
    /** @type {number} */ piece,
    /** @type {(value: number) => string} */ text,
  ) => {
    const value = values[piece] ?? 0;
    return /** @type {[number, string]} */ ([value, text(value)]);
  };
  return numberTable(
    `Pieces of ${durationText(widthMs)}`,
    ['from', 'targets done', 'rows', 'read', 'written', 'largest target', 'at once'],
    targets.map((_, piece) => [
      timeText(new Date(fromMs + piece * widthMs)),
      at(targets, piece, countText),
      at(rows, piece, countText),
      at(bytesIn, piece, bytesText),
      at(bytesOut, piece, bytesText),
      at(peakBytes, piece, bytesText),
      at(togetherBytes, piece, bytesText),
    ]),
  );
}

/** @param {string} caption @param {string[]} heads @param {(string | [number, string])[][]} rows */
function numberTable(caption, heads, rows) {
  const kind = (/** @type {number} */ index) => (index === 0 ? 'text' : 'number');
  const table = /** @type {HTMLTableElement} */ (
    make('table', { class: 'data' }, [
      make('caption', {}, [make('span', {}, [caption])]),
      make('thead', {}, [
        make(
          'tr',
          {},
          heads.map((head, index) => make('th', { scope: 'col', class: kind(index) }, [head])),
        ),
      ]),
      make(
        'tbody',
        {},
        rows.map((row) =>
          make(
            'tr',
            {},
            row.map((cell, index) => {
              if (typeof cell === 'string')
                return make(
                  index === 0 ? 'th' : 'td',
                  index === 0 ? { scope: 'row', class: 'text' } : { class: kind(index) },
                  [cell],
                );
              return make('td', { class: 'number', 'data-value': String(cell[0]) }, [cell[1]]);
            }),
          ),
        ),
      ),
    ])
  );
  makeSortable(table);
  return make('div', { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': caption }, [
    table,
  ]);
}
