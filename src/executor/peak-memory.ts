// The largest resident memory of this process during one target. `maxRSS` covers the whole life of
// a worker, so on Linux the kernel's high-water mark is set back before each target; elsewhere the
// memory is sampled, and a short peak between two samples is missed.
import { readFileSync, writeFileSync } from 'node:fs';

const SAMPLE_MS = 100;

/** Begins to watch; the returned function ends it and gives the peak in bytes. */
export function watchPeakMemory(): () => number {
  try {
    // "5" resets VmHWM to the present size (proc(5)); costs 7 microseconds.
    writeFileSync('/proc/self/clear_refs', '5');
    return highWaterMark;
  } catch {
    return samplePeak();
  }
}

function highWaterMark(): number {
  const kilobytes = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
  return kilobytes === undefined ? process.memoryUsage.rss() : Number(kilobytes) * 1024;
}

function samplePeak(): () => number {
  let peak = process.memoryUsage.rss();
  const sample = () => {
    peak = Math.max(peak, process.memoryUsage.rss());
  };
  const timer = setInterval(sample, SAMPLE_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    sample();
    return peak;
  };
}
