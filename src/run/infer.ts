// Finds targets of which nothing is recorded, but whose outputs lie there, whole: files that their
// templates name, or a manifest with every file that it lists, by sha256. That says what there is,
// not by which rule it was made; that it was today's is what whoever calls `repair` asserts, and
// what the trace says of itself. A state file of another program is held to what it claims.
import { forEachProducer, type Graph } from '../plan/graph.ts';
import { locateTarget, type TargetId, targetKey, targetName } from '../plan/plan.ts';
import type { Selection } from '../plan/selection.ts';
import type { JournalState, TargetState } from '../store/journal-state.ts';
import type { Store } from '../store/store.ts';
import type { Trace } from '../trace.ts';
import { resultOf } from './assess.ts';
import type { Judging, JudgingContext } from './judging.ts';
import { Ordinals } from './ordinals.ts';
import { PresentTraces } from './present-trace.ts';

export interface InferContext extends JudgingContext {
  readonly selection: Selection;
  readonly store: Store;
}

export interface Inferred {
  readonly id: TargetId;
  readonly trace: Trace;
  readonly attempt: number;
  /** A manifest made anew, absolute. */
  readonly staged: string | undefined;
}

/** A file of which only another program has recorded how far it is. */
export interface ForeignClaim {
  readonly journal: string;
  readonly claimed: number;
  /** The ordinal up to which its outputs prove it. */
  readonly proven: number;
}

export interface Inference {
  readonly inferred: readonly Inferred[];
  /** Recorded and up to date. */
  readonly fresh: readonly TargetId[];
  /** Outputs that lie there and prove nothing. */
  readonly left: readonly { readonly id: TargetId; readonly because: string }[];
  /** Targets without a record and without outputs that could stand for one. */
  readonly absent: readonly TargetId[];
  readonly claims: readonly ForeignClaim[];
}

/** `who` and the voided targets (`JOURNAL KEY`) are as `repair` says. */
export async function inferTargets(
  context: InferContext,
  options: {
    readonly judging: Judging;
    readonly who: string;
    readonly isVoided: (journal: string, target: string) => boolean;
  },
): Promise<Inference> {
  const search = new Search(context, options);
  // Ids grow along dependencies.
  for (const [id, needed] of context.selection.needed.entries()) {
    if (needed !== 1) continue;
    context.signal.throwIfAborted();
    await search.look(id);
  }
  return search.result();
}

class Search {
  readonly #context: InferContext;
  readonly #judging: Judging;
  readonly #who: string;
  readonly #isVoided: (journal: string, target: string) => boolean;
  readonly #traces: PresentTraces;
  readonly #ordinals: Ordinals;
  readonly #inferred: Inferred[] = [];
  readonly #fresh: TargetId[] = [];
  readonly #left: { readonly id: TargetId; readonly because: string }[] = [];
  readonly #foreign = new Map<string, { readonly claimed: number; readonly id: TargetId }>();
  readonly #absent: TargetId[] = [];
  /** Those that publish or free files, and what comes after them: a run does these again. */
  readonly #unlooked = new Set<TargetId>();

  constructor(
    context: InferContext,
    options: {
      readonly judging: Judging;
      readonly who: string;
      readonly isVoided: (journal: string, target: string) => boolean;
    },
  ) {
    this.#context = context;
    this.#judging = options.judging;
    this.#who = options.who;
    this.#isVoided = options.isVoided;
    this.#traces = new PresentTraces(context, options.judging);
    this.#ordinals = new Ordinals(context.graph.plan);
  }

  result(): Inference {
    const { plan } = this.#context.graph;
    const claims = [...this.#foreign].map(([journal, { claimed, id }]) => {
      const { step, member } = locateTarget(plan, id);
      return { journal, claimed, proven: this.#ordinals.stepOf(step.table, member) };
    });
    const found = { inferred: this.#inferred, fresh: this.#fresh, left: this.#left };
    return { ...found, absent: this.#absent, claims };
  }

  async look(id: TargetId): Promise<void> {
    const { graph, store } = this.#context;
    const { step, cell, member } = locateTarget(graph.plan, id);
    const name = step.table.journals[member] ?? '';
    const journal = store.load(name);
    const key = targetKey(step, cell);
    const state = journal.targets.get(key);
    const { facts } = this.#judging;
    facts.setResult(id, resultOf(state));
    const claimed = claimOf(journal);
    if (claimed !== undefined && !this.#foreign.has(name)) this.#foreign.set(name, { claimed, id });
    if (this.#isVoided(name, key)) return;
    if (state?.trace !== undefined) await this.#know(id, { state, trace: state.trace });
    else if (isInferable(graph, id)) await this.#infer(id, { state, journal });
    else this.#skip(id);
  }

  /** What is recorded needs no repair, but others may be made from it. */
  async #know(id: TargetId, { state, trace }: { state: TargetState; trace: Trace }): Promise<void> {
    if (this.#unknownProducer(id) !== undefined) return;
    const { facts } = this.#judging;
    const verdict = await this.#judging.judge(id, () => facts.recorded(id, state));
    if (verdict.kind !== 'fresh') return;
    facts.setDigest(id, trace.digest);
    this.#ordinals.mark(id, true);
    this.#fresh.push(id);
  }

  async #infer(
    id: TargetId,
    { state, journal }: { state: TargetState | undefined; journal: JournalState },
  ): Promise<void> {
    // In a damaged journal the end of an attempt may be what was lost.
    if (state !== undefined && journal.damagedLines.length === 0) {
      this.#leave(id, `its last attempt ${state.status === 'failed' ? 'failed' : 'did not end'}`);
      return;
    }
    const claimed = claimOf(journal);
    const { ordinal } = locateTarget(this.#context.graph.plan, id).step.config;
    if (claimed !== undefined && ordinal > claimed) {
      this.#absent.push(id);
      return;
    }
    const producer = this.#unknownProducer(id);
    if (producer !== undefined) {
      if (this.#unlooked.has(producer)) this.#skip(id);
      else await this.#leaveUnlessAbsent(id, producer);
      return;
    }
    const present = await this.#traces.ofOutputs(id, 'as-listed');
    if (present.kind === 'unproven') {
      if (present.problem === 'missing' || present.problem === 'unlisted') this.#absent.push(id);
      else this.#leave(id, present.because);
      return;
    }
    const basis = claimed === undefined ? '' : `, where a state file says step ${claimed}`;
    const inferred = `found on disk by repair (${this.#who})${basis}`;
    const trace = { ...present.trace, inferred };
    this.#judging.facts.setDigest(id, trace.digest);
    this.#ordinals.mark(id, true);
    const attempt = (state?.attempt ?? 0) + 1;
    this.#inferred.push({ id, trace, attempt, staged: present.staged });
  }

  async #leaveUnlessAbsent(id: TargetId, producer: TargetId): Promise<void> {
    const found = await this.#traces.ofOutputs(id, 'as-listed');
    if (found.kind === 'unproven') {
      this.#absent.push(id);
      return;
    }
    const { plan } = this.#context.graph;
    this.#leave(id, `it lies there, but nobody knows of ${targetName(plan, producer)}`);
  }

  #unknownProducer(id: TargetId): TargetId | undefined {
    let unknown: TargetId | undefined;
    forEachProducer(this.#context.graph, id, (producer) => {
      if (this.#judging.facts.digestOf(producer) === undefined) unknown ??= producer;
    });
    return unknown;
  }

  #skip(id: TargetId) {
    this.#unlooked.add(id);
    this.#absent.push(id);
  }

  #leave(id: TargetId, because: string) {
    this.#left.push({ id, because });
  }
}

/** Only where nothing else is recorded of the file. */
function claimOf({ targets, foreignStep }: JournalState): number | undefined {
  return targets.size === 0 ? foreignStep : undefined;
}

/** What publishes looks at its dataset itself, and what only frees files does so quickly again. */
function isInferable(graph: Graph, id: TargetId): boolean {
  const { rule, publish, outputs } = locateTarget(graph.plan, id).step.config;
  return rule.kind !== 'release' && publish === undefined && outputs.length > 0;
}
