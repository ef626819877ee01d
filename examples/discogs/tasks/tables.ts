// The contracts of the tables: names, order and types of their columns, each with a sentence for the
// reader of the data. A child table names its record in its first column, and its rows keep the order
// of the dump.
import { Bool, type DataType, Field, Int32, Schema, Utf8 } from 'apache-arrow';

const text = new Utf8();
const whole = new Int32();
const truth = new Bool();

const name = column('name', text, 'The name, as written there.');
const profile = column('profile', text, 'A description, in the markup of Discogs.');
const dataQuality = column('data_quality', text, 'How far the entry was checked, such as Correct.');
const url = column('url', text, 'An address on the web.');
const image = [
  column('type', text, 'primary or secondary.'),
  column('width', whole, 'In pixels.'),
  column('height', whole, 'In pixels.'),
];
const video = [
  column('src', text, 'The address of the video.'),
  column('duration', whole, 'In seconds.'),
  column('embed', truth, 'Whether it may be shown on other pages.'),
  column('title', text, 'The title of the video.'),
  column('description', text, 'What is said of the video.'),
];
const credit = [
  column('artist_id', whole, 'The artist; 0 for one without an entry.'),
  column('name', text, 'The name of the artist.'),
  column('anv', text, 'The variation of the name that is printed.'),
  column('join', text, 'What stands between this artist and the next, such as "&".'),
  column('role', text, 'What the artist did.'),
  column('tracks', text, 'The tracks that this is about, such as "A1 to A3".'),
];
const isExtra = column('is_extra', truth, 'False for main artists, true for further credits.');

const ofArtist = column('artist_id', whole, 'The artist.');
const ofLabel = column('label_id', whole, 'The label.');
const ofMaster = column('master_id', whole, 'The master release.');
const ofRelease = column('release_id', whole, 'The release.');

export const artist = table('Artists.', [
  column('id', whole, 'The artist.'),
  name,
  column('real_name', text, 'The name of the person, or of the persons.'),
  profile,
  dataQuality,
]);
export const artist_name_variation = table('How names of artists are printed.', [ofArtist, name]);
export const artist_alias = table('Other artist entries of the same persons.', [
  ofArtist,
  column('alias_id', whole, 'The other artist.'),
  name,
]);
export const artist_member = table('Members of groups.', [
  ofArtist,
  column('member_id', whole, 'The artist that is a member.'),
  name,
]);
export const artist_group = table('Groups that artists belong to.', [
  ofArtist,
  column('group_id', whole, 'The artist that is a group.'),
  name,
]);
export const artist_url = table('Pages of artists.', [ofArtist, url]);
export const artist_image = table('Images of artists.', [ofArtist, ...image]);

export const label = table('Labels, companies and series.', [
  column('id', whole, 'The label.'),
  name,
  column('contact_info', text, 'Addresses, with the line breaks of the source.'),
  profile,
  dataQuality,
  column('parent_id', whole, 'The label that it belongs to.'),
  column('parent_name', text, 'The name of that label.'),
]);
export const label_sublabel = table('Labels that belong to a label.', [
  ofLabel,
  column('sublabel_id', whole, 'The label that belongs to it.'),
  name,
]);
export const label_url = table('Pages of labels.', [ofLabel, url]);
export const label_image = table('Images of labels.', [ofLabel, ...image]);

export const master = table('Master releases: what several releases have in common.', [
  column('id', whole, 'The master release.'),
  column('main_release_id', whole, 'The release that stands for all.'),
  column('title', text, 'The title.'),
  column('year', whole, 'The year of the first release; 0 where it is not known.'),
  column('notes', text, 'Remarks.'),
  dataQuality,
]);
export const master_artist = table('Artists of master releases.', [
  ofMaster,
  column('sequence', whole, 'Which artist of the master release it is, from 1.'),
  ...credit,
]);
export const master_genre = table('Genres of master releases.', [
  ofMaster,
  column('genre', text, 'Such as Electronic.'),
]);
export const master_style = table('Styles of master releases.', [
  ofMaster,
  column('style', text, 'Such as Deep House.'),
]);
export const master_video = table('Videos of master releases.', [ofMaster, ...video]);
export const master_image = table('Images of master releases.', [ofMaster, ...image]);

export const release = table('Releases.', [
  column('id', whole, 'The release.'),
  column('status', text, 'Such as Accepted.'),
  column('title', text, 'The title.'),
  column('country', text, 'Where it was released.'),
  column('released', text, 'When, as far as it is known: 1999, 1999-03-00 or 1999-03-15.'),
  column('notes', text, 'Remarks.'),
  dataQuality,
  column('master_id', whole, 'The master release that it belongs to.'),
  column('is_main_release', truth, 'Whether it stands for its master release.'),
]);
export const release_artist = table('Artists of releases.', [
  ofRelease,
  isExtra,
  column('sequence', whole, 'Which of the main or of the further artists it is, from 1.'),
  ...credit,
]);
export const release_label = table('Labels of releases.', [
  ofRelease,
  column('label_id', whole, 'The label.'),
  name,
  column('catalog_number', text, 'The number that the label gave to the release.'),
]);
export const release_series = table('Series that releases are part of.', [
  ofRelease,
  column('series_id', whole, 'The series, an entry among the labels.'),
  name,
  column('catalog_number', text, 'The number within the series.'),
]);
export const release_format = table('What releases consist of.', [
  ofRelease,
  column('sequence', whole, 'Which format of the release it is, from 1.'),
  column('name', text, 'Such as Vinyl or CD.'),
  column('quantity', text, 'How many, as written: mostly a number.'),
  column('text', text, 'A remark, such as a colour.'),
]);
export const release_format_description = table('Details of formats.', [
  ofRelease,
  column('sequence', whole, 'Which format of the release it is about.'),
  column('description', text, 'Such as LP or 45 RPM.'),
]);
export const release_genre = table('Genres of releases.', [
  ofRelease,
  column('genre', text, 'Such as Electronic.'),
]);
export const release_style = table('Styles of releases.', [
  ofRelease,
  column('style', text, 'Such as Deep House.'),
]);
export const release_track = table('Tracks of releases, headings and parts of tracks.', [
  ofRelease,
  column('sequence', whole, 'Which track of the release it is, from 1, parts counted too.'),
  column('parent', whole, 'Of a part: the sequence of the track that it is in.'),
  column('position', text, 'What is printed, such as A1; NULL for a heading.'),
  column('title', text, 'The title.'),
  column('duration', text, 'As printed, such as 4:45.'),
]);
export const release_track_artist = table('Artists of tracks.', [
  ofRelease,
  column('sequence', whole, 'Which track of the release it is about.'),
  isExtra,
  column('artist_sequence', whole, 'Which of the main or of the further artists it is, from 1.'),
  ...credit,
]);
export const release_identifier = table('Barcodes, matrix numbers and the like.', [
  ofRelease,
  column('type', text, 'Such as Barcode or Matrix / Runout.'),
  column('description', text, 'Where it is found.'),
  column('value', text, 'What is printed or engraved.'),
]);
export const release_company = table('Companies that took part in releases.', [
  ofRelease,
  column('company_id', whole, 'The company, an entry among the labels.'),
  name,
  column('catalog_number', text, 'The number that the company gave to the release.'),
  column('entity_type', whole, 'What it did, as a number.'),
  column('entity_type_name', text, 'What it did, such as Published By.'),
  column('resource_url', text, 'The address of its entry.'),
]);
export const release_video = table('Videos of releases.', [ofRelease, ...video]);
export const release_image = table('Images of releases.', [ofRelease, ...image]);

/** Every column may be NULL: the source promises nothing, and the files say so too. */
function column(name: string, type: DataType, description: string): Field {
  return new Field(name, type, true, new Map([['description', description]]));
}

function table(description: string, columns: Field[]): Schema {
  return new Schema(columns, new Map([['description', description]]));
}
