// The project's own pipeline over a sample so small that a run takes seconds, in a temporary
// folder, and its runs as processes that can be killed. Every process of it carries the folder in
// its environment, by which those that were left running are found.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SWITCH_VARIABLE, type SwitchSettings } from './crash-switch.ts';

const PROJECT = join(import.meta.dirname, '..');
const ENTRY = join(PROJECT, 'src/bin.js');
const SWITCH = new URL('./crash-switch.ts', import.meta.url).href;
const MARK = 'CRASH_FOLDER';
/** Only a run that hangs takes as long, even on a machine with other work. */
const LONGEST_RUN_MS = 120_000;

/** Two chunks of two files and one, three of the five tables, all steps. */
const SMALL = `
  small:
    vars:
      tables: { descriptions: null, aliases: null }
    hub:
      embedded:
        seed:
          with: { files: [2, 1], entities: 8, claims: 3, languages: 6, labels: 4,
            entity_labels: 4, properties: 12, items: 20 }
`;

/** A line of `--reporter ndjson`, as far as it is read here. */
export interface EventLine {
  readonly type: string;
  readonly target?: string;
  readonly step?: string;
  readonly message?: string;
  readonly outcome?: string;
  readonly nothingToDo?: boolean;
  readonly failure?: { readonly code: string; readonly message: string; readonly hint?: string };
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly text: string;
  readonly events: readonly EventLine[];
  readonly last: EventLine | undefined;
}

export interface StartOptions {
  readonly args?: readonly string[];
  readonly settings?: SwitchSettings;
  readonly env?: NodeJS.ProcessEnv;
  /** Where output goes; it is read by default. */
  readonly stdout?: 'pipe' | 'ignore';
  readonly onEvent?: (event: EventLine) => void;
}

/** A run that leads a process group of its own. */
export class CrashRun {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly #events: EventLine[] = [];

  constructor(words: readonly string[], { cwd, env, onEvent, stdout }: SpawnOptions) {
    const [file = '', ...args] = words;
    const output = stdout ?? 'pipe';
    this.child = spawn(file, args, { cwd, env, detached: true, stdio: ['ignore', output, 'pipe'] });
    let text = '';
    let rest = '';
    this.child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      const lines = (rest + piece).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (!line.startsWith('{')) continue;
        const event: EventLine = JSON.parse(line);
        this.#events.push(event);
        onEvent?.(event);
      }
    });
    this.child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    const timer = setTimeout(() => {
      text += `\nkilled: it took longer than ${LONGEST_RUN_MS / 1000} s`;
      this.child.kill('SIGKILL');
    }, LONGEST_RUN_MS);
    this.ended = new Promise((resolve) => {
      // Not `close`: what is left behind may hold the pipes open.
      this.child.on('exit', (code, signal) => {
        clearTimeout(timer);
        setImmediate(() => {
          const last = this.#events.at(-1);
          resolve({ code, signal, text, events: this.#events, last });
        });
      });
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  get events(): readonly EventLine[] {
    return this.#events;
  }
}

interface SpawnOptions extends Pick<StartOptions, 'onEvent' | 'stdout'> {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

export class CrashFolder {
  readonly root = mkdtempSync(join(tmpdir(), 'crash-'));
  /** The folder of all profiles: may be mounted over. */
  readonly outside = join(this.root, 'work');
  /** The work folder of the profile. */
  readonly work = join(this.outside, 'small');

  constructor() {
    const text = readFileSync(join(PROJECT, 'pipeline.yaml'), 'utf8');
    const line = '\n  sample: {}\n';
    if (!text.includes(line)) throw new Error('pipeline.yaml has no profile "sample" any more');
    writeFileSync(join(this.root, 'pipeline.yaml'), text.replace(line, `${line}${SMALL.slice(1)}`));
    symlinkSync(join(PROJECT, 'tasks'), join(this.root, 'tasks'));
    mkdirSync(this.outside);
  }

  start(options: StartOptions = {}): CrashRun {
    const words = ['--profile', 'small', '--reporter', 'ndjson', ...(options.args ?? [])];
    return this.#spawn([process.execPath, ENTRY, ...words], options);
  }

  run(options: StartOptions = {}): Promise<Ended> {
    return this.start(options).ended;
  }

  /** A run that a person watches, through the program that is the other end of the terminal. */
  inTerminal(): CrashRun {
    const command = [process.execPath, ENTRY, '--profile', 'small'].join(' ');
    return this.#spawn(['script', '-qfec', command, '/dev/null'], { env: { TERM: 'xterm' } });
  }

  #spawn(words: readonly string[], { settings, env, onEvent, stdout }: StartOptions): CrashRun {
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(VITEST.*|NODE_OPTIONS|NODE_ENV|CI)$/.test(name),
    );
    const withSwitch =
      settings === undefined
        ? {}
        : {
            [SWITCH_VARIABLE]: JSON.stringify(settings),
            NODE_OPTIONS: `--no-warnings --import=${SWITCH}`,
          };
    return new CrashRun(words, {
      cwd: this.root,
      env: {
        ...Object.fromEntries(inherited),
        ...withSwitch,
        ...env,
        NO_COLOR: '1',
        [MARK]: this.root,
      },
      ...(onEvent === undefined ? {} : { onEvent }),
      ...(stdout === undefined ? {} : { stdout }),
    });
  }

  /** Processes of this folder that run now. */
  processes(): readonly { readonly pid: number; readonly command: string }[] {
    const mark = `${MARK}=${this.root}\0`;
    return readdirSync('/proc').flatMap((name) => {
      if (!/^\d+$/.test(name)) return [];
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
        if (/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))) return [];
        if (!readFileSync(`/proc/${name}/environ`, 'latin1').includes(mark)) return [];
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        return [{ pid: Number(name), command }];
      } catch {
        return []; // It ended meanwhile.
      }
    });
  }

  /** Ends whatever still runs, and removes the folder. */
  close(): void {
    for (const { pid } of this.processes()) process.kill(pid, 'SIGKILL');
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }
}

export function filesBelow(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}
