// What every call begins and ends with: an answer at a glance where that is possible, else the
// command line's commands; and the last word on every error.
import { StoreProblemError } from '../store/problem.ts';
import { EXIT } from './exit-code.ts';
import { Call } from './glance.ts';
import { problemText, UsageError } from './usage-error.ts';

export async function main(argv: readonly string[]): Promise<void> {
  // Whoever reads our output may go away (`| head`): that is no error of ours.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  try {
    const call = new Call(argv);
    if (call.answer()) return;
    const { runProgram } = await import('./program.ts');
    await runProgram(argv, call);
  } catch (error) {
    process.exitCode = await lastWord(error);
  }
}

/** Says what is left to say of an error and gives the exit code. */
async function lastWord(error: unknown): Promise<number> {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n`);
    return EXIT.usage;
  }
  if (error instanceof StoreProblemError) {
    process.stderr.write(`${problemText(error.problem)}\n`);
    return EXIT.usage;
  }
  const { HubError } = await import('../hub/client/error.ts');
  if (error instanceof HubError) {
    process.stderr.write(`error: ${error.message} [${error.code}]\n  ${error.hint}\n`);
    return EXIT.failed;
  }
  if (error instanceof Error && 'syscall' in error) {
    process.stderr.write(
      `error: ${error.message}\n  the state could not be written or read; ` +
        'nothing that was recorded is lost: free the disk or correct the access, and run again\n',
    );
    return EXIT.internal;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`internal error: ${text}\n  nothing that was recorded is lost; run again\n`);
  return EXIT.internal;
}
