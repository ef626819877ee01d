// A run that would find nothing to do, without the run: when the last one with the same words found
// nothing, and all that it looked at is as it was (`run/evidence.ts`), its answer still holds.
// Nothing of the pipeline is read, planned or judged for that, no lock is taken and nothing is
// recorded. What is kept for it, below `work/.cache/`, may be deleted at any time.
//
// The judgement is a function of three things, and each of them is compared:
//   what was typed, word for word, and the folder where it was typed
//   the program: its files, the versions of Node and DuckDB
//   the world: everything that was read through the file-system port. That is the pipeline, rules,
//   sources, journals and the names of outputs, and also the lock and the log of runs, by which
//   a run that goes on or did not end well shows
// What workers or a Hub answered is in no file: a run that asked them leaves nothing here. No
// judgement depends on the environment, the terminal or the time.
import { dirname, join, resolve } from 'node:path';
import { crc32 } from 'node:zlib';
import { nodeFileSystem, systemClock } from '../node-file-system.ts';
import { explainNothingToDo } from '../reporter/nothing-to-do.ts';
import { recheck } from '../run/evidence.ts';
import { decodeGlance, encodeGlance, type Glance } from '../run/glance-file.ts';
import { Witness } from '../run/witness.ts';
import { engineVersions } from './engine.ts';
import { projectPaths } from './project-paths.ts';

const PROGRAM = join(import.meta.dirname, '../..');
/** What decides besides the modules in `src`. */
const PROGRAM_FILES = ['package.json', 'pnpm-lock.yaml', 'schema/pipeline.schema.json'];

const PREFIX = 'nothing-to-do-';
/** Ways to call the pipeline that are remembered; after so many all are forgotten. */
const MAX_CALLS = 20;

/** What a run found, when that was nothing to do. */
export interface Nothing extends Omit<Glance, 'call' | 'evidence'> {
  /** The work folder of the profile, and the log of runs in it. */
  readonly work: string;
  readonly log: string;
}

/** One way to call the pipeline; remembers the last answer to it. */
export class Call {
  readonly #argv: readonly string[];
  readonly #isDry: boolean;
  /** Where all profiles have their work folders, if the words are as they mostly are. */
  readonly #work: string;
  #witness: Witness | undefined;

  constructor(argv: readonly string[]) {
    // A dry run has the answer of the run; what follows `--` are targets.
    this.#isDry = !argv.includes('--') && argv.some(isDryRun);
    this.#argv = this.#isDry ? argv.filter((word) => !isDryRun(word)) : argv;
    this.#work = guessWork(argv);
  }

  /** The call with fewer words: what a run of the same selection was told counts elsewhere too. */
  without(words: readonly string[]): Call {
    return new Call(this.#argv.filter((word) => !words.includes(word)));
  }

  /** Whether it is known, and still so, that all is done and there is nothing else to say of it. */
  isAllDone(): boolean {
    return this.#recall()?.hasRemarks === false;
  }

  /** Gives the last answer if it still holds; false when there has to be a run. */
  answer(): boolean {
    const glance = this.#recall();
    if (glance === undefined) return false;
    const { targets, warnings, notes, isSilent } = glance;
    for (const warning of warnings) process.stderr.write(`${warning}\n`);
    if (isSilent) return true;
    for (const note of this.#isDry ? [] : notes) process.stdout.write(`${note}\n`);
    const durationMs = this.#isDry ? undefined : performance.now();
    process.stdout.write(explainNothingToDo(targets, durationMs));
    return true;
  }

  /** What the run is to read through, so that its answer can be kept. */
  get witness(): Witness {
    this.#witness ??= this.#watch();
    return this.#witness;
  }

  /** Once everything is closed. */
  keep({ work, log, ...said }: Nothing): void {
    if (dirname(work) !== this.#work) return;
    const evidence = this.witness.evidence({ log });
    if (evidence !== undefined) this.#keep({ ...said, call: this.#key, evidence });
  }

  #recall(): Glance | undefined {
    try {
      return this.#lookAgain();
    } catch (error) {
      // What cannot be read now is for the run to explain.
      if (error instanceof Error && 'syscall' in error) return undefined;
      throw error;
    }
  }

  #lookAgain(): Glance | undefined {
    const content = nodeFileSystem.read(this.#path);
    const glance = content === undefined ? undefined : decodeGlance(content);
    if (glance === undefined || glance.call !== this.#key) return undefined;
    const found = recheck(glance.evidence, { fs: nodeFileSystem, clock: systemClock });
    if (found.kind === 'differs') return undefined;
    if (found.older !== undefined) this.#keep({ ...glance, evidence: found.older });
    return glance;
  }

  #watch(): Witness {
    const own = this.#work;
    const witness = new Witness({ fs: nodeFileSystem, clock: systemClock, own });
    for (const file of PROGRAM_FILES) witness.stat(join(PROGRAM, file));
    const walk = (folder: string) => {
      for (const name of witness.list(folder) ?? []) {
        const path = `${folder}/${name}`;
        if (witness.stat(path)?.kind === 'folder') walk(path);
      }
    };
    walk(join(PROGRAM, 'src'));
    return witness;
  }

  #keep(glance: Glance): void {
    const folder = dirname(this.#path);
    try {
      nodeFileSystem.makeFolder(folder);
      const kept = (nodeFileSystem.list(folder) ?? []).filter((name) => name.startsWith(PREFIX));
      if (kept.length > MAX_CALLS)
        for (const name of kept) nodeFileSystem.remove(join(folder, name));
      nodeFileSystem.replace(this.#path, encodeGlance(glance));
    } catch (error) {
      // A full disk, or a folder that may only be read: the next run judges again.
      if (!(error instanceof Error && 'syscall' in error)) throw error;
    }
  }

  get #typed(): string {
    return JSON.stringify([process.cwd(), this.#argv]);
  }

  get #path(): string {
    const name = crc32(this.#typed).toString(16).padStart(8, '0');
    return join(this.#work, '.cache', `${PREFIX}${name}`);
  }

  get #key(): string {
    return JSON.stringify([this.#typed, PROGRAM, process.version, engineVersions()]);
  }
}

function isDryRun(word: string): boolean {
  return word === '-n' || word === '--dry-run';
}

/**
 * Reading the command line properly costs more than all the rest. A wrong guess means only that
 * nothing is found there, and nothing kept.
 */
function guessWork(argv: readonly string[]): string {
  const optionOf = (...names: readonly string[]) => {
    const at = argv.findLastIndex((word) => names.includes(word));
    return at < 0 ? undefined : argv[at + 1];
  };
  const directory = resolve(optionOf('-C', '--directory') ?? '.');
  const work = optionOf('--work');
  const file = resolve(directory, optionOf('-f', '--file') ?? 'pipeline.yaml');
  return projectPaths({ file, work: work === undefined ? undefined : resolve(directory, work) })
    .work;
}
