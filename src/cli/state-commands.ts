// The commands for when state and disk disagree, as the command line knows them.
import type { Command } from 'commander';
import * as help from './help.ts';
import { addProjectOptions } from './options.ts';

export function addAccept(program: Command) {
  addProjectOptions(program.command('accept'))
    .description('call stale targets up to date as they lie; recorded who and why')
    .argument('<targets...>', 'as for run; only these, not what they need')
    .option('--why <text>', 'the reason, shown by status and explain')
    .option('-n, --dry-run', 'only say what would be accepted, and what cannot be')
    .option('--json', 'a JSON line per stale target')
    .addHelpText('after', help.ACCEPT_HELP)
    .action(async (words: string[], raw) => {
      const { acceptCommand } = await import('./accept-command.ts');
      process.exitCode = await acceptCommand(words, raw);
    });
}

export function addRepair(program: Command) {
  addProjectOptions(program.command('repair'))
    .description('rebuild what is recorded from the outputs on disk and from published datasets')
    .argument('[targets...]', 'only these, and what they need')
    .option('-n, --dry-run', 'only say what would be recorded')
    .option('--yes', 'record it without asking')
    .option('--json', 'a JSON line per finding')
    .addHelpText('after', help.REPAIR_HELP)
    .action(async (words: string[], raw) => {
      const { repairCommand } = await import('./repair-command.ts');
      process.exitCode = await repairCommand(words, raw);
    });
}

export function addGc(program: Command) {
  addProjectOptions(program.command('gc'))
    .description('list what no target of the plan has any more, and delete it on a yes')
    .option('--remote', 'also published files of groups that are no longer in the plan')
    .option('-n, --dry-run', 'only list')
    .option('--yes', 'delete without asking')
    .option('--json', 'a JSON line per target, folder and file')
    .addHelpText('after', help.GC_HELP)
    .action(async (raw) => {
      const { gcCommand } = await import('./gc-command.ts');
      process.exitCode = await gcCommand(raw);
    });
}
