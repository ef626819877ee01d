// Cutting a dump into records and parsing them: whatever is wrong with one record harms no other,
// and the work can go on behind any of them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { type Element, RecordProblem } from '../examples/discogs/tasks/dump/element.ts';
import { PlainReader } from '../examples/discogs/tasks/dump/plain-reader.ts';
import type { DumpBytes } from '../examples/discogs/tasks/dump/read-dump.ts';
import { openDump } from '../examples/discogs/tasks/dump/read-dump.ts';
import { RecordParser, StrictParser } from '../examples/discogs/tasks/dump/record-parser.ts';
import { type DumpPlace, RecordPieces } from '../examples/discogs/tasks/dump/record-pieces.ts';
import { kinds } from '../examples/discogs/tasks/kinds.ts';
import { KINDS, recordsOf } from '../examples/discogs/tasks/sample/records.ts';

const folder = mkdtempSync(join(tmpdir(), 'discogs-records-'));
afterAll(() => rmSync(folder, { recursive: true }));

const START: DumpPlace = { records: 0, byte: 0 };

/** The bytes in chunks of these sizes, again and again. */
function inChunks(bytes: Buffer, sizes: readonly number[]): DumpBytes {
  return {
    read: 0,
    problem: undefined,
    async *chunks() {
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const size = sizes[turn % sizes.length] ?? bytes.length;
        yield bytes.subarray(at, at + size);
        at += size;
      }
    },
  };
}

interface Read {
  /** Texts of the records, without what lies between them. */
  readonly records: readonly string[];
  /** Behind each record. */
  readonly places: readonly DumpPlace[];
  readonly problem: string | undefined;
}

async function read(
  kind: string,
  dump: DumpBytes,
  { from = START, stops = [1] }: { from?: DumpPlace; stops?: readonly number[] } = {},
): Promise<Read> {
  const shape = kinds[kind]?.shape ?? { root: '', record: '' };
  const pieces = new RecordPieces(dump, { path: 'dump.xml', shape, from, stops });
  const records: string[] = [];
  const places: DumpPlace[] = [];
  for await (const { bytes, ends, records: count, byte } of pieces.pieces()) {
    let start = 0;
    for (const end of ends) {
      records.push(Buffer.from(bytes.subarray(start, end)).toString('utf8').trim());
      start = end;
    }
    places.push({ records: count, byte });
  }
  return { records, places, problem: pieces.problem?.message };
}

function rowsOf(kind: string, records: readonly string[]): readonly string[] {
  const { shape, addRows } = kinds[kind] ?? { shape: { record: '' }, addRows: () => {} };
  const parser = new RecordParser(shape.record);
  return records.flatMap((record) => {
    const rows: string[] = [];
    try {
      addRows(parser.parse(Buffer.from(record)), (table, row) =>
        rows.push(`${table} ${JSON.stringify(row)}`),
      );
      return rows;
    } catch (error) {
      if (error instanceof RecordProblem) return [`reject: ${error.message}`];
      throw error;
    }
  });
}

function dumpOf(kind: string, records: readonly string[]): Buffer {
  return Buffer.from(`<${kind}>\n${records.map((record) => `${record}\n`).join('')}</${kind}>\n`);
}

test.for(KINDS)('%s: however the bytes come, the same records come out', async (kind) => {
  const recordOf = recordsOf(kind, 3);
  const wanted = Array.from({ length: 40 }, (_, index) => recordOf(index + 1));
  const bytes = dumpOf(kind, wanted);
  const sizes = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 8 });
  // Pieces end at few records or at many, in the middle of a chunk or behind several.
  const stops = fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 2 });
  const { places } = await read(kind, inChunks(bytes, [997]));
  await fc.assert(
    fc.asyncProperty(sizes, stops, async (chunks, ends) => {
      const found = await read(kind, inChunks(bytes, chunks), { stops: ends });
      expect(found.problem).toBeUndefined();
      expect(found.records).toEqual(wanted);
      const isEnd = (records: number) => ends.some((end) => records % end === 0);
      expect(found.places).toEqual(
        places.filter(({ records }) => isEnd(records) || records === wanted.length),
      );
    }),
    { numRuns: 30 },
  );
  expect(rowsOf(kind, wanted).filter((row) => row.startsWith('reject'))).toEqual([]);
});

test.for(KINDS)('%s: the work goes on behind every record', async (kind) => {
  const recordOf = recordsOf(kind, 4);
  const wanted = Array.from({ length: 12 }, (_, index) => recordOf(index + 1));
  const bytes = dumpOf(kind, wanted);
  const whole = await read(kind, inChunks(bytes, [997]));
  expect(whole.places.map(({ records }) => records)).toEqual(wanted.map((_, index) => index + 1));
  for (const from of whole.places) {
    const rest = await read(kind, inChunks(bytes.subarray(from.byte), [313]), { from });
    expect(rest.records).toEqual(wanted.slice(from.records));
    expect(rest.places).toEqual(whole.places.slice(from.records));
    expect(rest.problem).toBeUndefined();
  }
});

test('cut anywhere, all whole records before the cut are there, and it is told', async () => {
  const recordOf = recordsOf('releases', 5);
  const wanted = Array.from({ length: 4 }, (_, index) => recordOf(index + 1));
  const bytes = dumpOf('releases', wanted);
  const { places } = await read('releases', inChunks(bytes, [997]));
  const end = bytes.lastIndexOf('</releases');
  for (let cut = 12; cut <= end; cut += 37) {
    const found = await read('releases', inChunks(bytes.subarray(0, cut), [211]));
    const count = places.filter(({ byte }) => byte <= cut).length;
    expect(found.records).toEqual(wanted.slice(0, count));
    expect(found.problem).toMatch(`dump.xml is cut off: it ends before its last end tag, after`);
    expect(found.problem).toContain(`after ${count} whole records (byte `);
  }
});

const GOOD = '<release id="1" status="Accepted"><title>One</title></release>';
const GOOD_ROW = rowsOf('releases', [GOOD])[0] ?? '';

test.for([
  ['an end tag of another element', '<release id="7"><title>x</titel></release>', /Bad XML/],
  ['an element that is not closed', '<release id="7"><title>x</release>', /Bad XML/],
  ['no end tag', '<release id="7"><title>x</title>', /Bad XML|not closed/],
  ['a bare ampersand', '<release id="7"><title>R & B</title></release>', /Bad XML/],
  ['an unknown entity', '<release id="7"><title>&nbsp;</title></release>', /Bad XML/],
  ['a bare <', '<release id="7"><title>1 < 2</title></release>', /Bad XML/],
  ['a quote that is not closed', '<release id="7><title>x</title></release>', /Bad XML/],
  ['a CDATA section without an end', '<release id="7"><title><![CDATA[x</title></release>', /Bad/],
  ['a comment without an end', '<release id="7"><!-- x</release>', /Bad XML/],
  ['a control character', '<release id="7"><title>\u0001</title></release>', /Bad XML/],
  ['no id', '<release status="Accepted"><title>x</title></release>', /no id/],
  ['an id that is no number', '<release id="x7"><title>x</title></release>', /id is no whole/],
  ['a number that is none', '<release id="7"><master_id>1.5</master_id></release>', /master_id/],
  ['text between records', 'oops', /Bad XML|no element/],
  ['another element', '<artist><id>1</id></artist>', /<artist> where a <release>/],
] as const)('a record with %s is refused alone', async ([, bad, problem]) => {
  const found = await read('releases', inChunks(dumpOf('releases', [GOOD, bad, GOOD]), [17]));
  expect(found.problem).toBeUndefined();
  const rows = rowsOf('releases', found.records);
  expect(rows).toEqual([GOOD_ROW, expect.stringMatching(problem), GOOD_ROW]);
});

/** Name, attributes, text and elements, as a text to compare. */
function treeOf(element: Element): string {
  const chain = <T extends { readonly next: T | undefined }>(first: T | undefined): readonly T[] =>
    first === undefined ? [] : [first, ...chain(first.next)];
  const tree = ({ name, attribute, child, text }: Element): unknown => [
    name,
    chain(attribute).map(({ name: key, value }) => [key, value.toString()]),
    text.toString(),
    chain(child).map(tree),
  ];
  return JSON.stringify(tree(element));
}

/** What may be put into a record: much of it breaks it, some of it is read otherwise than it looks. */
const ODD = [
  ...['<', '>', '&', '"', "'", '/', '=', ';', ']', ' '],
  ...['\t', '\n', '\r', '\u0000', '\u007f', '\ufeff'],
  ...['\ufffe', '\uffff', 'é', '\u2028', '𝄞', ']]>', '<!--', '-->', '<![CDATA[x]]>', '<?x y?>'],
  ...[
    '&amp;',
    '&nbsp;',
    '&#13;',
    '&#x1D11E;',
    '&#X41;',
    '&#0;',
    '&#xFFFE;',
    '&#1114112;',
    '&#55296;',
  ],
  ...['&constructor;', '<a/>', '<a >', '</a>', '</a >', '<a b="c" b="d"/>', "<a b='\"'/>", '<é/>'],
  ...[
    ' b="&lt;>"',
    ' b="\t"',
    ' b = "c"',
    '<a:b c-d="e"/>',
    '<a.b/>',
    '<constructor/>',
    '<_a/>',
    '<1/>',
  ],
];

test.for(KINDS)('%s: what is read as plain is what the strict parser reads', (kind) => {
  const recordOf = recordsOf(kind, 8);
  const reader = new PlainReader();
  const strict = (bytes: Uint8Array) => {
    try {
      return treeOf(new StrictParser().parse(bytes));
    } catch (error) {
      if (error instanceof RecordProblem) return error.message;
      throw error;
    }
  };
  let plain = 0;
  const change = fc.record({
    at: fc.nat(),
    cut: fc.integer({ min: 0, max: 3 }),
    put: fc.constantFrom('', ...ODD),
  });
  fc.assert(
    fc.property(fc.nat({ max: 500 }), fc.array(change, { maxLength: 3 }), (id, changes) => {
      let text = recordOf(id + 1);
      for (const { at, cut, put } of changes) {
        const place = at % text.length;
        text = text.slice(0, place) + put + text.slice(place + cut);
      }
      const bytes = Buffer.from(text);
      // Whatever lies around the record: another one, of which neither may take a part.
      const before = Buffer.from(recordOf(id + 2));
      const piece = Buffer.concat([before, bytes, before]);
      const element = reader.read(piece, before.length, before.length + bytes.length);
      if (element === undefined) return;
      plain += 1;
      expect(treeOf(element)).toBe(strict(bytes));
    }),
    { numRuns: 3000 },
  );
  expect(plain).toBeGreaterThan(500);
});

test('nearly all records are plain, and a broken one does not spoil the next', () => {
  const reader = new PlainReader();
  for (const kind of KINDS) {
    const recordOf = recordsOf(kind, 9);
    let plain = 0;
    for (let id = 1; id <= 300; id += 1) {
      reader.read(Buffer.from(recordOf(id).slice(0, -7)));
      if (reader.read(Buffer.from(`\n${recordOf(id)}\n`)) !== undefined) plain += 1;
    }
    expect(plain).toBeGreaterThan(280);
  }
});

test('a record that is cut off is not completed by what follows it', () => {
  const reader = new PlainReader();
  const bytes = Buffer.from(recordsOf('releases', 9)(1));
  expect(reader.read(bytes)).toBeDefined();
  for (let end = 1; end < bytes.length; end += 1) {
    expect(reader.read(bytes, 0, end)).toBeUndefined();
  }
});

test('bytes that are not UTF-8 make one record a reject', () => {
  const parser = new RecordParser('release');
  const broken = Buffer.from(GOOD).fill(0xff, 40, 41);
  expect(() => parser.parse(broken)).toThrow('It is not UTF-8.');
  expect(parser.parse(Buffer.from(GOOD)).name).toBe('release');
});

test('text is decoded as XML says, and a tag in it ends nothing', async () => {
  const record =
    '<release id="3"><title>&#214;st &amp; &lt;b&gt; &quot;&apos; &#x1D11E;</title>' +
    '<country/><notes>one&#13;\ntwo\r\nthree <![CDATA[</release> & <x>]]> end<!-- </release> -->' +
    '</notes></release>';
  const { records } = await read('releases', inChunks(dumpOf('releases', [GOOD, record]), [23]));
  expect(records).toHaveLength(2);
  const row = JSON.parse(rowsOf('releases', [record])[0]?.slice('release '.length) ?? '');
  expect(row).toMatchObject({
    title: 'Öst & <b> "\' 𝄞',
    country: null,
    notes: 'one\r\ntwo\nthree </release> & <x> end',
  });
});

test('a label within the sublabels of another is no record', async () => {
  const label = '<label><id>1</id><sublabels><label id="2">Two</label><label/></sublabels></label>';
  const { records } = await read('labels', inChunks(dumpOf('labels', [label, label]), [11]));
  expect(records).toEqual([label, label]);
  expect(rowsOf('labels', [label]).slice(1)).toEqual([
    'label_sublabel {"label_id":1,"sublabel_id":2,"name":"Two"}',
    'label_sublabel {"label_id":1,"sublabel_id":null,"name":null}',
  ]);
});

test.for([
  ['<artists>\n</artists>', /is no dump of releases: it begins with "<artists>"/],
  ['<?xml version="1.0" encoding="ISO-8859-1"?><releases></releases>', /not in UTF-8/],
  ['', /is cut off/],
] as const)('what is no dump is told: %s', async ([text, problem]) => {
  const found = await read('releases', inChunks(Buffer.from(text), [1000]));
  expect(found).toMatchObject({ records: [], problem: expect.stringMatching(problem) });
});

test('a declaration, a byte order mark, white space and comments around records are nothing', async () => {
  const text = `\ufeff<?xml version="1.0" encoding="utf-8"?>\n<!-- a <release> --><releases>${GOOD}
    <!-- </releases> -->  ${GOOD}</releases><!-- end -->\n`;
  for (const size of [1, 7, 1000]) {
    const found = await read('releases', inChunks(Buffer.from(text), [size]));
    expect(found.problem).toBeUndefined();
    expect(rowsOf('releases', found.records)).toEqual([GOOD_ROW, GOOD_ROW]);
  }
});

test('a compressed dump that is cut or damaged gives what can be inflated', async () => {
  const recordOf = recordsOf('releases', 6);
  const wanted = Array.from({ length: 400 }, (_, index) => recordOf(index + 1));
  const packed = gzipSync(dumpOf('releases', wanted));
  const signal = new AbortController().signal;
  const readFile = async (name: string, bytes: Buffer, from = START) => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return await read('releases', await openDump(path, { from: from.byte, signal }), { from });
  };
  const whole = await readFile('whole.gz', packed);
  expect(whole).toMatchObject({ records: wanted, problem: undefined });
  const from = whole.places[123] ?? START;
  expect((await readFile('whole.gz', packed, from)).records).toEqual(wanted.slice(124));

  const cut = await readFile('cut.gz', packed.subarray(0, packed.length >> 1));
  expect(cut.problem).toMatch(
    /is cut off: the compressed stream ends in the middle, after \d+ whole/,
  );
  expect(cut.records.length).toBeGreaterThan(100);
  expect(cut.records).toEqual(wanted.slice(0, cut.records.length));

  const noTrailer = await readFile('trailer.gz', packed.subarray(0, packed.length - 4));
  expect(noTrailer).toMatchObject({ records: wanted, problem: expect.stringContaining('cut off') });

  const damaged = Buffer.from(packed);
  damaged.fill(0, packed.length >> 1, (packed.length >> 1) + 50);
  expect((await readFile('damaged.gz', damaged)).problem).toMatch(/cannot be read on/);
});
