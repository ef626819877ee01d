// A failure on its way up: thrown where it is found, caught once in `attempt.ts`, which turns it
// into an outcome. A deliberate exception to "user errors are values": between the leaf that finds
// a broken row and the attempt lie DuckDB callbacks and tasks, which can only pass a throw on.
import { HubError } from '../hub/client/error.ts';
import { InputFault, UnreadableInput } from '../task.ts';
import type { Failure, FailureCode } from '../trace.ts';

export class TargetError extends Error {
  readonly failure: Failure;
  /** Targets whose results are at fault. */
  readonly blamed: readonly string[];

  constructor(failure: Failure, blamed: readonly string[] = []) {
    super(failure.message);
    this.name = 'TargetError';
    this.failure = failure;
    this.blamed = blamed;
  }
}

/** A failure that another attempt would meet again, as something to throw. */
export function targetError(
  code: FailureCode,
  message: string,
  more: {
    readonly detail?: string | undefined;
    readonly hint?: string | undefined;
    readonly blamed?: readonly string[];
  } = {},
): TargetError {
  const failure: Failure = {
    code,
    message,
    ...(more.detail === undefined ? {} : { detail: more.detail }),
    ...(more.hint === undefined ? {} : { hint: more.hint }),
    mayPass: false,
  };
  return new TargetError(failure, more.blamed);
}

/** The targets that an error holds to be at fault. */
export function blamedBy(error: unknown): readonly string[] {
  if (error instanceof TargetError) return error.blamed;
  return error instanceof InputFault ? error.producers : [];
}

/** What an unexpected error means; the operating system's errors get codes of their own. */
export function failureOf(error: unknown, otherwise: FailureCode): Failure {
  if (error instanceof TargetError) return error.failure;
  if (error instanceof InputFault) {
    const hint = 'run again: what was found at fault is made again, and this after it';
    return { code: 'found-damaged', message: firstLine(error.message), hint, mayPass: false };
  }
  if (error instanceof UnreadableInput) {
    const hint = 'repair or replace the file, then run again';
    const message = firstLine(error.message);
    return { code: 'input-unreadable', message, hint, mayPass: false };
  }
  const remote = hubFailure(error);
  if (remote !== undefined) return remote;
  const known = systemFailure(error);
  if (known !== undefined) return known;
  const thrown = error instanceof Error ? error : new Error(String(error));
  const detail = userFrames(thrown);
  return {
    code: otherwise,
    message: firstLine(thrown.message === '' ? thrown.name : thrown.message),
    ...(detail === '' ? {} : { detail }),
    mayPass: false,
  };
}

/** Errors of the Hub client say themselves what they are; tasks let them pass through. */
function hubFailure(error: unknown): Failure | undefined {
  if (!(error instanceof HubError)) return undefined;
  const { code, message, hint, mayPass } = error;
  return { code, message, mayPass, ...(hint === undefined ? {} : { hint }) };
}

function systemFailure(error: unknown): Failure | undefined {
  const code = systemCode(error);
  const message = error instanceof Error ? firstLine(error.message) : '';
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return {
        code: 'disk-full',
        message: `The disk is full: ${message}`,
        hint: 'free some space, or put the work folder on another disk (--work DIR)',
        mayPass: false,
      };
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return {
        code: 'permission',
        message: `Not allowed: ${message}`,
        hint: 'check the owner and the mode of this path',
        mayPass: false,
      };
    default:
      return undefined;
  }
}

/** `ENOENT`, `EACCES`, ..; undefined for anything that is not an error of the system. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** The stack without the runner's and Node's own frames: what a task's author can act on. */
function userFrames(error: Error): string {
  const lines = (error.stack ?? '').split('\n');
  const head = error.message.split('\n').slice(1);
  const frames = lines.filter((line) => /^\s+at /.test(line) && !isOwnFrame(line)).slice(0, 8);
  const cause = error.cause instanceof Error ? [`caused by: ${error.cause.message}`] : [];
  return [...head, ...frames.map((line) => line.replace('file://', '')), ...cause].join('\n');
}

const OWN_FOLDER = new URL('.', import.meta.url).href;

function isOwnFrame(line: string): boolean {
  return line.includes(OWN_FOLDER) || line.includes('node:') || line.includes('/node_modules/');
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
