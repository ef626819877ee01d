// Judges every selected target once before anything runs: fresh, stale, or pending on something
// that is not fresh. Facts that cost something are asked for together and the pass is repeated,
// so a run with nothing to do and nothing touched asks for none.
import { forEachProducer, type Graph } from '../plan/graph.ts';
import {
  locateTarget,
  type MemberTable,
  type PlanStep,
  type TargetId,
  targetId,
  targetKey,
  targetName,
} from '../plan/plan.ts';
import { judge, judgeUntraced, type Reason, type Verdict } from '../rebuilder.ts';
import type { JournalState, TargetState } from '../store/journal-state.ts';
import { StoreProblemError } from '../store/problem.ts';
import type { Trace } from '../trace.ts';
import type { Answers, RecordedResult, TargetFacts } from './facts.ts';

export type Assessed = 'outside' | 'fresh' | 'stale' | 'pending';
const ASSESSED: readonly Assessed[] = ['outside', 'fresh', 'stale', 'pending'];

/** What has to be found out before a target can be judged. */
export type OpenQuestion =
  | { readonly kind: 'meaning'; readonly target: TargetId }
  | { readonly kind: 'digest'; readonly target: TargetId; readonly path: string }
  /** Whether the recorded outputs are what they were, by their digests. */
  | { readonly kind: 'outputs'; readonly target: TargetId; readonly trace: Trace };

export interface AssessOptions {
  readonly graph: Graph;
  readonly facts: TargetFacts;
  readonly answers: Answers;
  /** Reads a member's journal; called once per member and pass. */
  readonly load: (journal: string) => JournalState;
  /** Whether an artifact's size and mtime are as recorded; asked before it is consumed. */
  readonly looksUnchanged: (trace: Trace) => boolean;
  readonly needed: Uint8Array;
  /** Targets to be redone whatever is recorded. */
  readonly forced: Uint8Array | undefined;
  /** Whose outputs are rehashed: of every target, of those not proven since a crash, of none. */
  readonly rehash: 'all' | 'unproven' | 'none';
  readonly answer: (questions: readonly OpenQuestion[]) => Promise<void>;
  /** Calls the assessment off: it rejects with the signal's reason. */
  readonly signal: AbortSignal;
}

export interface Assessment {
  stateOf(id: TargetId): Assessed;
  /** Why a stale target is stale; judged again, so that reasons of 100,000 need not be kept. */
  reasonsOf(id: TargetId): readonly Reason[];
  /** 1 for every fresh target. */
  readonly fresh: Uint8Array;
  /** Number of stale and pending targets. */
  readonly todo: number;
}

/** For when it is known that everything needed is up to date. */
export function assessAllFresh(needed: Uint8Array): Assessment {
  return {
    stateOf: (id) => (needed[id] === 1 ? 'fresh' : 'outside'),
    reasonsOf: () => [],
    fresh: needed,
    todo: 0,
  };
}

export async function assess(options: AssessOptions): Promise<Assessment> {
  const assessor = new Assessor(options);
  for (;;) {
    const { questions, isSettled } = assessor.pass();
    if (isSettled) return assessor;
    options.signal.throwIfAborted();
    await options.answer(questions);
  }
}

/** What has to be found out before the rebuilder can say more of a target. */
export function questionOf(
  id: TargetId,
  {
    verdict,
    graph,
    facts,
  }: {
    readonly verdict: Extract<Verdict, { kind: 'unknown' }>;
    readonly graph: Graph;
    readonly facts: TargetFacts;
  },
): OpenQuestion {
  if (verdict.question === 'meaning') return { kind: 'meaning', target: id };
  const inputs = facts.outsideInputs(locateTarget(graph.plan, id));
  const path = inputs.find((input) => input.name === verdict.name)?.path ?? '';
  return { kind: 'digest', target: id, path };
}

class Assessor implements Assessment {
  readonly #options: AssessOptions;
  readonly #states: Uint8Array;

  constructor(options: AssessOptions) {
    this.#options = options;
    this.#states = new Uint8Array(options.graph.plan.targetCount);
  }

  get fresh(): Uint8Array {
    const fresh = ASSESSED.indexOf('fresh');
    return this.#states.map((state) => (state === fresh ? 1 : 0));
  }

  get todo(): number {
    const stale = ASSESSED.indexOf('stale');
    return this.#states.reduce((count, state) => count + (state >= stale ? 1 : 0), 0);
  }

  stateOf(id: TargetId): Assessed {
    return ASSESSED[this.#states[id] ?? 0] ?? 'outside';
  }

  reasonsOf(id: TargetId): readonly Reason[] {
    const state = this.#load(id);
    const verdict = this.#waits(id) ? this.#judgeAlone(id, state) : this.#judge(id, state);
    return verdict.kind === 'stale' ? verdict.reasons : [];
  }

  /** One pass over all targets in order of dependencies; what could not be judged is asked. */
  pass(): { readonly questions: readonly OpenQuestion[]; readonly isSettled: boolean } {
    const questions: OpenQuestion[] = [];
    for (const steps of phases(this.#options.graph)) {
      const [first] = steps;
      if (first === undefined) continue;
      for (let member = 0; member < first.memberCount; member += 1) {
        this.#passMember(steps, { table: first.table, member, questions });
      }
    }
    const isWanted = questions.length === 0 && this.#checkConsumed(questions);
    return { questions, isSettled: questions.length === 0 && !isWanted };
  }

  #passMember(
    steps: readonly PlanStep[],
    { table, member, questions }: { table: MemberTable; member: number; questions: OpenQuestion[] },
  ) {
    let journal: JournalState | undefined;
    for (const step of steps) {
      for (let cell = 0; cell < step.cellCount; cell += 1) {
        const id = targetId(step, cell, member);
        if (this.#options.needed[id] !== 1) continue;
        journal ??= this.#options.load(table.journals[member] ?? '');
        if (journal.problem !== undefined) throw new StoreProblemError(journal.problem);
        const state = journal.targets.get(targetKey(step, cell));
        this.#options.facts.setResult(id, resultOf(state));
        if (this.#waits(id)) this.#placeWaiting(id, { state, questions });
        else this.#place(id, { state, questions });
      }
    }
  }

  #place(
    id: TargetId,
    { state, questions }: { state: TargetState | undefined; questions: OpenQuestion[] },
  ) {
    const { facts, answers, rehash } = this.#options;
    const verdict = this.#judge(id, state);
    if (verdict.kind === 'stale') {
      this.#set(id, 'stale');
      return;
    }
    if (verdict.kind === 'unknown') {
      const { graph } = this.#options;
      questions.push(questionOf(id, { verdict, graph, facts }));
      this.#set(id, 'stale');
      return;
    }
    const trace = state?.trace;
    if (trace === undefined || state === undefined) throw new Error(`fresh without a trace: ${id}`);
    const released = state.released !== undefined;
    const doubted = rehash === 'all' || (rehash === 'unproven' && !state.proven);
    if (doubted && !released && !answers.outputs.has(id)) {
      questions.push({ kind: 'outputs', target: id, trace });
    }
    this.#set(id, 'fresh');
    facts.setDigest(id, trace.digest);
  }

  #judge(id: TargetId, state: TargetState | undefined): Verdict {
    const { facts, forced } = this.#options;
    if (forced?.[id] === 1) return { kind: 'stale', reasons: [{ kind: 'forced' }] };
    const recorded = facts.recorded(id, state);
    return recorded.trace === undefined
      ? judgeUntraced(recorded)
      : judge(facts.current(id), recorded);
  }

  /** Stale if it would run even with everything it waits for as before, else pending on that. */
  #placeWaiting(
    id: TargetId,
    { state, questions }: { state: TargetState | undefined; questions: OpenQuestion[] },
  ) {
    const verdict = this.#judgeAlone(id, state);
    if (verdict.kind === 'unknown') questions.push(questionOf(id, { verdict, ...this.#options }));
    this.#set(id, verdict.kind === 'stale' ? 'stale' : 'pending');
  }

  /** The verdict as if everything that the target waits for had come out as before. */
  #judgeAlone(id: TargetId, state: TargetState | undefined): Verdict {
    const { facts, forced } = this.#options;
    if (forced?.[id] === 1) return { kind: 'stale', reasons: [{ kind: 'forced' }] };
    if (state?.trace === undefined) return judgeUntraced(facts.recorded(id, state));
    const current = facts.current(id);
    const inputs: Record<string, string> = {};
    for (const name of Object.keys(current.inputs)) {
      inputs[name] = state?.trace?.inputs[name] ?? current.inputs[name] ?? '';
    }
    return judge({ ...current, inputs }, facts.recorded(id, state));
  }

  /**
   * Outputs that something stale is about to read are looked at more closely first. Released ones
   * have to be made again; gives whether there were any, and so another pass is due.
   */
  #checkConsumed(questions: OpenQuestion[]): boolean {
    const { graph, answers, looksUnchanged, rehash } = this.#options;
    const seen = new Set<TargetId>();
    let isWanted = false;
    if (!this.#states.includes(ASSESSED.indexOf('fresh'))) return isWanted;
    for (let id = this.#states.length - 1; id >= 0; id -= 1) {
      const state = this.stateOf(id);
      if (state !== 'stale' && state !== 'pending') continue;
      const { rule, ...config } = locateTarget(graph.plan, id).step.config;
      const acceptsReleased = config.acceptsReleased || rule.kind === 'release';
      forEachProducer(graph, id, (producer) => {
        if (this.stateOf(producer) !== 'fresh') return;
        if (answers.outputs.has(producer) || seen.has(producer)) return;
        const recorded = this.#load(producer);
        // Whoever does without the files says nothing of the others that read them.
        if (recorded?.released !== undefined && acceptsReleased) return;
        seen.add(producer);
        if (recorded?.trace === undefined) return;
        if (recorded.released !== undefined) {
          const path = recorded.trace.manifest?.path ?? recorded.trace.artifacts[0]?.path ?? '';
          const by = targetName(graph.plan, id);
          answers.outputs.set(producer, { kind: 'wanted', path, by });
          isWanted = true;
          return;
        }
        if (rehash === 'none' || looksUnchanged(recorded.trace)) return;
        questions.push({ kind: 'outputs', target: producer, trace: recorded.trace });
      });
    }
    return isWanted;
  }

  #load(id: TargetId): TargetState | undefined {
    const { step, cell, member } = locateTarget(this.#options.graph.plan, id);
    const journal = this.#options.load(step.table.journals[member] ?? '');
    return journal.targets.get(targetKey(step, cell));
  }

  #waits(id: TargetId): boolean {
    let waits = false;
    forEachProducer(this.#options.graph, id, (producer) => {
      if (this.stateOf(producer) !== 'fresh') waits = true;
    });
    return waits;
  }

  #set(id: TargetId, state: Assessed) {
    this.#states[id] = ASSESSED.indexOf(state);
  }
}

export function resultOf(state: TargetState | undefined): RecordedResult {
  if (state?.trace === undefined) return 'none';
  return state.released === undefined ? 'here' : 'released';
}

/** Neighbouring steps over the same members: their journals are read once for all of them. */
function phases(graph: Graph): readonly (readonly PlanStep[])[] {
  const found: PlanStep[][] = [];
  for (const step of graph.plan.steps) {
    const last = found.at(-1);
    const mixes = step.needs.some(
      ({ step: producer, relation }) =>
        relation !== 'same' && last?.some((other) => other.index === producer) === true,
    );
    if (last?.[0]?.table === step.table && !mixes) last.push(step);
    else found.push([step]);
  }
  return found;
}
