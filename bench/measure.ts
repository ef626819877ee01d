// Measures whole processes side by side: A B A B .., so that what else the machine does falls on
// both alike. A ratio is the median of the ratios of the pairs.
import { spawnSync } from 'node:child_process';
import { performance } from 'node:perf_hooks';

export interface ProcessRun {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Undoes what the process did, so that the next one finds the same. */
  readonly before?: () => void;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface PairFigures {
  /** Of the first to the second, by what the clock says and by CPU time. */
  readonly ratio: { readonly wall: Spread; readonly cpu: Spread };
  readonly first: Measured;
  readonly second: Measured;
}

export interface Measured {
  readonly wallS: Spread;
  /** Of the process and all it has waited for. */
  readonly cpuS: Spread;
}

export interface Sample {
  readonly wallS: number;
  readonly cpuS: number;
}

export function measurePairs(
  first: ProcessRun,
  { second, runs }: { second: ProcessRun; runs: number },
): PairFigures {
  // Once each before anything counts: caches of the disk and of compiled code.
  measureOnce(first);
  measureOnce(second);
  return comparePairs(
    Array.from({ length: runs }, () => [measureOnce(first), measureOnce(second)] as const),
  );
}

export function comparePairs(pairs: readonly (readonly [Sample, Sample])[]): PairFigures {
  return {
    ratio: {
      wall: spread(pairs.map(([a, b]) => a.wallS / b.wallS)),
      cpu: spread(pairs.map(([a, b]) => a.cpuS / b.cpuS)),
    },
    first: measured(pairs.map(([a]) => a)),
    second: measured(pairs.map(([, b]) => b)),
  };
}

export function measureAlone(process: ProcessRun, runs: number): Measured {
  return measured(Array.from({ length: runs }, () => measureOnce(process)));
}

/** Largest resident memory in MiB; of a Node program only, which is asked at its end. */
export function measurePeakMib(run: ProcessRun, runs: number): Spread {
  const preload = new URL('./peak-memory.js', import.meta.url).href;
  const args = ['--import', preload, ...run.args];
  const samples = Array.from({ length: runs }, () => {
    run.before?.();
    const { stderr } = execute(run.command, { args, cwd: run.cwd });
    return Number(/^peak KiB (\d+)$/m.exec(stderr)?.[1]) / 1024;
  });
  return spread(samples);
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  const lower = sorted[middle - 1] ?? upper;
  const median = sorted.length % 2 === 1 ? upper : (lower + upper) / 2;
  return { median, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

/** Throws with what the process said when it fails. */
export function measureOnce({ command, args, cwd, before }: ProcessRun): Sample {
  before?.();
  const startedMs = performance.now();
  // `times` gives what the kernel counted for the process and for those that it waited for.
  const script = '"$@" >/dev/null || exit; times';
  const { stdout } = execute('sh', { args: ['-c', script, 'sh', command, ...args], cwd });
  const wallS = (performance.now() - startedMs) / 1000;
  const [user = '', system = ''] = (stdout.split('\n')[1] ?? '').split(' ');
  return { wallS, cpuS: parseTimes(user) + parseTimes(system) };
}

function execute(command: string, { args, cwd }: { args: readonly string[]; cwd: string }) {
  const result = spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 1e9 });
  if (result.error !== undefined) throw result.error;
  if (result.status !== 0) {
    const words = [command, ...args].join(' ');
    throw new Error(`${words} ended with ${result.status}:\n${result.stdout}${result.stderr}`);
  }
  return result;
}

/** `0m1.250s` in seconds. */
function parseTimes(text: string): number {
  const [minutes = '', seconds = ''] = text.replace('s', '').split('m');
  return Number(minutes) * 60 + Number(seconds);
}

function measured(samples: readonly Sample[]): Measured {
  return {
    wallS: spread(samples.map(({ wallS }) => wallS)),
    cpuS: spread(samples.map(({ cpuS }) => cpuS)),
  };
}
