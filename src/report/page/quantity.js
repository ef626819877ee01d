// Numbers as people read them, as the rest of the page writes them. GB is 10^9 bytes.

const numbers = new Intl.NumberFormat('en-US');
const UNITS = ['kB', 'MB', 'GB', 'TB', 'PB'];

/** @param {number} count */
export function countText(count) {
  return numbers.format(count);
}

/** At least two digits, never more than three. @param {number} bytes */
export function bytesText(bytes) {
  if (bytes < 999.5) return `${Math.round(bytes)} B`;
  let value = bytes;
  let unit = '';
  for (unit of UNITS) {
    value /= 1000;
    if (value < 999.5) break;
  }
  return `${value < 99.95 ? value.toFixed(1) : numbers.format(Math.round(value))} ${unit}`;
}

/** @param {number} ms */
export function durationText(ms) {
  if (ms < 95) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return twoUnits(seconds, 60, ['m', 's']);
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return twoUnits(minutes, 60, ['h', 'm']);
  return twoUnits(Math.round(minutes / 60), 24, ['d', 'h']);
}

/** @param {number} amount @param {number} size @param {readonly [string, string]} names */
function twoUnits(amount, size, [large, small]) {
  return `${Math.floor(amount / size)}${large} ${String(amount % size).padStart(2, '0')}${small}`;
}

/** Short enough for an axis. @param {number} count */
export function roughText(count) {
  if (count < 1000) return count < 10 ? String(Number(count.toFixed(2))) : numbers.format(count);
  const [scale, unit] = count < 1e6 ? [1e3, 'k'] : count < 1e9 ? [1e6, 'M'] : [1e9, 'G'];
  return `${Number((count / scale).toFixed(1))}${unit}`;
}

/** In the reader's own time: `2026-11-20 17:21:29`. @param {Date} date */
export function timeText(date) {
  const two = (/** @type {number} */ part) => String(part).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${clockText(date)}`;
}

/** @param {Date} date */
export function clockText(date) {
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}

/** As exact as pieces of time of this width need. @param {Date} date @param {number} widthMs */
export function momentText(date, widthMs) {
  const ms =
    widthMs < 1000 ? `.${String(date.getMilliseconds()).padStart(3, '0').slice(0, 2)}` : '';
  return clockText(date) + ms;
}
