// The house style that a machine can check: import direction, cycles, names, sizes, dead files.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');

function filesBelow(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((name) => /\.(ts|js|sql)$/.test(name))
    .sort();
}

const sources = filesBelow('src');
const tasks = ['tasks', 'examples', 'templates'].flatMap(filesBelow);
const tests = filesBelow('test');
const texts = new Map(
  [...sources, ...tasks, ...tests].map((file) => [file, readFileSync(join(root, file), 'utf8')]),
);

interface Import {
  readonly from: string;
  /** A file of the project, or the name of a package. */
  readonly to: string;
  readonly typeOnly: boolean;
  /** Only once the statement is reached. */
  readonly isDynamic: boolean;
}

function importsOf(file: string): readonly Import[] {
  const text = texts.get(file) ?? '';
  const statements = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\s+(type\s)?[^'";]*?from\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]/g,
  );
  return [...statements].map(([, type, named, dynamic]) => {
    const name = named ?? dynamic ?? '';
    const to = name.startsWith('.') ? normalize(join(dirname(file), name)) : name;
    return { from: file, to, typeOnly: type !== undefined, isDynamic: dynamic !== undefined };
  });
}

const imports = [...texts.keys()].flatMap(importsOf);

const CORE = [
  /^src\/(diagnostic|suggestion|glob|fingerprint|rebuilder|scheduler|start-queue|member-queue|disk-budget|free-pools)\.ts$/,
  /^src\/(config|plan)\//,
];

function isCore(file: string): boolean {
  return CORE.some((pattern) => pattern.test(file));
}

function offenders(found: readonly Import[]): readonly string[] {
  return found.map(({ from, to }) => `${from} imports ${to}`);
}

test('the pure core imports nothing that touches the outside', () => {
  const banned = /^node:(fs|process|child_process|os|timers|worker_threads|net|http)/;
  expect(offenders(imports.filter(({ from, to }) => isCore(from) && banned.test(to)))).toEqual([]);
});

test('the pure core imports only the core, apart from types', () => {
  const found = imports.filter(
    ({ from, to, typeOnly }) => isCore(from) && !typeOnly && to.startsWith('src/') && !isCore(to),
  );
  expect(offenders(found)).toEqual([]);
});

test('the pure core asks no clock, no randomness and makes no promises', () => {
  const banned = /\b(Date\.now|new Date\(\)|performance\.now|Math\.random|Promise\b|async |await )/;
  const found = sources.filter((file) => isCore(file) && banned.test(withoutComments(file)));
  expect(found).toEqual([]);
});

test('each library is known in one place', () => {
  const homes: Readonly<Record<string, RegExp>> = {
    yaml: /^(src\/config\/|tasks\/)/,
    saxes: /^examples\/discogs\/tasks\//,
    ajv: /^src\/(config|executor)\//,
    'ajv/dist/2020.js': /^src\/(config|executor)\//,
    listr2: /^src\/reporter\/listr\.ts$/,
    execa: /^src\/executor\/shell\.ts$/,
    '@duckdb/node-api': /^src\/executor\//,
    'apache-arrow':
      /^(src\/executor\/contract\.ts|src\/report\/history-arrow\.ts|src\/task\.ts|tasks\/|examples\/)/,
    commander: /^src\/cli\//,
    '@huggingface/hub': /^src\/hub\/client\//,
  };
  const found = imports.filter(
    ({ from, to }) => !from.startsWith('test/') && homes[to]?.test(from) === false,
  );
  expect(offenders(found)).toEqual([]);
});

test('tasks import only the task contract of the runner', () => {
  const found = imports.filter(
    ({ from, to }) =>
      /^(tasks|examples|templates)\//.test(from) && to.startsWith('src/') && to !== 'src/task.ts',
  );
  expect(offenders(found)).toEqual([]);
});

test('nothing in the runner names a task or a dataset', () => {
  const found = sources.filter((file) => /wikidata|discogs/i.test(withoutComments(file)));
  expect(found).toEqual([]);
});

test('only reporters and the command line print, only the command line exits', () => {
  const prints = /\bconsole\.|process\.(stdout|stderr)\b/;
  const exits = /process\.exit\b|process\.exitCode/;
  const printing = sources.filter(
    (file) => !/^src\/(reporter|cli|bin)/.test(file) && prints.test(withoutComments(file)),
  );
  const exiting = sources.filter(
    (file) =>
      !/^src\/(cli|bin)/.test(file) && !/worker/.test(file) && exits.test(withoutComments(file)),
  );
  expect({ printing, exiting }).toEqual({ printing: [], exiting: [] });
});

test('there are no import cycles', () => {
  const graph = new Map<string, readonly string[]>();
  for (const file of texts.keys()) {
    const found = importsOf(file).filter(({ to, typeOnly }) => texts.has(to) && !typeOnly);
    graph.set(
      file,
      found.map(({ to }) => to),
    );
  }
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, path: readonly string[]) => {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
    if (done.has(file) || path.includes(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  expect(cycles).toEqual([]);
});

test('a run with nothing to do loads no package and nothing that starts processes', () => {
  const loaded = new Set(['src/bin.js', 'src/cli/cli.ts']);
  for (const file of loaded) {
    for (const { to, typeOnly, isDynamic } of importsOf(file)) {
      if (!typeOnly && !isDynamic) loaded.add(to);
    }
  }
  expect([...loaded].filter((name) => !name.startsWith('src/')).sort()).toEqual([
    'node:fs',
    'node:module',
    'node:path',
    'node:zlib',
  ]);
  expect(loaded.size).toBeLessThanOrEqual(20);
});

test('every file says what it is for and keeps its size', () => {
  const bad: string[] = [];
  for (const [file, text] of texts) {
    const lines = text.split('\n');
    if (lines.length > 351) bad.push(`${file}: ${lines.length - 1} lines`);
    if (!file.startsWith('test/') && lines.some((line) => line.length > 120)) {
      bad.push(`${file}: a line over 120 characters`);
    }
    if (file.startsWith('src/') && !/^(#!.*\n)?\/\//.test(text))
      bad.push(`${file}: no first comment`);
  }
  expect(bad).toEqual([]);
});

test('no file is named after nothing', () => {
  const names = /(^|\/)(index|utils?|helpers?|common|types|constants|misc)(\.|\/)/;
  expect([...texts.keys()].filter((file) => names.test(file))).toEqual([]);
});

test('no file is imported by nobody', () => {
  const entries = new Set([
    'src/bin.js',
    // What other programs import.
    'src/eider.ts',
    // Started as a process of its own.
    'src/executor/worker.js',
    // Started as a thread.
    'src/executor/parse-thread.js',
    // Put into the page that a report is.
    'src/report/page/main.js',
  ]);
  const used = new Set(imports.map(({ to }) => to));
  const spoken = [...texts.values()].join('\n');
  const dead = sources.filter((file) => {
    if (entries.has(file) || used.has(file) || file.endsWith('.d.ts')) return false;
    return !spoken.includes(`'./${relative(dirname(file), file)}'`);
  });
  expect(dead).toEqual([]);
});

test('there is no way round the checks', () => {
  const ways = /(: any\b|\bas any\b|<any>|@ts-ignore|@ts-nocheck|\.only\(|\.todo\()/;
  const found = [...texts.keys()].filter(
    (file) => file !== 'test/tidy.test.ts' && ways.test(texts.get(file) ?? ''),
  );
  expect(found).toEqual([]);
});

function withoutComments(file: string): string {
  return (texts.get(file) ?? '').replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '');
}
