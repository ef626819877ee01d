// `node bench/bare-reader.ts DUMP`: the example's own reading alone, which inflates a dump, cuts it into
// records, checks each strictly and makes its tree, but no rows. Its parser sees only what is not plain.

import { openDump } from '../examples/discogs/tasks/dump/read-dump.ts';
import { RecordParser } from '../examples/discogs/tasks/dump/record-parser.ts';
import { RecordPieces } from '../examples/discogs/tasks/dump/record-pieces.ts';
import { kinds } from '../examples/discogs/tasks/kinds.ts';

const [path = ''] = process.argv.slice(2);
const shape = kinds['releases']?.shape ?? { root: '', record: '' };
const from = { records: 0, byte: 0 };
const dump = await openDump(path, { from: 0, signal: new AbortController().signal });
const parser = new RecordParser(shape.record);
let records = 0;
for await (const { bytes, ends } of new RecordPieces(dump, {
  path,
  shape,
  from,
  stops: [],
}).pieces()) {
  let start = 0;
  for (const end of ends) {
    parser.parse(bytes, start, end);
    records += 1;
    start = end;
  }
}
process.stdout.write(`${records} records\n`);
