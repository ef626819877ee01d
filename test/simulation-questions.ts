// The simulated answers to what a run asks a worker without any target: what a rule means, what a
// file's content is, what a manifest lists, whether results are as recorded.
import { posix } from 'node:path';
import type { Answer, Description, Question, RuleOrder } from '../src/executor/executor.ts';
import type { FileSystem } from '../src/file-system.ts';
import { failure, moduleText } from './simulation-inputs.ts';
import { decodeManifest, sha256Of } from './simulation-result.ts';

export function answerQuestion(question: Question, fs: FileSystem): Answer {
  switch (question.kind) {
    case 'describe':
      return { kind: 'description', description: describeRule(question.rule, fs) };
    case 'digest': {
      const content = fs.read(question.path);
      if (content !== undefined) return { kind: 'digest', sha256: sha256Of(content) };
      return { kind: 'failed', failure: failure('input-missing', question.path) };
    }
    case 'list':
      return { kind: 'listed', paths: listManifests(fs, question) };
    case 'verify':
      return verify(question, fs);
    case 'examine':
    case 'clear':
    case 'recall':
      return { kind: 'failed', failure: failure('internal', 'no run of the simulation asks this') };
  }
}

/** Those that are there and whole. */
export function listManifests(
  fs: FileSystem,
  { work, manifests }: { readonly work: string; readonly manifests: readonly string[] },
): readonly string[] {
  return manifests.flatMap((path) => {
    const content = fs.read(posix.join(work, path));
    const rows = content === undefined ? undefined : decodeManifest(content);
    return rows?.map((row) => row.path) ?? [];
  });
}

function verify(
  { work, files, manifest }: Extract<Question, { kind: 'verify' }>,
  fs: FileSystem,
): Answer {
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

export function describeRule(rule: RuleOrder, fs: FileSystem): Description {
  if (rule.kind === 'run') return {};
  if (rule.kind === 'sql') return { meaning: withoutForm(rule.text) };
  const version = /version (.*) --/.exec(moduleText(fs, rule.module))?.[1];
  return {
    ...(version === undefined ? {} : { meaning: `version ${version}` }),
    ignored: ['interval'],
  };
}

export function withoutForm(text: string): string {
  return text.replace(/ --.*/, '');
}
