// `pnpm bench live`: what the live view costs while a thousand events a second arrive, as a share of
// one core: the CPU of this process with the view, less that of the same events with nobody shown.
import { Writable } from 'node:stream';
import type { Event, Reporter } from '../src/event.ts';
import { createReporter, type ReporterKind } from '../src/reporter/reporter.ts';
import { spread } from './measure.ts';
import { type BenchOptions, type BenchResult, Report } from './report.ts';

const EVENTS_PER_SECOND = 1000;
const SECONDS = 10;
const STEPS = ['pull', 'unpack', 'clean', 'process', 'check', 'partition'];
const TARGETS = 9687;
/** Of every step at once. */
const RUNNING = 4;
/** Timers are not exact: as many events as are due come together. */
const TURN_MS = 5;
const GOAL_PERCENT = 3;

/** A terminal of a usual size that shows nothing. */
class BlindTerminal extends Writable {
  readonly isTTY = true;
  readonly columns = 120;
  readonly rows = 40;
  bytes = 0;

  override _write(chunk: Buffer, _encoding: string, written: (error?: Error) => void): void {
    this.bytes += chunk.length;
    written();
  }
}

export async function benchLive({ runs, say }: BenchOptions): Promise<BenchResult> {
  const report = new Report(say);
  const shares: number[] = [];
  const rates: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const silent = await measure('silent');
    const live = await measure('live');
    shares.push(((live.cpuMs - silent.cpuMs) / (SECONDS * 1000)) * 100);
    rates.push(live.bytes / SECONDS);
  }
  say(`the live view at ${EVENTS_PER_SECOND} events a second`);
  report.figure('cpu_percent_of_core', { spread: spread(shares), goal: GOAL_PERCENT });
  report.compared('bytes_per_s', { figure: spread(rates) });
  return report.result;
}

async function measure(kind: ReporterKind): Promise<{ cpuMs: number; bytes: number }> {
  const stdout = new BlindTerminal();
  const stderr = new BlindTerminal();
  const reporter = await createReporter(kind, { stdout, stderr, invocation: 'pnpm pipeline' });
  const feed = new Feed(reporter);
  // What is loaded and compiled at the beginning is not what an hour of it costs.
  await feed.go(1);
  const before = process.cpuUsage();
  await feed.go(SECONDS);
  const { user, system } = process.cpuUsage(before);
  await reporter.close();
  return { cpuMs: (user + system) / 1000, bytes: stdout.bytes };
}

/** Targets that begin, tell how far they are eight times, and end. */
class Feed {
  readonly #reporter: Reporter;
  #sent = 0;

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
    const steps = STEPS.map((step, index) => ({ step, ordinal: index + 1, targets: TARGETS }));
    const run = { run: 'bench', pipeline: 'bench', profile: 'default', work: '/', dryRun: false };
    reporter.report({ type: 'run-started', at: now(), ...run, steps });
  }

  async go(seconds: number): Promise<void> {
    const start = performance.now();
    const first = this.#sent;
    const all = first + seconds * EVENTS_PER_SECOND;
    while (this.#sent < all) {
      const due = first + ((performance.now() - start) / 1000) * EVENTS_PER_SECOND;
      while (this.#sent < Math.min(due, all)) this.#reporter.report(this.#next());
      await new Promise((resolve) => setTimeout(resolve, TURN_MS));
    }
  }

  #next(): Event {
    const lanes = STEPS.length * RUNNING;
    const lane = this.#sent % lanes;
    const turn = Math.floor(this.#sent / lanes);
    this.#sent += 1;
    const [number, phase] = [Math.floor(turn / 10), turn % 10];
    const step = STEPS[lane % STEPS.length] ?? '';
    const target = `${step}@chunk_${lane}-${String(number).padStart(5, '0')}-of-00546`;
    const head = { at: now(), target, step };
    if (phase === 0) return { type: 'target-started', ...head, attempt: 1, reasons: [] };
    if (phase < 9) {
      const progress = { done: phase * 1e6, total: 9e6, unit: 'bytes' } as const;
      return { type: 'target-progress', ...head, progress };
    }
    const figures = { durationMs: 800, bytesIn: 9e6, bytesOut: 1e6, files: 1, rows: 1000 };
    return { type: 'target-done', ...head, ...figures, changed: true };
  }
}

function now(): string {
  return new Date().toISOString();
}
