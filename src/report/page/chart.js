// What all charts share: colours of the page's theme, size, and the keyboard.
import { make } from './data.js';
import { timeText } from './quantity.js';

/** @typedef {import('uplot')} Plot */
/** @typedef {import('uplot').Options} PlotOptions */

/** A colour of the style sheet, as the reader's theme has it now. @param {string} name */
export function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const STEP_COLORS = 8;

/** @param {number} step */
export function stepColor(step) {
  return color(step < 0 ? '--quiet' : `--c${(step % STEP_COLORS) + 1}`);
}

export const FONT = '11px system-ui, sans-serif';

/** @returns {Partial<import('uplot').Axis>} */
export function axisStyle() {
  return {
    stroke: () => color('--quiet'),
    font: FONT,
    grid: { stroke: () => color('--line'), width: 1 },
    ticks: { stroke: () => color('--line'), width: 1, size: 4 },
  };
}

/** Times of day, and the day where it is another one; room for one line. @returns {Partial<import('uplot').Axis>} */
export function timeAxis() {
  return {
    ...axisStyle(),
    space: 64,
    size: 26,
    values: (_plot, splits, _axis, _space, incr) => {
      let day = '';
      return splits.map((split) => {
        const time = timeText(new Date(split * 1000));
        const isNewDay = time.slice(0, 10) !== day && day !== '';
        day = time.slice(0, 10);
        if (incr >= 86_400 || isNewDay) return day.slice(5);
        return time.slice(11, incr < 60 ? 19 : 16);
      });
    },
  };
}

/** What charts over the same time share. @typedef {Pick<ChartOptions, 'readout' | 'together'>} Shared */

/**
 * @typedef {{
 *   label: string,
 *   height: number,
 *   options: Omit<PlotOptions, 'width' | 'height'>,
 *   data: import('uplot').AlignedData,
 *   describe: (plot: Plot) => string | undefined,
 *   readout: HTMLElement,
 *   together?: () => Plot[],
 * }} ChartOptions `describe`: what is under the cursor; `together`: charts that are zoomed with it
 */

/**
 * Draws into a figure, in place of what was drawn before.
 * @param {Element} figure
 * @param {ChartOptions} options
 * @returns {Plot}
 */
export function drawChart(figure, { label, height, options, data, describe, readout, together }) {
  figure.querySelector('.plot')?.remove();
  const place = make('div', { class: 'plot', tabindex: '0', role: 'group', 'aria-label': label });
  figure.append(place);
  const tell = (/** @type {Plot} */ plot) => {
    const text = describe(plot);
    if (text !== undefined) readout.textContent = text;
  };
  const plot = new uPlot(
    { ...options, width: place.clientWidth, height, legend: { show: false } },
    data,
    place,
  );
  plot.over.addEventListener('mousemove', () => tell(plot));
  place.addEventListener('keydown', (event) => {
    if (!useKey(event.key, { plot, plots: together?.() ?? [plot] })) return;
    event.preventDefault();
    tell(plot);
  });
  new ResizeObserver(() => {
    const { clientWidth: width } = place;
    if (width > 0 && width !== plot.width) plot.setSize({ width, height });
  }).observe(place);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () =>
    plot.redraw(false, true),
  );
  return plot;
}

/** Whether the key means anything. @param {string} key @param {{ plot: Plot, plots: Plot[] }} where */
function useKey(key, { plot, plots }) {
  const { min = 0, max = 1 } = plot.scales['x'] ?? {};
  const [from, to] = [min ?? 0, max ?? 1];
  const at = plot.posToVal(plot.cursor.left ?? -1, 'x');
  const middle = at >= from && at <= to ? at : (from + to) / 2;
  const zoom = (/** @type {number} */ factor) => {
    for (const each of plots) {
      each.setScale('x', {
        min: middle - (middle - from) * factor,
        max: middle + (to - middle) * factor,
      });
    }
  };
  switch (key) {
    case 'ArrowLeft':
    case 'ArrowRight':
      moveCursor(plot, key === 'ArrowLeft' ? -1 : 1);
      return true;
    case 'ArrowUp':
    case 'ArrowDown':
      plot.setCursor({
        left: plot.cursor.left ?? 0,
        top: Math.max(0, (plot.cursor.top ?? 0) + (key === 'ArrowUp' ? -14 : 14)),
      });
      return true;
    case '+':
    case '=':
      zoom(0.5);
      return true;
    case '-':
      zoom(2);
      return true;
    case 'Escape':
      for (const each of plots) each.setData(each.data, true);
      return true;
    default:
      return false;
  }
}

/** To the next point of the data. @param {Plot} plot @param {number} by */
function moveCursor(plot, by) {
  const xs = plot.data[0];
  const now = plot.cursor.left === undefined || plot.cursor.left < 0 ? undefined : plot.cursor.idx;
  const index =
    now === null || now === undefined ? 0 : Math.min(xs.length - 1, Math.max(0, now + by));
  const left = plot.valToPos(xs[index] ?? 0, 'x');
  const top = plot.cursor.top === undefined || plot.cursor.top < 0 ? 8 : plot.cursor.top;
  plot.setCursor({ left, top });
}
