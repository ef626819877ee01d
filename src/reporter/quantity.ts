// Numbers as people read them: counts, sizes, durations and bars, always in en-US so that the same
// run gives the same text everywhere. GB is 10^9 bytes.

const byteUnits = ['kB', 'MB', 'GB', 'TB', 'PB'] as const;
const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const;

/** `19,374`; the count is a whole number. By hand, because making an Intl format costs 15 ms. */
export function explainCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 target`, `19,374 targets` */
export function explainCounted(count: number, noun: string): string {
  return `${explainCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** `999 B`, `1.2 kB`, `787 MB`, `1.8 TB`: at least two digits, never more than three. */
export function explainBytes(bytes: number): string {
  if (bytes < 999.5) return `${Math.round(bytes)} B`;
  let value = bytes;
  let unit = '';
  for (unit of byteUnits) {
    value /= 1000;
    if (value < 999.5) break;
  }
  return `${value < 99.95 ? value.toFixed(1) : explainCount(Math.round(value))} ${unit}`;
}

/** `40 ms`, `0.2 s`, `12.3 s`, `1m 05s`, `2h 05m`, `3d 04h`. */
export function explainDuration(durationMs: number): string {
  if (durationMs < 95) return `${Math.round(durationMs)} ms`;
  if (durationMs < 59_950) return `${(durationMs / 1000).toFixed(1)} s`;
  const seconds = Math.round(durationMs / 1000);
  if (seconds < 3600) return twoUnits(seconds, [60, 'm', 's']);
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return twoUnits(minutes, [60, 'h', 'm']);
  return twoUnits(Math.round(minutes / 60), [24, 'd', 'h']);
}

/** Like `explainDuration` without fractions, for what is shown while it changes. */
export function explainSeconds(durationMs: number): string {
  const seconds = Math.ceil(durationMs / 1000);
  return seconds < 60 ? `${seconds} s` : explainDuration(seconds * 1000);
}

function twoUnits(amount: number, [size, large, small]: readonly [number, string, string]): string {
  return `${Math.floor(amount / size)}${large} ${String(amount % size).padStart(2, '0')}${small}`;
}

/** A bar of exactly `width` columns, filled by eighths of a column. */
export function drawBar(fraction: number, width: number): string {
  const filled = Math.floor(Math.min(1, Math.max(0, fraction)) * width * 8);
  const bar = '█'.repeat(Math.floor(filled / 8)) + (eighths[filled % 8] ?? '');
  return bar.padEnd(width, '·');
}
