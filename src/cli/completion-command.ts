// `pipeline completion SHELL`: prints the script by which a shell completes what is typed. The
// script calls this program where it lies now, without pnpm, whose start takes longer than the rest.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { shellQuote } from '../config/shell-quote.ts';
import { EXIT } from './exit-code.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

const ENTRY = join(import.meta.dirname, '../bin.js');

export function completionCommand(shell: (typeof SHELLS)[number]): number {
  const script = join(import.meta.dirname, 'completion', `pipeline.${shell}`);
  const call = [process.execPath, ENTRY].map(shellQuote).join(' ');
  process.stdout.write(readFileSync(script, 'utf8').replace('@PIPELINE@', () => call));
  return EXIT.ok;
}
