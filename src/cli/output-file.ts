// A file that a person names for a command's output.
import { openSync } from 'node:fs';
import { UsageError } from './usage-error.ts';

/** Opened anew, as a descriptor. Throws a UsageError where that cannot be. */
export function openOutput(path: string): number {
  try {
    return openSync(path, 'w');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${path} cannot be written: ${why}\n  name another file with --out`);
  }
}
