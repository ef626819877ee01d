// The shell rule: one command in a process group of its own, its output in order in the target's
// log. The only file that knows execa. The worker is the command's supervisor: when the worker is
// told to end, or loses its channel, the whole group ends with it.
import { execa } from 'execa';
import { assembleCommand, type Command, type FilledPart } from './command.ts';
import type { CommandPart } from './executor.ts';
import { describeGroup, killGroup } from './process-group.ts';
import type { Attempt, RuleResult } from './rule.ts';
import { TargetError, targetError } from './target-error.ts';

/** From the polite signal to the last one; the pool ends the worker itself after one second. */
const GRACE_MS = 500;
const TAIL_LINES = 20;
/** EX_TEMPFAIL of sysexits.h: the command itself says that another attempt may succeed. */
const TEMPORARY_FAILURE = 75;

const TOKENS = ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN', 'HUGGINGFACE_HUB_TOKEN', 'HUGGINGFACE_TOKEN'];

/**
 * A command has the run's environment but for what must not end up in its log. Copied once: every
 * look at it asks the operating system for each variable.
 */
const ENVIRONMENT = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !TOKENS.includes(name)),
);

export async function runShell(
  attempt: Attempt,
  parts: readonly CommandPart[],
): Promise<RuleResult> {
  const command = assembleCommand(await fillParts(attempt, parts));
  attempt.log.line(`$ ${command.text}`);
  const result = await runCommand(attempt, command);
  // What the command left running in the background must not write into published files.
  if (result.pid !== undefined) killGroup(result.pid);
  attempt.control.groupEnded();
  attempt.control.signal.throwIfAborted();
  if (!result.isOk) throw exitFailure(attempt, { command, result });
  return {
    written: new Map(),
    account: undefined,
    rejects: 0,
    rejectsFile: undefined,
    meaning: {},
  };
}

async function fillParts(
  { inputs, stagedPaths }: Attempt,
  parts: readonly CommandPart[],
): Promise<readonly FilledPart[]> {
  const filled: FilledPart[] = [];
  for (const part of parts) {
    if (typeof part === 'string') filled.push(part);
    else if ('value' in part) filled.push({ values: [part.value] });
    else if ('input' in part) filled.push({ values: await inputPaths(inputs, part.input) });
    else filled.push({ values: outputPaths(stagedPaths, part.output) });
  }
  return filled;
}

/** An empty name or none means all of them. */
async function inputPaths(inputs: Attempt['inputs'], name: string | undefined): Promise<string[]> {
  const files = name ? await inputs.files(name) : await inputs.allFiles();
  return files.map(({ path }) => path);
}

function outputPaths(stagedPaths: Attempt['stagedPaths'], name: string | undefined): string[] {
  if (!name) return [...stagedPaths.values()];
  const path = stagedPaths.get(name);
  if (path !== undefined) return [path];
  throw targetError('internal', `There is no output "${name}"`);
}

interface CommandResult {
  readonly pid: number | undefined;
  readonly isOk: boolean;
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  /** `ENOENT` when there is no such program. */
  readonly systemCode: string | undefined;
}

async function runCommand(attempt: Attempt, { text, words }: Command): Promise<CommandResult> {
  const { order, control, log } = attempt;
  // Fails on the first failing line and inside of pipes: half a file must not be published.
  const [file = '', ...rest] = words ?? [
    'bash',
    '--noprofile',
    '--norc',
    '-eo',
    'pipefail',
    '-c',
    text,
  ];
  const output = asDescriptor(log.file());
  const child = execa(file, rest, {
    cwd: order.root,
    extendEnv: false,
    env: { ...ENVIRONMENT, PIPELINE_TARGET: order.target },
    stdin: 'ignore',
    // One descriptor for both, so that their order is kept; nothing passes through this process.
    stdout: output,
    stderr: output,
    buffer: false,
    reject: false,
    cancelSignal: control.signal,
    killDescendants: true,
    // The worker itself ends the group, also when it is killed; execa's own hooks cost 0.1 ms.
    cleanup: false,
    forceKillAfterDelay: GRACE_MS,
  });
  const { pid } = child;
  if (pid !== undefined) control.groupBegun(describeGroup(pid));
  const result = await child;
  return {
    pid,
    isOk: !result.failed,
    exitCode: result.exitCode,
    signal: result.signal,
    systemCode: result.code,
  };
}

/** execa takes any descriptor; its types name only the first few. */
function asDescriptor(file: number): 3 {
  return file as 3;
}

function exitFailure(
  attempt: Attempt,
  { command, result }: { readonly command: Command; readonly result: CommandResult },
): TargetError {
  const { exitCode, signal, systemCode } = result;
  const program = command.words?.[0];
  if (systemCode === 'ENOENT' && program !== undefined) {
    return targetError('exit-status', `There is no program "${program}"`, {
      hint: 'install it, or check the spelling',
    });
  }
  const what =
    signal !== undefined
      ? `was killed by ${signal}`
      : exitCode !== undefined
        ? `ended with exit status ${exitCode}`
        : `could not be started (${systemCode ?? 'unknown'})`;
  const tail = attempt.log.tail(TAIL_LINES);
  return new TargetError({
    code: 'exit-status',
    message: `The command ${what}`,
    ...(tail === '' ? {} : { detail: tail }),
    mayPass: signal !== undefined || exitCode === TEMPORARY_FAILURE,
  });
}
