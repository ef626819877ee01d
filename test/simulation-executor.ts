// An executor on the fake disk. It keeps the real one's promises in the same order: inputs looked
// at before they are read, outputs staged, digested, listed and durable before it answers, and a
// list of what the new result no longer has. Manifests are JSON text. It fails and stops as told.
import { posix } from 'node:path';
import type {
  Answer,
  CommandPart,
  Executor,
  Outcome,
  Question,
  WorkListener,
  WorkOrder,
  WorkResult,
} from '../src/executor/executor.ts';
import type { Clock } from '../src/file-system.ts';
import { failureOf } from '../src/run/failure.ts';
import type { Json } from '../src/task.ts';
import { type Failure, MAX_ARTIFACTS_IN_TRACE } from '../src/trace.ts';
import { Crash, type FakeFileSystem } from './fake-file-system.ts';
import {
  changed,
  failure,
  moduleText,
  readInputs,
  type Seen,
  WorkFailure,
} from './simulation-inputs.ts';
import {
  answerQuestion,
  describeRule,
  listManifests,
  withoutForm,
} from './simulation-questions.ts';
import type { Random } from './simulation-random.ts';
import {
  digestResult,
  digestWork,
  encodeManifest,
  type ManifestRow,
  makeFiles,
  sha256Of,
} from './simulation-result.ts';
import { checkpointRecord } from './store-fixture.ts';

/** What goes wrong with an attempt by itself. */
export type Trouble =
  | { readonly kind: 'fails'; readonly mayPass: boolean; readonly when: 'begin' | 'staged' }
  /** Finds fault with an input that has none. */
  | { readonly kind: 'blames' };

export interface ExecutorParts {
  readonly fs: FakeFileSystem;
  readonly clock: Clock;
  readonly random: Random;
  readonly troubleOf: (target: string) => Trouble | undefined;
  readonly onBlamed: (producers: readonly string[]) => void;
  /** Cores that a target takes, and that there are. */
  readonly cores: { readonly of: (target: string) => number; readonly all: number };
  /** What is published, by target: its result's digest. */
  readonly hub: Map<string, string>;
}

class Interruption extends Error {}

interface Job {
  isStopped: boolean;
  isDraining: boolean;
  wake: () => void;
}

type Outside = WorkResult['outside'];

export class FakeExecutor implements Executor {
  readonly #parts: ExecutorParts;
  readonly #jobs = new Set<Job>();
  #cores = 0;

  constructor(parts: ExecutorParts) {
    this.#parts = parts;
  }

  execute(order: WorkOrder, listener: WorkListener): Promise<Outcome> {
    const job: Job = { isStopped: false, isDraining: false, wake: () => {} };
    this.#jobs.add(job);
    const { cores } = this.#parts;
    const own = Math.min(cores.of(order.target), cores.all);
    this.#cores += own;
    if (this.#cores > cores.all) throw new Error(`${this.#cores} of ${cores.all} cores are taken`);
    const work = async (): Promise<Outcome> => {
      try {
        return { kind: 'done', result: await this.#work(order, { job, listener }) };
      } catch (error) {
        if (error instanceof Interruption) return { kind: 'interrupted' };
        const system = systemFailure(error);
        if (system !== undefined) return { kind: 'failed', failure: system };
        if (!(error instanceof WorkFailure)) throw error;
        this.#parts.onBlamed(error.blamed);
        return { kind: 'failed', failure: error.failure, blamed: error.blamed };
      } finally {
        this.#jobs.delete(job);
        this.#cores -= own;
      }
    };
    return unlessDead(work());
  }

  ask(question: Question): Promise<Answer> {
    const answer = async (): Promise<Answer> => {
      await this.#pause(1 + this.#parts.random.below(20));
      try {
        return answerQuestion(question, this.#parts.fs);
      } catch (error) {
        const system = systemFailure(error);
        if (system === undefined) throw error;
        return { kind: 'failed', failure: system };
      }
    };
    return unlessDead(answer());
  }

  interrupt(how: 'drain' | 'stop'): void {
    for (const job of this.#jobs) {
      if (how === 'stop') job.isStopped = true;
      job.isDraining = true;
      job.wake();
    }
  }

  async close(): Promise<void> {
    this.interrupt('stop');
  }

  async #work(
    order: WorkOrder,
    { job, listener }: { job: Job; listener: WorkListener },
  ): Promise<WorkResult> {
    const { random, fs, troubleOf } = this.#parts;
    const trouble = troubleOf(order.target);
    await this.#pause(random.below(50), job);
    const outside: Seen = {};
    const read = readInputs(order, { fs, outside });
    if (trouble?.kind === 'blames') throw blameOf(order);
    if (trouble?.kind === 'fails' && trouble.when === 'begin') throw failureBy(trouble);
    const work = resumedWork(order, outside) ?? digestWork(this.#describeWork(order), read);
    if (order.rule.kind === 'task' && random.chance(0.4)) {
      await listener.checkpoint({ ...checkpointRecord(1, work), outside });
      if (job.isDraining) throw new Interruption();
      await this.#pause(random.below(50), job);
    }
    fs.makeFolder(order.stage);
    const result = this.#stage(order, { work, outside });
    if (trouble?.kind === 'fails') throw failureBy(trouble);
    await this.#pause(random.below(50), job);
    this.#checkUnchanged(order, outside);
    const staged = result.files.map((file) => file.staged);
    if (result.manifest !== undefined) staged.push(result.manifest.staged);
    const isLeft = random.chance(0.5);
    if (!isLeft) await fs.sync(staged);
    if (order.dataset !== undefined) this.#publish(order, result);
    return isLeft ? { ...result, unsynced: staged } : result;
  }

  /** What is published comes with the record of how it was made. */
  #publish({ target, inputs, provenance }: WorkOrder, { digest }: WorkResult): void {
    const { fs, hub } = this.#parts;
    const text = Buffer.from(fs.read(provenance ?? '') ?? '').toString();
    for (const { files, manifests } of inputs) {
      for (const { producer } of [...files, ...manifests]) {
        if (producer === undefined || text.includes(`"${producer}"`)) continue;
        throw new Error(`${target} is published without a word of ${producer}: ${text}`);
      }
    }
    hub.set(target, digest);
  }

  #stage(order: WorkOrder, { work, outside }: { work: string; outside: Outside }): WorkResult {
    const { fs, clock } = this.#parts;
    const made = makeFiles(work, order.outputs).map((file, index) => {
      const staged = posix.join(order.stage, `${index}`);
      fs.create(staged, file.content);
      const { content, ...rest } = file;
      const bytes = Buffer.byteLength(content);
      const mtimeMs = fs.stat(staged)?.mtimeMs ?? clock.now();
      return { ...rest, staged, bytes, mtimeMs, sha256: sha256Of(content) };
    });
    const manifest = this.#stageManifest(order, made);
    const now = new Set(made.map(({ path }) => path));
    if (manifest !== undefined) now.add(order.manifestPath).add(`${order.manifestPath}.next`);
    const { paths, manifests } = order.previous;
    const listed = listManifests(fs, { work: order.work, manifests });
    const obsolete = new Set([...paths, ...listed].filter((path) => !now.has(path)));
    return {
      files: made.map(({ staged, path }) => ({ staged, path })),
      unsynced: [],
      artifacts:
        manifest === undefined
          ? made.map(({ output, path, bytes, mtimeMs, sha256 }) => {
              return { output, path, bytes, mtimeMs, sha256 };
            })
          : [],
      manifest,
      digest: digestResult(made),
      obsolete: [...obsolete].sort(),
      rows: undefined,
      rejects: 0,
      account: undefined,
      published: undefined,
      outside,
      meaning: describeRule(order.rule, this.#parts.fs),
      engine: {},
      peakBytes: 1,
    };
  }

  #stageManifest(order: WorkOrder, rows: readonly ManifestRow[]): WorkResult['manifest'] {
    const { fs } = this.#parts;
    const isOpen = order.outputs.some(({ glob, partitionBy }) => glob || partitionBy !== undefined);
    if (!isOpen && rows.length <= MAX_ARTIFACTS_IN_TRACE) return undefined;
    const staged = posix.join(order.stage, '.manifest');
    const text = encodeManifest(
      rows.map(({ output, path, value, bytes, sha256 }) => ({
        output,
        path,
        value,
        bytes,
        sha256,
      })),
    );
    fs.create(staged, text);
    const record = {
      path: order.manifestPath,
      bytes: Buffer.byteLength(text),
      mtimeMs: fs.stat(staged)?.mtimeMs ?? 0,
      sha256: sha256Of(text),
      files: rows.length,
      totalBytes: rows.reduce((sum, { bytes }) => sum + bytes, 0),
      totalRows: 0,
    };
    return { staged, record };
  }

  #checkUnchanged(order: WorkOrder, outside: Outside): void {
    for (const { files } of order.inputs) {
      for (const { path, outside: place } of files) {
        const seen = place === undefined ? undefined : outside[place.name];
        if (seen === undefined) continue;
        const stat = this.#parts.fs.stat(path);
        if (stat?.bytes !== seen.bytes || stat.mtimeMs !== seen.mtimeMs) throw changed(path, []);
      }
    }
  }

  /** What the rule makes of its parameters, besides its inputs. */
  #describeWork({ rule, variables, with: parameters }: WorkOrder): readonly Json[] {
    switch (rule.kind) {
      case 'sql': {
        const names = [...rule.text.matchAll(/\$(\w+)/g)].map(([, name = '']) => name);
        const values = names.map((name) => String(parameters[name] ?? variables[name]));
        return [withoutForm(rule.text), values];
      }
      case 'task': {
        const { interval: _, ...used } = parameters;
        const text = moduleText(this.#parts.fs, rule.module);
        const version = /version (.*) --/.exec(text)?.[1];
        return [version ?? text, used, variables];
      }
      case 'run':
        return [rule.command.map(literalOf).join('')];
    }
  }

  #pause(ms: number, job?: Job): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const end = () => (job?.isStopped === true ? reject(new Interruption()) : resolve());
    this.#parts.clock.after(ms, end);
    if (job !== undefined) {
      job.wake = () => {
        if (job.isStopped) end();
      };
    }
    return promise;
  }
}

function literalOf(part: CommandPart): string {
  if (typeof part === 'string') return part;
  return 'value' in part ? part.value : '';
}

/** What an earlier attempt had found out when it saved its position. */
/** Like the real worker: only for outside files with the bytes that the checkpoint was saved for. */
function resumedWork({ resume }: WorkOrder, outside: Outside): string | undefined {
  const changed = Object.entries(resume?.outside ?? {}).some(
    ([name, { sha256 }]) => outside[name]?.sha256 !== sha256,
  );
  return typeof resume?.position === 'string' && !changed ? resume.position : undefined;
}

/** The operating system ends a worker together with the run: nobody hears of it again. */
function unlessDead<T>(work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    if (error instanceof Crash) return new Promise<T>(() => {});
    throw error;
  });
}

/** What the operating system says against a worker is a failure of its target. */
function systemFailure(error: unknown): Failure | undefined {
  return error instanceof Crash ? undefined : failureOf(error);
}

function failureBy({ mayPass }: Extract<Trouble, { kind: 'fails' }>): WorkFailure {
  return new WorkFailure(failure('task-error', 'as told', mayPass));
}

function blameOf({ inputs }: WorkOrder): WorkFailure {
  const producers = inputs.flatMap(({ files, manifests }) => [
    ...files.map(({ producer }) => producer),
    ...manifests.map(({ producer }) => producer),
  ]);
  const blamed = producers.filter((producer) => producer !== undefined).slice(0, 1);
  return new WorkFailure(failure('input-changed', 'as told'), blamed);
}
