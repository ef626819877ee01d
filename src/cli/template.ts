// The pipelines that a new one can begin as: the folders below `templates/`, with what differs from
// one pipeline to the next filled in. Real files, so that they are checked and run like any others.
import { readdirSync, readFileSync } from 'node:fs';
import { isAbsolute, join, posix, relative } from 'node:path';

export const TEMPLATES = ['parquet', 'hub', 'shell'] as const;
export type TemplateName = (typeof TEMPLATES)[number];

/** What each template is, and what it asks for as its source. */
export const ABOUT: Readonly<
  Record<TemplateName, { readonly about: string; readonly source: 'folder' | 'dataset' }>
> = {
  parquet: { about: 'local Parquet files through SQL', source: 'folder' },
  hub: { about: 'a dataset on a Hub: pull, SQL, split, push, check', source: 'dataset' },
  shell: { about: 'commands of the shell over local files', source: 'folder' },
};

/** This program's folder, whose tasks and schema a new pipeline uses where they lie. */
const PROGRAM = join(import.meta.dirname, '../..');
const FOLDER = join(PROGRAM, 'templates');
/** How the modules of templates name the task contract from their place in this folder. */
const CONTRACT = "'../../../src/task.ts'";

export interface Choices {
  readonly template: TemplateName;
  readonly name: string;
  /** The absolute folder or the dataset of the source files; undefined for a sample. */
  readonly source: string | undefined;
}

/** Texts of the new pipeline's files, by their path in its absolute folder. */
export function fillTemplate(choices: Choices, folder: string): ReadonlyMap<string, string> {
  const { template, name, source } = choices;
  const home = join(FOLDER, template);
  const eider = pathFrom(folder, PROGRAM);
  const found = readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(home, join(entry.parentPath, entry.name)))
    .filter((path) => source === undefined || !path.startsWith('sample/'))
    .sort();
  const values: Readonly<Record<string, string>> = {
    NAME: name,
    EIDER: eider,
    SOURCE: sourceText(choices, folder),
    PROFILE: source === undefined ? 'sample' : 'real',
  };
  const files = found.map((path): [string, string] => {
    const text = readFileSync(join(home, path), 'utf8');
    if (!path.endsWith('.ts')) {
      return [path, text.replaceAll(/__([A-Z]+)__/g, (place, key) => values[key] ?? place)];
    }
    const contract = posix.join(
      pathFrom(join(folder, posix.dirname(path)), PROGRAM),
      'src/task.ts',
    );
    return [path, text.replaceAll(CONTRACT, `'${contract}'`)];
  });
  const ignored = readFileSync(join(FOLDER, 'gitignore'), 'utf8');
  return new Map([...files, ['.gitignore', ignored]]);
}

function sourceText({ template, source }: Choices, folder: string): string {
  if (template === 'hub') return source ?? 'local/words';
  if (source === undefined) return template === 'shell' ? 'sample' : '{work}/sample';
  const inside = relative(folder, source);
  const path = inside === '' || inside.startsWith('..') || isAbsolute(inside) ? source : inside;
  // In a text of YAML in double quotes.
  return JSON.stringify(path).slice(1, -1);
}

/** A path that modules can be imported by: relative, unless the folders have little in common. */
function pathFrom(folder: string, path: string): string {
  const way = relative(folder, path);
  if (/^(\.\.\/){4}/.test(way)) return path;
  return way.startsWith('.') ? way : `./${way}`;
}
