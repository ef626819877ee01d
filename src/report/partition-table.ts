// Rows of every partition value in every table that is split by the same column, from the manifests
// that the valid traces name.
import { sumPartitionValues, type ValueSums } from '../executor/partition-values.ts';
import { type Plan, targetKey } from '../plan/plan.ts';
import type { CellSums } from './gather.ts';

export interface PartitionTable {
  /** `language`. */
  readonly column: string;
  /** Steps and cells that are split by it. */
  readonly tables: readonly string[];
  /** Most rows first. */
  readonly values: readonly PartitionRow[];
  /** What is not in `values`. */
  readonly more: { readonly values: number; readonly rows: number };
  /** Manifests that are gone or cannot be read. */
  readonly unread: number;
}

export interface PartitionRow {
  /** As people are shown it: NULL and the empty text have names. */
  readonly value: string;
  /** By table. */
  readonly rows: readonly number[];
  readonly total: number;
  readonly files: number;
  readonly bytes: number;
}

const MAX_VALUES = 2000;

interface Split {
  readonly name: string;
  readonly column: string;
  readonly output: string;
  readonly manifests: readonly string[];
}

export async function partitionTables(
  { steps, config }: Plan,
  cells: readonly (readonly CellSums[])[],
): Promise<readonly PartitionTable[]> {
  const splits = steps.flatMap((step) =>
    (cells[step.index] ?? []).flatMap(({ partition, manifests }, cell): readonly Split[] => {
      return partition === undefined
        ? []
        : [{ name: targetKey(step, cell), ...partition, manifests }];
    }),
  );
  if (splits.length === 0) return [];
  const sums = await sumPartitionValues(splits.map((split) => ({ work: config.work, ...split })));
  const known = splits.map((split, index) => ({ split, sums: sums[index] }));
  const byColumn = Map.groupBy(known, ({ split }) => split.column);
  return [...byColumn].map(([column, tables]) => tableOf(column, tables));
}

function tableOf(
  column: string,
  tables: readonly { readonly split: Split; readonly sums: ValueSums | undefined }[],
): PartitionTable {
  const rows = new Map<string, { rows: number[]; total: number; files: number; bytes: number }>();
  let unread = 0;
  for (const [table, { sums }] of tables.entries()) {
    unread += sums?.unread ?? 0;
    for (const { value, rows: count, files, bytes } of sums?.values ?? []) {
      const name = value === null ? '(NULL)' : value === '' ? '(empty)' : value;
      const row = rows.get(name) ?? { rows: tables.map(() => 0), total: 0, files: 0, bytes: 0 };
      rows.set(name, row);
      row.rows[table] = count;
      row.total += count;
      row.files += files;
      row.bytes += bytes;
    }
  }
  const values = [...rows]
    .map(([value, row]) => ({ value, ...row }))
    .sort((a, b) => b.total - a.total || (a.value < b.value ? -1 : 1));
  const rest = values.slice(MAX_VALUES);
  return {
    column,
    tables: tables.map(({ split }) => split.name),
    values: values.slice(0, MAX_VALUES),
    more: { values: rest.length, rows: rest.reduce((sum, { total }) => sum + total, 0) },
    unread,
  };
}
