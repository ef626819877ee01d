// Asks a person on a terminal; without one there is nobody to ask.
import { createInterface } from 'node:readline/promises';

/** Anything but a yes is a no. */
export type Answer = 'yes' | 'no' | 'nobody';

export async function askYes(question: string): Promise<Answer> {
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY) return 'nobody';
  const lines = createInterface({ input: stdin, output: stdout, terminal: false });
  const closed = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
  try {
    const answer = await Promise.race([lines.question(`${question} [y/N] `), closed]);
    return /^\s*y(es)?\s*$/i.test(answer) ? 'yes' : 'no';
  } finally {
    lines.close();
  }
}
