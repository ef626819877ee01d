// Finds out what judging needs to know and only costs something when something was touched: what
// a changed text means, the digest of an outside file, whether recorded outputs are as they were.
import { posix } from 'node:path';
import type { Description, Executor, Question } from '../executor/executor.ts';
import type { FileSystem } from '../file-system.ts';
import type { Graph } from '../plan/graph.ts';
import { locateTarget, type TargetId, targetKey } from '../plan/plan.ts';
import type { Mtimes } from '../store/record.ts';
import type { Trace } from '../trace.ts';
import type { OpenQuestion } from './assess.ts';
import type { Answers, TargetFacts } from './facts.ts';
import type { Meanings } from './meanings.ts';

export interface InspectContext {
  readonly graph: Graph;
  readonly facts: TargetFacts;
  readonly answers: Answers;
  readonly meanings: Meanings;
  readonly fs: FileSystem;
  readonly executor: () => Promise<Executor>;
  /** The recorded outputs were rehashed and hold. */
  readonly onVerified: (target: TargetId, mtimes: Mtimes) => void;
  /** Calls everything off. */
  readonly signal: AbortSignal;
}

/** Facts looked for at the same time, each by a worker. */
const QUESTIONS_AT_ONCE = 4;

/** What a rule stands for where nobody could say: it differs from every meaning that was recorded. */
const NO_MEANING = 'none';

/** Answers questions, each fact once and few at a time, however many ask. */
export class Inspector {
  readonly #context: InspectContext;
  readonly #asked = new Map<string, Promise<void>>();
  readonly #waiting: (() => void)[] = [];
  #busy = 0;

  constructor(context: InspectContext) {
    this.#context = context;
  }

  /** Rejects with the signal's reason once it is aborted. */
  async answer(questions: readonly OpenQuestion[]): Promise<void> {
    const answers = await Promise.allSettled(questions.map((question) => this.#ask(question)));
    this.#context.signal.throwIfAborted();
    const failed = answers.find((answer) => answer.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  #ask(question: OpenQuestion): Promise<void> {
    const key = this.#keyOf(question);
    let asked = this.#asked.get(key);
    if (asked === undefined) {
      asked = this.#look(question);
      this.#asked.set(key, asked);
    }
    return asked;
  }

  #keyOf(question: OpenQuestion): string {
    const { step, cell } = locateTarget(this.#context.graph.plan, question.target);
    switch (question.kind) {
      case 'meaning':
        return `meaning ${targetKey(step, cell)}`;
      case 'digest':
        return `digest ${question.path}`;
      case 'outputs':
        return `outputs ${question.target} ${question.trace.digest}`;
    }
  }

  async #look(question: OpenQuestion): Promise<void> {
    if (this.#busy >= QUESTIONS_AT_ONCE) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#busy += 1;
    try {
      if (!this.#context.signal.aborted) await answerQuestion(question, this.#context);
    } finally {
      this.#busy -= 1;
      this.#waiting.shift()?.();
    }
  }
}

async function answerQuestion(question: OpenQuestion, context: InspectContext): Promise<void> {
  switch (question.kind) {
    case 'meaning':
      return answerMeaning(question.target, context);
    case 'digest':
      return answerDigest(question.path, context);
    case 'outputs':
      return answerOutputs(question, context);
  }
}

async function answerMeaning(id: TargetId, context: InspectContext): Promise<void> {
  const { graph, facts, answers, meanings } = context;
  const { step, cell } = locateTarget(graph.plan, id);
  const key = targetKey(step, cell);
  if (answers.descriptions.has(key)) return;
  const rule = facts.ruleOf(step, cell);
  const known = meanings.recall(rule.text);
  const outputs = Object.keys(rule.contracts);
  if (known !== undefined || rule.order === undefined) {
    answers.descriptions.set(key, completed(known ?? {}, outputs));
    return;
  }
  const executor = await context.executor();
  const contracts = Object.entries(rule.contracts).map(([output, at]) => ({ output, ...at }));
  const answer = await executor.ask({ kind: 'describe', rule: rule.order, contracts });
  // What cannot be read means nothing known: the target is stale, and its run will say why.
  const description = answer.kind === 'description' ? answer.description : {};
  answers.descriptions.set(key, completed(description, outputs));
  if (answer.kind === 'description') meanings.remember(rule.text, description);
}

/** Asked and not known is another fact than not asked: it must not be asked again. */
function completed(description: Description, outputs: readonly string[]): Description {
  const contracts = outputs.map((output) => [
    output,
    description.contracts?.[output] ?? NO_MEANING,
  ]);
  return {
    ...description,
    meaning: description.meaning ?? NO_MEANING,
    ...(outputs.length === 0 ? {} : { contracts: Object.fromEntries(contracts) }),
  };
}

async function answerDigest(path: string, context: InspectContext): Promise<void> {
  if (context.answers.digests.has(path)) return;
  const executor = await context.executor();
  const answer = await executor.ask({ kind: 'digest', path });
  context.answers.digests.set(path, answer.kind === 'digest' ? answer.sha256 : 'unreadable');
}

async function answerOutputs(
  { target, trace }: { target: TargetId; trace: Trace },
  context: InspectContext,
): Promise<void> {
  const { graph, answers, fs, onVerified } = context;
  const { work } = graph.plan.config;
  const executor = await context.executor();
  const { artifacts, manifest } = trace;
  const question: Question = {
    kind: 'verify',
    work,
    files: artifacts.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 })),
    manifest:
      manifest === undefined
        ? undefined
        : { path: manifest.path, bytes: manifest.bytes, sha256: manifest.sha256 },
  };
  const answer = await executor.ask(question);
  if (answer.kind !== 'verified') {
    answers.outputs.set(target, { kind: 'changed', path: 'cannot be read' });
    return;
  }
  if (answer.wrong !== undefined) {
    answers.outputs.set(target, { kind: answer.wrong.problem, path: answer.wrong.path });
    return;
  }
  answers.outputs.set(target, { kind: 'present' });
  const mtimes: Record<string, number> = {};
  for (const { path } of [...artifacts, ...(manifest === undefined ? [] : [manifest])]) {
    mtimes[path] = fs.stat(posix.join(work, path))?.mtimeMs ?? 0;
  }
  onVerified(target, { artifacts: mtimes });
}

/** Size and mtime of every recorded file that a trace names itself. */
export function looksUnchanged(trace: Trace, { fs, work }: { fs: FileSystem; work: string }) {
  const files = [...trace.artifacts, ...(trace.manifest === undefined ? [] : [trace.manifest])];
  return files.every(({ path, bytes, mtimeMs }) => {
    const stat = fs.stat(posix.join(work, path));
    return stat !== undefined && stat.bytes === bytes && stat.mtimeMs === mtimeMs;
  });
}
