// The words of the command line that are commands; every other first word is a target.
export const COMMANDS: readonly string[] = [
  'run',
  'status',
  'explain',
  'graph',
  'log',
  'validate',
  'refresh',
  'accept',
  'repair',
  'gc',
  'hub',
  'help',
];
