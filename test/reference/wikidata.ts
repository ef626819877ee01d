// A second, independent reading of the rules for the five tables: plain TypeScript over JSON.parse,
// one entity at a time, slow and literal. The SQL under tasks/ must give the same rows, the same
// account and the same rejects for anything that is thrown at both.

/** One row of a source file; all but `id` are JSON text. */
export interface SourceRow {
  readonly id: string | null;
  readonly labels: string | null;
  readonly descriptions: string | null;
  readonly aliases: string | null;
  readonly sitelinks: string | null;
  readonly claims: string | null;
}

export type TableName = 'labels' | 'descriptions' | 'aliases' | 'links' | 'claims';
export type OutputRow = Readonly<Record<string, string | number | null>>;
export type DropReason = 'null_value' | 'wrong_kind' | 'no_common_language';

/** What one table makes of some entities. */
export interface TableResult {
  readonly rows: readonly OutputRow[];
  readonly entriesIn: number;
  readonly kept: number;
  readonly drops: Readonly<Record<DropReason, number>>;
  readonly rejects: readonly { readonly id: string | null; readonly text: string }[];
}

type JsonObject = { readonly [key: string]: unknown };
/** The rows of one entry, or why it gave none. */
type EntryResult = readonly OutputRow[] | DropReason;
type Id = string | null;

/** The rows, the account and the rejects of one table over some entities. */
export function expectedTable(table: TableName, source: readonly SourceRow[]): TableResult {
  const rows: OutputRow[] = [];
  const rejects: { id: Id; text: string }[] = [];
  const drops = { null_value: 0, wrong_kind: 0, no_common_language: 0 };
  let entriesIn = 0;
  let kept = 0;
  for (const row of source) {
    const text = row[table === 'links' ? 'sitelinks' : table];
    if (text !== null && !isReadable(text)) {
      rejects.push({ id: row.id, text });
      entriesIn += 1;
      continue;
    }
    for (const result of entriesOf(table, row.id, text === null ? null : JSON.parse(text))) {
      entriesIn += 1;
      if (typeof result === 'string') {
        drops[result] += 1;
      } else {
        kept += 1;
        rows.push(...result);
      }
    }
  }
  return { rows, entriesIn, kept, drops, rejects };
}

/** Readable is what JSON allows and UTF-8 can say: a lone half of a surrogate pair is not. */
function isReadable(text: string): boolean {
  try {
    JSON.parse(text);
  } catch {
    return false;
  }
  const escapes = text.replaceAll('\\\\', '').matchAll(/\\u([dD][89a-fA-F][0-9a-fA-F]{2})/g);
  let expectLowAt = -1;
  for (const match of escapes) {
    const isLow = Number.parseInt(match[1] ?? '', 16) >= 0xdc00;
    if (isLow !== (expectLowAt === match.index)) return false;
    expectLowAt = isLow ? -1 : match.index + 6;
    if (!isLow && !/^\\u[dD][c-fC-F]/.test(match.input.slice(expectLowAt))) return false;
  }
  return true;
}

function entriesOf(table: TableName, id: Id, column: unknown): readonly EntryResult[] {
  if (column === null) return ['null_value'];
  if (Array.isArray(column) && column.length === 0) return [];
  if (!isObject(column)) return ['wrong_kind'];
  const results: EntryResult[] = [];
  for (const [key, value] of Object.entries(column)) {
    switch (table) {
      case 'labels':
        results.push(recordRow(value, ['language', 'value'], ['language', 'label'], id));
        break;
      case 'descriptions':
        results.push(recordRow(value, ['language', 'value'], ['language', 'description'], id));
        break;
      case 'links':
        results.push(recordRow(value, ['site', 'title'], ['site', 'title'], id));
        break;
      case 'aliases':
        for (const alias of Array.isArray(value) ? value : [notAList(value)]) {
          results.push(recordRow(alias, ['language', 'value'], ['language', 'alias'], id));
        }
        break;
      case 'claims':
        for (const statement of Array.isArray(value) ? value : [notAList(value)]) {
          results.push(claimRows(statement, key, id));
        }
        break;
    }
  }
  return results;
}

/** An object where a list belongs must not pass as the list's element. */
function notAList(value: unknown): unknown {
  return value === null ? null : 'something that is not a list';
}

type Pair = readonly [string, string];

function recordRow(record: unknown, fields: Pair, columns: Pair, id: Id): EntryResult {
  if (record === null) return 'null_value';
  if (!isObject(record)) return 'wrong_kind';
  const key = record[fields[0]] ?? null;
  const value = record[fields[1]] ?? null;
  if (typeof key === 'object' && key !== null) return 'wrong_kind';
  if (value === null) return 'null_value';
  if (typeof value === 'object') return 'wrong_kind';
  return [{ id, [columns[0]]: scalarText(key), [columns[1]]: scalarText(value) }];
}

function claimRows(statement: unknown, key: string, id: Id): EntryResult {
  if (statement === null) return 'null_value';
  if (!isObject(statement)) return 'wrong_kind';
  const snak = statement['mainsnak'] ?? null;
  if (snak === null) return 'null_value';
  if (!isObject(snak)) return 'wrong_kind';

  const value = readValue(scalarText(snak['datatype']), unwrapped(snak['datavalue'] ?? null));
  const propertyLabels = readLabels(snak['property-labels']);
  const common = {
    ...EMPTY_CLAIM,
    id,
    property: scalarText(snak['property']) ?? key,
    rank: scalarText(statement['rank']),
    datatype: scalarText(snak['datatype']),
    ...value.columns,
  };
  const languages = languagesOf(value, propertyLabels);
  if (languages.length === 0) return 'no_common_language';
  return languages.map((language) => ({
    ...common,
    language,
    property_label: labelIn(propertyLabels, language),
    ...(value.labelColumn === undefined
      ? {}
      : { [value.labelColumn]: labelIn(value.labels, language) }),
  }));
}

/** Labels by language, and a plain one that serves for every language. */
interface Labels {
  readonly byLanguage: ReadonlyMap<string, string>;
  readonly plain: string | null;
}

interface Value {
  readonly columns: Readonly<Record<string, string | number | null>>;
  readonly labels: Labels;
  readonly labelColumn?: 'datavalue_label' | 'unit_label';
  /** Of a monolingual text only. */
  readonly ownLanguage?: string | null;
}

function languagesOf(value: Value, property: Labels): readonly (string | null)[] {
  const valueLanguages = [...value.labels.byLanguage.keys()];
  if (valueLanguages.length > 0) {
    return valueLanguages.filter(
      (language) => property.plain !== null || property.byLanguage.has(language),
    );
  }
  if (value.ownLanguage !== undefined) return [value.ownLanguage];
  return [...property.byLanguage.keys()];
}

function labelIn(labels: Labels, language: string | null): string | null {
  return (language === null ? undefined : labels.byLanguage.get(language)) ?? labels.plain;
}

const NO_LABELS: Labels = { byLanguage: new Map(), plain: null };

function readLabels(labels: unknown): Labels {
  if (!isObject(labels)) return { byLanguage: new Map(), plain: scalarText(labels) };
  const byLanguage = new Map<string, string>();
  for (const [language, label] of Object.entries(labels)) {
    if (label !== null) byLanguage.set(language, scalarText(label) ?? JSON.stringify(label));
  }
  return { byLanguage, plain: null };
}

/** Items, properties, lexemes, forms, senses: whatever Wikibase calls by an id. */
function isEntity(datatype: string | null): boolean {
  return datatype === 'entity-schema' || (datatype ?? '').startsWith('wikibase-');
}

function readValue(datatype: string | null, value: unknown): Value {
  if (value === null || typeof value !== 'object') {
    return { columns: { datavalue: scalarText(value) }, labels: NO_LABELS };
  }
  const known = isObject(value) ? readKnownObject(datatype, value) : undefined;
  return known ?? { columns: { datavalue: JSON.stringify(value) }, labels: NO_LABELS };
}

/** Undefined when the object lacks the one field that makes it a value of its datatype. */
function readKnownObject(datatype: string | null, value: JsonObject): Value | undefined {
  const text = (field: string): string | null => scalarText(value[field]);
  if (isEntity(datatype) && text('id') !== null) {
    const labels = readLabels(value['labels']);
    return { columns: { datavalue: text('id') }, labels, labelColumn: 'datavalue_label' };
  }
  if (datatype === 'quantity' && text('amount') !== null) {
    const columns = {
      datavalue: text('amount'),
      unit: text('unit'),
      lower_bound: text('lowerBound'),
      upper_bound: text('upperBound'),
    };
    return { columns, labels: readLabels(value['unit-labels']), labelColumn: 'unit_label' };
  }
  if (datatype === 'time' && text('time') !== null) {
    const columns = {
      datavalue: text('time'),
      timezone: integer(value['timezone']),
      before: integer(value['before']),
      after: integer(value['after']),
      precision: double(value['precision']),
      calendar_model: text('calendarmodel'),
    };
    return { columns, labels: NO_LABELS };
  }
  if (datatype === 'monolingualtext' && text('text') !== null) {
    return {
      columns: { datavalue: text('text') },
      labels: NO_LABELS,
      ownLanguage: text('language'),
    };
  }
  const [latitude, longitude] = [double(value['latitude']), double(value['longitude'])];
  if (datatype === 'globe-coordinate' && (latitude !== null || longitude !== null)) {
    const columns = {
      latitude,
      longitude,
      altitude: double(value['altitude']),
      precision: double(value['precision']),
      globe: text('globe'),
    };
    return { columns, labels: NO_LABELS };
  }
  return undefined;
}

function unwrapped(value: unknown): unknown {
  if (!isObject(value)) return value;
  const keys = Object.keys(value).sort().join();
  return keys === 'type,value' ? (value['value'] ?? null) : value;
}

/** Text as it is, other scalars as JSON writes them, anything else is no text at all. */
function scalarText(value: unknown): string | null {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : null;
}

function double(value: unknown): number | null {
  const number = Number(scalarText(value) ?? 'none');
  return typeof value === 'boolean' || value === '' || Number.isNaN(number) ? null : number;
}

function integer(value: unknown): number | null {
  const number = double(value);
  return number !== null && number === (number | 0) ? number : null;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const EMPTY_CLAIM = {
  id: null,
  property: null,
  property_label: null,
  language: null,
  rank: null,
  datatype: null,
  datavalue: null,
  datavalue_label: null,
  unit: null,
  unit_label: null,
  lower_bound: null,
  upper_bound: null,
  precision: null,
  timezone: null,
  before: null,
  after: null,
  calendar_model: null,
  latitude: null,
  longitude: null,
  altitude: null,
  globe: null,
} as const;
