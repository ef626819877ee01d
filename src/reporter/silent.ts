// Says nothing but what went wrong: failures by cause on stderr, when the run has ended.
import type { Reporter } from '../event.ts';
import type { Sink } from './sink.ts';
import { explainFailures } from './summary.ts';

export function createSilentReporter({
  stderr,
  invocation,
}: {
  stderr: Sink;
  invocation: string;
}): Reporter {
  return {
    report(event) {
      if (event.type !== 'run-ended') return;
      for (const block of explainFailures(event, { invocation })) stderr.write(`${block}\n`);
    },
    close: () => stderr.flush(),
  };
}
