// Every event as one line of JSON, for programs; `schema/events.schema.json` describes the lines.
import type { Reporter } from '../event.ts';
import type { Sink } from './sink.ts';

/** Grows when a line changes its meaning or loses a field; a new field or event leaves it. */
export const EVENT_SCHEMA_VERSION = 1;

export function createNdjsonReporter({ stdout }: { stdout: Sink }): Reporter {
  return {
    report(event) {
      const line =
        event.type === 'run-started' ? { schemaVersion: EVENT_SCHEMA_VERSION, ...event } : event;
      stdout.write(`${JSON.stringify(line)}\n`);
    },
    close: () => stdout.flush(),
  };
}
