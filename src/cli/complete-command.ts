// `pipeline __complete -- WORDS`: what the last of the words, at which the cursor stands, can be
// completed to, for the scripts that `pipeline completion` prints. One a line, with what it is
// about after a tab. Nothing where files are to be completed, and where anything is wrong: a shell
// that waits for a completion is no place for messages.
import type { Command, Option } from 'commander';
import type { Config } from '../config/config.ts';
import type { PlanStep } from '../plan/plan.ts';
import { groupsOf } from '../plan/selection.ts';
import { planRecorded, unlistedSources } from './look.ts';
import { openProject, type Project } from './project.ts';
import { type NamedStep, targetCandidates } from './target-candidates.ts';

type Candidate = readonly [word: string, about?: string];

/** Never throws and never fails. */
export function completeCommand(words: readonly string[], program: Command): void {
  let lines: readonly string[] = [];
  try {
    lines = candidatesOf(words, program).map((candidate) => candidate.join('\t'));
  } catch {
    // A broken pipeline is for `validate` to explain.
  }
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
}

function candidatesOf(words: readonly string[], program: Command): readonly Candidate[] {
  const typed = words.slice(0, -1).map(unquote);
  const word = words.at(-1) ?? '';
  const line = readLine(typed, program);
  const { command, awaited } = line;
  if (awaited !== undefined) return beginning(word, valuesOf(awaited, line));
  const long = /^(--[a-z-]+)=/.exec(word);
  if (word.startsWith('-')) {
    const option = command.options.find((each) => each.long === long?.[1]);
    if (option === undefined) return beginning(word, optionsOf(command));
    const values = valuesOf(option, line).map(([value]): Candidate => [`${option.long}=${value}`]);
    return beginning(word, values);
  }
  const argument = command.registeredArguments[0];
  const commands = line.isCommandOpen ? commandsOf(line.parent) : [];
  const choices = argument?.argChoices ?? (command.name() === 'help' ? line.helpNames : []);
  const plain = [...commands, ...choices.map((choice): Candidate => [choice])];
  const takesTargets = argument !== undefined && /^targets?$/.test(argument.name());
  const targets = takesTargets ? targetCandidates(word, namedSteps(openLine(line))) : [];
  return [...beginning(word, plain), ...targets.map((each): Candidate => [each])];
}

/** What was typed before the cursor. */
interface TypedLine {
  readonly command: Command;
  /** Whose commands may still be named. */
  readonly parent: Command;
  readonly isCommandOpen: boolean;
  /** The option whose value stands at the cursor. */
  readonly awaited: Option | undefined;
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly helpNames: readonly string[];
}

function readLine(typed: readonly string[], program: Command): TypedLine {
  const run = named(program, 'run') ?? program;
  let parent = program;
  let command = run;
  let isCommandOpen = true;
  let awaited: Option | undefined;
  const values = new Map<string, readonly string[]>();
  const give = (option: Option, value: string) => {
    const name = option.attributeName();
    values.set(name, [...(values.get(name) ?? []), value]);
  };
  for (const word of typed) {
    if (awaited !== undefined) {
      give(awaited, word);
      awaited = undefined;
    } else if (word.startsWith('-')) {
      const [flag = '', ...rest] = word.split('=');
      const option = command.options.find((each) => each.short === flag || each.long === flag);
      if (option?.required !== true) continue;
      if (rest.length > 0) give(option, rest.join('='));
      else awaited = option;
    } else if (isCommandOpen) {
      const found = named(parent, word);
      command = found ?? command;
      isCommandOpen = found !== undefined && found.commands.length > 0;
      if (isCommandOpen && found !== undefined) parent = found;
    }
  }
  const helpNames = commandsOf(program).map(([name]) => name);
  return { command, parent, isCommandOpen, awaited, values, helpNames };
}

function named(parent: Command, name: string): Command | undefined {
  return parent.commands.find((each) => each.name() === name);
}

function commandsOf(parent: Command): readonly Candidate[] {
  const visible = parent.createHelp().visibleCommands(parent);
  return visible.map((each): Candidate => [each.name(), each.description()]);
}

function optionsOf(command: Command): readonly Candidate[] {
  return command.options.flatMap(({ long, description }): readonly Candidate[] =>
    long === undefined || long === null ? [] : [[long, description]],
  );
}

/** Nothing for a path: the shell knows files better. */
function valuesOf(option: Option, line: TypedLine): readonly Candidate[] {
  if (option.argChoices !== undefined) return option.argChoices.map((choice) => [choice]);
  switch (option.attributeName()) {
    case 'profile':
      return openLine({ ...line, values: without(line.values, 'profile') }).config.profiles.map(
        (profile) => [profile],
      );
    case 'set': {
      const variables = Object.entries(openLine(line).config.variables);
      return variables.map(([name, value]) => [`${name}=`, JSON.stringify(value).slice(0, 60)]);
    }
    case 'until':
      return openLine(line).config.steps.map(({ name }) => [name]);
    default:
      return [];
  }
}

function without<T>(values: ReadonlyMap<string, T>, name: string): ReadonlyMap<string, T> {
  return new Map([...values].filter(([each]) => each !== name));
}

/** The pipeline that the line means. */
function openLine({ values }: TypedLine): Project {
  const last = (name: string) => values.get(name)?.at(-1);
  const directory = last('directory');
  if (directory !== undefined) process.chdir(directory);
  return openProject({
    file: last('file') ?? 'pipeline.yaml',
    work: last('work'),
    profile: last('profile'),
    set: values.get('set') ?? [],
  });
}

/** Before a source was listed its steps and cells are known, but no files. */
function namedSteps(project: Project): readonly NamedStep[] {
  if (unlistedSources(project).length > 0) {
    return project.config.steps.map((step) => ({
      ...cellsOf(step),
      members: () => [],
      groups: () => [],
    }));
  }
  const { steps } = planRecorded(project).plan;
  const expanded = steps.map(({ config: { each } }) => (each.kind === 'group' ? each.group : ''));
  const known = new Map<PlanStep['table'], readonly string[]>();
  const groups = (step: PlanStep) => {
    // Of the captures of names most are only numbers: what groups are made by is worth naming.
    const kinds = new Set([step.captures[0] ?? '', ...expanded]);
    const found =
      known.get(step.table) ??
      groupsOf(step).filter((each) => kinds.has(each.slice(0, each.indexOf('='))));
    known.set(step.table, found);
    return found;
  };
  return steps.map((step) => ({
    ...cellsOf(step.config),
    members: () => step.table.names,
    groups: () => groups(step),
  }));
}

function cellsOf({ name, cells }: Config['steps'][number]) {
  return { name, cells: cells.map((cell) => cell.name).filter((cell) => cell !== '') };
}

function beginning(word: string, candidates: readonly Candidate[]): readonly Candidate[] {
  return candidates.filter(([candidate]) => candidate.startsWith(word));
}

/** A shell gives words as they were typed. */
function unquote(word: string): string {
  const [, , inside] = /^(["'])(.*)\1$/.exec(word) ?? [];
  return inside ?? word.replaceAll(/\\(.)/g, '$1');
}
