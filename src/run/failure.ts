// Turns an error of the operating system or of a Hub into a failure of the target it happened to. Anything
// else is a bug and stays a throw.
import { HubError } from '../hub/client/error.ts';
import type { Failure, FailureCode } from '../trace.ts';

const CODES: Readonly<Record<string, { code: FailureCode; hint: string; mayPass: boolean }>> = {
  ENOSPC: {
    code: 'disk-full',
    hint: 'free some space in the work folder (or choose another with --work) and run again',
    mayPass: false,
  },
  EDQUOT: { code: 'disk-full', hint: 'the disk quota is used up', mayPass: false },
  EACCES: { code: 'permission', hint: 'make the work folder writable', mayPass: false },
  EPERM: { code: 'permission', hint: 'make the work folder writable', mayPass: false },
  EROFS: { code: 'permission', hint: 'the work folder is mounted read-only', mayPass: false },
  EMFILE: {
    code: 'internal',
    hint: 'raise the limit of open files (`ulimit -n`) or run with a smaller -j',
    mayPass: true,
  },
};

/** Anything else that the system says, such as a file where a folder has to be. */
const OTHER = {
  code: 'permission',
  hint: 'take away what is in the way at this path, or correct its access, and run again',
  mayPass: false,
} as const;

/** A failure of a target that is found before a worker has it. */
export class TargetFailure extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

export function failureOf(error: unknown): Failure | undefined {
  if (error instanceof TargetFailure) return error.failure;
  if (error instanceof HubError) {
    const { code, message, hint, mayPass } = error;
    return { code, message, hint, mayPass };
  }
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return undefined;
  const known = typeof error.code === 'string' ? CODES[error.code] : undefined;
  return { ...(known ?? OTHER), message: error.message };
}
