// The help of every command fits a terminal and shows examples that the program understands.
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { commandFirst } from '../src/cli/commands.ts';
import { Call } from '../src/cli/glance.ts';
import { createProgram } from '../src/cli/program.ts';

/** Every command with what its help says, by its words; '' for the program itself. */
const helps = new Map(
  commandsOf(createProgram(new Call([])), '').map(([words, command]) => {
    let text = '';
    const write = (more: string) => {
      text += more;
    };
    command.configureOutput({ writeOut: write, writeErr: write }).outputHelp();
    return [words, text];
  }),
);

function commandsOf(command: Command, words: string): readonly (readonly [string, Command])[] {
  const inner = command.commands.flatMap((each) =>
    commandsOf(each, `${words} ${each.name()}`.trim()),
  );
  return [[words, command], ...inner];
}

function examplesOf(text: string): readonly string[] {
  const [, examples = ''] = text.split(/^Examples:$/m);
  return examples.split('\n').filter((line) => line.includes('pipeline'));
}

/** The words of the first simple command of a line, as a shell would split them. */
function wordsOf(example: string): readonly string[] {
  const [, typed = ''] = /pnpm (?:-s )?pipeline\b(.*)$/.exec(example) ?? [];
  const [command = ''] = typed.split(/ {2,}\S| [|>&<]|\)/);
  return [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
}

/** What the program says against these words, and nothing when it understands them. */
async function mistakeIn(words: readonly string[]): Promise<string> {
  const program = createProgram(new Call(words));
  let said = '';
  for (const [, command] of commandsOf(program, '')) {
    const writeErr = (text: string) => {
      said += text;
    };
    command
      .configureOutput({ writeErr })
      .exitOverride()
      .action(() => {});
  }
  await program.parseAsync(commandFirst(words), { from: 'user' }).catch(() => {});
  return said;
}

test('no line is wider than 80 columns', () => {
  const wide = [...helps.values()].flatMap((text) => text.split('\n').filter((l) => l.length > 80));
  expect(wide).toEqual([]);
});

test('every command that does something ends with two to four examples', () => {
  const counts = [...helps]
    .filter(([words]) => !['', 'hub', 'help', '__complete'].includes(words))
    .map(([words, text]) => [words, examplesOf(text).length] as const);
  expect(counts.length).toBeGreaterThan(11);
  expect(counts.filter(([, count]) => count < 2 || count > 4)).toEqual([]);
});

test('the main help names exit codes and variables of the environment', () => {
  expect(helps.get('')).toMatch(/Exit codes:[\s\S]*130[\s\S]*Environment:[\s\S]*HF_TOKEN/);
});

test('the commands and options of every example exist', async () => {
  expect(await mistakeIn(['status', '--jsno'])).toMatch(/unknown option/);
  for (const example of [...helps.values()].flatMap(examplesOf)) {
    expect(await mistakeIn(wordsOf(example)), example).toBe('');
  }
});
