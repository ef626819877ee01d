// `pipeline init [FOLDER]`: begins a new pipeline from a template. Everything is asked before anything
// is written, so Ctrl-C leaves nothing, and no file that is there is ever replaced.
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { shellQuote } from '../config/shell-quote.ts';
import { didYouMeanOneOf } from '../suggestion.ts';
import { isTerminal } from './ask-yes.ts';
import { EXIT } from './exit-code.ts';
import { ABOUT, type Choices, fillTemplate, TEMPLATES, type TemplateName } from './template.ts';
import { UsageError } from './usage-error.ts';

export interface RawInitOptions {
  readonly template?: TemplateName;
  readonly name?: string;
  readonly source?: string;
  readonly yes?: boolean;
}

export async function initCommand(named: string | undefined, raw: RawInitOptions): Promise<number> {
  const folder = resolve(named ?? '.');
  const choices = await choose(folder, raw);
  if (choices === undefined) return EXIT.interrupted;
  const files = fillTemplate(choices, folder);
  const shown = relative(process.cwd(), folder) || '.';
  const present = [...files.keys()].filter((path) => existsSync(join(folder, path)));
  if (present.length > 0) {
    throw new UsageError(
      `error: These files are there already, and nothing was written:\n` +
        `${present.map((path) => `  ${join(shown, path)}\n`).join('')}` +
        '  name another folder, or move them away',
    );
  }
  write(folder, files);
  process.stdout.write(nextSteps(choices, { shown, files: [...files.keys()] }));
  return EXIT.ok;
}

function write(folder: string, files: ReadonlyMap<string, string>): void {
  try {
    for (const [path, text] of files) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text, { flag: 'wx' });
    }
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    throw new UsageError(`error: ${error.message}\n  name a folder that can be written`);
  }
}

/** From the options, and from the person at the terminal unless `--yes`; undefined when called off. */
async function choose(folder: string, raw: RawInitOptions): Promise<Choices | undefined> {
  const isAsking = raw.yes !== true && isTerminal();
  if (!isAsking && raw.yes !== true && raw.template === undefined) {
    const names = TEMPLATES.join('|');
    throw new UsageError(
      `error: Which template?\n  nobody can be asked here: say --template ${names}, or --yes for parquet`,
    );
  }
  const fallback = nameFrom(folder);
  const asker = isAsking ? new Asker() : undefined;
  const ask = async <T>(given: string | undefined, question: Question<T>): Promise<T> => {
    if (given !== undefined || asker === undefined) return question.read(given ?? '');
    return asker.ask(question);
  };
  try {
    const name = await ask(raw.name, {
      text: `Name of the pipeline [${fallback}]`,
      read: readName(fallback),
    });
    const lines = TEMPLATES.map((each) => `\n  ${each.padEnd(8)} ${ABOUT[each].about}`).join('');
    const text = `Template:${lines}\nWhich one [parquet]`;
    const template = await ask(raw.template, { text, read: readTemplate });
    const source = await ask(raw.source, QUESTIONS[ABOUT[template].source]);
    return { template, name, source };
  } catch (error) {
    if (error === CALLED_OFF) return undefined;
    throw error;
  } finally {
    asker?.close();
  }
}

interface Question<T> {
  readonly text: string;
  /** Throws a UsageError for an answer that cannot be taken; '' is the choice of who just returns. */
  readonly read: (answer: string) => T;
}

const QUESTIONS: Readonly<Record<'folder' | 'dataset', Question<string | undefined>>> = {
  folder: { text: 'Folder of the source files [a small sample]', read: readFolder },
  dataset: { text: 'Dataset that is read, owner/name [a small sample]', read: readDataset },
};

function readName(fallback: string): (answer: string) => string {
  return (answer) => {
    const name = answer === '' ? fallback : answer;
    if (/^[a-z][a-z0-9_-]*$/.test(name)) return name;
    throw new UsageError(
      `error: "${name}" is no name for a pipeline\n` +
        '  take small letters, digits, "_" and "-", with a letter first',
    );
  };
}

function readTemplate(answer: string): TemplateName {
  const found = TEMPLATES.find((each) => each === (answer === '' ? 'parquet' : answer));
  if (found !== undefined) return found;
  const hint = didYouMeanOneOf(answer, TEMPLATES) ?? '';
  throw new UsageError(`error: There is no template "${answer}"\n  ${hint}`);
}

function readFolder(answer: string): string | undefined {
  if (answer === '') return undefined;
  const folder = resolve(answer);
  if (/[*?[\]{}]/.test(folder)) {
    throw new UsageError(
      `error: ${folder} cannot be the folder of a source\n` +
        '  move the files to one without any of * ? [ ] { } in its path',
    );
  }
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return folder;
  throw new UsageError(`error: There is no folder ${answer}\n  name the one that holds the files`);
}

function readDataset(answer: string): string | undefined {
  if (answer === '') return undefined;
  if (/^[\w.-]+\/[\w.-]+$/.test(answer)) return answer;
  throw new UsageError(`error: "${answer}" names no dataset\n  write it as owner/name`);
}

/** A name made of the folder's. */
function nameFrom(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]+/g, '-');
  const begun = name.replace(/^[^a-z]+/, '').replace(/-+$/, '');
  return begun === '' ? 'pipeline' : begun;
}

const CALLED_OFF = new Error('called off');

/** Asks one line at a time, and again for an answer that cannot be taken. */
class Asker {
  readonly #lines = createInterface({ input: process.stdin, output: process.stdout });
  readonly #closed: Promise<never>;

  constructor() {
    this.#closed = new Promise((_, reject) => {
      // Ctrl-C and Ctrl-D.
      this.#lines.once('close', () => reject(CALLED_OFF));
    });
    this.#closed.catch(() => {});
  }

  async ask<T>({ text, read }: Question<T>): Promise<T> {
    for (;;) {
      const answer = await Promise.race([this.#lines.question(`${text}: `), this.#closed]);
      try {
        return read(answer.trim());
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        process.stdout.write(`${error.message}\n`);
      }
    }
  }

  close(): void {
    this.#lines.close();
  }
}

function nextSteps(
  { template, source }: Choices,
  { shown, files }: { readonly shown: string; readonly files: readonly string[] },
): string {
  const call = shown === '.' ? 'pnpm pipeline' : `pnpm pipeline -C ${shellQuote(shown)}`;
  const real = template === 'hub' && source !== undefined;
  const lines = [
    `Began a pipeline in ${shown}: ${files.join(', ')}`,
    'Next:',
    `  ${call} validate`,
    ...(real ? ['  export HF_TOKEN=hf_..   # that may write to the owner that you give'] : []),
    `  ${call}${real ? ' --set owner=ACCOUNT' : ''}`,
    `  ${call} status`,
    `then edit ${join(shown, 'pipeline.yaml')}, and run again: only what changed is done.`,
  ];
  return `${lines.join('\n')}\n`;
}
