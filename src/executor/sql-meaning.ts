// What a script means: a digest that comments, white space and the form of a SELECT do not change.
// SELECTs are compared as DuckDB's own syntax tree without positions, others as tokens.
import { hash } from 'node:crypto';
import type { Database } from './duckdb.ts';
import { isQuery, splitStatements, withoutForm } from './sql-text.ts';

const known = new Map<string, string>();

/** Remembered by text for the life of the worker. Throws DatabaseError only when interrupted. */
export async function sqlMeaning(database: Database, text: string): Promise<string> {
  const found = known.get(text);
  if (found !== undefined) return found;
  const parts: string[] = [];
  for (const statement of splitStatements(text)) {
    const tree = isQuery(statement) ? await syntaxTree(database, statement.text) : undefined;
    parts.push(tree ?? withoutForm(statement));
  }
  const meaning = hash('sha256', JSON.stringify(parts));
  known.set(text, meaning);
  return meaning;
}

/** Undefined for what DuckDB cannot serialise, such as PIVOT or what does not parse. */
async function syntaxTree(database: Database, query: string): Promise<string | undefined> {
  const [row] = await database.rows('SELECT json_serialize_sql($query::VARCHAR) AS tree', {
    query,
  });
  const tree: unknown = JSON.parse(String(row?.['tree']));
  if (typeof tree !== 'object' || tree === null) return undefined;
  if (Reflect.get(tree, 'error') !== false) return undefined;
  return JSON.stringify(tree, (key, value: unknown) =>
    key === 'query_location' ? undefined : value,
  );
}
