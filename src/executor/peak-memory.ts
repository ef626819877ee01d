// The memory of this process: what it holds, and the most it held during one target. `maxRSS` covers
// the whole life of a worker, so on Linux the kernel's high-water mark is set back before each
// target; elsewhere the memory is sampled, and a short peak between two samples is missed.
import { openSync, readSync, writeSync } from 'node:fs';

export interface MemoryUse {
  readonly residentBytes: number;
  readonly peakBytes: number;
}

const SAMPLE_MS = 100;
/** More than the kernel says of a process in /proc/PID/status. */
const STATUS_BYTES = 4096;

/** Begins to watch; the returned function ends it. */
export function watchMemory(): () => MemoryUse {
  kernel ??= openKernelFiles();
  if (kernel === 'none') return sampleMemory();
  const { marks, status } = kernel;
  // "5" resets VmHWM to the present size (proc(5)).
  writeSync(marks, '5');
  return () => readMemory(status);
}

/** Opened once: looking at them costs a tenth of opening them. */
interface KernelFiles {
  readonly marks: number;
  readonly status: number;
}

let kernel: KernelFiles | 'none' | undefined;

function openKernelFiles(): KernelFiles | 'none' {
  try {
    const marks = openSync('/proc/self/clear_refs', 'w');
    return { marks, status: openSync('/proc/self/status', 'r') };
  } catch {
    return 'none';
  }
}

const buffer = Buffer.alloc(STATUS_BYTES);

function readMemory(status: number): MemoryUse {
  const length = readSync(status, buffer, 0, STATUS_BYTES, 0);
  const text = buffer.toString('latin1', 0, length);
  const bytesOf = (name: string) => {
    const kilobytes = new RegExp(`${name}:\\s+(\\d+)`).exec(text)?.[1];
    return kilobytes === undefined ? process.memoryUsage.rss() : Number(kilobytes) * 1024;
  };
  return { residentBytes: bytesOf('VmRSS'), peakBytes: bytesOf('VmHWM') };
}

function sampleMemory(): () => MemoryUse {
  let peakBytes = process.memoryUsage.rss();
  const sample = () => {
    const residentBytes = process.memoryUsage.rss();
    peakBytes = Math.max(peakBytes, residentBytes);
    return { residentBytes, peakBytes };
  };
  const timer = setInterval(sample, SAMPLE_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    return sample();
  };
}
