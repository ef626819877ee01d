// Looks at processes every second: resident memory and open files, as Linux tells them. What grows
// with time shows when the first third of a life is held against its last.
import { readdirSync, readFileSync } from 'node:fs';

const LOOK_MS = 1000;
/** A shorter life says nothing: workers and connections are still being added. */
const MIN_SAMPLES = 180;

interface Sample {
  readonly mib: number;
  readonly files: number;
}

export interface Growth {
  readonly samples: number;
  readonly peakMib: number;
  readonly peakFiles: number;
  /** Medians; undefined for a short life. */
  readonly thirds: { readonly first: Sample; readonly last: Sample } | undefined;
}

export class Watch {
  readonly #samples: Sample[] = [];
  readonly #timer: NodeJS.Timeout;

  /** Looks at one process until it ends. */
  constructor(pid: number) {
    this.#timer = setInterval(() => {
      const sample = lookAt(pid);
      if (sample === undefined) clearInterval(this.#timer);
      else this.#samples.push(sample);
    }, LOOK_MS);
    this.#timer.unref();
  }

  end(): Growth {
    clearInterval(this.#timer);
    const samples = this.#samples;
    const third = Math.floor(samples.length / 3);
    return {
      samples: samples.length,
      peakMib: Math.max(0, ...samples.map(({ mib }) => mib)),
      peakFiles: Math.max(0, ...samples.map(({ files }) => files)),
      thirds:
        samples.length < MIN_SAMPLES
          ? undefined
          : { first: medianOf(samples.slice(0, third)), last: medianOf(samples.slice(-third)) },
    };
  }
}

/** Undefined when the process is gone. */
function lookAt(pid: number): Sample | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const kib = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
    if (Number.isNaN(kib)) return undefined;
    return { mib: kib / 1024, files: readdirSync(`/proc/${pid}/fd`).length };
  } catch {
    return undefined;
  }
}

function medianOf(samples: readonly Sample[]): Sample {
  const middle = (values: readonly number[]) =>
    [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  return {
    mib: middle(samples.map(({ mib }) => mib)),
    files: middle(samples.map(({ files }) => files)),
  };
}

export function explainGrowth({ samples, peakMib, peakFiles, thirds }: Growth): string {
  const peak = `at most ${peakMib.toFixed(0)} MiB and ${peakFiles} open files in ${samples} s`;
  if (thirds === undefined) return peak;
  const { first, last } = thirds;
  return (
    `${peak}; first third ${first.mib.toFixed(0)} MiB, ${first.files} files, ` +
    `last third ${last.mib.toFixed(0)} MiB, ${last.files} files`
  );
}
