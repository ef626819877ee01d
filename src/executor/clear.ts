// Has the task of a publishing target look for published groups that nobody has any more.
import { mkdirSync } from 'node:fs';
import type { ClearedGroup } from '../task.ts';
import type { Database } from './duckdb.ts';
import type { Question } from './executor.ts';
import { publicationOf } from './publication.ts';

/** None where the task cannot tell. */
export async function clearPublished(
  question: Extract<Question, { kind: 'clear' }>,
  surroundings: { readonly database: Database; readonly signal: AbortSignal },
): Promise<readonly ClearedGroup[]> {
  const { order, keys, isDry } = question;
  mkdirSync(order.stage, { recursive: true });
  const asked = await publicationOf(question, surroundings);
  if (asked?.task.clear === undefined) return [];
  // Nobody reads what is said here: what was found is the answer.
  return await asked.task.clear({ ...asked.context, keys, isDry, log: () => {} });
}
