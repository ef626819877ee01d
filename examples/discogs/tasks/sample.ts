// Generates small dumps of all four kinds from invented words, so that the example runs without the
// real ones. Large counts make dumps of real size for measurements. The same parameters give the
// same bytes.
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { defineTask } from '../../../src/task.ts';
import { KINDS, type Kind, recordsOf } from './sample/records.ts';

export interface SampleOptions {
  readonly seed: number;
  readonly date: string;
  readonly records: number;
  readonly compress: boolean;
}

const BATCH = 200;

export default defineTask<SampleOptions>({
  with: {
    type: 'object',
    additionalProperties: false,
    properties: {
      seed: { type: 'integer', default: 1, description: 'Another seed, other words.' },
      date: { type: 'string', default: '20260101', description: 'The date in the names.' },
      records: { type: 'integer', minimum: 0, default: 400, description: 'Records per dump.' },
      compress: { type: 'boolean', default: true, description: 'Whether to write .xml.gz.' },
    },
  },
  async run(context) {
    const { date, compress } = context.with;
    const folder = context.outputs['output']?.path ?? '';
    for (const kind of KINDS) {
      const name = `discogs_${date}_${kind}.xml${compress ? '.gz' : ''}`;
      await writeDump(join(folder, name), { ...context.with, kind, signal: context.signal });
    }
  },
});

/** Writes one dump; `.gz` at the end of the path says whether it is compressed. */
export async function writeDump(
  path: string,
  options: {
    readonly kind: Kind;
    readonly seed: number;
    readonly records: number;
    readonly signal?: AbortSignal;
  },
): Promise<void> {
  const { signal } = options;
  const text = Readable.from(dumpText(options));
  const file = createWriteStream(path);
  const end = signal === undefined ? {} : { signal };
  if (path.endsWith('.gz')) await pipeline(text, createGzip({ level: 4 }), file, end);
  else await pipeline(text, file, end);
}

function* dumpText({
  kind,
  seed,
  records,
}: {
  readonly kind: Kind;
  readonly seed: number;
  readonly records: number;
}): Generator<string> {
  const recordOf = recordsOf(kind, seed);
  yield `<${kind}>\n`;
  for (let first = 1; first <= records; first += BATCH) {
    let batch = '';
    for (let id = first; id < Math.min(first + BATCH, records + 1); id += 1) {
      batch += `${recordOf(id)}\n`;
    }
    yield batch;
  }
  yield `</${kind}>\n`;
}
