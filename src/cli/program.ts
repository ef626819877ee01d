// The command line: commands, options and help. Each command lies in a file of its own and is
// loaded when it is called.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { COMMANDS } from './commands.ts';
import { EXIT } from './exit-code.ts';
import type { Call } from './glance.ts';
import { addProjectOptions, VALUE_OPTIONS } from './options.ts';

/** Sets the exit code; throws what the command throws. */
export async function runProgram(argv: readonly string[], call: Call): Promise<void> {
  try {
    await createProgram(call).parseAsync(commandFirst(argv), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
}

/** `pipeline -f x.yaml status` means `pipeline status -f x.yaml`. */
function commandFirst(argv: readonly string[]): readonly string[] {
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (word === '--') break;
    if (VALUE_OPTIONS.has(word)) index += 1;
    else if (!word.startsWith('-')) {
      if (!COMMANDS.includes(word)) break;
      return [word, ...argv.slice(0, index), ...argv.slice(index + 1)];
    }
  }
  return argv;
}

function createProgram(call: Call): Command {
  const program = new Command('pipeline')
    .description('Make for datasets: brings exactly the targets up to date that are not')
    .exitOverride()
    .showHelpAfterError('(see --help)')
    .addHelpText('after', EXAMPLES)
    .hook('preAction', (_, command) => changeDirectory(command.opts()['directory']));
  addRun(program, call);
  addStatus(program, call);
  addExplain(program);
  addLog(program);
  addGraph(program);
  addValidate(program);
  addRefresh(program);
  addAccept(program);
  addRepair(program);
  addGc(program);
  addHub(program);
  return program;
}

/** Like make, before any path of the command line is resolved. */
function changeDirectory(directory: unknown) {
  if (typeof directory === 'string') process.chdir(directory);
}

const EXAMPLES = `
Examples:
  pnpm pipeline                          everything that is not up to date
  pnpm pipeline process:claims           one table, with all that it needs
  pnpm pipeline @chunk=0                 one group through all steps
  pnpm pipeline -n                       what would run, and why
  pnpm pipeline status                   where everything is
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
    .option('--force', 'redo the named targets, whatever is recorded')
    .option('--until <step>', 'leave out what comes after this step')
    .option('--fail-fast', 'start nothing more after the first failure')
    .option('--yes', 'go on without asking, whatever is downloaded or uploaded again')
    .option('--refresh', 'list Hub sources anew first')
    .option('--verify', 'rehash every output instead of trusting names, sizes and mtimes')
    .addOption(
      new Option('--reporter <kind>', 'how progress is shown').choices([
        'live',
        'plain',
        'ndjson',
        'silent',
      ]),
    )
    .option('--json', 'the same as --reporter ndjson; with -n a JSON line per target')
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
    .action(async (raw) => {
      const { graphCommand } = await import('./graph-command.ts');
      process.exitCode = graphCommand(raw);
    });
}

function addValidate(program: Command) {
  addProjectOptions(program.command('validate'))
    .description('check the pipeline and its sources, run nothing')
    .action(async (raw) => {
      const { validateCommand } = await import('./validate-command.ts');
      process.exitCode = validateCommand(raw);
    });
}

function addRefresh(program: Command) {
  addProjectOptions(program.command('refresh'))
    .description('list Hub sources anew and say what is added, changed and removed')
    .action(async (raw) => {
      const { refreshCommand } = await import('./refresh-command.ts');
      process.exitCode = await refreshCommand(raw);
    });
}

function addAccept(program: Command) {
  addProjectOptions(program.command('accept'))
    .description('call stale targets up to date as they lie; recorded who and why')
    .argument('<targets...>', 'as for run; only these, not what they need')
    .option('--why <text>', 'the reason, shown by status and explain')
    .option('-n, --dry-run', 'only say what would be accepted, and what cannot be')
    .option('--json', 'a JSON line per stale target')
    .addHelpText('after', ACCEPT_HELP)
    .action(async (words: string[], raw) => {
      const { acceptCommand } = await import('./accept-command.ts');
      process.exitCode = await acceptCommand(words, raw);
    });
}

const ACCEPT_HELP = `
Outputs are digested as they are now, so whatever depends on them runs if they were changed. What was
never made, did not end, or lacks an output cannot be accepted. What was released is accepted by its
record, as long as its outputs and contract are the same.

  pnpm pipeline accept process:claims --why "only formatting"
  pnpm pipeline accept process+ -n`;

function addRepair(program: Command) {
  addProjectOptions(program.command('repair'))
    .description('rebuild what is recorded from the outputs on disk and from published datasets')
    .argument('[targets...]', 'only these, and what they need')
    .option('-n, --dry-run', 'only say what would be recorded')
    .option('--yes', 'record it without asking')
    .option('--json', 'a JSON line per finding')
    .addHelpText('after', REPAIR_HELP)
    .action(async (words: string[], raw) => {
      const { repairCommand } = await import('./repair-command.ts');
      process.exitCode = await repairCommand(words, raw);
    });
}

const REPAIR_HELP = `
For journals that were deleted or damaged, and for the state files of another program, each one line
{"step": N}. Outputs that lie here whole are taken as made by the present rules from the present
inputs: say yes only if they were. Every such fact is marked as inferred (see explain). What a
dataset proves to be published is recalled; damaged journals are written clean once what they prove
was looked at again.`;

function addGc(program: Command) {
  addProjectOptions(program.command('gc'))
    .description('list what no target of the plan has any more, and delete it on a yes')
    .option('--remote', 'also published files of groups that are no longer in the plan')
    .option('-n, --dry-run', 'only list')
    .option('--yes', 'delete without asking')
    .option('--json', 'a JSON line per target, folder and file')
    .addHelpText('after', GC_HELP)
    .action(async (raw) => {
      const { gcCommand } = await import('./gc-command.ts');
      process.exitCode = await gcCommand(raw);
    });
}

const GC_HELP = `
Results, logs and journals of source files that vanished, of steps that were renamed or removed, and of
what --set, a profile or exclude leaves out of the plan: call it with the options of your runs. Only what was
made here is deleted, and nothing that lies where a target of the plan would put its own files. Files
that nobody recorded are listed and left.

With --remote each dataset that the pipeline publishes is looked into: groups whose manifest is of no
group of the plan go, but for files that another group lists or that somebody has replaced.`;

function addHub(program: Command) {
  const hub = program.command('hub').description('the embedded Hub of the work folder');
  addProjectOptions(hub.command('serve'))
    .description('serve it on loopback for any Hub client, until Ctrl-C')
    .option('--port <n>', 'the port (default, and 0: a free one)', wholeNumber)
    .action(async (raw) => {
      const { hubServeCommand } = await import('./hub-command.ts');
      process.exitCode = await hubServeCommand(raw);
    });
  addProjectOptions(hub.command('ls'))
    .description('what is in it')
    .option('--json', 'as JSON')
    .action(async (raw) => {
      const { hubListCommand } = await import('./hub-command.ts');
      process.exitCode = await hubListCommand(raw);
    });
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('not a whole number');
  return value;
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('not a number above 0');
  return value;
}
