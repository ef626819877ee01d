// Rejected rows: within the budget they are published as a Parquet file of their own; above it the
// target fails, and they are left beside its log as JSON lines so that a person can look at them.
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { WrittenFile } from './copy.ts';
import type { Database } from './duckdb.ts';
import type { Attempt, RuleResult } from './rule.ts';
import { quotedText } from './sql-text.ts';
import { besideOutputs } from './stage.ts';
import { targetError } from './target-error.ts';

/** A reject's text is kept up to this many bytes (characters, for SQL). */
export const MAX_REJECT_TEXT = 64 * 1024;

/**
 * Stages the rows of a query with `id, error, text`, if there are any. Throws `too-many-rejects`.
 */
export async function writeRejects(
  attempt: Attempt,
  query: string,
): Promise<Pick<RuleResult, 'rejects' | 'rejectsFile'>> {
  const { order } = attempt;
  const database = await attempt.database();
  const rows = `SELECT CAST(id AS VARCHAR) AS id, CAST(error AS VARCHAR) AS error,
    left(CAST(text AS VARCHAR), ${MAX_REJECT_TEXT}) AS text FROM (${query})`;
  const [counted] = await database.rows(`SELECT count(*) AS rejects FROM (${rows})`);
  const rejects = Number(counted?.['rejects']);
  if (rejects > order.maxRejects) throw await tooMany(attempt, { database, rows, rejects });
  if (rejects === 0) return { rejects, rejectsFile: undefined };
  const staged = besideOutputs(order, 'rejects.parquet');
  await database.rows(
    `COPY (${rows}) TO ${quotedText(staged)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 2048)`,
  );
  return { rejects, rejectsFile: rejectsFile(staged, { path: order.rejectsPath, rejects }) };
}

function rejectsFile(
  staged: string,
  { path, rejects }: { readonly path: string; readonly rejects: number },
): WrittenFile {
  return { staged, path, value: undefined, rows: rejects, minId: null, maxId: null };
}

async function tooMany(
  { order }: Attempt,
  {
    database,
    rows,
    rejects,
  }: { readonly database: Database; readonly rows: string; readonly rejects: number },
): Promise<Error> {
  const file = `${order.log.replace(/\.log$/, '')}.rejects.jsonl`;
  mkdirSync(dirname(file), { recursive: true });
  await database.rows(`COPY (${rows}) TO ${quotedText(file)} (FORMAT json)`);
  const first = await database.rows(
    `SELECT id, error, left(text, 200) AS text FROM (${rows}) LIMIT 3`,
  );
  const lines = first.map((row) => `${row['id'] ?? '(no id)'}: ${row['error']}: ${row['text']}`);
  const message = `${rejects} rejects, ${order.maxRejects} allowed (max_rejects)`;
  return targetError('too-many-rejects', message, {
    detail: lines.join('\n'),
    hint: `look at ${file}; repair the source, or raise max_rejects of the step`,
  });
}
