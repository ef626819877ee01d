// The project's own pipeline in a temporary folder, as the profile `full` runs it but small: over a
// Hub that is another process, by batches of chunks or by chunks, with a disk that holds a few
// groups. Its runs are real processes, of whose events only what is counted is kept.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TableName } from './reference/wikidata.ts';
import type { ScaleServer } from './scale-server.ts';
import { LANGUAGES, SITES } from './scale-source.ts';

const PROJECT = join(import.meta.dirname, '..');
const ENTRY = join(PROJECT, 'src/bin.js');
export const SOURCE = 'philippesaade/wikidata';
export const OWNER = 'scale';
const ALL_TABLES: readonly TableName[] = ['labels', 'descriptions', 'aliases', 'links', 'claims'];

export interface Shape {
  readonly by: 'batch' | 'chunk';
  readonly tables: readonly TableName[];
  /** Smallest batch. */
  readonly batchBytes: number;
  readonly diskBytes: number;
  readonly hub: ScaleServer;
}

/** A line of `--reporter ndjson`, as far as it is read here. */
export interface EventLine {
  readonly type: string;
  readonly target?: string;
  readonly step?: string;
  readonly message?: string;
  readonly outcome?: string;
  readonly nothingToDo?: boolean;
  readonly count?: number;
  readonly diskHeldBy?: readonly string[];
  readonly failure?: { readonly code: string; readonly message: string };
  readonly steps?: readonly { readonly step: string; readonly targets: number }[];
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Of what failed or was tried again, and what was printed beside events. */
  readonly troubles: readonly string[];
  readonly last: EventLine | undefined;
}

export class ScaleRun {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;

  constructor(child: ChildProcess, onEvent: (event: EventLine) => void) {
    this.child = child;
    const troubles: string[] = [];
    let rest = '';
    let last: EventLine | undefined;
    child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
      const lines = (rest + piece).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const event: EventLine = JSON.parse(line);
        last = event;
        const { type, target, failure, message } = event;
        if (failure !== undefined)
          troubles.push(`${type} ${target}: ${failure.code}: ${failure.message}`);
        else if (type === 'note') troubles.push(`note: ${message}`);
        else if (type === 'paused') troubles.push('paused for want of space');
        onEvent(event);
      }
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => troubles.push(text.trim()));
    this.ended = new Promise((resolve) => {
      // Not `close`: what a killed runner leaves behind may hold the pipes open.
      child.on('exit', (code, signal) => {
        setImmediate(() => resolve({ code, signal, troubles, last }));
      });
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }
}

export class ScaleFolder {
  readonly root = mkdtempSync(join(tmpdir(), 'scale-'));
  readonly work = join(this.root, 'work/full');
  readonly sources = join(this.root, 'sources');
  readonly hubFolder = join(this.root, 'hub');
  #env: NodeJS.ProcessEnv = {};

  constructor() {
    mkdirSync(this.work, { recursive: true });
    symlinkSync(join(PROJECT, 'tasks'), join(this.root, 'tasks'));
  }

  layOut(shape: Shape): void {
    const text = readFileSync(join(PROJECT, 'pipeline.yaml'), 'utf8');
    writeFileSync(join(this.root, 'pipeline.yaml'), pipelineOf(text, shape));
    this.#env = { HF_TOKEN: shape.hub.token, HF_HOME: join(this.root, 'no-login'), NO_COLOR: '1' };
  }

  start(onEvent: (event: EventLine) => void): ScaleRun {
    return new ScaleRun(this.#spawn(['--reporter', 'ndjson', '-j', '2']), onEvent);
  }

  /** What a command prints. */
  async text(...words: readonly string[]): Promise<string> {
    const child = this.#spawn(words);
    let text = '';
    child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    await new Promise((resolve) => child.on('close', resolve));
    return text;
  }

  close(): void {
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }

  #spawn(words: readonly string[]): ChildProcess {
    return spawn(process.execPath, [ENTRY, ...words, '--profile', 'full'], {
      cwd: this.root,
      env: { ...process.env, ...this.#env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }
}

/** The profile `full` with another Hub, smaller batches and a small disk; or without batches. */
function pipelineOf(text: string, { by, tables, batchBytes, diskBytes, hub }: Shape): string {
  const shown = ALL_TABLES.map((table) => {
    const values = table === 'links' ? SITES : LANGUAGES;
    return `${table}: ${tables.includes(table) ? `{ values: ${values} }` : null}`;
  });
  const edits: [from: string, to: string][] = [
    [
      '\n  full:\n',
      `\n  full:
    vars: { owner: ${OWNER}, tables: { ${shown.join(', ')} } }
    pools: { disk: ${diskBytes}B }
`,
    ],
    ['"https://huggingface.co"', `"${hub.url}"`],
    ['at_least: 8GB', `at_least: ${batchBytes}B`],
  ];
  if (by === 'chunk') {
    edits.push(['      partition: { each: batch }\n', ''], ['each: batch', 'each: chunk']);
  }
  return edits.reduce((edited, [from, to]) => {
    if (!edited.includes(from)) throw new Error(`pipeline.yaml has no ${from} any more`);
    return edited.replaceAll(from, to);
  }, text);
}
