// Finds out what judging needs to know and only costs something when something was touched: what
// a changed text means, the digest of an outside file, whether recorded outputs are as they were.
import { posix } from 'node:path';
import type { Executor, Question } from '../executor/executor.ts';
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
}

/** Questions asked at the same time; a worker answers one at a time. */
const QUESTIONS_AT_ONCE = 4;

export async function answerQuestions(
  questions: readonly OpenQuestion[],
  context: InspectContext,
): Promise<void> {
  const open = [...questions];
  const work = async () => {
    for (let next = open.shift(); next !== undefined; next = open.shift()) {
      await answerQuestion(next, context);
    }
  };
  await Promise.all(Array.from({ length: QUESTIONS_AT_ONCE }, work));
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
  if (known !== undefined) {
    answers.descriptions.set(key, known);
    return;
  }
  if (rule.order === undefined) {
    answers.descriptions.set(key, {});
    return;
  }
  const executor = await context.executor();
  const contracts = Object.entries(rule.contracts).map(([output, at]) => ({ output, ...at }));
  const answer = await executor.ask({ kind: 'describe', rule: rule.order, contracts });
  // What cannot be read means nothing known: the target is stale, and its run will say why.
  const description = answer.kind === 'description' ? answer.description : {};
  answers.descriptions.set(key, description);
  if (answer.kind === 'description') meanings.remember(rule.text, description);
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
