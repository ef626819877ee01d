// The trace that a target would have if its outputs, as they lie, had just been made by today's rule
// from today's inputs. Whoever asks for it has to know why that may be said (`accept`, `repair`).
import { posix } from 'node:path';
import type { Answer, ExaminedResult, OutputProblem } from '../executor/executor.ts';
import type { FileSystem } from '../file-system.ts';
import type { Graph } from '../plan/graph.ts';
import { locateTarget, type TargetId } from '../plan/plan.ts';
import type { Trace } from '../trace.ts';
import { withMeaning } from './facts.ts';
import type { Judging, JudgingContext } from './judging.ts';
import { makeWorkOrder, targetPaths } from './work-order.ts';

export type Present =
  | { readonly kind: 'present'; readonly trace: Trace; readonly staged: string | undefined }
  /** Why nothing can be said, to follow a target's name. */
  | {
      readonly kind: 'unproven';
      readonly because: string;
      /** Where it is the outputs that prove nothing. */
      readonly problem?: OutputProblem;
    };

/** The result half of a trace. */
type Result = Pick<Trace, 'artifacts' | 'manifest' | 'digest' | 'rows' | 'rejects'>;

export class PresentTraces {
  readonly #context: JudgingContext;
  readonly #judging: Judging;

  constructor(context: JudgingContext, judging: Judging) {
    this.#context = context;
    this.#judging = judging;
  }

  /** Of outputs that lie here; looks into each of them. */
  async ofOutputs(id: TargetId, expects: 'as-they-lie' | 'as-listed'): Promise<Present> {
    const { graph, executor } = this.#context;
    const order = makeWorkOrder(id, {
      attempt: 0,
      scratch: '',
      resume: undefined,
      context: {
        graph,
        facts: this.#judging.facts,
        stateOf: () => undefined,
        memoryBytes: 0,
        hub: undefined,
        withoutInputs: true,
      },
    });
    const { outputs, work, stage, manifestPath, rejectsPath } = order;
    const asked = { outputs, work, stage, manifestPath, rejectsPath };
    const answer = await (await executor()).ask({ kind: 'examine', order: asked, expects });
    if (answer.kind !== 'examined') return unproven(answer);
    const { manifest } = answer.result;
    return this.ofResult(id, { result: resultOf(answer.result), staged: manifest?.staged });
  }

  /** Of a result that is known without looking. */
  async ofResult(
    id: TargetId,
    { result, staged }: { readonly result: Result; readonly staged?: string | undefined },
  ): Promise<Present> {
    const { facts } = this.#judging;
    const outside = await this.#outsideOf(id);
    if (typeof outside === 'string') return { kind: 'unproven', because: outside };
    const target = locateTarget(this.#context.graph.plan, id);
    const fields = withMeaning(facts.plainFieldsOf(target), await this.#judging.describe(id));
    const { digests, files } = outside;
    const trace: Trace = {
      fields,
      inputs: { ...facts.inputDigests(id), ...digests },
      ...(Object.keys(files).length === 0 ? {} : { outside: files }),
      ...result,
      engine: this.#context.engine,
      durationMs: 0,
    };
    return { kind: 'present', trace, staged };
  }

  /** Digests of outside files, and of those that lie here size and time; or why not. */
  async #outsideOf(id: TargetId) {
    const target = locateTarget(this.#context.graph.plan, id);
    const digests: Record<string, string> = {};
    const files: Record<string, { bytes: number; mtimeMs: number }> = {};
    for (const { name, path, file, remote } of this.#judging.facts.outsideInputs(target)) {
      if (file === undefined) return `its input ${path} is not there`;
      const sha256 = file.sha256 ?? (await this.#judging.digestOf(id, path));
      if (sha256 === undefined) return `its input ${path} cannot be read`;
      digests[name] = sha256;
      const { bytes, mtimeMs } = file;
      if (remote === undefined) files[name] = { bytes, mtimeMs };
    }
    return { digests, files };
  }
}

function resultOf({ artifacts, manifest, digest, rows, rejects }: ExaminedResult): Result {
  return {
    artifacts,
    ...(manifest === undefined ? {} : { manifest: manifest.record }),
    digest,
    ...(rows === undefined ? {} : { rows }),
    ...(rejects === 0 ? {} : { rejects }),
  };
}

const PROBLEMS: Readonly<Record<OutputProblem, (path: string) => string>> = {
  missing: (path) => `its output ${path} is missing`,
  changed: (path) => `${path} is not what its manifest lists`,
  unlisted: (path) => `nothing lists its files: ${path} is missing or of another target`,
  partial: (path) => `its publication was cut short: ${path} has a successor that is not in place`,
};

function unproven(answer: Answer): Present {
  if (answer.kind === 'unproven') {
    const { problem, path } = answer;
    return { kind: 'unproven', because: PROBLEMS[problem](path), problem };
  }
  const reason = answer.kind === 'failed' ? answer.failure.message : 'nobody could look at them';
  return { kind: 'unproven', because: `its outputs cannot be used: ${reason}` };
}

/** A manifest that was made anew takes its place; whatever it lists lies there already. */
export function placeManifest(
  id: TargetId,
  { staged, graph, fs }: { staged: string | undefined; graph: Graph; fs: FileSystem },
): void {
  if (staged === undefined) return;
  const path = posix.join(graph.plan.config.work, targetPaths(graph, id, 0).manifest);
  fs.makeFolder(posix.dirname(path));
  fs.rename(staged, path);
  fs.remove(posix.dirname(staged));
}
