// What a run shows, on its reporter. That is loaded with the first event worth showing: a run that
// finds nothing to do says its one line without.
import type { Event, Reporter } from '../event.ts';
import { explainNothingToDo } from '../reporter/nothing-to-do.ts';
import { chooseReporter, createReporter, type ReporterKind } from '../reporter/reporter.ts';
import type { HeldEvents } from './held-events.ts';
import { invocationOf } from './options.ts';
import { timed } from './project-run.ts';
import type { RawRunOptions } from './run-command.ts';

export class Screen {
  readonly kind: ReporterKind;
  readonly #raw: RawRunOptions;
  #reporter: Promise<Reporter> | undefined;

  constructor(raw: RawRunOptions) {
    this.#raw = raw;
    if (raw.reporter !== undefined) this.kind = raw.reporter;
    else this.kind = raw.json === true ? 'ndjson' : chooseReporter(process.stdout, process.env);
  }

  show(event: Event): void {
    this.#reporter ??= this.#load();
    void this.#reporter.then((reporter) => reporter.report(event));
  }

  #load(): Promise<Reporter> {
    const { stdout, stderr, env: environment } = process;
    const options = { stdout, stderr, invocation: invocationOf(this.#raw), environment };
    return createReporter(this.kind, options);
  }

  /** Before a run begins, what is said goes straight to the terminal. */
  note(message: string): void {
    if (this.kind === 'ndjson') this.show(timed({ type: 'note', message }));
    else this.line(message);
  }

  /** For people only. */
  line(text: string): void {
    if (this.kind !== 'silent') process.stdout.write(`${text}\n`);
  }

  /** One line, unless a reporter is loaded or programs listen: these are given all events. */
  showNothingToDo(
    events: HeldEvents,
    { targets, durationMs }: { targets: number; durationMs: number },
  ): void {
    if (this.#reporter !== undefined || this.kind === 'ndjson') events.release();
    else if (this.kind !== 'silent') process.stdout.write(explainNothingToDo(targets, durationMs));
  }

  async close(): Promise<void> {
    await (await this.#reporter)?.close();
  }
}
