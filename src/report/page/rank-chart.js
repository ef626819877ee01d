// How rows are spread over the values of a partition: rows of each value by its rank, both in powers
// of ten.
import { axisStyle, color, drawChart, stepColor } from './chart.js';
import { make } from './data.js';
import { countText, roughText } from './quantity.js';

const RANKS_HEIGHT = 190;

/** @param {Element} figure @param {import('./data.js').Ranks} ranks */
export function drawRanks(figure, { column, tables, ranks }) {
  const caption = figure.querySelector('figcaption');
  const keys = tables.map((name, index) =>
    make('span', { class: 'key' }, [
      make('i', { class: 'swatch', style: `background:var(--c${(index % 8) + 1})` }),
      name,
    ]),
  );
  if (tables.length > 1) caption?.append(...keys);
  const readout = make('output', { class: 'readout', 'aria-live': 'polite' });
  figure.append(readout);
  const longest = Math.max(2, ...ranks.map((rows) => rows.length));
  const x = Array.from({ length: longest }, (_, index) => index + 1);
  const label = tables
    .map(
      (name, index) =>
        `${name}: ${countText(ranks[index]?.length ?? 0)} values, ` +
        `the largest with ${countText(ranks[index]?.[0] ?? 0)} rows`,
    )
    .join('; ');
  return drawChart(figure, {
    label: `Rows of each ${column} by its rank. ${label}`,
    height: RANKS_HEIGHT,
    readout,
    data: [x, ...ranks.map((rows) => x.map((_, index) => rows[index] ?? null))],
    options: {
      padding: [8, 12, 0, 0],
      cursor: { drag: { x: true, y: false }, y: false },
      scales: { x: { time: false, distr: 3 }, y: { distr: 3 } },
      axes: [powersAxis(), { ...powersAxis(), size: 52 }],
      series: [
        {},
        ...tables.map((_, index) => ({
          stroke: () => stepColor(index),
          width: 1.5,
          points: { show: true, size: 4, fill: () => color('--ground') },
        })),
      ],
    },
    describe: ({ cursor: { idx } }) => {
      if (idx === null || idx === undefined) return undefined;
      const parts = tables.flatMap((name, index) => {
        const rows = ranks[index]?.[idx];
        return rows === undefined ? [] : [`${name} ${countText(rows)}`];
      });
      return `Rank ${idx + 1}: ${parts.join(', ')} rows`;
    },
  });
}

/** @returns {Partial<import('uplot').Axis>} */
function powersAxis() {
  return {
    ...axisStyle(),
    size: 26,
    splits: (_plot, _axis, least, most) => {
      const powers = [];
      for (let power = 1; power <= most; power *= 10) if (power >= least) powers.push(power);
      return powers;
    },
    filter: (_plot, splits) => splits,
    values: (_plot, splits) => splits.map(roughText),
  };
}
