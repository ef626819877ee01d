// The documentation, tried: commands are run in order by the real command line, pipelines validated,
// tasks type-checked, and what a page says is printed is printed. See doc-page.ts for the marks.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import schema from '../schema/pipeline.schema.json' with { type: 'json' };
import { parseConfig } from '../src/config/parse.ts';
import { type Block, missingLine, readBlocks } from './doc-page.ts';
import { DocSandbox, type Finished } from './doc-sandbox.ts';
import { TestHub } from './hub-pipeline-rig.ts';
import { PROJECT } from './rig.ts';

const PAGES = [
  'README.md',
  ...readdirSync(join(PROJECT, 'docs')).flatMap((name) =>
    name.endsWith('.md') ? [`docs/${name}`] : [],
  ),
];
const blocksOf = new Map(PAGES.map((page) => [page, readBlocks(join(PROJECT, page))]));

/** What cannot be tried, so that a block is not left out without anybody noticing. */
const NOT_RUN: Readonly<Record<string, number>> = {
  'README.md': 2,
  'docs/tasks.md': 2,
  'docs/troubleshooting.md': 1,
  'docs/tutorial.md': 2,
  'docs/wikidata.md': 3,
};

const PUBLIC_HUB = 'https://huggingface.co';
/** Pages whose commands speak with the public Hub: an embedded one stands in for it. */
const NEED_A_HUB = new Set(['docs/tutorial.md', 'docs/wikidata.md']);

test('blocks that are only shown are few, and each says why', () => {
  const found: Record<string, number> = {};
  for (const [page, blocks] of blocksOf) {
    const shown = blocks.filter(({ mark }) => mark.kind === 'not run').length;
    if (shown > 0) found[page] = shown;
  }
  expect(found).toEqual(NOT_RUN);
});

describe.concurrent('every block of the page does what it says:', () => {
  for (const [page, blocks] of blocksOf) {
    if (blocks.length > 0) test(page, () => tryPage(page, blocks));
  }
});

async function tryPage(page: string, blocks: readonly Block[]): Promise<void> {
  const hub = NEED_A_HUB.has(page) ? await TestHub.start() : undefined;
  const sandbox = new DocSandbox(hub === undefined ? {} : { HF_TOKEN: hub.token });
  try {
    if (hub !== undefined) await pretendToBeReal(hub, sandbox);
    let last: Finished | undefined;
    const written: string[] = [];
    for (const block of blocks) {
      const place = `${page}:${block.line}`;
      const { mark, language } = block;
      // The real dataset has 63 batches, the small one a single one.
      const text = block.text
        .replaceAll('@batch=62', '@batch=0')
        .replaceAll(PUBLIC_HUB, hub?.url ?? PUBLIC_HUB);
      if (mark.kind === 'not run') continue;
      if (mark.kind === 'file') {
        sandbox.write(mark.text, text);
        written.push(mark.text);
      } else if (language === 'sh') {
        last = await runCommands({ ...block, text }, { sandbox, place });
      } else if (mark.kind === 'output') {
        const missing = missingLine(text, last?.text ?? '');
        const told = `${place}: not printed: ${missing}\nwhat was printed:\n${last?.text}`;
        expect(missing, told).toBeUndefined();
      } else {
        await checkPart(block, place);
      }
    }
    await checkTasks(page, { sandbox, written });
  } finally {
    sandbox.close();
    await hub?.close();
  }
}

async function runCommands(
  { mark, text }: Block,
  { sandbox, place }: { readonly sandbox: DocSandbox; readonly place: string },
): Promise<Finished> {
  if (mark.kind === 'until') {
    const stopped = await sandbox.run(text, mark.text);
    expect(stopped.text, place).toContain(mark.text);
    return stopped;
  }
  const finished = await sandbox.run(text);
  const wanted = mark.kind === 'exit' ? mark.code : 0;
  expect(finished.code, `${place}: ended otherwise, having printed\n${finished.text}`).toBe(wanted);
  return finished;
}

const ajv = new Ajv2020({ strict: false, allErrors: true });
ajv.addSchema(schema, 'pipeline');
/** Every key may be missing in it, as in a part of a pipeline file. */
const fitsAsPart = ajv.compile({ $ref: 'pipeline#/$defs/overlay' });

/** A piece of YAML or SQL that stands for itself. */
async function checkPart({ language, text }: Block, place: string): Promise<void> {
  switch (language) {
    case 'yaml': {
      const { profiles = {}, ...rest } = parseYaml(text);
      if ('name' in rest) {
        expect(mistakesOf(text), place).toEqual([]);
        return;
      }
      for (const part of [rest, ...Object.values(profiles)]) {
        fitsAsPart(part);
        expect(fitsAsPart.errors ?? [], place).toEqual([]);
      }
      return;
    }
    case 'sql': {
      const database = await DuckDBInstance.create();
      const connection = await database.connect();
      const statements = await connection.extractStatements(text);
      expect(statements.count, place).toBeGreaterThan(0);
      database.closeSync();
      return;
    }
    default:
      expect.unreachable(`${place}: a block of "${language}" needs a mark`);
  }
}

/** Of a whole pipeline, whose files are not there. */
function mistakesOf(text: string): readonly unknown[] {
  const places = { file: 'pipeline.yaml', root: PROJECT, work: join(PROJECT, 'work') };
  const readFile = () => '';
  return parseConfig({ text, ...places, profile: undefined, set: [], readFile }).diagnostics;
}

/** Tasks that a page has the reader write fit the task contract. */
async function checkTasks(
  page: string,
  { sandbox, written }: { readonly sandbox: DocSandbox; readonly written: readonly string[] },
): Promise<void> {
  const tasks = written.filter((name) => name.endsWith('.ts'));
  if (tasks.length === 0) return;
  const config = { extends: join(PROJECT, 'tsconfig.json'), files: tasks, include: [] };
  sandbox.write('tsconfig.json', JSON.stringify(config));
  const tsc = join(PROJECT, 'node_modules/.bin/tsc');
  const told = await promisify(execFile)(tsc, ['-p', sandbox.root]).catch((error) => error);
  expect(told.stdout, `${page}: types`).toBe('');
}

/** Of the real dataset two small files, on a Hub that the pipeline takes for the public one. */
async function pretendToBeReal(hub: TestHub, sandbox: DocSandbox): Promise<void> {
  const source = hub.dataset('philippesaade/wikidata');
  await source.create();
  const database = await DuckDBInstance.create();
  const connection = await database.connect();
  const label = (value: string) => JSON.stringify({ en: { language: 'en', value } });
  for (const name of ['chunk_0-00000-of-00001.parquet', 'chunk_1-00000-of-00001.parquet']) {
    const path = join(sandbox.root, name);
    await connection.run(
      `COPY (SELECT 'Q' || i AS id, $label AS labels, $label AS descriptions, '{}' AS aliases,
        '{}' AS sitelinks, '{}' AS claims FROM range(3) row(i)) TO '${path}' (FORMAT parquet)`,
      { label: label('a lake') },
    );
    await source.put({ [`data/${name}`]: readFileSync(path) });
  }
  database.closeSync();
  const pipeline = readFileSync(join(PROJECT, 'pipeline.yaml'), 'utf8');
  expect(pipeline).toContain(PUBLIC_HUB);
  sandbox.write('pipeline.yaml', pipeline.replace(PUBLIC_HUB, hub.url));
}

test('the reference says what the schema says', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['docs/reference.ts'], {
    cwd: PROJECT,
  });
  const committed = readFileSync(join(PROJECT, 'docs/reference.md'), 'utf8');
  expect(committed, 'run: node docs/reference.ts > docs/reference.md').toBe(stdout);
});

/** The members of a union of texts in a source file. */
function codesOf(file: string, start: string): readonly string[] {
  const text = readFileSync(join(PROJECT, file), 'utf8');
  const union = text.slice(text.indexOf(start)).split(';')[0] ?? '';
  const codes = [...union.matchAll(/'([a-z-]+)'/g)].map(([, code]) => code ?? '');
  expect(codes.length, `${file}: ${start}`).toBeGreaterThan(2);
  return codes;
}

test.each([
  ['src/trace.ts', 'export type FailureCode'],
  ['src/diagnostic.ts', 'export type DiagnosticCode'],
  ['src/store/problem.ts', 'readonly code:'],
])('troubleshooting explains every code of %s', (file, start) => {
  const page = readFileSync(join(PROJECT, 'docs/troubleshooting.md'), 'utf8');
  const explained = new Set([...page.matchAll(/`([a-z-]+)`/g)].map(([, code]) => code));
  expect(codesOf(file, start).filter((code) => !explained.has(code))).toEqual([]);
});

test('links between pages lead to files', () => {
  const broken: string[] = [];
  for (const page of PAGES) {
    const text = readFileSync(join(PROJECT, page), 'utf8');
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)/g)) {
      const path = new URL(target, `file:///${page}`).pathname.slice(1);
      try {
        readFileSync(join(PROJECT, path));
      } catch {
        broken.push(`${page}: ${target}`);
      }
    }
  }
  expect(broken).toEqual([]);
});
