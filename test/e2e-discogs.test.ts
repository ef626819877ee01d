// The example over dumps of a test's own: what a person sees of checkpoints, rejects and broken
// dumps, and that the tables depend on the dump alone.
import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { writeDump } from '../examples/discogs/tasks/sample.ts';
import { PROJECT, Rig, type Run, runOf, until } from './rig.ts';

const PIPELINE = join(PROJECT, 'examples/discogs/pipeline.yaml');
const TARGET = 'extract@discogs_20260101_labels';

let bench: DumpRig;
afterEach(() => bench.rig.close());

class DumpRig {
  readonly rig = new Rig();
  readonly dumps = this.rig.path('dumps');

  constructor() {
    mkdirSync(this.dumps);
  }

  path(name = 'discogs_20260101_labels.xml.gz'): string {
    return join(this.dumps, name);
  }

  async write(records: number, name?: string): Promise<string> {
    const path = this.path(name);
    await writeDump(path, { kind: 'labels', seed: 2, records });
    return path;
  }

  words(work: string, settings: readonly string[] = []): readonly string[] {
    const all = [`dumps=${this.dumps}`, ...settings].flatMap((setting) => ['--set', setting]);
    return ['-f', PIPELINE, '--work', this.rig.path(work), ...all];
  }

  async run(work = 'work', settings: readonly string[] = []): Promise<Run> {
    const words = ['extract', '--reporter', 'ndjson', ...this.words(work, settings)];
    return runOf(await this.rig.command(words));
  }

  async say(command: string, settings: readonly string[] = []): Promise<string> {
    const words = this.words('work', settings);
    const { text } = await this.rig.command([...command.split(' '), ...words]);
    return text;
  }

  log(): string {
    return this.rig.read('work/sample/logs/extract/discogs_20260101_labels.log');
  }

  journal(): string {
    return this.rig.read('work/sample/state/discogs_20260101_labels.jsonl');
  }

  /** Digests of the tables in a work folder. */
  async tables(work = 'work'): Promise<unknown> {
    const glob = this.rig.path(`${work}/sample/tables/*/*.parquet`);
    return await this.rig.rows(
      `SELECT replace(filename, '${work}/', '') AS file, sha256(content) AS digest
       FROM read_blob('${glob}') ORDER BY file`,
    );
  }

  async count(table: string, work = 'work'): Promise<unknown> {
    const glob = this.rig.path(`${work}/sample/tables/${table}-20260101/*.parquet`);
    return await this.rig.rows(`SELECT count(*)::INTEGER AS rows FROM read_parquet('${glob}')`);
  }
}

test('the sample runs on a fresh machine, is published and proven, and then nothing is to do', async () => {
  bench = new DumpRig();
  const words = ['-f', PIPELINE, '--work', bench.rig.path('work')];
  const first = runOf(await bench.rig.command(['--reporter', 'ndjson', ...words]));
  expect(first).toMatchObject({ code: 0, failed: [] });
  expect(first.done).toEqual([
    'extract@discogs_20260101_artists',
    'extract@discogs_20260101_labels',
    'extract@discogs_20260101_masters',
    'extract@discogs_20260101_releases',
    'post_check@date=20260101',
    'push@date=20260101',
    'quality@discogs_20260101_artists',
    'quality@discogs_20260101_labels',
    'quality@discogs_20260101_masters',
    'quality@discogs_20260101_releases',
    'seed-dumps',
  ]);
  const { text } = await bench.rig.command(['hub', 'ls', ...words]);
  expect(text).toContain('local/discogs');
  // How often checkpoints are saved changes no result, and so makes nothing stale.
  const again = ['--reporter', 'ndjson', ...words, '--set', 'state_save_interval=7'];
  expect(runOf(await bench.rig.command(again)).end).toMatchObject({ nothingToDo: true });
});

test('neither the interval nor the packing of a dump changes a byte', async () => {
  bench = new DumpRig();
  const packed = await bench.write(230);
  const part = 'records_per_file=60';
  expect((await bench.run('packed', [part, 'state_save_interval=7'])).code).toBe(0);
  writeFileSync(bench.path('discogs_20260101_labels.xml'), gunzipSync(readFileSync(packed)));
  bench.rig.remove('dumps/discogs_20260101_labels.xml.gz');
  expect((await bench.run('plain', [part, 'state_save_interval=1000'])).code).toBe(0);
  expect(await bench.tables('packed')).toEqual(await bench.tables('plain'));
  expect(await bench.count('label', 'plain')).toEqual([{ rows: 230 }]);
});

test('a dump that is cut off keeps its checkpoint and is told from a whole one', async () => {
  bench = new DumpRig();
  const path = await bench.write(1000);
  const whole = readFileSync(path);
  writeFileSync(path, whole.subarray(0, whole.length >> 1));
  const broken = await bench.run('work', ['state_save_interval=100']);
  expect(broken).toMatchObject({ code: 1, failed: [TARGET] });
  const failure = broken.events.find(({ type }) => type === 'target-failed')?.failure;
  const records = Number(/after (\d+) whole records/.exec(failure?.message ?? '')?.[1]);
  expect(failure).toMatchObject({
    code: 'input-unreadable',
    message: expect.stringContaining('is cut off: the compressed stream ends in the middle'),
  });
  expect(records).toBeGreaterThan(100);
  // Every whole record is in the last checkpoint, which `status` and `explain` tell.
  expect(bench.journal()).toContain(`"checkpoint":{"records":${records},`);
  expect(await bench.say('status')).toMatch(
    new RegExp(`${TARGET}: failed, ${records} records, [\\d,]+ rows, 100 % of `),
  );
  expect(await bench.say(`explain ${TARGET}`)).toMatch(/goes on from its checkpoint of .* source/);

  writeFileSync(path, whole);
  expect(await bench.say(`explain ${TARGET}`)).toContain(
    'starts over: the input source is not those of its checkpoint',
  );
  expect((await bench.run()).code).toBe(0);
  expect(bench.log()).not.toContain('going on');
  expect((await bench.run('undisturbed')).code).toBe(0);
  expect(await bench.tables()).toEqual(await bench.tables('undisturbed'));
  expect(bench.journal()).toMatch(/"records":1000,.*"completed_at":"/);
});

test('other bytes with the size and the time of the old ones start over', async () => {
  bench = new DumpRig();
  const path = await bench.write(300, 'discogs_20260101_labels.xml');
  const text = readFileSync(path, 'utf8');
  // Cut in the middle of a record: what is whole before is checkpointed.
  const cut = text.slice(0, Math.floor(text.length * 0.7));
  writeFileSync(path, cut);
  const { mtime } = statSync(path);
  expect((await bench.run()).code).toBe(1);
  // The same length: a record less, its text made of white space, and a proper end.
  const record = cut.slice(
    cut.indexOf('<label>'),
    cut.indexOf('\n<label>', cut.indexOf('<label>') + 1),
  );
  const body = cut.slice(0, cut.lastIndexOf('\n<label>')).replace(record, '');
  writeFileSync(path, `${body}</labels>`.padEnd(Buffer.byteLength(cut), ' '));
  const bytes = readFileSync(path).subarray(0, Buffer.byteLength(cut));
  writeFileSync(path, bytes);
  utimesSync(path, mtime, mtime);
  expect((await bench.run()).code).toBe(0);
  expect(bench.log()).toContain('starting anew: source changed since the last checkpoint');
  expect((await bench.run('undisturbed')).code).toBe(0);
  expect(await bench.tables()).toEqual(await bench.tables('undisturbed'));
});

test('broken records are set aside with their text, and too many fail the dump', async () => {
  bench = new DumpRig();
  const path = bench.path('discogs_20260101_labels.xml');
  const good = (id: number) => `<label><id>${id}</id><name>No. ${id} &amp; Co</name></label>`;
  const broken = ['<label><id>3</id><name>R & B</name></label>', '<label><name>x</name></label>'];
  const records = [good(1), broken[0], good(2), broken[1], good(4)];
  const text = `<labels>\n${records.join('\n')}\n</labels>\n`;
  writeFileSync(path, text.replace('No. 2', 'No. \xff'), 'latin1');
  const run = await bench.run();
  expect(run).toMatchObject({ code: 0 });
  expect(await bench.count('label')).toEqual([{ rows: 2 }]);
  const rejects = bench.rig.path('work/sample/rejects/extract/discogs_20260101_labels.parquet');
  expect(await bench.rig.rows(`SELECT id, error FROM read_parquet('${rejects}')`)).toEqual([
    { id: '3', error: expect.stringContaining('Bad XML') },
    { id: '2', error: 'It is not UTF-8.' },
    { id: null, error: 'It has no id.' },
  ]);
  const many = Array.from({ length: 300 }, () => broken[1]).join('\n');
  writeFileSync(path, `<labels>\n${good(1)}\n${many}\n</labels>\n`);
  const failed = await bench.run();
  expect(failed.code).toBe(1);
  expect(failed.events.find(({ type }) => type === 'target-failed')?.failure).toMatchObject({
    code: 'too-many-rejects',
  });
});

test('Ctrl-C ends it at the next safe point, however long the interval, and it goes on there', async () => {
  bench = new DumpRig();
  const path = await bench.write(20_000);
  const never = ['state_save_interval=100000000'];
  const words = ['extract', '--reporter', 'ndjson', ...bench.words('work', never)];
  const command = bench.rig.start(words);
  await until(() => command.output().stdout.includes('"target-progress"'));
  command.kill('SIGINT');
  expect((await command.ended).code).toBe(130);
  const records = Number(/"checkpoint":{"records":(\d+)/.exec(bench.journal())?.[1]);
  expect(records).toBeGreaterThan(0);
  expect(await bench.say('status', never)).toContain(`${TARGET}: interrupted, `);
  // Another time of the file, and another interval, are no other work.
  utimesSync(path, new Date(), new Date());
  expect((await bench.run('work', ['state_save_interval=5000'])).code).toBe(0);
  expect(bench.log()).toContain(`going on from record ${records}`);
  expect((await bench.run('undisturbed')).code).toBe(0);
  expect(await bench.tables()).toEqual(await bench.tables('undisturbed'));
});

test('a gzip of several members is one dump', async () => {
  bench = new DumpRig();
  const text = gunzipSync(readFileSync(await bench.write(50)));
  const half = text.length >> 1;
  const members = [gzipSync(text.subarray(0, half)), gzipSync(text.subarray(half))];
  writeFileSync(bench.path(), Buffer.concat(members));
  expect((await bench.run()).code).toBe(0);
  expect(await bench.count('label')).toEqual([{ rows: 50 }]);
});
