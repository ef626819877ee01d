// The words of the command line that are commands; every other first word is a target.
import { VALUE_OPTIONS } from './options.ts';

export const COMMANDS: readonly string[] = [
  'run',
  'status',
  'explain',
  'graph',
  'log',
  'report',
  'history',
  'validate',
  'refresh',
  'accept',
  'repair',
  'gc',
  'hub',
  'init',
  'completion',
  'help',
];

/** `pipeline -f x.yaml status` means `pipeline status -f x.yaml`. */
export function commandFirst(argv: readonly string[]): readonly string[] {
  const words: number[] = [];
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (word === '--') break;
    if (VALUE_OPTIONS.has(word)) index += 1;
    else if (!word.startsWith('-')) words.push(index);
  }
  const [first = -1] = words;
  const command = argv[first] ?? '';
  if (!COMMANDS.includes(command)) return argv;
  // The commands of the Hub, and what help is asked about, are words of their own.
  const leading = words.slice(0, command === 'hub' || command === 'help' ? 2 : 1);
  const rest = argv.filter((_, index) => !leading.includes(index));
  return [...leading.map((index) => argv[index] ?? ''), ...rest];
}
