// Looks into staged Parquet files: whether their columns are those of the contract, and how many
// rows and which ids they hold where no COPY has said so already.
import { basename } from 'node:path';
import { contractDifferences, contractText, loadContract } from './contract.ts';
import type { Column, Database } from './duckdb.ts';
import type { OutputOrder, WorkOrder } from './executor.ts';
import type { Attempt } from './rule.ts';
import { DatabaseError } from './sql-error.ts';
import { quotedName } from './sql-text.ts';
import type { StagedOutput } from './stage.ts';
import { targetError } from './target-error.ts';

export interface CheckedOutputs {
  readonly outputs: readonly StagedOutput[];
  /** The columns that each contract stands for, by output. */
  readonly contracts: Readonly<Record<string, string>>;
}

/** Throws `contract-broken` that lists every difference. */
export async function checkParquetOutputs(
  attempt: Pick<Attempt, 'database'> & { readonly order: Pick<WorkOrder, 'outputs'> },
  found: readonly StagedOutput[],
): Promise<CheckedOutputs> {
  const contracts: Record<string, string> = {};
  let outputs = found;
  for (const output of attempt.order.outputs) {
    if (output.format !== 'parquet' && output.contract === undefined) continue;
    const files = found.filter((file) => file.output === output.name);
    const database = await attempt.database();
    if (output.contract !== undefined) {
      const columns = await loadContract(output.contract);
      contracts[output.name] = contractText(columns);
      await checkColumns(database, { output, files, columns });
    }
    const counted = await countRows(database, { output, files });
    outputs = outputs.map((file) => counted.get(file.staged) ?? file);
  }
  return { outputs, contracts };
}

interface ColumnCheck {
  readonly output: OutputOrder;
  readonly files: readonly StagedOutput[];
  readonly columns: readonly Column[];
}

async function checkColumns(
  database: Database,
  { output, files, columns }: ColumnCheck,
): Promise<void> {
  // What was counted came from one query, with the same columns in all files; what a rule wrote may differ.
  const ours = files.filter(({ rows }) => rows !== undefined);
  const others = files.filter(({ rows }) => rows === undefined);
  for (const { staged } of [...ours.slice(0, 1), ...others]) {
    const actual = await readable(output, () =>
      database.columns('SELECT * FROM read_parquet($file, hive_partitioning = false)', {
        file: staged,
      }),
    );
    const differences = contractDifferences(actual, columns);
    if (differences.length === 0) continue;
    const { name } = output.contract ?? { name: '' };
    const [first = ''] = differences;
    throw targetError(
      'contract-broken',
      `"${output.name}" breaks its contract "${name}": ${first}`,
      {
        detail: [`${basename(staged)}:`, ...differences].join('\n'),
        hint: 'change the rule or the contract until names, types and order agree',
      },
    );
  }
}

/** Files of the output that no COPY has counted, with rows and the range of ids. */
async function countRows(
  database: Database,
  { output, files }: { readonly output: OutputOrder; readonly files: readonly StagedOutput[] },
): Promise<ReadonlyMap<string, StagedOutput>> {
  const uncounted = files.filter(({ rows }) => rows === undefined);
  const counted = new Map<string, StagedOutput>();
  if (uncounted.length === 0) return counted;
  const rows = await readable(output, () =>
    database.rows(
      `SELECT facts.file_name AS file, facts.num_rows AS rows, ids.min_id, ids.max_id
       FROM parquet_file_metadata($files) AS facts
       LEFT JOIN (
         SELECT file_name, min(stats_min_value) AS min_id, max(stats_max_value) AS max_id
         FROM parquet_metadata($files) WHERE path_in_schema IN ($id, $quoted) GROUP BY file_name
       ) AS ids ON ids.file_name = facts.file_name`,
      {
        files: uncounted.map(({ staged }) => staged),
        id: output.idColumn,
        quoted: quotedName(output.idColumn),
      },
    ),
  );
  for (const row of rows) {
    const file = uncounted.find(({ staged }) => staged === row['file']);
    if (file === undefined) continue;
    const text = (value: unknown) => (typeof value === 'string' ? value : null);
    counted.set(file.staged, {
      ...file,
      rows: Number(row['rows']),
      minId: text(row['min_id']),
      maxId: text(row['max_id']),
    });
  }
  return counted;
}

/** An output that DuckDB cannot read is broken by its rule, not by any input. */
async function readable<T>(output: OutputOrder, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.isInterrupt) throw error;
    throw targetError(
      'contract-broken',
      `"${output.name}" (${output.path}) is not a readable Parquet file`,
      { detail: error.fault.message },
    );
  }
}
