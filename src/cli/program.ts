// The command line: commands, options and help. Each command lies in a file of its own and is
// loaded when it is called.
import { Argument, Command, CommanderError, Help, Option } from 'commander';
import { didYouMeanOneOf } from '../suggestion.ts';
import { commandFirst } from './commands.ts';
import { completionCommand, SHELLS } from './completion-command.ts';
import { EXIT } from './exit-code.ts';
import type { Call } from './glance.ts';
import * as help from './help.ts';
import { addProjectOptions, PROJECT_OPTIONS, positiveInteger, wholeNumber } from './options.ts';
import { addAccept, addGc, addRepair } from './state-commands.ts';
import { TEMPLATES } from './template.ts';
import { UsageError } from './usage-error.ts';

/** Sets the exit code; throws what the command throws. */
export async function runProgram(argv: readonly string[], call: Call): Promise<void> {
  try {
    await createProgram(call).parseAsync(commandFirst(argv), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
}

/** All commands, ready to parse. */
export function createProgram(call: Call): Command {
  const program = new Command('pipeline')
    .usage('[command] [targets...] [options]')
    .description('Make for datasets: brings exactly the targets up to date that are not')
    .exitOverride()
    .helpCommand(false)
    .configureHelp({ groupItems: projectOptionsLast, subcommandTerm: (each) => each.name() })
    .addHelpText('after', help.MAIN_HELP)
    .addHelpText('after', EXAMPLES)
    .hook('preAction', (_, command) => changeDirectory(command.opts()['directory']));
  program.commandsGroup('To bring targets up to date:');
  addRun(program, call);
  addRefresh(program);
  program.commandsGroup('To look, also beside a run:');
  addStatus(program, call);
  addExplain(program);
  addLog(program);
  addGraph(program);
  addReport(program, call);
  addHistory(program);
  addValidate(program);
  program.commandsGroup('When state and disk disagree:');
  addAccept(program);
  addRepair(program);
  addGc(program);
  program.commandsGroup('More:');
  addHub(program);
  addInit(program);
  addCompletion(program);
  addHelp(program);
  sayWhereHelpIs(program, 'pnpm pipeline');
  return program;
}

/** What all commands take is said after what is the command's own. */
function projectOptionsLast<T extends Command | Option>(
  all: T[],
  visible: T[],
  groupOf: (item: T) => string,
): Map<string, T[]> {
  const groups = new Help().groupItems(all, visible, groupOf);
  const shared = groups.get(PROJECT_OPTIONS);
  if (shared === undefined) return groups;
  groups.delete(PROJECT_OPTIONS);
  return groups.set(PROJECT_OPTIONS, shared);
}

function sayWhereHelpIs(command: Command, words: string): void {
  command.showHelpAfterError(`(see: ${words} --help)`);
  for (const inner of command.commands) sayWhereHelpIs(inner, `${words} ${inner.name()}`);
}

/** Like make, before any path of the command line is resolved. */
function changeDirectory(directory: unknown) {
  if (typeof directory !== 'string') return;
  try {
    process.chdir(directory);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new UsageError(`error: ${error.message}\n  name a folder that exists after -C`);
  }
}

const EXAMPLES = `
Examples:
  pnpm pipeline                          everything that is not up to date
  pnpm pipeline process:claims           one table, with all that it needs
  pnpm pipeline @chunk=0                 one group through all steps
  pnpm pipeline -n                       what would run, and why
  pnpm pipeline status                   where everything is
  pnpm pipeline report                   the same and more as a page
  pnpm pipeline explain partition:links@chunk_0-00000-of-00003`;

function addRun(program: Command, call: Call) {
  addProjectOptions(program.command('run', { isDefault: true }))
    .description('bring targets up to date (the default command)')
    .argument(
      '[targets...]',
      'step, step:cell, step@file, @file, @chunk=0, globs; + adds dependents',
    )
    .option('-j, --jobs <n>', 'targets to run at once (default: one per core)', positiveInteger)
    .option('-n, --dry-run', 'only say what would run, and why')
    .option('--fail-fast', 'start nothing more after the first failure')
    .option('--yes', 'go on without asking, whatever is downloaded or uploaded again')
    .optionsGroup('What is done:')
    .option('--force', 'redo the named targets, whatever is recorded')
    .option('--until <step>', 'leave out what comes after this step')
    .option('--refresh', 'list Hub sources anew first')
    .option('--verify', 'rehash every output instead of trusting names, sizes and mtimes')
    .optionsGroup('What is shown:')
    .addOption(
      new Option('--reporter <kind>', 'how progress is shown').choices([
        'live',
        'plain',
        'ndjson',
        'silent',
      ]),
    )
    .option('--json', 'the same as --reporter ndjson; with -n a JSON line per target')
    .addHelpText('after', help.RUN_HELP)
    .action(async (words: string[], raw) => {
      const { runCommand } = await import('./run-command.ts');
      process.exitCode = await runCommand(words, { raw, call });
    });
}

function addStatus(program: Command, call: Call) {
  addProjectOptions(program.command('status'))
    .description('where everything is; works beside a running pipeline')
    .argument('[targets...]', 'only these')
    .option('--json', 'a row per file, step and cell')
    .addHelpText('after', help.STATUS_HELP)
    .action(async (words: string[], raw) => {
      const { statusCommand } = await import('./status-command.ts');
      const run = call.without(['status', '--json']);
      process.exitCode = await statusCommand(words, { raw, run });
    });
}

function addExplain(program: Command) {
  addProjectOptions(program.command('explain'))
    .description('why a target is or is not up to date: old value, new value, root cause')
    .argument('<targets...>', 'as for run')
    .option('--json', 'verdicts and reasons as JSON lines')
    .addHelpText('after', help.EXPLAIN_HELP)
    .action(async (words: string[], raw) => {
      const { explainCommand } = await import('./explain-command.ts');
      process.exitCode = await explainCommand(words, raw);
    });
}

function addLog(program: Command) {
  addProjectOptions(program.command('log'))
    .description('the log of a target')
    .argument('<target>', 'one target, as for run')
    .option('--follow', 'and what is added to it, until the target ends or Ctrl-C')
    .addOption(new Option('--path', 'only say where it lies').conflicts('follow'))
    .addHelpText('after', help.LOG_HELP)
    .action(async (word: string, raw) => {
      const { logCommand } = await import('./log-command.ts');
      process.exitCode = await logCommand(word, raw);
    });
}

function addGraph(program: Command) {
  addProjectOptions(program.command('graph'))
    .description('the steps and what they need')
    .addOption(
      new Option('--format <format>', 'the notation')
        .choices(['mermaid', 'dot', 'json'])
        .default('mermaid'),
    )
    .addHelpText('after', help.GRAPH_HELP)
    .action(async (raw) => {
      const { graphCommand } = await import('./graph-command.ts');
      process.exitCode = graphCommand(raw);
    });
}

function addReport(program: Command, call: Call) {
  addProjectOptions(program.command('report'))
    .description('write a page about all targets and runs: one HTML file that needs no network')
    .option('--out <file>', "where it goes (default: the work folder's report.html)")
    .addOption(
      new Option('--open <when>', 'show it in the browser').choices(['yes', 'no']).default('no'),
    )
    .addHelpText('after', help.REPORT_HELP)
    .action(async (raw) => {
      const { reportCommand } = await import('./report-command.ts');
      const run = call.without(['report', '--out', raw.out, '--open', raw.open]);
      process.exitCode = await reportCommand(raw, run);
    });
}

function addHistory(program: Command) {
  addProjectOptions(program.command('history'))
    .description('what every attempt at every target took, in all runs')
    .addOption(
      new Option('--format <format>', 'a table, JSON lines, or Arrow')
        .choices(['table', 'json', 'arrow'])
        .default('table'),
    )
    .option('--out <file>', 'where it goes (default: stdout)')
    .addHelpText('after', help.HISTORY_HELP)
    .action(async (raw) => {
      const { historyCommand } = await import('./history-command.ts');
      process.exitCode = await historyCommand(raw);
    });
}

function addValidate(program: Command) {
  addProjectOptions(program.command('validate'))
    .description('check the pipeline and its sources, run nothing')
    .addHelpText('after', help.VALIDATE_HELP)
    .action(async (raw) => {
      const { validateCommand } = await import('./validate-command.ts');
      process.exitCode = validateCommand(raw);
    });
}

function addRefresh(program: Command) {
  addProjectOptions(program.command('refresh'))
    .description('list Hub sources anew and say what is added, changed and removed')
    .addHelpText('after', help.REFRESH_HELP)
    .action(async (raw) => {
      const { refreshCommand } = await import('./refresh-command.ts');
      process.exitCode = await refreshCommand(raw);
    });
}

function addHub(program: Command) {
  const hub = program
    .command('hub')
    .description('the embedded Hub of the work folder')
    .helpCommand(false);
  addProjectOptions(hub.command('serve'))
    .description('serve it on loopback for any Hub client, until Ctrl-C')
    .option('--port <n>', 'the port (default, and 0: a free one)', wholeNumber)
    .addHelpText('after', help.HUB_SERVE_HELP)
    .action(async (raw) => {
      const { hubServeCommand } = await import('./hub-command.ts');
      process.exitCode = await hubServeCommand(raw);
    });
  addProjectOptions(hub.command('ls'))
    .description('what is in it')
    .option('--json', 'as JSON')
    .addHelpText('after', help.HUB_LS_HELP)
    .action(async (raw) => {
      const { hubListCommand } = await import('./hub-command.ts');
      process.exitCode = await hubListCommand(raw);
    });
}

function addInit(program: Command) {
  program
    .command('init')
    .description('begin a new pipeline from a template')
    .argument('[folder]', 'where (default: here)')
    .addOption(new Option('--template <name>', 'what it begins as').choices(TEMPLATES))
    .option('--name <name>', "the pipeline's name (default: the folder's)")
    .option('--source <place>', 'folder of the source files, or dataset (default: a small sample)')
    .option('--yes', 'ask nothing')
    .option('-C, --directory <dir>', 'change to this directory first')
    .addHelpText('after', help.INIT_HELP)
    .action(async (folder: string | undefined, raw) => {
      const { initCommand } = await import('./init-command.ts');
      process.exitCode = await initCommand(folder, raw);
    });
}

function addCompletion(program: Command) {
  program
    .command('completion')
    .description('print a script by which a shell completes commands, options and targets')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText('after', help.COMPLETION_HELP)
    .action((shell: (typeof SHELLS)[number]) => {
      process.exitCode = completionCommand(shell);
    });
  program
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .action(async (words: string[]) => {
      const { completeCommand } = await import('./complete-command.ts');
      completeCommand(words, program);
    });
}

function addHelp(program: Command) {
  program
    .command('help')
    .description('how a command is used')
    .argument('[command...]', 'such as status, or hub serve')
    .action((words: string[]) => {
      let command = program;
      for (const word of words) {
        const inner = command.commands.find((each) => each.name() === word);
        if (inner === undefined) throw new UsageError(unknownCommand(command, word));
        command = inner;
      }
      command.outputHelp();
    });
}

function unknownCommand(command: Command, word: string): string {
  const names = command.commands.map((each) => each.name());
  const hint = didYouMeanOneOf(word, names) ?? `commands are: ${names.join(', ')}`;
  return `error: There is no command "${word}"\n  ${hint}`;
}
