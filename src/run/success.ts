// The trace of a target that a worker has just made: what was found out by the worker, with what
// the run knows of the target.
import type { WorkResult } from '../executor/executor.ts';
import { locateTarget, type Plan, type TargetId } from '../plan/plan.ts';
import type { Trace } from '../trace.ts';
import { type TargetFacts, withMeaning } from './facts.ts';

interface Success {
  readonly result: WorkResult;
  readonly durationMs: number;
  readonly rowGroupBytes: number | undefined;
  readonly plan: Plan;
  readonly facts: TargetFacts;
  /** Versions of the runner's own. */
  readonly engine: Trace['engine'];
}

export function traceOf(id: TargetId, { result, plan, facts, ...success }: Success): Trace {
  const { durationMs, rowGroupBytes, engine } = success;
  const target = locateTarget(plan, id);
  const outside = Object.entries(result.outside);
  const remote = facts
    .outsideInputs(target)
    .flatMap(({ name, remote: found }) =>
      found === undefined ? [] : [[name, found.file.digest] as const],
    );
  return {
    fields: withMeaning(facts.plainFieldsOf(target), result.meaning),
    inputs: {
      ...facts.inputDigests(id),
      ...Object.fromEntries(outside.map(([name, file]) => [name, file.sha256])),
      ...Object.fromEntries(remote),
    },
    ...(outside.length === 0
      ? {}
      : {
          outside: Object.fromEntries(
            outside.map(([name, { bytes, mtimeMs }]) => [name, { bytes, mtimeMs }]),
          ),
        }),
    artifacts: result.artifacts,
    ...(result.manifest === undefined ? {} : { manifest: result.manifest.record }),
    digest: result.digest,
    ...(result.rows === undefined ? {} : { rows: result.rows }),
    ...(result.rejects === 0 ? {} : { rejects: result.rejects }),
    ...(result.account === undefined ? {} : { account: result.account }),
    ...(result.findings === undefined ? {} : { findings: result.findings }),
    ...(result.published === undefined ? {} : { published: result.published }),
    engine: { ...engine, ...result.engine },
    durationMs,
    peakBytes: result.peakBytes,
    ...(rowGroupBytes === undefined ? {} : { rowGroupBytes }),
  };
}

/** What the trace says of the work, for those who watch. */
export function figuresOf(trace: Trace) {
  const { durationMs, manifest, artifacts, rows, rejects, account, findings, peakBytes } = trace;
  return {
    durationMs,
    files: manifest?.files ?? artifacts.length,
    ...(rows === undefined ? {} : { rows }),
    ...(rejects === undefined ? {} : { rejects }),
    ...(account === undefined ? {} : { account }),
    ...(findings === undefined ? {} : { findings }),
    ...(peakBytes === undefined ? {} : { peakBytes }),
  };
}
