// Checks finished tables against rules of data quality. It observes: whatever it finds is recorded,
// told in the summary and written into a table of its own, and stops nothing.
import { Field, Int64, Schema, Utf8 } from 'apache-arrow';
import { defineTask, type Finding, type InputFile, type Sql } from '../src/task.ts';

/** One of `required`, `range`, `enum` and `regex`. A NULL breaks only `required`. */
export interface Rule {
  readonly column: string;
  readonly required?: true;
  /** Smallest and largest; null for no limit. */
  readonly range?: readonly [number | null, number | null];
  readonly enum?: readonly (string | number | boolean)[];
  /** Has to match the whole text. */
  readonly regex?: string;
  readonly severity: 'error' | 'warning';
}

export interface RulesOptions {
  /** By table: the name of the output that made it. */
  readonly rules: Readonly<Record<string, readonly Rule[]>>;
}

/** The contract of the table of what was found. */
export const findings = new Schema([
  new Field('table', new Utf8(), true),
  new Field('rule', new Utf8(), true),
  new Field('severity', new Utf8(), true),
  new Field('rows', new Int64(), true),
  new Field('broken', new Int64(), true),
  new Field('problem', new Utf8(), true),
]);

const limit = { type: ['number', 'null'] } as const;

export default defineTask<RulesOptions>({
  with: {
    type: 'object',
    additionalProperties: false,
    required: ['rules'],
    properties: {
      rules: {
        type: 'object',
        description: 'By table (the name of an output of the step before): its rules.',
        additionalProperties: {
          type: 'array',
          items: {
            type: 'object',
            additionalProperties: false,
            required: ['column'],
            oneOf: ['required', 'range', 'enum', 'regex'].map((kind) => ({ required: [kind] })),
            properties: {
              column: { type: 'string' },
              required: { const: true, description: 'The column is never NULL.' },
              range: {
                type: 'array',
                prefixItems: [limit, limit],
                items: false,
                minItems: 2,
                description: 'Smallest and largest number; null for no limit.',
              },
              enum: { type: 'array', minItems: 1, description: 'The values that it may have.' },
              regex: { type: 'string', description: 'The whole text matches it.' },
              severity: { enum: ['error', 'warning'], default: 'error' },
            },
          },
        },
      },
    },
  },
  async run(context) {
    const sql = await context.sql();
    const tables = await filesByTable(Object.values(context.inputs));
    const found: Finding[] = [];
    for (const [table, rules] of Object.entries(context.with.rules)) {
      const files = tables.get(table);
      if (files === undefined) continue;
      for (const rule of rules) found.push(await check(sql, { table, rule, files }));
    }
    const output = await context.table('output');
    for (const finding of found) {
      context.finding(finding);
      await output.append([{ ...finding }]);
    }
  },
});

async function filesByTable(
  inputs: readonly { files(): Promise<readonly InputFile[]> }[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const tables = new Map<string, string[]>();
  for (const input of inputs) {
    for (const { output = '', path } of await input.files()) {
      tables.set(output, [...(tables.get(output) ?? []), path]);
    }
  }
  return tables;
}

interface Check {
  readonly table: string;
  readonly rule: Rule;
  readonly files: readonly string[];
}

async function check(sql: Sql, { table, rule, files }: Check): Promise<Finding> {
  const head = { table, rule: explainRule(rule), severity: rule.severity };
  const from = 'FROM read_parquet($files, hive_partitioning = false)';
  const [counted] = await sql.rows(`SELECT count(*) AS rows ${from}`, { files });
  const rows = Number(counted?.['rows'] ?? 0);
  const { condition, values } = brokenBy(rule);
  try {
    const [found] = await sql.rows(`SELECT count(*) AS broken ${from} WHERE ${condition}`, {
      files,
      ...values,
    });
    return { ...head, rows, broken: Number(found?.['broken'] ?? 0) };
  } catch (error) {
    // A column that is not there, or an expression that is none: told like anything else here.
    const problem = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    return { ...head, rows, broken: undefined, problem };
  }
}

function brokenBy({ column, range, enum: values, regex }: Rule) {
  const name = `"${column.replaceAll('"', '""')}"`;
  if (range !== undefined) {
    const [least, most] = range;
    const parts = [
      ...(least === null ? [] : [`${name} < $least`]),
      ...(most === null ? [] : [`${name} > $most`]),
    ];
    return { condition: parts.join(' OR ') || 'false', values: { least, most } };
  }
  if (values !== undefined) {
    const texts = values.map(String);
    const condition = `NOT list_contains($texts::VARCHAR[], CAST(${name} AS VARCHAR))`;
    return { condition, values: { texts } };
  }
  if (regex !== undefined) {
    const condition = `NOT regexp_full_match(CAST(${name} AS VARCHAR), $regex)`;
    return { condition, values: { regex } };
  }
  return { condition: `${name} IS NULL`, values: {} };
}

function explainRule({ column, range, enum: values, regex }: Rule): string {
  if (range !== undefined) {
    const [least, most] = range;
    if (most === null) return `${column} is at least ${least}`;
    return least === null ? `${column} is at most ${most}` : `${column} is ${least} to ${most}`;
  }
  if (values !== undefined) return `${column} is one of ${values.join(', ')}`;
  return regex === undefined ? `${column} is there` : `${column} matches ${regex}`;
}
