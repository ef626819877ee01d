// The dataset card: the README.md whose head tells the Hub which subsets there are, one for each
// partition value, and whose body describes the columns. No group owns it: every publication adds
// its values to what it finds and leaves everything that people wrote.
import type { Field, Schema } from 'apache-arrow';
import { Document, isMap, isSeq, parseDocument, stringify, YAMLMap, YAMLSeq } from 'yaml';

export interface CardUpdate {
  /** The card as it is; undefined when there is none. */
  readonly before: string | undefined;
  readonly dataset: string;
  /** Folders with data files, such as `data/language=en`: one subset each. */
  readonly folders: readonly string[];
  /** Folders that have no data files any more. */
  readonly emptied: readonly string[];
  /** The subset that is shown first, where it exists. */
  readonly first: string | undefined;
  /** Columns of the data files; undefined when nothing is known of them. */
  readonly contract: Schema | undefined;
  /** The group that is published. */
  readonly group: string;
  /** Source files that were left out of it, each with the reason. */
  readonly excluded: Readonly<Record<string, string>>;
}

const COLUMNS_BEGIN = '<!-- columns -->';
const COLUMNS_END = '<!-- /columns -->';
const EXCLUDED_BEGIN = '<!-- excluded -->';
const EXCLUDED_END = '<!-- /excluded -->';

export function updateCard(update: CardUpdate): string {
  const { before, dataset, contract } = update;
  const { head, body } = splitCard(before);
  const parsed = parseDocument(head);
  const document = isMap(parsed.contents) ? parsed : new Document(new YAMLMap());
  mergeSubsets(document, update);
  const text = body.trim() === '' ? `# ${dataset}\n` : body.replace(/^\n+/, '');
  const described = contract === undefined ? text : describeColumns(text, contract);
  const told = tellExcluded(described, update);
  return `---\n${stringify(document, { lineWidth: 0 })}---\n\n${told.trimEnd()}\n`;
}

/** `data/language=en` is the subset `en`. */
export function subsetOf(folder: string): { config_name: string; data_files: string } {
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

/**
 * Adds the subsets that are missing and takes away those whose folder is empty now. Every other
 * entry stays with all that people wrote into it. Subsets of folders stand in order of their names,
 * so that the card does not depend on who published first; what else there is stands before them.
 */
function mergeSubsets(document: Document, { folders, emptied, first }: CardUpdate): void {
  const found = document.get('configs');
  const list = isSeq(found) ? found : new YAMLSeq();
  const gone = new Set(emptied.map((folder) => subsetOf(folder).data_files));
  const kept = list.items.filter((item) => !gone.has(fieldOf(item, 'data_files')));
  const known = new Set(kept.map((item) => fieldOf(item, 'config_name')));
  for (const folder of folders) {
    const subset = subsetOf(folder);
    if (known.has(subset.config_name)) continue;
    const isFirst = subset.config_name === first;
    kept.push(document.createNode(isFirst ? { ...subset, default: true } : subset));
  }
  const own = kept.filter(isFolderSubset);
  own.sort((a, b) => (fieldOf(a, 'config_name') < fieldOf(b, 'config_name') ? -1 : 1));
  list.items = [...kept.filter((item) => !isFolderSubset(item)), ...own];
  document.set('configs', list);
}

/** Whether an entry is the subset of the very folder that its files are in. */
function isFolderSubset(item: unknown): boolean {
  const files = fieldOf(item, 'data_files');
  const end = '/*.parquet';
  const { config_name: name } = subsetOf(files.slice(0, -end.length));
  return files.endsWith(end) && name === fieldOf(item, 'config_name');
}

function fieldOf(item: unknown, key: string): string {
  return isMap(item) ? String(item.get(key)) : '';
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
  return replaceSection(body, { begin: COLUMNS_BEGIN, end: COLUMNS_END, section: table });
}

/** Each group has its lines; those of other groups stay. Without any there is no such section. */
function tellExcluded(body: string, { group, excluded }: CardUpdate): string {
  const marks = { begin: EXCLUDED_BEGIN, end: EXCLUDED_END };
  const mine = `- ${group}: `;
  const others = sectionOf(body, marks)
    .split('\n')
    .filter((line) => line.startsWith('- ') && !line.startsWith(mine));
  const own = Object.entries(excluded).map(
    ([file, reason]) => `${mine}\`${file}\` (${reason.replace(/\s+/g, ' ')})`,
  );
  const lines = [...others, ...own].sort();
  if (lines.length === 0) return replaceSection(body, { ...marks, section: '' });
  const head = 'Source files that were left out, with the reason:';
  const section = [EXCLUDED_BEGIN, head, '', ...lines, EXCLUDED_END].join('\n');
  return replaceSection(body, { ...marks, section });
}

interface Marks {
  readonly begin: string;
  readonly end: string;
}

function sectionOf(body: string, { begin, end }: Marks): string {
  const from = body.indexOf(begin);
  const to = body.indexOf(end);
  return from < 0 || to < from ? '' : body.slice(from + begin.length, to);
}

/** Puts a section, marks included, where it was before, or at the end; an empty one takes it away. */
function replaceSection(
  body: string,
  { begin, end, section }: Marks & { readonly section: string },
): string {
  const from = body.indexOf(begin);
  const to = body.indexOf(end);
  if (from >= 0 && to >= from) return body.slice(0, from) + section + body.slice(to + end.length);
  return section === '' ? body : `${body.trimEnd()}\n\n${section}\n`;
}
