// `pnpm test:scale [CHUNKS] [SEED] [--by batch|chunk] [--tables labels,..] [--kills N]`: the whole
// pipeline over the real dataset's shape, its last CHUNKS chunks (10; 113 is all) under their real
// names with a few entities a file, against a Hub with the real one's rate limit. The runner is
// killed at random moments, the Hub once; a last run goes to the end undisturbed. Says how many
// requests it took, whether memory and open files grow, and what is wrong with what was published.
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { TableName } from './reference/wikidata.ts';
import { checkDatasets, explainKept, findLeftovers } from './scale-check.ts';
import { type Ended, type EventLine, ScaleFolder, SOURCE } from './scale-folder.ts';
import { explainRequests } from './scale-requests.ts';
import { ScaleServer } from './scale-server.ts';
import { makeSourceFiles } from './scale-source.ts';
import { explainGrowth, type Growth, Watch } from './scale-watch.ts';
import { Random } from './simulation-random.ts';

const TABLES: readonly TableName[] = ['labels', 'descriptions', 'aliases', 'links', 'claims'];
/** The quota of a free account for five minutes, in windows of three seconds a twentieth of it. */
const RATE_LIMIT = { api: 50, resolvers: 250, windowSeconds: 3 };
/** Files in a batch of the profile `full`, about. */
const BATCH_FILES = 100;
/** How much more a runner may hold in the last third of its life than in the first. */
const GROWTH_FACTOR = 1.5;
const GROWTH_FILES = 30;
/** What a run that is to be killed may do of all that is left. */
const MOST_OF_REST = 0.3;
/** How long a Hub that was killed is away: longer than a request is tried again. */
const DOWN_MS = 40_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    by: { type: 'string', default: 'batch' },
    tables: { type: 'string', default: TABLES.join() },
    kills: { type: 'string', default: '4' },
  },
});
const chunks = Number(positionals[0] ?? 10);
const random = new Random(Number(positionals[1] ?? 1));
const by = values.by === 'chunk' ? 'chunk' : 'batch';
const tables = TABLES.filter((table) => values.tables.split(',').includes(table));
const begun = performance.now();
const folder = new ScaleFolder();
const flaws: string[] = [];

const made = await makeSourceFiles(folder.sources, { chunks, tables });
say(`${made.files} source files in ${made.chunks} chunks, ${made.bytes} bytes`);
const hub = new ScaleServer({
  folder: folder.hubFolder,
  port: 0,
  dataset: SOURCE,
  sources: folder.sources,
  rateLimit: RATE_LIMIT,
});
await hub.start();
say(`the Hub serves them, ${RATE_LIMIT.api} API and ${RATE_LIMIT.resolvers} resolver requests \
in ${RATE_LIMIT.windowSeconds} s`);
const batchBytes = Math.round((made.bytes / made.files) * BATCH_FILES);
// The largest chunk, and a few more, counted three times each.
const diskBytes = 3 * made.largestChunkBytes + 9 * batchBytes;
folder.layOut({ by, tables, batchBytes, diskBytes, hub });

const kills = Number(values.kills);
for (let kill = 1; kill <= kills && flaws.length === 0; kill += 1) {
  const isHub = kill === Math.ceil(kills / 2);
  await runDisturbed({ isHub, share: 2 * kills });
}
if (flaws.length === 0) await runToTheEnd();
await hub.kill();
const { flaws: wrong, published } = await checkDatasets(folder.hubFolder, {
  tables,
  expected: made.expected,
}).catch((error: unknown) => ({ flaws: [String(error)], published: [] }));
flaws.push(...wrong);
for (const { table, commits, files, filesInFolder, rows } of published) {
  say(
    `${table}: ${files} files, ${filesInFolder} in a folder at most, ${rows} rows, ${commits} commits`,
  );
}
const publishedFiles = published.reduce((sum, { files }) => sum + files, 0);
say(explainRequests(hub.counts, { sourceFiles: made.files, publishedFiles }));
say(`kept: ${explainKept(folder.work)}`);
say(`${made.files} files, ${flaws.length} flaws`);
if (flaws.length === 0) folder.close();
else say([`left in ${folder.root}`, ...flaws].join('\n  '));
process.exitCode = flaws.length === 0 ? 0 : 1;

/**
 * A run whose Hub or runner is killed when a random step has begun some of its targets; the runner
 * at the latest when a share of what is left is done, so that something is left for later kills.
 */
async function runDisturbed({ isHub, share }: { isHub: boolean; share: number }): Promise<void> {
  const step = random.pick(['pull', 'process', 'partition', 'push', 'post_check', 'clean']);
  const [part, waitMs] = [random.next(), Math.round(random.next() * 200)];
  const plan = { after: Number.POSITIVE_INFINITY, targets: 0 };
  const seen = { started: 0, fresh: 0, done: 0 };
  let disturbed: Promise<void> | undefined;
  const run = folder.start((event) => {
    if (event.steps !== undefined && event.type === 'run-started') {
      const targets = event.steps.find((each) => each.step === step)?.targets ?? 0;
      plan.after = 1 + Math.floor((part * targets) / share);
      plan.targets = event.steps.reduce((sum, each) => sum + each.targets, 0);
    }
    if (event.type === 'fresh') seen.fresh += event.count ?? 0;
    if (event.type === 'target-done') seen.done += 1;
    if (event.type === 'target-started' && event.step === step) seen.started += 1;
    const most = (plan.targets - seen.fresh) * MOST_OF_REST;
    const isDue =
      seen.started >= plan.after || (isHub && plan.targets > 0 && seen.done >= most / 2);
    if (isDue) disturbed ??= disturb();
    if (plan.targets > 0 && seen.done >= most) run.kill();
  });
  const disturb = async () => {
    await pause(waitMs);
    if (!isHub) return run.kill();
    await hub.kill();
    await pause(DOWN_MS);
    await hub.start();
  };
  const ended = await run.ended;
  await disturbed;
  const who = isHub ? 'Hub' : 'runner';
  const when = `${waitMs} ms after ${step} ${plan.after}`;
  const what =
    disturbed === undefined ? `runner killed, for ${step} does not come` : `${who} killed ${when}`;
  say(`${what}; ${seen.done} targets done`);
  tellTroubles(ended);
  if (ended.signal === null && ended.code !== 0) flaws.push(explainEnd(ended));
}

async function runToTheEnd(): Promise<void> {
  const cleaned = new Set<string>();
  let cleans = 0;
  let status: Promise<void> | undefined;
  const started = performance.now();
  const run = folder.start((event: EventLine) => {
    cleans += event.steps?.find(({ step }) => step === 'clean')?.targets ?? 0;
    if (event.type !== 'target-done' || event.step !== 'clean') return;
    cleaned.add(event.target ?? '');
    if (cleaned.size >= cleans / 3) status ??= askStatus([...cleaned]);
  });
  const watches = { runner: new Watch(run.pid), hub: new Watch(hub.pid) };
  const ended = await run.ended;
  say(`the last run took ${seconds(started)} s`);
  tellTroubles(ended);
  await status;
  judgeGrowth('runner', watches.runner.end());
  judgeGrowth('hub', watches.hub.end());
  if (ended.code !== 0) flaws.push(explainEnd(ended));
  flaws.push(...findLeftovers(folder.work));
  const again = await folder.start(() => {}).ended;
  if (again.last?.nothingToDo !== true) flaws.push(`a further run: ${explainEnd(again)}`);
}

/** What is cleaned by then must be shown as done by whoever looks beside the run. */
async function askStatus(cleaned: readonly string[]): Promise<void> {
  const [text, json] = await Promise.all([folder.text('status'), folder.text('status', '--json')]);
  say(text);
  const rows: readonly { readonly targets: Readonly<Record<string, string>> }[] = JSON.parse(json);
  const states = new Map(rows.flatMap(({ targets }) => Object.entries(targets)));
  for (const target of cleaned) {
    if (states.get(target) !== 'done') {
      flaws.push(`status: ${target} is ${states.get(target) ?? 'missing'}, but it is done`);
    }
  }
}

function judgeGrowth(who: string, growth: Growth): void {
  say(`${who}: ${explainGrowth(growth)}`);
  if (growth.thirds === undefined) return;
  const { first, last } = growth.thirds;
  if (last.mib > first.mib * GROWTH_FACTOR) flaws.push(`the memory of the ${who} grows`);
  if (last.childMib > first.childMib * GROWTH_FACTOR) flaws.push(`workers of the ${who} grow`);
  if (last.files > first.files + GROWTH_FILES) flaws.push(`the ${who} leaves files open`);
}

function tellTroubles({ troubles }: Ended): void {
  for (const trouble of troubles.slice(0, 10)) say(`  ${trouble}`);
  if (troubles.length > 10) say(`  and ${troubles.length - 10} more`);
}

function explainEnd({ code, signal, troubles, last }: Ended): string {
  const held = last?.diskHeldBy?.join(', ');
  return [`code ${code}, signal ${signal}, disk held by ${held}`, ...troubles.slice(0, 10)].join(
    '\n  ',
  );
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1);
}

function say(text: string): void {
  process.stdout.write(`[${seconds(begun).padStart(6)}] ${text}\n`);
}
