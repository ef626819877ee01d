// An executor on the fake disk. It keeps the real one's promises in the same order: inputs looked
// at before they are read, outputs staged, digested, listed and durable before it answers, and a
// list of what the new result no longer has. Manifests are JSON text. It fails and stops as told.
import { posix } from 'node:path';
import type {
  Answer,
  CommandPart,
  Description,
  Executor,
  Outcome,
  Question,
  RuleOrder,
  WorkListener,
  WorkOrder,
  WorkResult,
} from '../src/executor/executor.ts';
import type { Clock } from '../src/file-system.ts';
import type { Json } from '../src/task.ts';
import { Crash, type FakeFileSystem } from './fake-file-system.ts';
import {
  changed,
  failure,
  moduleText,
  readInputs,
  type Seen,
  WorkFailure,
} from './simulation-inputs.ts';
import type { Random } from './simulation-random.ts';
import {
  decodeManifest,
  digestResult,
  digestWork,
  encodeManifest,
  type ManifestRow,
  makeFiles,
  sha256Of,
} from './simulation-result.ts';

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

  constructor(parts: ExecutorParts) {
    this.#parts = parts;
  }

  execute(order: WorkOrder, listener: WorkListener): Promise<Outcome> {
    const job: Job = { isStopped: false, isDraining: false, wake: () => {} };
    this.#jobs.add(job);
    const work = async (): Promise<Outcome> => {
      try {
        return { kind: 'done', result: await this.#work(order, { job, listener }) };
      } catch (error) {
        if (error instanceof Interruption) return { kind: 'interrupted' };
        if (!(error instanceof WorkFailure)) throw error;
        this.#parts.onBlamed(error.blamed);
        return { kind: 'failed', failure: error.failure, blamed: error.blamed };
      } finally {
        this.#jobs.delete(job);
      }
    };
    return unlessDead(work());
  }

  ask(question: Question): Promise<Answer> {
    const answer = async (): Promise<Answer> => {
      await this.#pause(1 + this.#parts.random.below(20));
      return this.#answer(question);
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
    const work = resumedWork(order) ?? digestWork(this.#describeWork(order), read);
    if (order.rule.kind === 'task' && random.chance(0.4)) {
      await listener.checkpoint({ records: 1, position: work, rowLogs: {} });
      if (job.isDraining) throw new Interruption();
      await this.#pause(random.below(50), job);
    }
    fs.makeFolder(order.stage);
    const result = this.#stage(order, { work, outside });
    if (trouble?.kind === 'fails') throw failureBy(trouble);
    await this.#pause(random.below(50), job);
    this.#checkUnchanged(order, outside);
    const staged = result.files.map((file) => file.staged);
    await fs.sync(result.manifest === undefined ? staged : [...staged, result.manifest.staged]);
    return result;
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
    const listed = this.#list(order.work, manifests);
    const obsolete = new Set([...paths, ...listed].filter((path) => !now.has(path)));
    return {
      files: made.map(({ staged, path }) => ({ staged, path })),
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
      meaning: this.#describe(order.rule),
      engine: {},
      peakBytes: 1,
    };
  }

  #stageManifest(order: WorkOrder, rows: readonly ManifestRow[]): WorkResult['manifest'] {
    const { fs } = this.#parts;
    const isOpen = order.outputs.some(({ glob, partitionBy }) => glob || partitionBy !== undefined);
    if (!isOpen) return undefined;
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

  #answer(question: Question): Answer {
    switch (question.kind) {
      case 'describe':
        return { kind: 'description', description: this.#describe(question.rule) };
      case 'digest': {
        const content = this.#parts.fs.read(question.path);
        if (content !== undefined) return { kind: 'digest', sha256: sha256Of(content) };
        return { kind: 'failed', failure: failure('input-missing', question.path) };
      }
      case 'list':
        return { kind: 'listed', paths: this.#list(question.work, question.manifests) };
      case 'verify':
        return this.#verify(question);
      case 'examine':
        return { kind: 'failed', failure: failure('internal', 'no run examines what lies there') };
      case 'recall':
        return { kind: 'failed', failure: failure('internal', 'there is no Hub') };
    }
  }

  #list(work: string, manifests: readonly string[]): readonly string[] {
    return manifests.flatMap((path) => {
      const content = this.#parts.fs.read(posix.join(work, path));
      const rows = content === undefined ? undefined : decodeManifest(content);
      return rows?.map((row) => row.path) ?? [];
    });
  }

  #verify({ work, files, manifest }: Extract<Question, { kind: 'verify' }>): Answer {
    const { fs } = this.#parts;
    const recorded = [...files];
    if (manifest !== undefined) {
      recorded.unshift(manifest);
      const content = fs.read(posix.join(work, manifest.path)) ?? new Uint8Array();
      if (sha256Of(content) === manifest.sha256) recorded.push(...(decodeManifest(content) ?? []));
    }
    for (const { path, bytes, sha256 } of recorded) {
      const content = fs.read(posix.join(work, path));
      if (content === undefined) return { kind: 'verified', wrong: { path, problem: 'missing' } };
      if (content.length !== bytes || sha256Of(content) !== sha256) {
        return { kind: 'verified', wrong: { path, problem: 'changed' } };
      }
    }
    return { kind: 'verified', wrong: undefined };
  }

  #describe(rule: RuleOrder): Description {
    if (rule.kind === 'run') return {};
    if (rule.kind === 'sql') return { meaning: withoutForm(rule.text) };
    const version = /version (.*) --/.exec(moduleText(this.#parts.fs, rule.module))?.[1];
    return {
      ...(version === undefined ? {} : { meaning: `version ${version}` }),
      ignored: ['interval'],
    };
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

function withoutForm(text: string): string {
  return text.replace(/ --.*/, '');
}

/** What an earlier attempt had found out when it saved its position. */
function resumedWork({ resume }: WorkOrder): string | undefined {
  return typeof resume?.position === 'string' ? resume.position : undefined;
}

/** The operating system ends a worker together with the run: nobody hears of it again. */
function unlessDead<T>(work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    if (error instanceof Crash) return new Promise<T>(() => {});
    throw error;
  });
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
