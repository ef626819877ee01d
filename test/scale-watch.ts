// Looks at processes every second: resident memory and open files, as Linux tells them. What grows
// with time shows when the first third of a life is held against its last.
import { readdirSync, readFileSync } from 'node:fs';

const LOOK_MS = 1000;
/** A shorter life says nothing: workers and connections are still being added. */
const MIN_SAMPLES = 180;

interface Sample {
  readonly mib: number;
  readonly files: number;
  /** Of the largest child. */
  readonly childMib: number;
}

const FIGURES = ['mib', 'files', 'childMib'] as const;

export interface Growth {
  readonly samples: number;
  readonly peak: Sample;
  /** Medians; undefined for a short life. */
  readonly thirds: { readonly first: Sample; readonly last: Sample } | undefined;
}

export class Watch {
  readonly #samples: Sample[] = [];
  readonly #timer: NodeJS.Timeout;

  /** Looks at one process and its children until it ends. */
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
    const median = (some: readonly Sample[]) => sampleOf(some, middleOf);
    return {
      samples: samples.length,
      peak: sampleOf(samples, (values) => Math.max(0, ...values)),
      thirds:
        samples.length < MIN_SAMPLES
          ? undefined
          : { first: median(samples.slice(0, third)), last: median(samples.slice(-third)) },
    };
  }
}

/** Undefined when the process is gone. */
function lookAt(pid: number): Sample | undefined {
  const mib = residentMib(pid);
  if (mib === undefined) return undefined;
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ');
    const childMib = Math.max(0, ...children.map((child) => residentMib(Number(child)) ?? 0));
    return { mib, files: readdirSync(`/proc/${pid}/fd`).length, childMib };
  } catch {
    return undefined;
  }
}

function residentMib(pid: number): number | undefined {
  try {
    const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return kib === undefined ? undefined : Number(kib) / 1024;
  } catch {
    return undefined;
  }
}

function sampleOf(samples: readonly Sample[], of: (values: readonly number[]) => number): Sample {
  const [mib, files, childMib] = FIGURES.map((figure) => of(samples.map((each) => each[figure])));
  return { mib: mib ?? 0, files: files ?? 0, childMib: childMib ?? 0 };
}

function middleOf(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

export function explainGrowth({ samples, peak, thirds }: Growth): string {
  const parts = [`at most ${explainSample(peak)} in ${samples} s`];
  if (thirds !== undefined) {
    parts.push(`first third ${explainSample(thirds.first)}`);
    parts.push(`last third ${explainSample(thirds.last)}`);
  }
  return parts.join('; ');
}

function explainSample({ mib, files, childMib }: Sample): string {
  const child = childMib === 0 ? '' : `, largest child ${childMib.toFixed(0)} MiB`;
  return `${mib.toFixed(0)} MiB, ${files} open files${child}`;
}
