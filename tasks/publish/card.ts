// The dataset card: the README.md whose head tells the Hub which subsets there are, one for each
// partition value, and whose body describes the columns. No group owns it: every publication adds
// its values to what it finds and leaves everything that people wrote.
import type { Field, Schema } from 'apache-arrow';
import { Document, isMap, parseDocument, stringify, YAMLMap, YAMLSeq } from 'yaml';

export interface CardUpdate {
  /** The card as it is; undefined when there is none. */
  readonly before: string | undefined;
  readonly dataset: string;
  /** Folders with data files, such as `data/language=en`: one subset each. */
  readonly folders: readonly string[];
  /** The subset that is shown first, where it exists. */
  readonly first: string | undefined;
  /** Columns of the data files; undefined when nothing is known of them. */
  readonly contract: Schema | undefined;
}

interface Subset {
  readonly config_name: string;
  readonly data_files: string;
}

const COLUMNS_BEGIN = '<!-- columns -->';
const COLUMNS_END = '<!-- /columns -->';

export function updateCard(update: CardUpdate): string {
  const { before, dataset, contract } = update;
  const { head, body } = splitCard(before);
  const parsed = parseDocument(head);
  const document = isMap(parsed.contents) ? parsed : new Document(new YAMLMap());
  const subsets = mergeSubsets(readSubsets(document.toJS()), update);
  const list = new YAMLSeq();
  for (const subset of subsets) {
    const isFirst = subset.config_name === update.first;
    list.add(document.createNode(isFirst ? { ...subset, default: true } : subset));
  }
  document.set('configs', list);
  const text = body.trim() === '' ? `# ${dataset}\n` : body.replace(/^\n+/, '');
  const described = contract === undefined ? text : describeColumns(text, contract);
  return `---\n${stringify(document, { lineWidth: 0 })}---\n\n${described.trimEnd()}\n`;
}

/** `data/language=en` is the subset `en`. */
export function subsetOf(folder: string): Subset {
  const last = folder.slice(folder.lastIndexOf('/') + 1);
  const name = last.slice(last.indexOf('=') + 1);
  return { config_name: name === '' ? 'default' : name, data_files: `${folder}/*.parquet` };
}

function splitCard(card: string | undefined): { head: string; body: string } {
  const match = /^---\r?\n([\s\S]*?)\r?\n?---\r?\n?([\s\S]*)$/.exec(card ?? '');
  return match === null
    ? { head: '', body: card ?? '' }
    : { head: match[1] ?? '', body: match[2] ?? '' };
}

function readSubsets(head: unknown): readonly Subset[] {
  const configs = isRecord(head) ? head['configs'] : undefined;
  if (!Array.isArray(configs)) return [];
  return configs.flatMap((config: unknown): Subset[] => {
    if (!isRecord(config)) return [];
    const { config_name: name, data_files: files } = config;
    return typeof name === 'string' && typeof files === 'string'
      ? [{ config_name: name, data_files: files }]
      : [];
  });
}

/** In order of their names, so that the card does not depend on who published first. */
function mergeSubsets(known: readonly Subset[], { folders }: CardUpdate): readonly Subset[] {
  const byName = new Map(known.map((subset) => [subset.config_name, subset]));
  for (const folder of folders) {
    const subset = subsetOf(folder);
    byName.set(subset.config_name, subset);
  }
  return [...byName.values()].sort((a, b) => (a.config_name < b.config_name ? -1 : 1));
}

/** Replaces the table of columns between its marks, or adds it at the end. */
function describeColumns(body: string, contract: Schema): string {
  const rows = contract.fields.map((field: Field) => {
    const description = field.metadata.get('description') ?? '';
    return `| \`${field.name}\` | ${String(field.type)} | ${description.replaceAll('|', '\\|')} |`;
  });
  const table = [
    COLUMNS_BEGIN,
    '| column | type | meaning |',
    '|---|---|---|',
    ...rows,
    COLUMNS_END,
  ].join('\n');
  const begin = body.indexOf(COLUMNS_BEGIN);
  const end = body.indexOf(COLUMNS_END);
  if (begin < 0 || end < begin) return `${body.trimEnd()}\n\n${table}\n`;
  return body.slice(0, begin) + table + body.slice(end + COLUMNS_END.length);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
