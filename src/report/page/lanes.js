// Draws the stretches of work of each worker, one lane below the other, with uPlot's axes, cursor and
// zoom.
import { axisStyle, drawChart, stepColor, timeAxis } from './chart.js';
import { countText, durationText, momentText } from './quantity.js';

/** @typedef {import('./data.js').Series} Series */
/** @typedef {import('./data.js').Lane} Lane */

const LANE_HEIGHT = 22;
const AXES_HEIGHT = 32;

/**
 * @param {Element} figure
 * @param {{ series: Series, steps: string[], x: number[], shared: import('./chart.js').Shared }} what
 */
export function drawLanes(figure, { series, steps, x, shared }) {
  const { lanes } = series;
  const narrow = figure.clientWidth < 500;
  const names = lanes.map(({ name }) => (narrow ? name.replace('worker ', '') : name));
  return drawChart(figure, {
    ...shared,
    label: `Targets per worker: ${lanes.map((lane) => explainLane(lane, series)).join('; ')}`,
    height: lanes.length * LANE_HEIGHT + AXES_HEIGHT,
    data: [x, x.map(() => null)],
    options: {
      padding: [4, 8, 0, 0],
      cursor: {
        sync: { key: 'run', setSeries: false },
        drag: { x: true, y: false },
        y: false,
        points: { show: false },
      },
      scales: { x: { time: true }, y: { range: [0, lanes.length], dir: -1 } },
      axes: [
        timeAxis(),
        {
          ...axisStyle(),
          size: narrow ? 44 : 92,
          grid: { show: false },
          ticks: { show: false },
          splits: () => lanes.map((_, index) => index + 0.5),
          values: () => names,
        },
      ],
      series: [{}, { show: true, paths: () => null, points: { show: false } }],
      hooks: { drawAxes: [(plot) => drawStretches(plot, series)] },
    },
    describe: (plot) => describeAt(plot, { series, steps }),
  });
}

/** @param {Lane} lane @param {Series} series */
export function explainLane({ name, attempts, busyMs }, { targets, widthMs }) {
  const share = Math.round((busyMs / (targets.length * widthMs)) * 100);
  return `${name}: ${countText(attempts)} targets, at work ${durationText(busyMs)} (${share} %)`;
}

/** @param {import('uplot')} plot @param {Series} series */
function drawStretches(plot, { fromMs, lanes }) {
  const { ctx } = plot;
  const { left, top, width, height } = plot.bbox;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  for (const [index, { stretches, isExact }] of lanes.entries()) {
    const y = plot.valToPos(index, 'y', true) + 3 * ratio;
    const tall = plot.valToPos(index + 1, 'y', true) - 3 * ratio - y;
    for (let at = 0; at < stretches.length; at += 3) {
      const start = (fromMs + (stretches[at] ?? 0)) / 1000;
      const end = start + (stretches[at + 1] ?? 0) / 1000;
      const x0 = plot.valToPos(start, 'x', true);
      const x1 = plot.valToPos(end, 'x', true);
      if (x1 < left || x0 > left + width) continue;
      ctx.fillStyle = stepColor(stretches[at + 2] ?? -1);
      // A gap tells one target from the next, where there is room for it.
      const gap = isExact && x1 - x0 > 3 * ratio ? ratio : 0;
      ctx.fillRect(x0, y, Math.max(x1 - x0 - gap, isExact ? ratio : 0.3), tall);
    }
  }
  ctx.restore();
}

/** @param {import('uplot')} plot @param {{ series: Series, steps: string[] }} what */
function describeAt(plot, { series, steps }) {
  const { left = -1, top = -1 } = plot.cursor;
  if (left < 0) return undefined;
  const lane = series.lanes[Math.floor(plot.posToVal(top, 'y'))];
  if (lane === undefined) return undefined;
  const seconds = plot.posToVal(left, 'x');
  const ms = seconds * 1000 - series.fromMs;
  const when = momentText(new Date(seconds * 1000), series.widthMs);
  const { stretches, isExact } = lane;
  for (let at = 0; at < stretches.length; at += 3) {
    const [start = 0, length = 0, step = -1] = stretches.slice(at, at + 3);
    if (ms < start || ms > start + length) continue;
    const name = steps[step] ?? 'a step that is no more';
    return `${when}  ${lane.name}: ${name}${isExact ? `, ${durationText(length)}` : ''}`;
  }
  return `${when}  ${lane.name}: idle`;
}
