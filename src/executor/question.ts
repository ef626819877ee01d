// Answers to the run's questions: facts that cost reading files or loading an engine, or asking a
// Hub. Nothing here writes but into a stage.
import { existsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contractText, loadContract } from './contract.ts';
import type { Database } from './duckdb.ts';
import type { Answer, Description, Question, RecordedFile, RuleOrder } from './executor.ts';
import { digestFile } from './file-digest.ts';
import { readRecordedFiles } from './manifest.ts';
import { DatabaseError, sqlFailure } from './sql-error.ts';
import { failureOf, targetError } from './target-error.ts';

export async function answerQuestion(question: Question, signal: AbortSignal): Promise<Answer> {
  try {
    switch (question.kind) {
      case 'describe':
        return { kind: 'description', description: await describe(question) };
      case 'digest':
        return { kind: 'digest', sha256: await digest(question.path, signal) };
      case 'verify':
        return { kind: 'verified', wrong: await verify(question, signal) };
      case 'list':
        return { kind: 'listed', paths: await list(question) };
      case 'examine': {
        const { examineOutputs } = await import('./examine.ts');
        return await withDatabase((database) => examineOutputs(question, { database, signal }));
      }
      case 'clear': {
        const { clearPublished } = await import('./clear.ts');
        const clear = (database: Database) => clearPublished(question, { database, signal });
        return { kind: 'cleared', groups: await withDatabase(clear) };
      }
      case 'recall': {
        const { recallPublished } = await import('./recall.ts');
        const recall = (database: Database) => recallPublished(question, { database, signal });
        return { kind: 'recalled', targets: await withDatabase(recall) };
      }
    }
  } catch (error) {
    const failure =
      error instanceof DatabaseError
        ? sqlFailure(error.fault, undefined)
        : failureOf(error, 'internal');
    return { kind: 'failed', failure };
  }
}

async function describe({
  rule,
  contracts,
}: Extract<Question, { kind: 'describe' }>): Promise<Description> {
  const meaning = await meaningOf(rule);
  if (contracts.length === 0) return meaning;
  const texts: Record<string, string> = {};
  for (const contract of contracts) {
    texts[contract.output] = contractText(await loadContract(contract));
  }
  return { ...meaning, contracts: texts };
}

async function meaningOf(rule: RuleOrder): Promise<Description> {
  switch (rule.kind) {
    case 'sql': {
      const { sqlMeaning } = await import('./sql-meaning.ts');
      return { meaning: await withDatabase((database) => sqlMeaning(database, rule.text)) };
    }
    case 'task': {
      const { loadPlannedTask, taskMeaning } = await import('./task-module.ts');
      return taskMeaning(await loadPlannedTask(rule));
    }
    case 'run':
      return {};
  }
}

/** A database that reads small things only. */
async function withDatabase<T>(use: (database: Database) => Promise<T>): Promise<T> {
  const { openDatabase } = await import('./duckdb.ts');
  const database = await openDatabase({ memoryBytes: 0, temporaryFolder: tmpdir(), root: '' });
  try {
    return await use(database);
  } finally {
    database.close();
  }
}

async function digest(path: string, signal: AbortSignal): Promise<string> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw targetError('input-missing', `${path} does not exist`);
  return await digestFile(path, { stat, signal });
}

/** Files are deleted, or kept, by this list: a manifest that cannot be read is a failure. */
async function list({
  work,
  manifests,
}: Extract<Question, { kind: 'list' }>): Promise<readonly string[]> {
  const present = manifests.map((path) => join(work, path)).filter((path) => existsSync(path));
  return await withDatabase(async (database) => {
    const paths: string[] = [];
    for (const manifest of present) {
      for (const { path } of await readRecordedFiles(database, manifest)) paths.push(path);
    }
    return paths;
  });
}

type Wrong = Extract<Answer, { kind: 'verified' }>['wrong'];

async function verify(
  { work, files, manifest }: Extract<Question, { kind: 'verify' }>,
  signal: AbortSignal,
): Promise<Wrong> {
  const check = async (recorded: readonly RecordedFile[]): Promise<Wrong> => {
    for (const file of recorded) {
      const problem = await problemOf(file, { work, signal });
      if (problem !== undefined) return { path: file.path, problem };
    }
    return undefined;
  };
  const wrong = await check(manifest === undefined ? files : [manifest, ...files]);
  if (wrong !== undefined || manifest === undefined) return wrong;
  const path = join(work, manifest.path);
  return await check(await withDatabase((database) => readRecordedFiles(database, path)));
}

async function problemOf(
  { path, bytes, sha256 }: RecordedFile,
  { work, signal }: { readonly work: string; readonly signal: AbortSignal },
): Promise<'missing' | 'changed' | undefined> {
  const absolute = join(work, path);
  const stat = statSync(absolute, { throwIfNoEntry: false });
  if (!stat?.isFile()) return 'missing';
  if (stat.size !== bytes) return 'changed';
  return (await digestFile(absolute, { stat, signal })) === sha256 ? undefined : 'changed';
}
