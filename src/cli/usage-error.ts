// A mistake of the user that ends a command: the message is all there is to say, laid out. Caught
// in `cli.ts` alone, which gives it exit code 2.
import type { StoreProblem } from '../store/problem.ts';

export class UsageError extends Error {}

/** What keeps a command from using a work folder, laid out for people. */
export function problemText({ code, message, hint }: StoreProblem): string {
  return `error: ${message} [${code}]\n  ${hint}`;
}
