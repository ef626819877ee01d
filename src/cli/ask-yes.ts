// Asks a person on a terminal. The terminal keeps its own handling of Ctrl-C.
import { createInterface } from 'node:readline/promises';

/** Anything but a yes is a no; undefined when the signal called it off. */
export type Answer = 'yes' | 'no' | 'nobody' | undefined;

/** Without one there is nobody to ask. */
export function isTerminal(): boolean {
  return process.stdin.isTTY && process.stdout.isTTY;
}

export async function askYes(question: string, signal?: AbortSignal): Promise<Answer> {
  if (!isTerminal()) return 'nobody';
  const lines = createInterface({ input: process.stdin, output: process.stdout, terminal: false });
  const closed = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
  try {
    const options = signal === undefined ? {} : { signal };
    const answer = await Promise.race([lines.question(`${question} [y/N] `, options), closed]);
    return /^\s*y(es)?\s*$/i.test(answer) ? 'yes' : 'no';
  } catch (error) {
    if (signal?.aborted === true) return undefined;
    throw error;
  } finally {
    lines.close();
  }
}
