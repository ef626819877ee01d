// The graphs that are measured, each in three notations: as a pipeline, for ninja and for make.
// Steps are chains over the files, then steps over the chunks; a step has as many cells as the
// matrix has tables.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { RealFile } from './wikidata-files.ts';

export interface Shape {
  readonly name: string;
  readonly files: readonly RealFile[];
  readonly steps: readonly ShapeStep[];
}

export interface ShapeStep {
  readonly name: string;
  readonly each: 'file' | 'chunk';
  readonly tables: readonly string[];
  /** How many files a partitioned output has; undefined for a plain one. */
  readonly values?: number;
}

/** Without a matrix: one nameless table. */
const NO_TABLE = [''];
const TABLES = ['labels', 'descriptions', 'aliases', 'links', 'claims'];

/** Six steps over every file, then a barrier for each chunk. */
export function chainShape(files: readonly RealFile[]): Shape {
  const names = ['pull', 'unpack', 'clean', 'process', 'check', 'partition'];
  const chain = names.map((name): ShapeStep => ({ name, each: 'file', tables: NO_TABLE }));
  return {
    name: 'chain',
    files,
    steps: [...chain, { name: 'barrier', each: 'chunk', tables: NO_TABLE }],
  };
}

/** The shape of the default pipeline with its five tables; what it splits has two values each. */
export function tablesShape(files: readonly RealFile[]): Shape {
  return {
    name: 'tables',
    files,
    steps: [
      { name: 'pull', each: 'file', tables: NO_TABLE },
      { name: 'process', each: 'file', tables: TABLES },
      { name: 'partition', each: 'file', tables: TABLES, values: 2 },
      { name: 'push', each: 'chunk', tables: TABLES },
      { name: 'post_check', each: 'chunk', tables: TABLES },
      { name: 'clean', each: 'chunk', tables: NO_TABLE },
    ],
  };
}

export function countTargets({ files, steps }: Shape): number {
  const chunks = new Set(files.map((file) => file.chunk)).size;
  const members = (step: ShapeStep) => (step.each === 'file' ? files.length : chunks);
  return steps.reduce((sum, step) => sum + step.tables.length * members(step), 0);
}

export function pipelineOf(shape: Shape): string {
  const lines = [
    `name: ${shape.name}`,
    'sources:',
    '  files: { files: "src/chunk_*.parquet", name: "chunk_{chunk}-{part}-of-{parts}.parquet" }',
    'steps:',
  ];
  for (const [index, step] of shape.steps.entries()) {
    const before = shape.steps[index - 1];
    const table = step.tables.length > 1 ? '/{table}' : '';
    const path = `${step.name}${table}`;
    lines.push(`  ${step.name}:`);
    if (before !== undefined) lines.push(`    needs: ${before.name}`);
    lines.push(`    each: ${step.each}`);
    if (table !== '') lines.push(`    matrix: { table: [${step.tables.join(', ')}] }`);
    if (step.values === undefined) {
      lines.push('    run: cat {input} > {output}', `    outputs: "${path}/{key}"`);
    } else {
      const output = `path: "${path}/lang={value}/{key}.parquet", partition_by: lang`;
      lines.push('    sql: SELECT * FROM read_parquet($input)', `    outputs: { ${output} }`);
    }
  }
  return `${lines.join('\n')}\n`;
}

interface Edge {
  readonly output: string;
  readonly inputs: readonly string[];
}

/** The same targets and dependencies, one output each. */
function edgesOf({ files, steps }: Shape): readonly Edge[] {
  const chunks = [...new Set(files.map((file) => file.chunk))];
  const pathOf = (step: ShapeStep, { table, member }: { table: string; member: string }) =>
    `out/${step.name}${table === '' ? '' : `-${table}`}/${member}`;
  const edges: Edge[] = [];
  for (const [index, step] of steps.entries()) {
    const before = steps[index - 1];
    const members =
      step.each === 'file'
        ? files.map((file) => ({ name: file.key, files: [file] }))
        : chunks.map((chunk) => ({
            name: `chunk-${chunk}`,
            files: before?.each === 'file' ? files.filter((file) => file.chunk === chunk) : [],
          }));
    for (const table of step.tables) {
      for (const { name, files: inside } of members) {
        const names = before?.each === 'chunk' ? [name] : inside.map((file) => file.key);
        const tables = before?.tables.includes(table) === true ? [table] : (before?.tables ?? []);
        const inputs =
          before === undefined
            ? names.map((key) => `../src/${key}.parquet`)
            : tables.flatMap((each) =>
                names.map((member) => pathOf(before, { table: each, member })),
              );
        edges.push({ output: pathOf(step, { table, member: name }), inputs });
      }
    }
  }
  return edges;
}

/**
 * Writes `build.ninja` and `Makefile` into the folder and, where `built`, all the outputs. The
 * commands do nothing, because the outputs are there: only ninja's log is missing then.
 */
export function writePeers(shape: Shape, { folder, built }: { folder: string; built: boolean }) {
  const edges = edgesOf(shape);
  mkdirSync(folder, { recursive: true });
  const builds = edges.map(({ output, inputs }) => `build ${output}: make ${inputs.join(' ')}\n`);
  writeFileSync(join(folder, 'build.ninja'), `rule make\n  command = :\n${builds.join('')}`);
  const all = `all: ${edges.map(({ output }) => output).join(' ')}\n.PHONY: all\n`;
  const rules = edges.map(({ output, inputs }) => `${output}: ${inputs.join(' ')}\n\t@:\n`);
  writeFileSync(join(folder, 'Makefile'), `MAKEFLAGS += -r\n${all}${rules.join('')}`);
  const folders = new Set(edges.map(({ output }) => dirname(output)));
  for (const each of folders) mkdirSync(join(folder, each), { recursive: true });
  if (!built) return;
  for (const { output } of edges) writeFileSync(join(folder, output), output);
}
