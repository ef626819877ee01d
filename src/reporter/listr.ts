// A list of steps on the screen, drawn by listr2: one task per step, and a few lines below. Only
// this file knows listr2, and it knows nothing else: what the rows say comes from outside.
//
// listr2 redraws everything at each change of a title, buffers whatever else is written to the
// terminal, and takes over Ctrl-C. Hence: titles change without telling it, and one ticker of ours
// draws; it writes through a stand-in for stdout and so holds back nobody's output; its signal
// handlers stay off.
import { Listr, ListrLogger, ListrTaskState, ProcessOutput, Spinner } from 'listr2';
import type { Clock } from '../file-system.ts';
import type { Sink, Terminal } from './sink.ts';

export type Ending = 'done' | 'failed' | 'unfinished';

/** Rows are known by their index. A text may have several lines; those after the first are indented. */
export interface StepList {
  /** Columns for a row's text, and lines of the whole screen. */
  screen(): { readonly width: number; readonly height: number };
  wait(index: number, text: string): void;
  work(index: number, text: string): void;
  /** The first call counts: the row keeps its text. */
  finish(index: number, row: { readonly ending: Ending; readonly text: string }): void;
  below(text: string): void;
  /** Takes the list off the screen and gives the cursor back. */
  close(): Promise<void>;
}

interface ListOptions {
  readonly names: readonly string[];
  readonly terminal: Terminal;
  /** Where everything is written; leads to the terminal. */
  readonly stdout: Sink;
  readonly clock: Clock;
  /** Called before each frame to bring the rows up to date. */
  readonly update: (list: StepList) => void;
  /** Told when drawing fails; the list stands still from then on. */
  readonly broken: (error: unknown) => void;
}

const FRAME_MS = 100;
/** Two columns for the icon, and two that listr2 leaves free. */
const MARGIN = 4;

export function openList({
  names,
  terminal,
  stdout,
  clock,
  update,
  broken,
}: ListOptions): StepList {
  const closed = Promise.withResolvers<void>();
  const endings = names.map(() => Promise.withResolvers<Ending>());
  const finished = new Set<number>();
  let shownBelow = '';

  const listr = createListr({
    renderer: rendererOptions({ terminal, stdout, ticker: new Ticker(clock, frame) }),
    rows: names.map((name, index) => ({ name, ending: endings[index]?.promise })),
    closed: closed.promise,
  });
  const running = listr.run().catch(broken);

  const list: StepList = {
    screen: () => ({ width: (terminal.columns || 80) - MARGIN, height: terminal.rows || 24 }),
    wait: (index, text) => change(index, { text, state: ListrTaskState.WAITING }),
    work: (index, text) => change(index, { text, state: ListrTaskState.STARTED }),
    finish(index, { ending, text }) {
      if (finished.has(index)) return;
      change(index, { text, state: ListrTaskState.STARTED });
      finished.add(index);
      endings[index]?.resolve(ending);
    },
    below(text) {
      const task = listr.tasks.at(-1);
      if (text !== shownBelow && task) task.output$ = text;
      shownBelow = text;
    },
    async close() {
      closed.resolve();
      await running;
    },
  };

  function change(index: number, { text, state }: { text: string; state: ListrTaskState }): void {
    const task = listr.tasks[index];
    if (task === undefined || finished.has(index)) return;
    task.title = text;
    task.state = state;
  }

  /** Nothing may escape from here: it would end the process. */
  function frame(draw: () => void): boolean {
    try {
      update(list);
      draw();
      return true;
    } catch (error) {
      broken(error);
      return false;
    }
  }

  return list;
}

/** listr2 draws at each turn of its spinner; this one turns with our clock and updates first. */
class Ticker extends Spinner {
  readonly #clock: Clock;
  readonly #frame: (draw: () => void) => boolean;
  #callOff: () => void = () => undefined;

  constructor(clock: Clock, frame: (draw: () => void) => boolean) {
    super();
    this.#clock = clock;
    this.#frame = frame;
  }

  override start(draw: () => void = () => undefined): void {
    this.#callOff = this.#clock.after(FRAME_MS, () => {
      this.spin();
      if (this.#frame(draw)) this.start(draw);
    });
  }

  override stop(): void {
    this.#callOff();
  }
}

function rendererOptions({
  terminal,
  stdout,
  ticker,
}: {
  terminal: Terminal;
  stdout: Sink;
  ticker: Spinner;
}) {
  const write = (text: string) => {
    stdout.write(text);
    return true;
  };
  const standIn = Object.assign(Object.create(terminal), { write });
  return {
    formatOutput: 'truncate',
    clearOutput: true,
    spinner: ticker,
    logger: new ListrLogger({ processOutput: new ProcessOutput(standIn, standIn) }),
    icon: { SKIPPED_WITH_COLLAPSE: '◼', OUTPUT_WITH_BOTTOMBAR: '' },
  } as const;
}

/** The last task has no title: what it tells is what stands below the list. */
function createListr({
  renderer,
  rows,
  closed,
}: {
  renderer: ReturnType<typeof rendererOptions>;
  rows: readonly { readonly name: string; readonly ending: Promise<Ending> | undefined }[];
  closed: Promise<void>;
}): Listr<unknown, 'default', 'default'> {
  const steps = rows.map(({ name, ending }) => ({
    title: name,
    async task(_context: unknown, task: { title: string; skip(text: string): void }) {
      const how = await Promise.race([ending, closed]);
      if (how === 'failed') throw new Error(task.title);
      if (how === 'unfinished') task.skip(task.title);
    },
  }));
  const below = {
    task: () => closed,
    rendererOptions: { bottomBar: 1 },
    fallbackRendererOptions: { bottomBar: 1 },
  };
  return new Listr<unknown, 'default', 'default'>([...steps, below], {
    concurrent: true,
    exitOnError: false,
    registerSignalListeners: false,
    rendererOptions: renderer,
    // listr2 asks process.stdout whether it is a terminal; what counts is the one given here.
    fallbackRenderer: 'default',
    fallbackRendererOptions: renderer,
  });
}
