// Makes the state in which nothing is left to do, without the minutes that 107,000 real commands
// take: the project's own run, store and recorder, over an executor in this process that writes
// small files. What is recorded is true of these files; only how they were made is short. Nothing
// is synced to the disk.
import { hash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { engineVersions } from '../src/cli/engine.ts';
import { openProject, planProject } from '../src/cli/project.ts';
import { openWorkSession } from '../src/cli/work-session.ts';
import type { Executor, Outcome, OutputOrder, WorkOrder } from '../src/executor/executor.ts';
import type { FileSystem } from '../src/file-system.ts';
import { nodeFileSystem, systemClock } from '../src/node-file-system.ts';
import { Remarks } from '../src/run/remarks.ts';
import { startRun } from '../src/run/run.ts';
import type { Artifact } from '../src/trace.ts';

/** Targets at once: their voided traces share one flush. */
const AT_ONCE = 256;

const unsynced: FileSystem = {
  ...nodeFileSystem,
  sync: () => Promise.resolve(),
  syncAll: () => Promise.resolve(),
  syncFileSystems: () => Promise.resolve(true),
};

/** Throws when anything fails. */
export async function buildState(file: string): Promise<void> {
  const project = openProject({ file, work: undefined, profile: undefined, set: [] });
  const { config } = project;
  const fs = unsynced;
  const session = await openWorkSession(config, { fs, clock: systemClock, command: 'bench' });
  const { lock, store, sharedSync, run, connections } = session;
  const graph = planProject(project, { fs, isOwner: true, recorded: () => undefined });
  const all = new Uint8Array(graph.plan.targetCount).fill(1);
  const executor = Promise.resolve(smallFiles);
  const { ended } = startRun({
    graph,
    selection: { named: all, needed: all },
    store,
    sharedSync,
    remarks: new Remarks(),
    fs,
    clock: systemClock,
    executor: () => executor,
    report: () => {},
    showPath: (path) => path,
    onGroup: (group, state) => (state === 'begun' ? lock.addGroup(group) : lock.removeGroup(group)),
    random: Math.random,
    run,
    pools: { cpu: AT_ONCE, memory: 1e12, network: AT_ONCE },
    disk: { budgetBytes: Number.POSITIVE_INFINITY, keepFreeBytes: 0 },
    largestRowGroup: () => undefined,
    connectHub: (hub) => connections.connect(hub),
    hubId: (hub) => connections.idOf(hub),
    engine: engineVersions(),
    options: { force: false, failFast: true, verify: false },
  });
  const { outcome, failures } = await ended;
  await session.close('end');
  if (outcome !== 'ok') throw new Error(`the state was not made: ${failures[0]?.failure.message}`);
}

const smallFiles: Executor = {
  execute: (order) => Promise.resolve(writeOutputs(order)),
  ask: () => Promise.reject(new Error('nothing is asked of a new work folder')),
  interrupt: () => {},
  close: () => Promise.resolve(),
};

function writeOutputs(order: WorkOrder): Outcome {
  const isSplit = order.outputs.some(({ partitionBy }) => partitionBy !== undefined);
  const written = order.outputs.flatMap((output) => writeOutput(output, order));
  const digest = hash('sha256', written.map(({ artifact }) => artifact.sha256).join(''));
  return {
    kind: 'done',
    result: {
      files: written.map(({ staged, artifact }) => ({ staged, path: artifact.path })),
      unsynced: [],
      artifacts: isSplit ? [] : written.map(({ artifact }) => artifact),
      manifest: isSplit ? writeManifest(order, written) : undefined,
      digest,
      obsolete: [],
      rows: undefined,
      rejects: 0,
      account: undefined,
      published: undefined,
      outside: outsideOf(order),
      meaning: {},
      engine: {},
      peakBytes: 0,
    },
  };
}

interface Written {
  readonly staged: string;
  readonly artifact: Artifact;
}

function writeOutput(output: OutputOrder, { stage, target }: WorkOrder): readonly Written[] {
  const values = output.partitionBy === undefined ? [''] : ['en', 'de'];
  return values.map((value) => {
    const path = output.path.replace('{value}', value);
    const staged = join(stage, 'outputs', path);
    const file = writeSmall(staged, `${target} ${output.name} ${value}\n`);
    return { staged, artifact: { output: output.name, path, ...file } };
  });
}

function writeManifest(order: WorkOrder, written: readonly Written[]) {
  const staged = join(order.stage, 'manifest');
  const list = written.map(({ artifact: { path, sha256 } }) => `${path} ${sha256}\n`);
  const file = writeSmall(staged, list.join(''));
  const totalBytes = written.reduce((sum, { artifact }) => sum + artifact.bytes, 0);
  const totals = { files: written.length, totalBytes, totalRows: 0 };
  return { staged, record: { path: order.manifestPath, ...file, ...totals } };
}

function writeSmall(path: string, text: string) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return {
    bytes: Buffer.byteLength(text),
    mtimeMs: statSync(path).mtimeMs,
    sha256: hash('sha256', text),
  };
}

function outsideOf({ inputs }: WorkOrder) {
  const found = inputs.flatMap(({ files }) =>
    files.flatMap(({ path, bytes, outside }) => {
      if (outside === undefined) return [];
      const { name, mtimeMs } = outside;
      const sha256 = hash('sha256', readFileSync(path));
      return [[name, { bytes, mtimeMs, sha256 }] as const];
    }),
  );
  return Object.fromEntries(found);
}
