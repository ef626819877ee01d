// What must hold of a simulated work folder: traces say what lies there, whatever is called done or
// fresh has the files it should have, and in the end everything is as a run from nothing makes it.
import { LINE_LIMIT, scanLines } from '../src/store/line.ts';
import { KEEP_ALL } from './fake-disk.ts';
import { type Ledger, recordedStates, releasedTargets } from './simulation-ledger.ts';
import { type ExpectedTarget, expectTargets } from './simulation-model.ts';
import { Random } from './simulation-random.ts';
import { fail, namesWhere, type RunReport } from './simulation-report.ts';
import { decodeManifest, sha256Of } from './simulation-result.ts';
import { PLAIN_RUN, type RunRequest, World } from './simulation-world.ts';

type Expected = ReadonlyMap<string, ExpectedTarget>;

/** A process may be killed at any moment: every trace in a journal says what lies there. */
export function checkTraces(
  world: World,
  { ledger, expected }: { readonly ledger: Ledger; readonly expected: Expected },
): void {
  const { fs, work } = world;
  if (fs.list(`${work}/state`) === undefined || ledger.hasLostLists) return;
  for (const [name, { trace, released }] of recordedStates(world.read(), expected)) {
    if (trace === undefined || released !== undefined) continue;
    const manifest = fs.read(`${work}/${trace.manifest?.path}`) ?? new Uint8Array();
    const listed = trace.manifest === undefined ? [] : [trace.manifest];
    for (const { path, sha256 } of [
      ...trace.artifacts,
      ...listed,
      ...(decodeManifest(manifest) ?? []),
    ]) {
      if (ledger.isHarmed(path)) continue;
      if (sha256Of(fs.read(`${work}/${path}`) ?? '') === sha256) continue;
      fail(`${name} has a trace, but ${path} is not what it says`);
    }
  }
}

/** Whatever a run calls done or fresh has the files that it should have. */
export function checkResults(
  world: World,
  {
    report,
    request,
    shaken,
    ledger,
    expected,
  }: {
    readonly report: RunReport;
    readonly request: RunRequest;
    readonly shaken: ReadonlySet<string>;
    readonly ledger: Ledger;
    readonly expected: Expected;
  },
): void {
  const { fs, work } = world;
  const released = releasedTargets(world.read(), expected);
  const fresh = new Set<string>();
  for (const result of report.summary?.steps ?? []) {
    if (result.fresh + result.done === result.targets) fresh.add(result.step);
  }
  const selected = namesWhere(report.graph, report.selection?.needed);
  for (const target of expected.values()) {
    const { name, step, files } = target;
    if (released.has(name) || report.blamed.has(name) || !selected.has(name)) continue;
    if (shaken.has(name)) continue;
    if (!report.done.has(name) && !fresh.has(step.name)) continue;
    for (const { path, content } of files) {
      if (ledger.tampered.has(path) && !request.verify) continue;
      const found = fs.text(`${work}/${path}`);
      if (found === content) continue;
      const called = report.done.has(name) ? 'done' : 'fresh';
      fail(`${name} is called ${called}, but ${path} is ${found} instead of ${content}`);
    }
  }
}

/** Compares with a run from nothing, in a folder that has the same groups of files. */
export async function checkWhole(world: World, ledger: Ledger): Promise<void> {
  const { project, fs, work } = world;
  const clean = new World(project, { random: new Random(1), work });
  clean.place();
  for (const { name } of project.sources) {
    const groups = `${work}/state/@source-${name}.groups.json`;
    const record = fs.read(groups);
    if (record !== undefined) clean.put(groups, record);
  }
  const { summary, failed } = await clean.run({ ...PLAIN_RUN, choose: KEEP_ALL });
  if (summary?.outcome !== 'ok') fail(`a run from nothing fails: ${JSON.stringify([...failed])}`);
  const expected = expectTargets(project, clean.plan());
  const released = releasedTargets(world.read(), expected);
  const ours = results(world);
  const theirs = results(clean);
  for (const [path, content] of theirs) {
    if (ours.get(path) === content) continue;
    if ([...ledger.makersOf(path)].some((maker) => released.has(maker))) continue;
    fail(`${path} is ${ours.get(path)}, a run from nothing makes ${content}`);
  }
  for (const path of ours.keys()) {
    if (theirs.has(path) || ledger.hasLostLists) continue;
    const makers = [...ledger.makersOf(path.replace(/\.next$/, ''))];
    if (makers.some((maker) => !expected.has(maker))) continue;
    fail(`${path} of ${makers} lies there, and a run from nothing does not make it`);
  }
  for (const path of fs.files()) {
    if (!path.startsWith(`${work}/tmp/`)) continue;
    const owner = path.slice(`${work}/tmp/scratch/`.length).split('/')[0] ?? '';
    if (expected.has(owner) || !path.includes('/scratch/')) fail(`${path} is left over`);
  }
  checkDigests({ world, clean }, expected);
  checkJournals(world, {
    ledger,
    known: new Set([...expected.values()].map((one) => one.journal)),
  });
}

function checkDigests(
  { world, clean }: { readonly world: World; readonly clean: World },
  expected: Expected,
): void {
  const ours = recordedStates(world.read(), expected);
  const theirs = recordedStates(clean.read(), expected);
  for (const { name, step, digest } of expected.values()) {
    const one = ours.get(name)?.trace?.digest;
    const other = theirs.get(name)?.trace?.digest;
    if (one !== other) fail(`${name} has the digest ${one}, from nothing ${other}`);
    if (step.publishes && world.hub.get(name) !== digest) {
      fail(`${name} has the digest ${digest}, published is ${world.hub.get(name)}`);
    }
  }
}

/** Those of what is in no source any more are not looked at by anybody. */
function checkJournals(
  { fs, work }: World,
  { ledger, known }: { readonly ledger: Ledger; readonly known: ReadonlySet<string> },
): void {
  if (ledger.hasHarmedState) return;
  for (const name of [...known, '@runs']) {
    const content = fs.read(`${work}/state/${name}.jsonl`) ?? new Uint8Array();
    const { whole, damaged, torn } = scanLines(Buffer.from(content));
    if (torn !== undefined) fail(`the journal ${name} ends in half a line`);
    if (damaged.length > 0) fail(`the journal ${name} has damaged lines`);
    if (whole.some(({ start, end }) => end + 1 - start > LINE_LIMIT)) {
      fail(`the journal ${name} has a line that is too long`);
    }
  }
}
/** What lies in a work folder besides state, logs and temporary files, by relative path. */
function results({ fs, work }: World): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const path of fs.files()) {
    if (!path.startsWith(`${work}/`)) continue;
    const relative = path.slice(work.length + 1);
    if (!/^(state|logs|tmp)\//.test(relative)) found.set(relative, fs.text(path) ?? '');
  }
  return found;
}
