// The charting library stands on the page as a script of its own.
import type Library from 'uplot';

declare global {
  const uPlot: typeof Library;
}
