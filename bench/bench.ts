// `pnpm bench NAME [--json] [--runs N] [--folder DIR]`: measures what the project promises of its
// speed, in pairs with the program it is compared with. `--folder` keeps what is built to be
// measured, for the next time; without it a temporary folder is used and removed.
import { parseArgs } from 'node:util';
import { MissingPeer } from './peer.ts';
import type { BenchOptions, BenchResult } from './report.ts';

const BENCHES: Readonly<Record<string, (options: BenchOptions) => Promise<BenchResult>>> = {
  noop: async (options) => (await import('./noop.ts')).benchNoop(options),
  process: async (options) => (await import('./process.ts')).benchProcess(options),
  stream: async (options) => (await import('./stream.ts')).benchStream(options),
  hub: async (options) => (await import('./hub.ts')).benchHub(options),
  live: async (options) => (await import('./live.ts')).benchLive(options),
  overhead: async (options) => (await import('./overhead.ts')).benchOverhead(options),
};

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      runs: { type: 'string', default: '9' },
      folder: { type: 'string' },
    },
  });
  const name = positionals[0] ?? '';
  const bench = BENCHES[name];
  const runs = Number(values.runs);
  if (bench === undefined || positionals.length !== 1 || !Number.isInteger(runs) || runs < 1) {
    const names = Object.keys(BENCHES).join(' | ');
    process.stderr.write(`usage: pnpm bench ${names} [--json] [--runs N] [--folder DIR]\n`);
    return 2;
  }
  // With --json the result is the only thing on standard output.
  const out = values.json ? process.stderr : process.stdout;
  const say = (line: string) => out.write(`${line}\n`);
  try {
    const { ratios, figures } = await bench({ runs, folder: values.folder, say });
    if (values.json) process.stdout.write(`${JSON.stringify({ bench: name, ratios, figures })}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof MissingPeer)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
}
