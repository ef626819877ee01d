// Invented records of the four kinds of dump, in the exact form of the real ones and with their
// oddities: empty elements, character references, line breaks written as &#13;, CDATA. A record's
// text depends on the seed, the kind and its id alone.
import { createRandom, type Random } from '../../../../tasks/sample/random.ts';

export type RecordText = (id: number) => string;

/** The kinds in the order of their dumps, and the element around their records. */
export const KINDS = ['artists', 'labels', 'masters', 'releases'] as const;
export type Kind = (typeof KINDS)[number];

export function recordsOf(kind: Kind, seed: number): RecordText {
  return (id) => {
    const random = createRandom(`${seed} ${kind} ${id}`);
    return RECORDS[kind](id, random);
  };
}

const RECORDS: Readonly<Record<Kind, (id: number, random: Random) => string>> = {
  artists: artistRecord,
  labels: labelRecord,
  masters: masterRecord,
  releases: releaseRecord,
};

const SYLLABLES = ['ka', 'lo', 'mi', 'ra', 'tü', 'ne', 'sø', 'va', 'bi', 'ду', 'pé', 'ri'] as const;
const ODDITIES = [
  ' &amp; ',
  ' &lt;live&gt; ',
  ' &#8211; ',
  ' &quot;x&quot; ',
  ' ♫ ',
  ' 𝄞 ',
] as const;
const GENRES = ['Electronic', 'Rock', 'Jazz', 'Folk, World, &amp; Country', 'Classical'] as const;
const STYLES = ['House', 'Techno', 'Ambient', 'Hard Bop', 'Synth-pop', 'Drum n Bass'] as const;
const FORMATS = ['Vinyl', 'CD', 'File', 'Cassette'] as const;
const DESCRIPTIONS = ['LP', 'Album', '12"', '33 &#8531; RPM', 'Reissue', 'Stereo'] as const;
const ROLES = ['Producer', 'Written-By', 'Remix', 'Music By [All Tracks By]', 'Vocals'] as const;
const QUALITIES = ['Correct', 'Needs Vote', 'Needs Major Changes', 'Complete And Correct'] as const;
const COUNTRIES = ['Sweden', 'US', 'UK', 'Germany', 'Japan', 'Europe'] as const;
const COMPANIES = [
  'Published By',
  'Pressed By',
  'Mastered At',
  'Phonographic Copyright (p)',
] as const;

function word(random: Random): string {
  let text = '';
  for (let count = 1 + random.below(3); count >= 0; count -= 1) text += random.pick(SYLLABLES);
  return text;
}

function words(random: Random, most: number): string {
  const list = Array.from({ length: 1 + random.below(most) }, () => word(random));
  return list.join(random.chance(0.1) ? random.pick(ODDITIES) : ' ');
}

/** Several lines, as people wrote them. */
function prose(random: Random): string {
  const lines = Array.from({ length: 1 + random.below(4) }, () => words(random, 14));
  const text = lines.join(random.chance(0.5) ? '&#13;\n' : '\n');
  return random.chance(0.02) ? `<![CDATA[<b>${word(random)}</b> & </release>\n]]>${text}` : text;
}

function optional(element: string, text: string): string {
  return text === '' ? `<${element}/>` : `<${element}>${text}</${element}>`;
}

function some(random: Random, most: number, make: () => string): string {
  let text = '';
  for (let count = random.below(most + 1); count > 0; count -= 1) text += make();
  return text;
}

function list(element: string, items: string): string {
  return items === '' ? '' : `<${element}>${items}</${element}>`;
}

function images(random: Random): string {
  const image = () =>
    `<image type="${random.chance(0.3) ? 'primary' : 'secondary'}" uri="" uri150="" ` +
    `width="${100 + random.below(500)}" height="${100 + random.below(500)}"/>`;
  return list('images', some(random, 3, image));
}

function urls(random: Random): string {
  const url = () =>
    random.chance(0.02) ? '<url/>' : `<url>https://example.org/${word(random)}?a=1&amp;b=2</url>`;
  return list('urls', some(random, 3, url));
}

function named(random: Random): string {
  return `<name id="${1 + random.below(900_000)}">${words(random, 3)}</name>`;
}

function artistRecord(id: number, random: Random): string {
  const member = () => {
    const other = 1 + random.below(900_000);
    return `<id>${other}</id><name id="${other}">${words(random, 2)}</name>`;
  };
  return (
    `<artist>${images(random)}<id>${id}</id><name>${words(random, 3)}</name>` +
    (random.chance(0.4) ? `<realname>${words(random, 3)}</realname>` : '') +
    optional('profile', random.chance(0.3) ? prose(random) : '') +
    `<data_quality>${random.pick(QUALITIES)}</data_quality>${urls(random)}` +
    list(
      'namevariations',
      some(random, 4, () => `<name>${words(random, 3)}</name>`),
    ) +
    list(
      'aliases',
      some(random, 3, () => named(random)),
    ) +
    list(
      'groups',
      some(random, 2, () => named(random)),
    ) +
    list('members', random.chance(0.2) ? some(random, 5, member) : '') +
    '</artist>'
  );
}

function labelRecord(id: number, random: Random): string {
  const sublabel = () =>
    random.chance(0.3)
      ? '<label/>'
      : `<label id="${1 + random.below(900_000)}">${words(random, 3)}</label>`;
  return (
    `<label>${images(random)}<id>${id}</id><name>${words(random, 3)}</name>` +
    (random.chance(0.3) ? `<contactinfo>${prose(random)}</contactinfo>` : '') +
    (random.chance(0.3) ? `<profile>${prose(random)}</profile>` : '') +
    `<data_quality>${random.pick(QUALITIES)}</data_quality>` +
    (random.chance(0.2)
      ? `<parentLabel id="${1 + random.below(900_000)}">${words(random, 3)}</parentLabel>`
      : '') +
    `${urls(random)}${list('sublabels', random.chance(0.2) ? some(random, 8, sublabel) : '')}` +
    '</label>'
  );
}

function credit(random: Random, role: string): string {
  return (
    `<artist><id>${random.chance(0.9) ? 1 + random.below(900_000) : 0}</id>` +
    `<name>${words(random, 3)}</name>${optional('anv', random.chance(0.2) ? word(random) : '')}` +
    `${optional('join', random.chance(0.2) ? '&amp;' : '')}${optional('role', role)}` +
    `${optional('tracks', random.chance(0.1) ? 'A1 to A3' : '')}</artist>`
  );
}

function credits(random: Random, { main, extra }: { main: number; extra: number }): string {
  const artists = list(
    'artists',
    some(random, main, () => credit(random, '')),
  );
  const further = some(random, extra, () => credit(random, random.pick(ROLES)));
  return artists + list('extraartists', further);
}

function videos(random: Random, most: number): string {
  const video = () =>
    `<video src="https://example.org/watch?v=${word(random)}" duration="${random.below(900)}" ` +
    `embed="${random.chance(0.9)}"><title>${words(random, 5)}</title>` +
    `${optional('description', random.chance(0.6) ? words(random, 8) : '')}</video>`;
  return list('videos', some(random, most, video));
}

function kindsOfMusic(random: Random): string {
  return (
    `<genres><genre>${random.pick(GENRES)}</genre></genres>` +
    list(
      'styles',
      some(random, 3, () => `<style>${random.pick(STYLES)}</style>`),
    )
  );
}

function masterRecord(id: number, random: Random): string {
  return (
    `<master id="${id}"><main_release>${1 + random.below(9_000_000)}</main_release>` +
    `${images(random)}<artists>${credit(random, '')}</artists>${kindsOfMusic(random)}` +
    `<year>${random.chance(0.9) ? 1960 + random.below(60) : 0}</year>` +
    `<title>${words(random, 4)}</title>` +
    (random.chance(0.1) ? `<notes>${prose(random)}</notes>` : '') +
    `<data_quality>${random.pick(QUALITIES)}</data_quality>${videos(random, 4)}</master>`
  );
}

function releaseRecord(id: number, random: Random): string {
  return (
    `<release id="${id}" status="Accepted">${images(random)}` +
    `${credits(random, { main: 2, extra: 0 })}<title>${words(random, 4)}</title>` +
    `<labels><label name="${words(random, 2)}" catno="${word(random)} ${random.below(900)}" ` +
    `id="${1 + random.below(900_000)}"/></labels>` +
    credits(random, { main: 0, extra: 6 }) +
    `<formats><format name="${random.pick(FORMATS)}" qty="${1 + random.below(3)}" text="">` +
    `${list(
      'descriptions',
      some(random, 3, () => `<description>${random.pick(DESCRIPTIONS)}</description>`),
    )}</format></formats>` +
    `${kindsOfMusic(random)}<country>${random.pick(COUNTRIES)}</country>` +
    `<released>${1960 + random.below(60)}-0${1 + random.below(9)}-00</released>` +
    (random.chance(0.5) ? `<notes>${prose(random)}</notes>` : '') +
    `<data_quality>${random.pick(QUALITIES)}</data_quality>` +
    (random.chance(0.6)
      ? `<master_id is_main_release="${random.chance(0.5)}">${1 + random.below(2_000_000)}</master_id>`
      : '') +
    `<tracklist>${some(random, 12, () => track(random, 0.05))}</tracklist>` +
    optional(
      'identifiers',
      some(random, 2, () => identifier(random)),
    ) +
    videos(random, 2) +
    `${optional(
      'companies',
      some(random, 2, () => company(random)),
    )}</release>`
  );
}

function track(random: Random, split: number): string {
  const parts = random.chance(split) ? some(random, 4, () => track(random, 0)) : '';
  return (
    `<track>${optional('position', `A${1 + random.below(9)}`)}<title>${words(random, 5)}</title>` +
    `${optional('duration', random.chance(0.7) ? `${random.below(9)}:${10 + random.below(50)}` : '')}` +
    credits(random, { main: random.chance(0.1) ? 1 : 0, extra: random.chance(0.2) ? 2 : 0 }) +
    `${list('sub_tracks', parts)}</track>`
  );
}

function identifier(random: Random): string {
  const described = random.chance(0.6) ? ` description="${word(random)} &#10; side"` : '';
  return `<identifier type="Barcode"${described} value="${random.below(1e9)}"/>`;
}

function company(random: Random): string {
  const id = 1 + random.below(900_000);
  return (
    `<company><id>${id}</id><name>${words(random, 3)}</name><catno/>` +
    `<entity_type>${1 + random.below(30)}</entity_type>` +
    `<entity_type_name>${random.pick(COMPANIES)}</entity_type_name>` +
    `<resource_url>https://example.org/labels/${id}</resource_url></company>`
  );
}
