// `pipeline history`: what every attempt at every target took, from the journals, for people who
// would rather query it. Reads beside whoever runs and never takes the lock.
import { createWriteStream } from 'node:fs';
import { resolve } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { nodeFileSystem } from '../node-file-system.ts';
import { HISTORY_HEAD, type HistoryRow, historyLine, readHistory } from '../report/history.ts';
import { EXIT } from './exit-code.ts';
import { planRecorded } from './look.ts';
import { projectOptions, type RawOptions } from './options.ts';
import { openOutput } from './output-file.ts';
import { openProject, stateFolder } from './project.ts';
import { openRecords } from './records.ts';
import { UsageError } from './usage-error.ts';

export type HistoryFormat = 'arrow' | 'json' | 'table';

export async function historyCommand(
  raw: RawOptions & { readonly format: HistoryFormat; readonly out?: string },
): Promise<number> {
  const { format, out } = raw;
  if (format === 'arrow' && out === undefined && process.stdout.isTTY) {
    throw new UsageError('Arrow is no text for a terminal\n  name a file with --out, or pipe it');
  }
  const project = openProject(projectOptions(raw));
  const store = openRecords(project, raw);
  const { plan } = planRecorded(project);
  const folder = stateFolder(project.config);
  const rows = readHistory(plan, { fs: nodeFileSystem, folder, journals: store.journals() });
  const to =
    out === undefined ? process.stdout : createWriteStream(out, { fd: openOutput(resolve(out)) });
  await write(await encode(rows, { format, layout: out === undefined ? 'stream' : 'file' }), to);
  return EXIT.ok;
}

type Chunks = Iterable<string> | AsyncIterable<Uint8Array>;

async function encode(
  rows: Iterable<HistoryRow>,
  { format, layout }: { readonly format: HistoryFormat; readonly layout: 'stream' | 'file' },
): Promise<Chunks> {
  switch (format) {
    case 'arrow': {
      const { arrowHistory } = await import('../report/history-arrow.ts');
      return arrowHistory(rows, layout);
    }
    case 'json':
      return linesOf(rows, JSON.stringify);
    case 'table':
      return tableOf(rows);
  }
}

function* tableOf(rows: Iterable<HistoryRow>): Generator<string> {
  yield `${HISTORY_HEAD}\n`;
  yield* linesOf(rows, historyLine);
}

/** Several lines at once: a write costs more than a line. */
function* linesOf(
  rows: Iterable<HistoryRow>,
  encode: (row: HistoryRow) => string,
): Generator<string> {
  let text = '';
  for (const row of rows) {
    text += `${encode(row)}\n`;
    if (text.length < 64 * 1024) continue;
    yield text;
    text = '';
  }
  yield text;
}

/** Whoever reads our output may go away (`| head`): that is no error of ours. */
async function write(chunks: Chunks, to: Writable): Promise<void> {
  try {
    await pipeline(Readable.from(chunks), to, { end: to !== process.stdout });
  } catch (error) {
    const isGone = error instanceof Error && 'code' in error && error.code === 'EPIPE';
    if (!isGone) throw error;
  }
}
