// The options that every command takes, and how they are told to commander and written back into
// a command for the user to repeat.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { shellQuote } from '../config/shell-quote.ts';

export interface ProjectOptions {
  readonly file: string;
  readonly work: string | undefined;
  readonly profile: string | undefined;
  readonly set: readonly string[];
}

export interface RawOptions {
  readonly file: string;
  readonly directory?: string;
  readonly work?: string;
  readonly profile?: string;
  readonly set: string[];
}

/** Options with a value, as they may stand before a command's name. */
export const VALUE_OPTIONS: ReadonlySet<string> = new Set([
  '-f',
  '--file',
  '-C',
  '--directory',
  '--work',
  '--profile',
  '--set',
  '-j',
  '--jobs',
  '--until',
  '--reporter',
  '--why',
  '--out',
  '--open',
  '--format',
  '--template',
  '--name',
  '--source',
]);

/** The heading of these options in every help. */
export const PROJECT_OPTIONS = 'Which pipeline:';

export function addProjectOptions(command: Command): Command {
  return command
    .optionsGroup(PROJECT_OPTIONS)
    .option('-f, --file <file>', 'the pipeline file', 'pipeline.yaml')
    .option('-C, --directory <dir>', 'change to this directory first')
    .option('--work <dir>', 'where everything a run makes goes (default: work beside the pipeline)')
    .option('--profile <name>', "the profile (default: the pipeline's own choice)")
    .addOption(
      new Option('--set <name=value>', 'give a variable another value; repeatable')
        .argParser(collect)
        .default([], 'none'),
    )
    .optionsGroup('Options:');
}

function collect(value: string, values: readonly string[]): readonly string[] {
  return [...values, value];
}

export function projectOptions({ file, work, profile, set }: RawOptions): ProjectOptions {
  return { file, work, profile, set };
}

/** `pnpm pipeline -f x.yaml --set a=b`: what to type before a target to mean this pipeline. */
export function invocationOf(raw: RawOptions): string {
  const words = ['pnpm', 'pipeline'];
  if (raw.directory !== undefined) words.push('-C', shellQuote(raw.directory));
  if (raw.file !== 'pipeline.yaml') words.push('-f', shellQuote(raw.file));
  if (raw.work !== undefined) words.push('--work', shellQuote(raw.work));
  if (raw.profile !== undefined) words.push('--profile', shellQuote(raw.profile));
  for (const assignment of raw.set) words.push('--set', shellQuote(assignment));
  return words.join(' ');
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('not a whole number');
  return value;
}

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('not a number above 0');
  return value;
}
