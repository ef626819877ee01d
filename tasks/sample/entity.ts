// Makes one invented entity as the source dataset has them: an id and five columns of JSON text,
// as Python's json.dumps(ensure_ascii=True, separators=(',', ':')) writes it. The shapes and rates
// are those of real rows; the odd ones (labels that are a string, snaks without a value, the unit
// "1", null and whole-number precisions) occur as often as there, so that a sample shows them all.
import { createRandom, type Random } from './random.ts';
import { inventIdentifier, inventText, type Language, sampleLanguages } from './vocabulary.ts';

/** What decides the size and the variety of the entities; every mean is a mean of real rows. */
export interface EntityOptions {
  readonly seed: number;
  /** Statements per entity. */
  readonly claims: number;
  /** How many language codes occur at all. */
  readonly languages: number;
  /** Languages of a label map inside a claim (properties, items and units). */
  readonly labels: number;
  /** Languages of an entity's own labels; descriptions, aliases and links have fewer. */
  readonly entityLabels: number;
  /** Distinct properties and distinct items that claims speak of. */
  readonly properties: number;
  readonly items: number;
}

/** One row of a source file. All but `id` are JSON text in ASCII. */
export interface SourceRow {
  readonly id: string;
  readonly labels: string;
  readonly descriptions: string;
  readonly aliases: string;
  readonly sitelinks: string;
  readonly claims: string;
}

interface Property {
  readonly id: string;
  readonly datatype: string;
  readonly labels: string;
}

interface Pools {
  readonly options: EntityOptions;
  readonly languages: readonly Language[];
  readonly properties: readonly Property[];
  /** Label texts of recent items; an item's text depends on its number alone. */
  readonly itemTexts: Map<number, string>;
}

// In the order of their numbers, so that every run of properties has all kinds at real rates.
const DATATYPES = [
  'wikibase-item',
  'external-id',
  'string',
  'time',
  'external-id',
  'wikibase-item',
  'commonsMedia',
  'external-id',
  'quantity',
  'wikibase-item',
  'external-id',
  'url',
  'monolingualtext',
  'external-id',
  'wikibase-item',
  'globe-coordinate',
  'external-id',
  'quantity',
  'wikibase-property',
  'external-id',
] as const;
const SITE_KINDS = ['wiki', 'wikiquote', 'wikisource'] as const;
const ITEM_TEXTS_KEPT = 4000;
// References and qualifiers mostly name the same few items, which have labels in most languages:
// that is why they are the larger part of an entity's text.
const FAMOUS_ITEMS = 40;
const CITED_RATE = 0.7;

/** Gives entity number n of a file; the same options, file and number give the same row. */
export function createEntities(
  options: EntityOptions,
): (file: number, entity: number) => SourceRow {
  const languages = sampleLanguages(options.languages);
  const properties: Property[] = [];
  for (let index = 0; index < options.properties; index++) {
    const random = createRandom(`${options.seed} property ${index}`);
    const labels = labelMap(random, languages, random.size(options.labels, 0.65));
    const datatype = DATATYPES[index % DATATYPES.length] ?? 'string';
    properties.push({ id: `P${10 + 3 * index}`, datatype, labels });
  }
  const pools: Pools = { options, languages, properties, itemTexts: new Map() };
  return (file, entity) => {
    const random = createRandom(`${options.seed} file ${file} entity ${entity}`);
    const mean = options.entityLabels;
    return {
      id: `Q${1000 + file * 1_000_000 + entity * 7}`,
      labels: records(random, pools, random.size(mean, 0.5)),
      descriptions: records(random, pools, random.size(mean / 2, 0.8)),
      aliases: random.chance(0.1) ? '{}' : aliasLists(random, pools, random.size(mean / 4, 0.8)),
      sitelinks: sitelinks(random, pools, random.size(mean / 3, 1)),
      claims: claims(random, pools),
    };
  };
}

function records(random: Random, pools: Pools, count: number): string {
  const parts = someLanguages(random, pools.languages, count).map(
    (language) => `${json(language.code)}:${languageRecord(random, language)}`,
  );
  return `{${parts.join(',')}}`;
}

function languageRecord(random: Random, language: Language): string {
  return `{"language":${json(language.code)},"value":${json(inventText(random, language))}}`;
}

function aliasLists(random: Random, pools: Pools, count: number): string {
  const parts = someLanguages(random, pools.languages, count).map((language) => {
    const list: string[] = [];
    const length = 1 + random.skewed(4, 2);
    for (let index = 0; index < length; index++) list.push(languageRecord(random, language));
    return `${json(language.code)}:[${list.join(',')}]`;
  });
  return `{${parts.join(',')}}`;
}

function sitelinks(random: Random, pools: Pools, count: number): string {
  const parts = someLanguages(random, pools.languages, count).map((language) => {
    const kind = random.chance(0.85) ? 'wiki' : random.pick(SITE_KINDS);
    const site = json(`${language.code.replaceAll('-', '_')}${kind}`);
    return `${site}:{"site":${site},"title":${json(inventText(random, language))},"badges":[]}`;
  });
  return `{${parts.join(',')}}`;
}

function claims(random: Random, pools: Pools): string {
  const statements = new Map<Property, string[]>();
  const count = random.size(pools.options.claims, 0.8);
  for (let index = 0; index < count; index++) {
    const property = someProperty(random, pools);
    const list = statements.get(property) ?? [];
    list.push(statement(random, pools, property));
    statements.set(property, list);
  }
  const parts = [...statements].map(([property, list]) => `"${property.id}":[${list.join(',')}]`);
  return `{${parts.join(',')}}`;
}

function statement(random: Random, pools: Pools, property: Property): string {
  const parts = [`"mainsnak":${snak(random, pools, property)}`];
  if (random.chance(0.23)) parts.push(`"qualifiers":${snakLists(random, pools, 1.5)}`);
  parts.push(
    `"rank":"${random.chance(0.94) ? 'normal' : random.pick(['preferred', 'deprecated'])}"`,
  );
  if (random.chance(0.27)) parts.push(`"references":[${snakLists(random, pools, 1.8)}]`);
  return `{${parts.join(',')}}`;
}

function snakLists(random: Random, pools: Pools, mean: number): string {
  const parts = new Map<string, string>();
  const count = random.size(mean, 0.5);
  for (let index = 0; index < count; index++) {
    const cited = random.chance(CITED_RATE);
    const property = cited ? citingProperty(random, pools) : someProperty(random, pools);
    const item = cited ? random.below(FAMOUS_ITEMS) : undefined;
    parts.set(property.id, `"${property.id}":[${snak(random, pools, property, item)}]`);
  }
  return `{${[...parts.values()].join(',')}}`;
}

/** `item` is the item that the snak speaks of; without it the property's kind decides. */
function snak(random: Random, pools: Pools, property: Property, item?: number): string {
  const known = item === undefined ? undefined : itemText(pools, item, property.datatype);
  const absent = random.chance(0.01);
  const value = absent ? undefined : (known ?? datavalue(random, pools, property.datatype));
  const parts = [
    `"property":"${property.id}"`,
    ...(value === undefined ? [] : [`"datavalue":${value}`]),
    `"datatype":"${property.datatype}"`,
    `"property-labels":${property.labels}`,
  ];
  return `{${parts.join(',')}}`;
}

function datavalue(random: Random, pools: Pools, datatype: string): string {
  switch (datatype) {
    case 'wikibase-item':
    case 'wikibase-property':
      return itemText(pools, random.skewed(pools.options.items, 3), datatype);
    case 'time':
      return time(random);
    case 'quantity':
      return quantity(random, pools);
    case 'globe-coordinate':
      return coordinates(random);
    case 'monolingualtext': {
      const [language = { code: 'mul', letters: ['a'] }] = someLanguages(
        random,
        pools.languages,
        1,
      );
      return `{"text":${json(inventText(random, language))},"language":"${language.code}"}`;
    }
    case 'commonsMedia':
      return json(`${plainText(random, pools)}.jpg`);
    case 'url':
      return json(`https://${inventIdentifier(random)}.example/${random.below(1000)}`);
    case 'external-id':
      return json(inventIdentifier(random));
    default:
      return json(plainText(random, pools));
  }
}

function itemText(pools: Pools, item: number, datatype: string): string {
  const known = datatype === 'wikibase-item' ? pools.itemTexts.get(item) : undefined;
  if (known !== undefined) return known;
  const random = createRandom(`${pools.options.seed} ${datatype} ${item}`);
  const mean = pools.options.labels * (item < FAMOUS_ITEMS ? 2 : 0.8);
  const labels = random.chance(0.02)
    ? json(plainText(random, pools))
    : labelMap(random, pools.languages, random.size(mean, 0.7));
  const text = `{"id":"${datatype === 'wikibase-item' ? 'Q' : 'P'}${20 + 3 * item}","labels":${labels}}`;
  if (datatype === 'wikibase-item') {
    // Bounded: a pool of tens of thousands of items would not fit; a dropped text is made again.
    if (pools.itemTexts.size >= ITEM_TEXTS_KEPT) pools.itemTexts.clear();
    pools.itemTexts.set(item, text);
  }
  return text;
}

function time(random: Random): string {
  const year = String(1000 + random.below(1020)).padStart(4, '0');
  const month = String(1 + random.below(12)).padStart(2, '0');
  const precision = random.pick([9, 10, 11, 11]);
  const calendar = random.chance(0.95) ? 'Q1985727' : 'Q1985786';
  return (
    `{"time":"${random.chance(0.03) ? '-' : '+'}${year}-${precision > 9 ? month : '00'}-` +
    `${precision > 10 ? '17' : '00'}T00:00:00Z","timezone":0,"before":0,"after":` +
    `${random.chance(0.02) ? 1 : 0},"precision":${precision},` +
    `"calendarmodel":"http://www.wikidata.org/entity/${calendar}"}`
  );
}

function quantity(random: Random, pools: Pools): string {
  const amount = random.below(100_000) / random.pick([1, 1, 10, 100]);
  const unit = random.chance(0.4) ? undefined : random.below(40);
  const address = unit === undefined ? '1' : `http://www.wikidata.org/entity/Q${500 + unit}`;
  const parts = [`"amount":"+${amount}"`, `"unit":"${address}"`];
  if (random.chance(0.3)) {
    parts.push(`"upperBound":"+${amount + 1}"`, `"lowerBound":"+${Math.max(0, amount - 1)}"`);
  }
  if (unit !== undefined) {
    const own = createRandom(`${pools.options.seed} unit ${unit}`);
    const count = own.size(pools.options.labels * 0.9, 0.6);
    parts.push(`"unit-labels":${labelMap(own, pools.languages, count)}`);
  }
  return `{${parts.join(',')}}`;
}

function coordinates(random: Random): string {
  const latitude = (random.below(18_000) - 9000) / 100;
  const longitude = (random.below(36_000) - 18_000) / 100;
  const precision = random.pick(['0.0001', '1', 'null', '0.016666666666667', '1e-06', '1.0']);
  return (
    `{"latitude":${latitude},"longitude":${longitude},"altitude":null,` +
    `"precision":${precision},"globe":"http://www.wikidata.org/entity/Q2"}`
  );
}

/** A map from language to label; its bytes are the same wherever the thing is spoken of. */
function labelMap(random: Random, languages: readonly Language[], count: number): string {
  const parts = someLanguages(random, languages, count).map(
    (language) => `${json(language.code)}:${json(inventText(random, language))}`,
  );
  return `{${parts.join(',')}}`;
}

/** `count` different languages in no particular order, the frequent ones likelier. */
function someLanguages(
  random: Random,
  languages: readonly Language[],
  count: number,
): readonly Language[] {
  const weighed = languages.map((language, rank) => ({
    language,
    weight: (rank + 8) * (0.15 + random.next()),
  }));
  weighed.sort((one, other) => one.weight - other.weight);
  const chosen = weighed.slice(0, count);
  chosen.sort((one, other) => ((one.weight * 7919) % 1) - ((other.weight * 7919) % 1));
  return chosen.map((entry) => entry.language);
}

function someProperty(random: Random, pools: Pools): Property {
  const index = random.skewed(pools.properties.length, 2);
  return pools.properties[index] ?? { id: 'P1', datatype: 'string', labels: '{}' };
}

/** One of the first properties that have an item as their value. */
function citingProperty(random: Random, pools: Pools): Property {
  const [first, ...rest] = pools.properties
    .slice(0, 2 * DATATYPES.length)
    .filter((property) => property.datatype === 'wikibase-item');
  return first === undefined ? someProperty(random, pools) : random.pick([first, ...rest]);
}

function plainText(random: Random, pools: Pools): string {
  const [language = { code: 'en', letters: ['a'] as const }] = pools.languages;
  return inventText(random, language);
}

/** JSON in ASCII: everything beyond it as \\uXXXX, as Python's json.dumps writes by default. */
function json(text: string): string {
  return JSON.stringify(text).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
