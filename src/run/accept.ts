// Calls stale targets up to date: finds out which of those that somebody named can be taken as they
// lie, and records these. A target's new trace says what holds today (rule, parameters, inputs) and
// what its outputs are now, digested anew; so whatever depends on it is judged by what is really
// there. What was released is taken by its record, since no file is left to differ from it.
import { forEachProducer } from '../plan/graph.ts';
import { locateTarget, type TargetId } from '../plan/plan.ts';
import type { Selection } from '../plan/selection.ts';
import { explainReason, type Reason } from '../rebuilder.ts';
import type { TargetState } from '../store/journal-state.ts';
import type { Store } from '../store/store.ts';
import type { Trace } from '../trace.ts';
import { resultOf } from './assess.ts';
import { Judging, type JudgingContext } from './judging.ts';
import { type Present, PresentTraces, placeManifest } from './present-trace.ts';
import { Recorder } from './recorder.ts';

export interface AcceptContext extends JudgingContext {
  readonly selection: Selection;
  readonly store: Store;
}

export interface Acceptable {
  readonly id: TargetId;
  /** Why it is stale. */
  readonly reasons: readonly string[];
  readonly trace: Trace;
  readonly attempt: number;
  /** A manifest made anew, absolute. */
  readonly staged: string | undefined;
}

export interface Refused {
  readonly id: TargetId;
  /** Why it cannot be called up to date, to follow its name. */
  readonly because: string;
}

export interface Acceptance {
  readonly acceptable: readonly Acceptable[];
  readonly refused: readonly Refused[];
  /** Named targets that are up to date as it is. */
  readonly freshCount: number;
  /** Records all that is acceptable; resolves when that is durable. */
  record(who: string, why: string): Promise<void>;
}

export async function findAcceptable(context: AcceptContext): Promise<Acceptance> {
  const { graph, selection, store, fs } = context;
  const judging = new Judging(context);
  const recorder = new Recorder(context, { facts: judging.facts });
  const search = new Search(context, { judging, recorder });
  // Ids grow along dependencies.
  for (const [id, needed] of selection.needed.entries()) {
    if (needed !== 1) continue;
    context.signal.throwIfAborted();
    await search.look(id);
  }
  const { acceptable, refused, freshCount } = search;
  const record = async (who: string, why: string) => {
    judging.save();
    for (const { id, trace, attempt, staged } of acceptable) {
      placeManifest(id, { staged, graph, fs });
      recorder.accepted(id, { attempt, trace, who, why });
    }
    await store.flush();
  };
  return { acceptable, refused, freshCount, record };
}

class Search {
  readonly acceptable: Acceptable[] = [];
  readonly refused: Refused[] = [];
  freshCount = 0;
  readonly #context: AcceptContext;
  readonly #judging: Judging;
  readonly #recorder: Recorder;
  readonly #traces: PresentTraces;

  constructor(
    context: AcceptContext,
    { judging, recorder }: { readonly judging: Judging; readonly recorder: Recorder },
  ) {
    this.#context = context;
    this.#judging = judging;
    this.#recorder = recorder;
    this.#traces = new PresentTraces(context, judging);
  }

  async look(id: TargetId): Promise<void> {
    const { facts } = this.#judging;
    const state = this.#recorder.stateOf(id);
    facts.setResult(id, resultOf(state));
    const isNamed = this.#context.selection.named[id] === 1;
    if (this.#waits(id)) {
      if (isNamed) this.#refuse(id, 'something that it needs is not up to date: accept that, too');
      return;
    }
    const verdict = await this.#judging.judge(id, () => facts.recorded(id, state));
    if (verdict.kind === 'fresh') {
      if (state?.trace !== undefined) facts.setDigest(id, state.trace.digest);
      this.#recorder.settled(id, true);
      if (isNamed) this.freshCount += 1;
    } else if (isNamed) {
      await this.#accept(id, { state, reasons: verdict.reasons });
    }
  }

  async #accept(
    id: TargetId,
    { state, reasons }: { state: TargetState | undefined; reasons: readonly Reason[] },
  ): Promise<void> {
    const before = state?.trace;
    if (state === undefined || before === undefined) {
      this.#refuse(id, explainUnmade(state));
      return;
    }
    const isReleased = state.released !== undefined;
    const obstacle = obstacleOf(reasons, isReleased);
    if (obstacle !== undefined) {
      this.#refuse(id, obstacle);
      return;
    }
    const present = await this.#presentOf(id, { before, isReleased });
    if (present.kind === 'unproven') {
      this.#refuse(id, present.because);
      return;
    }
    const trace = withResultOf(before, present.trace);
    const left = await this.#judging.judge(id, () => ({
      trace,
      unfinished: undefined,
      outputs: { kind: isReleased ? 'released' : 'present' },
    }));
    if (left.kind === 'stale') {
      this.#refuse(id, left.reasons.map(explainReason).join('; '));
      return;
    }
    this.#judging.facts.setDigest(id, trace.digest);
    const { staged } = present;
    const texts = reasons.map(explainReason);
    this.acceptable.push({ id, reasons: texts, trace, attempt: state.attempt, staged });
  }

  #presentOf(
    id: TargetId,
    { before, isReleased }: { before: Trace; isReleased: boolean },
  ): Promise<Present> {
    const { rule } = locateTarget(this.#context.graph.plan, id).step.config;
    if (!isReleased && rule.kind !== 'release') return this.#traces.ofOutputs(id, 'as-they-lie');
    const { artifacts, manifest, digest, rows, rejects } = before;
    const result = {
      artifacts,
      ...(manifest === undefined ? {} : { manifest }),
      digest,
      ...(rows === undefined ? {} : { rows }),
      ...(rejects === undefined ? {} : { rejects }),
    };
    return this.#traces.ofResult(id, { result });
  }

  #waits(id: TargetId): boolean {
    let waits = false;
    forEachProducer(this.#context.graph, id, (producer) => {
      if (this.#judging.facts.digestOf(producer) === undefined) waits = true;
    });
    return waits;
  }

  #refuse(id: TargetId, because: string) {
    this.refused.push({ id, because });
  }
}

function explainUnmade(state: TargetState | undefined): string {
  switch (state?.status) {
    case undefined:
      return 'it was never made here: run it, or have `repair` look for its outputs';
    case 'failed':
      return 'its last attempt failed, and what lies there may be half of a result: run it';
    default:
      return 'its last attempt did not end, and what lies there may be half of a result: run it';
  }
}

/** What nobody can call right by a word. */
function obstacleOf(reasons: readonly Reason[], isReleased: boolean): string | undefined {
  const reason = reasons.find(
    ({ kind }) => kind === 'unreleased' || kind === 'rejects' || (kind === 'output' && isReleased),
  );
  if (reason !== undefined) return explainReason(reason);
  const field = reasons.find(
    (each) => each.kind === 'field' && /^(output|contract) /.test(each.field),
  );
  // Where they lay and which columns they had is only known of the files, and these are gone.
  return isReleased && field !== undefined
    ? `its files were released and cannot be held against another ${explainReason(field)}: run it`
    : undefined;
}

/** What was counted while the result was made still holds of the same result. */
function withResultOf(before: Trace, now: Trace): Trace {
  const { account, published, bytesFreed, durationMs, peakBytes, rowGroupBytes } = before;
  if (before.digest !== now.digest) return published === undefined ? now : { ...now, published };
  return {
    ...now,
    ...(account === undefined ? {} : { account }),
    ...(published === undefined ? {} : { published }),
    ...(bytesFreed === undefined ? {} : { bytesFreed }),
    durationMs,
    ...(peakBytes === undefined ? {} : { peakBytes }),
    ...(rowGroupBytes === undefined ? {} : { rowGroupBytes }),
  };
}
