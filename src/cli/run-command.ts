// `pipeline [targets..]`: brings targets up to date. Listens to signals, shows what happens and turns
// the summary into an exit code.
import type { Event, RunSummary } from '../event.ts';
import { nodeFileSystem } from '../node-file-system.ts';
import type { Graph } from '../plan/graph.ts';
import type { ReporterKind } from '../reporter/reporter.ts';
import type { RepeatedCosts } from '../run/consent.ts';
import { runsPath } from '../store/state-folder.ts';
import { suggest } from '../suggestion.ts';
import { COMMANDS } from './commands.ts';
import { EXIT } from './exit-code.ts';
import type { Call, Nothing } from './glance.ts';
import { HeldEvents, showsWork } from './held-events.ts';
import { invocationOf, projectOptions, type RawOptions } from './options.ts';
import { openProject, type Project, stateFolder } from './project.ts';
import {
  ProjectRun,
  type ProjectRunResult,
  type RunAudience,
  type RunPart,
  type RunRequest,
} from './project-run.ts';
import { Screen } from './screen.ts';
import { handleSignals } from './signals.ts';
import { inWorkSession, type WorkSession } from './work-session.ts';

export interface RawRunOptions extends RawOptions {
  readonly jobs?: number;
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly until?: string;
  readonly failFast?: boolean;
  readonly verify?: boolean;
  readonly refresh?: boolean;
  readonly reporter?: ReporterKind;
  readonly json?: boolean;
  readonly yes?: boolean;
}

/** Gives the exit code. */
export async function runCommand(
  words: readonly string[],
  { raw, call }: { readonly raw: RawRunOptions; readonly call: Call },
): Promise<number> {
  const fs = raw.dryRun === true ? nodeFileSystem : call.witness;
  const project = openProject(projectOptions(raw), fs);
  for (const warning of project.warnings) process.stderr.write(`${warning}\n`);
  if (raw.dryRun === true) {
    const { previewCommand } = await import('./preview-command.ts');
    return previewCommand(project, { words, raw });
  }
  let run: ProjectRun | undefined;
  let isCalledOff = false;
  // As long as the folder is owned: whatever asks to stop, it is given back in order.
  const stopListening = handleSignals((how) => {
    isCalledOff = true;
    run?.interrupt(how);
  });
  try {
    const { code, nothing } = await inWorkSession(project.config, {
      fs,
      command: [invocationOf(raw), ...words].join(' '),
      use: async (session) => {
        if (isCalledOff) return { code: EXIT.interrupted };
        const shown = new ShownRun(project, raw);
        const request = requestOf(words, raw);
        run = new ProjectRun({ project, session, request, audience: shown, fs });
        try {
          const result = await run.execute();
          if (result === undefined) return { code: EXIT.interrupted };
          return { code: exitCode(result.summary), nothing: shown.end(result, session) };
        } finally {
          await shown.close();
        }
      },
    });
    if (nothing !== undefined) call.keep(nothing);
    return code;
  } finally {
    stopListening();
  }
}

function requestOf(words: readonly string[], raw: RawRunOptions): RunRequest {
  const [word = ''] = words;
  const command = words.length === 1 ? suggest(word, COMMANDS) : undefined;
  return {
    words,
    hint: command === undefined ? undefined : `\n  or the command: did you mean "${command}"?`,
    jobs: raw.jobs,
    until: raw.until,
    force: raw.force === true,
    failFast: raw.failFast === true,
    verify: raw.verify === true,
    refresh: raw.refresh === true,
  };
}

/** A run as a person or a program sees it. */
class ShownRun implements RunAudience {
  readonly #project: Project;
  readonly #raw: RawRunOptions;
  readonly #screen: Screen;
  readonly #events: Readonly<Record<RunPart, HeldEvents>>;

  constructor(project: Project, raw: RawRunOptions) {
    this.#project = project;
    this.#raw = raw;
    this.#screen = new Screen(raw);
    const show = (event: Event) => this.#screen.show(event);
    this.#events = {
      seed: new HeldEvents(show, (event) => this.#isWorthShowingOfSeed(event)),
      run: new HeldEvents(show, showsWork),
    };
  }

  note(message: string): void {
    this.#screen.note(message);
  }

  warn(text: string): void {
    process.stderr.write(text);
  }

  report(event: Event, part: RunPart): void {
    this.#events[part].report(event);
  }

  async decide(costs: RepeatedCosts, graph: Graph) {
    const { askConsent } = await import('./consent.ts');
    const { kind } = this.#screen;
    return askConsent(costs, { graph, isYes: this.#raw.yes === true, reporter: kind });
  }

  /** What was found, when there was nothing to do and nobody had to be asked. */
  end(result: ProjectRunResult, session: WorkSession): Nothing | undefined {
    const { summary, targets, notes, hasRemarks } = result;
    // People have read at the question what there is to say.
    if (summary.outcome === 'declined' && this.#screen.kind === 'ndjson')
      this.#events.run.release();
    if (!summary.nothingToDo) return undefined;
    const { durationMs } = summary;
    this.#screen.showNothingToDo(this.#events.run, { targets, durationMs });
    if (!this.#isRepeatable(session)) return undefined;
    const { work } = this.#project.config;
    const warnings = [...this.#project.warnings, ...result.warnings];
    const isSilent = this.#screen.kind === 'silent';
    const log = runsPath(stateFolder(this.#project.config));
    return { targets, warnings, notes, isSilent, hasRemarks, work, log };
  }

  close(): Promise<void> {
    return this.#screen.close();
  }

  /** Whether the same words give the same answer while nothing changes, and it is for people. */
  #isRepeatable(session: WorkSession): boolean {
    const { force, verify, refresh } = this.#raw;
    const asksMore = force === true || verify === true || refresh === true;
    return !asksMore && !session.hasAsked && this.#screen.kind !== 'ndjson';
  }

  /** A reporter shows one run; of the seeds' own it is enough to say that they are being made. */
  #isWorthShowingOfSeed(event: Event): boolean {
    if (this.#screen.kind === 'ndjson') return showsWork(event);
    if (event.type === 'target-started') {
      this.#screen.line(`Making source files: ${event.target}`);
    }
    return event.type === 'run-ended' && event.outcome !== 'ok';
  }
}

function exitCode(summary: RunSummary): number {
  if (summary.outcome === 'interrupted') return EXIT.interrupted;
  if (summary.outcome === 'declined') return EXIT.usage;
  return summary.outcome === 'failed' ? EXIT.failed : EXIT.ok;
}
