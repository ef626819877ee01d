// The four kinds of dump: what their records are called, and which rows a record gives. One row for
// each element of a list, in its order, also for an empty one. What is spread into a row comes first
// in it: then the engine copies it in one go.
import {
  attributeOf,
  childOf,
  type Element,
  eachOf,
  ownText,
  recordId,
  type Text,
  textOf,
  truth,
  wholeNumber,
} from './dump/element.ts';
import type { DumpShape } from './dump/record-scanner.ts';

export type Row = Readonly<Record<string, Text | number | boolean | null>>;
export type Add = (table: string, row: Row) => void;

export interface DumpKind {
  readonly shape: DumpShape;
  readonly tables: readonly string[];
  /** Throws RecordProblem; what was added for the record before does not count then. */
  readonly addRows: (record: Element, add: Add) => void;
}

export const kinds: Readonly<Record<string, DumpKind>> = {
  artists: {
    shape: { root: 'artists', record: 'artist' },
    tables: [
      'artist',
      'artist_name_variation',
      'artist_alias',
      'artist_member',
      'artist_group',
      'artist_url',
      'artist_image',
    ],
    addRows: addArtist,
  },
  labels: {
    shape: { root: 'labels', record: 'label', nestedIn: 'sublabels' },
    tables: ['label', 'label_sublabel', 'label_url', 'label_image'],
    addRows: addLabel,
  },
  masters: {
    shape: { root: 'masters', record: 'master' },
    tables: [
      'master',
      'master_artist',
      'master_genre',
      'master_style',
      'master_video',
      'master_image',
    ],
    addRows: addMaster,
  },
  releases: {
    shape: { root: 'releases', record: 'release' },
    tables: [
      'release',
      'release_artist',
      'release_label',
      'release_series',
      'release_format',
      'release_format_description',
      'release_genre',
      'release_style',
      'release_track',
      'release_track_artist',
      'release_identifier',
      'release_company',
      'release_video',
      'release_image',
    ],
    addRows: addRelease,
  },
};

function addArtist(artist: Element, add: Add): void {
  const id = recordId(textOf(artist, 'id'));
  add('artist', {
    id,
    name: textOf(artist, 'name'),
    real_name: textOf(artist, 'realname'),
    profile: textOf(artist, 'profile'),
    data_quality: textOf(artist, 'data_quality'),
  });
  eachOf(artist, 'namevariations', (name) => {
    add('artist_name_variation', { artist_id: id, name: ownText(name) });
  });
  eachOf(artist, 'aliases', (alias) => {
    const alias_id = wholeNumber(attributeOf(alias, 'id'), 'The id of an alias');
    add('artist_alias', { artist_id: id, alias_id, name: ownText(alias) });
  });
  // Each member is there twice: as an id and as a name with the same id.
  eachOf(artist, 'members', (member) => {
    if (member.name !== 'name') return;
    const member_id = wholeNumber(attributeOf(member, 'id'), 'The id of a member');
    add('artist_member', { artist_id: id, member_id, name: ownText(member) });
  });
  eachOf(artist, 'groups', (group) => {
    const group_id = wholeNumber(attributeOf(group, 'id'), 'The id of a group');
    add('artist_group', { artist_id: id, group_id, name: ownText(group) });
  });
  eachOf(artist, 'urls', (url) => add('artist_url', { artist_id: id, url: ownText(url) }));
  addImages(artist, (image) => add('artist_image', { ...image, artist_id: id }));
}

function addLabel(label: Element, add: Add): void {
  const id = recordId(textOf(label, 'id'));
  const parent = childOf(label, 'parentLabel');
  add('label', {
    id,
    name: textOf(label, 'name'),
    contact_info: textOf(label, 'contactinfo'),
    profile: textOf(label, 'profile'),
    data_quality: textOf(label, 'data_quality'),
    parent_id: wholeNumber(attributeOf(parent, 'id'), 'The id of the parent'),
    parent_name: ownText(parent),
  });
  eachOf(label, 'sublabels', (sublabel) => {
    const sublabel_id = wholeNumber(attributeOf(sublabel, 'id'), 'The id of a sublabel');
    add('label_sublabel', { label_id: id, sublabel_id, name: ownText(sublabel) });
  });
  eachOf(label, 'urls', (url) => add('label_url', { label_id: id, url: ownText(url) }));
  addImages(label, (image) => add('label_image', { ...image, label_id: id }));
}

function addMaster(master: Element, add: Add): void {
  const id = recordId(attributeOf(master, 'id'));
  add('master', {
    id,
    main_release_id: wholeNumber(textOf(master, 'main_release'), 'main_release'),
    title: textOf(master, 'title'),
    year: wholeNumber(textOf(master, 'year'), 'year'),
    notes: textOf(master, 'notes'),
    data_quality: textOf(master, 'data_quality'),
  });
  eachOf(master, 'artists', (artist, sequence) => {
    add('master_artist', { ...artistCredit(artist), master_id: id, sequence });
  });
  eachOf(master, 'genres', (genre) => {
    add('master_genre', { master_id: id, genre: ownText(genre) });
  });
  eachOf(master, 'styles', (style) => {
    add('master_style', { master_id: id, style: ownText(style) });
  });
  addVideos(master, (video) => add('master_video', { ...video, master_id: id }));
  addImages(master, (image) => add('master_image', { ...image, master_id: id }));
}

function addRelease(release: Element, add: Add): void {
  const id = recordId(attributeOf(release, 'id'));
  const master = childOf(release, 'master_id');
  add('release', {
    id,
    status: attributeOf(release, 'status'),
    title: textOf(release, 'title'),
    country: textOf(release, 'country'),
    released: textOf(release, 'released'),
    notes: textOf(release, 'notes'),
    data_quality: textOf(release, 'data_quality'),
    master_id: wholeNumber(ownText(master), 'master_id'),
    is_main_release: truth(attributeOf(master, 'is_main_release'), 'is_main_release'),
  });
  addCredits(release, (artist, { is_extra, sequence }) =>
    add('release_artist', { ...artistCredit(artist), release_id: id, is_extra, sequence }),
  );
  addLabels(release, { id, add });
  addFormats(release, { id, add });
  eachOf(release, 'genres', (genre) => {
    add('release_genre', { release_id: id, genre: ownText(genre) });
  });
  eachOf(release, 'styles', (style) => {
    add('release_style', { release_id: id, style: ownText(style) });
  });
  addTracks(release, { id, add });
  eachOf(release, 'identifiers', (identifier) => {
    add('release_identifier', {
      release_id: id,
      type: attributeOf(identifier, 'type'),
      description: attributeOf(identifier, 'description'),
      value: attributeOf(identifier, 'value'),
    });
  });
  eachOf(release, 'companies', (company) => {
    add('release_company', {
      release_id: id,
      company_id: wholeNumber(textOf(company, 'id'), 'The id of a company'),
      name: textOf(company, 'name'),
      catalog_number: textOf(company, 'catno'),
      entity_type: wholeNumber(textOf(company, 'entity_type'), 'entity_type'),
      entity_type_name: textOf(company, 'entity_type_name'),
      resource_url: textOf(company, 'resource_url'),
    });
  });
  addVideos(release, (video) => add('release_video', { ...video, release_id: id }));
  addImages(release, (image) => add('release_image', { ...image, release_id: id }));
}

interface Target {
  readonly id: number;
  readonly add: Add;
}

function addLabels(release: Element, { id, add }: Target): void {
  eachOf(release, 'labels', (label) => {
    add('release_label', {
      ...catalogEntry(label),
      release_id: id,
      label_id: wholeNumber(attributeOf(label, 'id'), 'The id of a label'),
    });
  });
  eachOf(release, 'series', (series) => {
    add('release_series', {
      ...catalogEntry(series),
      release_id: id,
      series_id: wholeNumber(attributeOf(series, 'id'), 'The id of a series'),
    });
  });
}

function catalogEntry(entry: Element) {
  return { name: attributeOf(entry, 'name'), catalog_number: attributeOf(entry, 'catno') };
}

function addFormats(release: Element, { id, add }: Target): void {
  eachOf(release, 'formats', (format, sequence) => {
    add('release_format', {
      release_id: id,
      sequence,
      name: attributeOf(format, 'name'),
      quantity: attributeOf(format, 'qty'),
      text: attributeOf(format, 'text'),
    });
    eachOf(format, 'descriptions', (description) => {
      const row = { release_id: id, sequence, description: ownText(description) };
      add('release_format_description', row);
    });
  });
}

/** Tracks are numbered through; one within another names that as its parent. */
function addTracks(release: Element, { id, add }: Target): void {
  let last = 0;
  const addTrack = (track: Element, parent: number | null) => {
    last += 1;
    const sequence = last;
    add('release_track', {
      release_id: id,
      sequence,
      parent,
      position: textOf(track, 'position'),
      title: textOf(track, 'title'),
      duration: textOf(track, 'duration'),
    });
    addCredits(track, (artist, { is_extra, sequence: artist_sequence }) =>
      add('release_track_artist', {
        ...artistCredit(artist),
        release_id: id,
        sequence,
        is_extra,
        artist_sequence,
      }),
    );
    eachOf(track, 'sub_tracks', (part) => addTrack(part, sequence));
  };
  eachOf(release, 'tracklist', (track) => addTrack(track, null));
}

/** Main artists and extra ones, each numbered from 1. */
function addCredits(
  element: Element,
  add: (artist: Element, place: { readonly is_extra: boolean; readonly sequence: number }) => void,
): void {
  for (const [list, is_extra] of CREDITS) {
    eachOf(element, list, (artist, sequence) => add(artist, { is_extra, sequence }));
  }
}

const CREDITS = [
  ['artists', false],
  ['extraartists', true],
] as const;

function artistCredit(artist: Element) {
  return {
    artist_id: wholeNumber(textOf(artist, 'id'), 'The id of an artist'),
    name: textOf(artist, 'name'),
    anv: textOf(artist, 'anv'),
    join: textOf(artist, 'join'),
    role: textOf(artist, 'role'),
    tracks: textOf(artist, 'tracks'),
  };
}

function addVideos(element: Element, add: (video: Row) => void): void {
  eachOf(element, 'videos', (video) => {
    add({
      src: attributeOf(video, 'src'),
      duration: wholeNumber(attributeOf(video, 'duration'), 'The duration of a video'),
      embed: truth(attributeOf(video, 'embed'), 'embed'),
      title: textOf(video, 'title'),
      description: textOf(video, 'description'),
    });
  });
}

function addImages(element: Element, add: (image: Row) => void): void {
  eachOf(element, 'images', (image) => {
    add({
      type: attributeOf(image, 'type'),
      width: wholeNumber(attributeOf(image, 'width'), 'The width of an image'),
      height: wholeNumber(attributeOf(image, 'height'), 'The height of an image'),
    });
  });
}
