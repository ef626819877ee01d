// A table's contract: the columns that a file must have, declared as an Arrow schema in a module of
// the user's. Loads it, says it in DuckDB's words, and compares. The only file of src/ that knows
// Arrow (82 ms to import, hence lazily).
import { pathToFileURL } from 'node:url';
import type { DataType, Field, Schema } from 'apache-arrow';
import type { Column } from './duckdb.ts';
import type { OutputOrder } from './executor.ts';
import { failureOf, targetError } from './target-error.ts';

type ContractPlace = NonNullable<OutputOrder['contract']>;

const loaded = new Map<string, readonly Column[]>();

/** The columns that the contract demands, in order, with DuckDB's types. Throws TargetError. */
export async function loadContract(contract: ContractPlace): Promise<readonly Column[]> {
  const key = `${contract.module}#${contract.name}`;
  const known = loaded.get(key);
  if (known !== undefined) return known;
  const columns = await columnsOf(contract);
  loaded.set(key, columns);
  return columns;
}

/** The canonical text of a contract: `id VARCHAR, language VARCHAR`. */
export function contractText(columns: readonly Column[]): string {
  return columns.map(({ name, type }) => `${name} ${type}`).join(', ');
}

/** Every difference between what a table has and what it should have, a line each; [] if none. */
export function contractDifferences(
  actual: readonly Column[],
  expected: readonly Column[],
): readonly string[] {
  const differences: string[] = [];
  for (const { name, type } of expected) {
    const found = actual.find((column) => column.name === name);
    if (found === undefined) differences.push(`missing: ${name} ${type}`);
    else if (found.type !== type) {
      differences.push(`wrong type: ${name} is ${found.type}, should be ${type}`);
    }
  }
  for (const { name, type } of actual) {
    if (!expected.some((column) => column.name === name)) {
      differences.push(`not in the contract: ${name} ${type}`);
    }
  }
  if (differences.length > 0) return differences;
  const names = (columns: readonly Column[]) => columns.map(({ name }) => name).join(', ');
  if (names(actual) === names(expected)) return [];
  return [`wrong order: ${names(actual)}; should be ${names(expected)}`];
}

async function columnsOf({ module, name }: ContractPlace): Promise<readonly Column[]> {
  const exports = await importModule(module);
  const schema = exports[name];
  if (!isSchema(schema)) {
    const found = Object.keys(exports).filter((key) => isSchema(exports[key]));
    throw targetError('contract-broken', `${module} exports no Arrow schema named "${name}"`, {
      hint: found.length === 0 ? 'export a `new Schema([..])`' : `it exports ${found.join(', ')}`,
    });
  }
  const { Type } = await import('apache-arrow');
  return schema.fields.map((field) => {
    const type = duckdbType(field.type, Type);
    if (type !== undefined) return { name: field.name, type };
    throw targetError('contract-broken', `The contract "${name}" cannot be a Parquet table`, {
      detail: `${module}: ${field.name} ${field.type}`,
    });
  });
}

async function importModule(path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const module: unknown = await import(pathToFileURL(path).href);
    return typeof module === 'object' && module !== null ? { ...module } : {};
  } catch (error) {
    const failure = failureOf(error, 'contract-broken');
    throw targetError(failure.code, `Cannot load the contract ${path}: ${failure.message}`, {
      detail: failure.detail,
    });
  }
}

/** By shape and not by class: the user's module may have loaded its own copy of Arrow. */
function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && 'fields' in value && 'metadata' in value;
}

type Types = typeof import('apache-arrow').Type;

/** The type that DuckDB shows for a Parquet column made from this one; undefined for none. */
function duckdbType(type: DataType, Type: Types): string | undefined {
  const number = (key: string): number => Number(Reflect.get(type, key));
  switch (type.typeId) {
    case Type.Utf8:
    case Type.LargeUtf8:
      return 'VARCHAR';
    case Type.Bool:
      return 'BOOLEAN';
    case Type.Binary:
    case Type.LargeBinary:
    case Type.FixedSizeBinary:
      return 'BLOB';
    case Type.Int:
      return integerType(number('bitWidth'), Reflect.get(type, 'isSigned') !== false);
    case Type.Float:
      return [undefined, 'FLOAT', 'DOUBLE'][number('precision')];
    case Type.Decimal:
      return `DECIMAL(${number('precision')},${number('scale')})`;
    case Type.Date:
      return 'DATE';
    case Type.Time:
      return 'TIME';
    case Type.Timestamp:
      if (Reflect.get(type, 'timezone')) return 'TIMESTAMP WITH TIME ZONE';
      // Parquet has no seconds and reads milliseconds back as the common type.
      return number('unit') === 3 ? 'TIMESTAMP_NS' : 'TIMESTAMP';
    case Type.Dictionary:
      return duckdbType(Reflect.get(type, 'dictionary'), Type);
    default:
      return nestedType(type, Type);
  }
}

function integerType(bits: number, isSigned: boolean): string | undefined {
  const name = { 8: 'TINYINT', 16: 'SMALLINT', 32: 'INTEGER', 64: 'BIGINT' }[bits];
  return name === undefined || isSigned ? name : `U${name}`;
}

function nestedType(type: DataType, Type: Types): string | undefined {
  const parts = (type.children ?? []).map((child) => ({
    name: child.name,
    type: duckdbType(child.type, Type),
  }));
  const first = parts[0]?.type;
  if (first === undefined || parts.some((part) => part.type === undefined)) return undefined;
  switch (type.typeId) {
    case Type.List:
    case Type.FixedSizeList:
      return `${first}[]`;
    case Type.Struct:
      return `STRUCT(${parts.map((part) => `${structName(part.name)} ${part.type}`).join(', ')})`;
    case Type.Map: {
      const entry: readonly Field[] = type.children?.[0]?.type.children ?? [];
      const [key, value] = entry.map((child) => duckdbType(child.type, Type));
      return key === undefined || value === undefined ? undefined : `MAP(${key}, ${value})`;
    }
    default:
      return undefined;
  }
}

function structName(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
