// Chooses and makes the reporter of a run, and keeps its failures away from the run: whatever goes
// wrong in showing what happens must not change what happens.
import type { Reporter } from '../event.ts';
import type { Clock } from '../file-system.ts';
import { oneLine } from './line.ts';
import { openSink, type Sink, type Terminal } from './sink.ts';

export type ReporterKind = 'live' | 'plain' | 'ndjson' | 'silent';

export interface ReporterOptions {
  readonly stdout: Terminal;
  readonly stderr: NodeJS.WritableStream;
  /** What the user types before the targets: `pnpm pipeline -f x.yaml --profile full`. */
  readonly invocation: string;
  readonly clock?: Clock;
  /** Where it runs: of CI services, GitHub's folds what belongs together. */
  readonly environment?: Environment;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What fits when nobody has chosen: the live view only where a person looks at a real terminal. */
export function chooseReporter(stdout: Terminal, environment: Environment): ReporterKind {
  const { CI: ci, TERM: term } = environment;
  return stdout.isTTY && term !== 'dumb' && !isSet(ci) ? 'live' : 'plain';
}

/** The live view becomes plain lines where stdout is no terminal, even when asked for. */
export async function createReporter(
  kind: ReporterKind,
  { stdout, stderr, invocation, environment = {}, clock = wallClock }: ReporterOptions,
): Promise<Reporter> {
  const out = openSink(stdout);
  const err = openSink(stderr);
  const broken = tellOnce(err);
  switch (kind === 'live' && !stdout.isTTY ? 'plain' : kind) {
    case 'live': {
      const { createLiveReporter } = await import('./live.ts');
      const options = { terminal: stdout, stdout: out, invocation, clock, broken };
      return guard(createLiveReporter(options), broken);
    }
    case 'plain': {
      const { createPlainReporter } = await import('./plain.ts');
      const folds = isSet(environment['GITHUB_ACTIONS']);
      return guard(createPlainReporter({ stdout: out, invocation, clock, folds }), broken);
    }
    case 'ndjson': {
      const { createNdjsonReporter } = await import('./ndjson.ts');
      return guard(createNdjsonReporter({ stdout: out }), broken);
    }
    case 'silent': {
      const { createSilentReporter } = await import('./silent.ts');
      return guard(createSilentReporter({ stderr: err, invocation }), broken);
    }
  }
}

/** A reporter that never throws. It is still told what follows: one bad line is not the end. */
function guard(reporter: Reporter, broken: (error: unknown) => void): Reporter {
  return {
    report(event) {
      try {
        reporter.report(event);
      } catch (error) {
        broken(error);
      }
    },
    async close() {
      try {
        await reporter.close();
      } catch (error) {
        broken(error);
      }
    },
  };
}

function tellOnce(stderr: Sink): (error: unknown) => void {
  let told = false;
  return (error) => {
    if (told) return;
    told = true;
    const message = error instanceof Error ? error.message : String(error);
    stderr.write(`The display failed (${oneLine(message)}); the run goes on.\n`);
  };
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0' && value !== 'false';
}

const wallClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(ms, action) {
    // A reporter alone never keeps the process alive.
    const timer = setTimeout(action, ms).unref();
    return () => clearTimeout(timer);
  },
};
