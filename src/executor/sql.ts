// The SQL rule: runs the statements of a script in the target's own database and writes the rows
// of the last one, a SELECT, as the output. Values are bound, never pasted.
import type { Json } from '../task.ts';
import { readAccount } from './account.ts';
import { copyQuery, type WrittenFile } from './copy.ts';
import type { Database, Values } from './duckdb.ts';
import type { RuleOrder } from './executor.ts';
import { writeRejects } from './rejects.ts';
import type { Attempt, RuleResult } from './rule.ts';
import { splitOutput } from './split-output.ts';
import { DatabaseError, type SqlPlace, sqlFailure } from './sql-error.ts';
import { sqlMeaning } from './sql-meaning.ts';
import { type ProgressWatch, watchProgress } from './sql-progress.ts';
import { isQuery, mentions, quotedName, type Statement, splitStatements } from './sql-text.ts';
import { TargetError, targetError } from './target-error.ts';

export type SqlRule = Extract<RuleOrder, { kind: 'sql' }>;

export async function runSql(attempt: Attempt, rule: SqlRule): Promise<RuleResult> {
  const statements = splitStatements(rule.text);
  const query = statements.at(-1);
  if (query === undefined || !isQuery(query)) throw noQuery(rule);
  const database = await attempt.database();
  const values = await bindings(attempt);
  const progress = watchProgress(attempt, {
    text: rule.text,
    statements,
    percent: () => database.progress(),
  });
  try {
    for (const statement of statements.slice(0, -1)) {
      attempt.control.signal.throwIfAborted();
      await inPlace({ rule, statement, database, values }, () =>
        database.rows(statement.text, values),
      );
      progress.next();
    }
    attempt.control.signal.throwIfAborted();
    const { output, files } = await writeQuery(attempt, {
      rule,
      query,
      database,
      values,
      progress,
    });
    progress.next();
    const meaning = await sqlMeaning(database, rule.text);
    const account = mentions(statements, 'accounting') ? await readAccount(database) : undefined;
    const found = mentions(statements, 'rejects')
      ? await writeRejects(attempt, 'SELECT id, error, text FROM rejects')
      : { rejects: 0, rejectsFile: undefined };
    return {
      written: new Map([[output, files]]),
      account,
      ...found,
      meaning: { meaning },
    };
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.isInterrupt) throw error;
    throw new TargetError(sqlFailure(error.fault, undefined));
  } finally {
    progress.end();
  }
}

async function writeQuery(
  attempt: Attempt,
  scope: Omit<SqlScope, 'statement'> & {
    readonly query: Statement;
    readonly progress: ProgressWatch;
  },
): Promise<{ readonly output: string; readonly files: readonly WrittenFile[] }> {
  const { rule, query, database, values, progress } = scope;
  const [output] = attempt.order.outputs;
  if (output === undefined) throw targetError('output-missing', 'The step declares no output');
  const staged = attempt.stagedPaths.get(output.name) ?? '';
  // Parsed on its own first: inside of the COPY a missing parenthesis would be blamed on the COPY.
  await inPlace({ rule, statement: query, database, values }, () => database.parse(query.text));
  const request = { query: query.text, values, output, staged };
  const { signal } = attempt.control;
  const split = await splitOutput(database, request, { signal, onShare: progress.share });
  if (split !== undefined) return { output: output.name, files: split };
  let head: string | undefined;
  const files = await inPlace({ rule, statement: query, database, values, head: () => head }, () =>
    copyQuery(database, request, (next) => {
      head = next;
    }),
  );
  return { output: output.name, files };
}

function noQuery(rule: SqlRule): TargetError {
  return targetError('sql-error', `The last statement of ${rule.file} must be a SELECT`, {
    hint: 'end the script with the SELECT whose rows are the output',
  });
}

/** `$input` all input paths; then `with`, variables and, by their names, the paths of one input. */
async function bindings(attempt: Attempt): Promise<Values> {
  const { order, inputs } = attempt;
  const values: Record<string, Json> = {};
  for (const name of inputs.names)
    values[name] = (await inputs.files(name)).map(({ path }) => path);
  Object.assign(values, order.variables, order.with);
  values['input'] = (await inputs.allFiles()).map(({ path }) => path);
  return values;
}

interface SqlScope {
  readonly rule: SqlRule;
  readonly statement: Statement;
  readonly database: Database;
  readonly values: Values;
  /** What stands before the statement in what is run; undefined: something else is run. */
  readonly head?: () => string | undefined;
}

/** Runs an action; an error of the database becomes a failure that names the user's line. */
async function inPlace<T>(scope: SqlScope, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.isInterrupt) throw error;
    const { rule, statement } = scope;
    const head = scope.head === undefined ? '' : scope.head();
    const place: SqlPlace | undefined =
      head === undefined
        ? undefined
        : {
            file: rule.file,
            firstLine: rule.firstLine,
            script: rule.text,
            at: statement.at,
            statement: statement.text,
            head,
          };
    const failure = sqlFailure(error.fault, place);
    const columns = await inputColumns(scope, error);
    throw new TargetError(columns === undefined ? failure : { ...failure, hint: columns });
  }
}

/** After an unknown column: which columns the first input file has, as far as that can be said. */
async function inputColumns(scope: SqlScope, error: DatabaseError): Promise<string | undefined> {
  if (error.fault.subtype !== 'COLUMN_NOT_FOUND') return undefined;
  const files = scope.values['input'];
  const first = Array.isArray(files) ? files[0] : undefined;
  if (typeof first !== 'string') return undefined;
  try {
    const columns = await scope.database.columns('SELECT * FROM read_parquet($file)', {
      file: first,
    });
    const names = columns.map(({ name }) => (/^\w+$/.test(name) ? name : quotedName(name)));
    const { candidates } = error.fault;
    const guess = candidates === undefined ? '' : `did you mean ${candidates}? `;
    return `${guess}columns of ${first}: ${names.join(', ')}`;
  } catch {
    return undefined; // Not Parquet, or gone: the error itself says enough.
  }
}
