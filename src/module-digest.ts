// What a module of the pipeline consists of: its own text and that of all files that it imports by
// relative paths. Who plans and who loads a module compute the same digest, so that a trace can
// tell the code that really ran from the code that was planned.
import { posix } from 'node:path';
import { digestText } from './fingerprint.ts';

/** `read` gives the text of an absolute path; '' for what is not there. */
export function digestModule(path: string, read: (path: string) => string): string {
  const seen = new Map<string, string>();
  const open = [path];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (seen.has(next)) continue;
    const text = read(next);
    seen.set(next, text);
    // The contract is the runner's own: its changes come with a new version of the runner.
    if (next.endsWith('/src/task.ts')) seen.set(next, '');
    else open.push(...relativeImports(text).map((name) => posix.join(posix.dirname(next), name)));
  }
  const folder = posix.dirname(path);
  const parts = [...seen]
    .map(([file, text]) => `${posix.relative(folder, file)}\n${digestText(text)}`)
    .sort();
  return digestText(parts.join('\n'));
}

/** Specifiers that begin with `./` or `../`, of static and dynamic imports alike. */
function relativeImports(text: string): readonly string[] {
  const found = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"](\.{1,2}\/[^'"\n]+)['"]/g);
  return [...found].map((match) => match[1] ?? '');
}
