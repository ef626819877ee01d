// The contracts of the five tables: names, order and types of their columns, each with a sentence
// for the reader of the data. What a step wrote is checked against them before it is published.
import { type DataType, Field, Float64, Int32, Schema, Utf8 } from 'apache-arrow';

const text = new Utf8();
const whole = new Int32();
const decimal = new Float64();

const id = column('id', text, 'The entity: Q and a number.');
const language = column(
  'language',
  text,
  'Language code as the source writes it, such as zh-hans.',
);

/** The name of an entity, one row per language. */
export const labels = table('Labels of Wikidata entities, one row per language.', [
  id,
  language,
  column('label', text, 'The name of the entity in this language.'),
]);

/** What distinguishes an entity from others of the same name, one row per language. */
export const descriptions = table('Descriptions of Wikidata entities, one row per language.', [
  id,
  language,
  column('description', text, 'A short phrase that says which entity it is.'),
]);

/** Other names of an entity; a language may have none or several. */
export const aliases = table('Other names of Wikidata entities, one row per alias.', [
  id,
  language,
  column('alias', text, 'Another name of the entity in this language.'),
]);

/** Pages about an entity on Wikimedia sites. */
export const links = table('Pages about Wikidata entities, one row per site.', [
  id,
  column('site', text, 'The site, such as dewiki or enwikiquote.'),
  column('title', text, 'The title of the page on that site.'),
]);

/** Statements about an entity: one row per statement and language of its labels. */
export const claims = table('Statements about Wikidata entities, one row per language.', [
  id,
  column('property', text, 'The property of the statement: P and a number.'),
  column('property_label', text, 'The name of the property in this language, if it has one.'),
  language,
  column('rank', text, 'preferred, normal or deprecated.'),
  column('datatype', text, 'The kind of the value, such as wikibase-item, time or string.'),
  column(
    'datavalue',
    text,
    'The value: a text, an identifier, the id of an entity, an amount, a time; compact JSON for ' +
      'an object of unknown kind; NULL for coordinates and where the value is not known.',
  ),
  column('datavalue_label', text, 'Of an entity: its name in this language.'),
  column('unit', text, 'Of a quantity: the address of its unit, or 1.'),
  column('unit_label', text, 'Of a quantity: the name of its unit in this language.'),
  column('lower_bound', text, 'Of a quantity: the smallest amount that may be meant.'),
  column('upper_bound', text, 'Of a quantity: the largest amount that may be meant.'),
  column(
    'precision',
    decimal,
    'Of a time: 9 a year, 10 a month, 11 a day, ..; of coordinates: degrees.',
  ),
  column('timezone', whole, 'Of a time: offset from UTC in minutes.'),
  column('before', whole, 'Of a time: how many units of the precision it may be earlier.'),
  column('after', whole, 'Of a time: how many units of the precision it may be later.'),
  column('calendar_model', text, 'Of a time: the address of the calendar.'),
  column('latitude', decimal, 'Of coordinates: degrees north.'),
  column('longitude', decimal, 'Of coordinates: degrees east.'),
  column('altitude', decimal, 'Of coordinates: not in use, mostly NULL.'),
  column('globe', text, 'Of coordinates: the address of the celestial body.'),
]);

/** Every column may be NULL: the source promises nothing, and the files say so too. */
function column(name: string, type: DataType, description: string): Field {
  return new Field(name, type, true, new Map([['description', description]]));
}

function table(description: string, columns: Field[]): Schema {
  return new Schema(columns, new Map([['description', description]]));
}
