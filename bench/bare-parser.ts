// `node bench/bare-parser.ts DUMP`: the parser of the example alone, which reads and inflates a dump
// and calls handlers that do nothing.
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { SaxesParser } from 'saxes';

const parser = new SaxesParser({ position: false });
let elements = 0;
parser.on('opentag', () => {
  elements += 1;
});
parser.on('closetag', () => {});
parser.on('text', () => {});
parser.on('cdata', () => {});
parser.on('error', (error) => {
  throw error;
});
const [path = ''] = process.argv.slice(2);
const text = createReadStream(path).pipe(createGunzip({ chunkSize: 256 * 1024 }));
for await (const chunk of text.setEncoding('utf8')) parser.write(String(chunk));
parser.close();
process.stdout.write(`${elements} elements\n`);
