// Recalls from published datasets what need not be made again, before a run begins: in a new work
// folder, targets whose results were published from the same inputs by the same rules count as done
// and released, as they would after a run here. The rebuilder alone decides what holds; anything
// else is left to be made. Asks no Hub unless a group's targets are to be made for the first time.
import { posix } from 'node:path';
import type { HubConfig } from '../config/config.ts';
import type { Executor, HubAddress, RecalledTarget } from '../executor/executor.ts';
import type { FileSystem } from '../file-system.ts';
import { forEachProducer, type Graph } from '../plan/graph.ts';
import { locateTarget, type TargetId, targetId, targetKey, targetName } from '../plan/plan.ts';
import type { Selection } from '../plan/selection.ts';
import { judge } from '../rebuilder.ts';
import type { JournalState } from '../store/journal-state.ts';
import type { Store } from '../store/store.ts';
import type { Failure, Trace } from '../trace.ts';
import { type OpenQuestion, questionOf } from './assess.ts';
import { Answers, TargetFacts } from './facts.ts';
import { Inspector } from './inspect.ts';
import { Meanings } from './meanings.ts';
import { OutputListing } from './output-listing.ts';
import { upstreamOf } from './provenance.ts';
import { Recorder } from './recorder.ts';
import { filesOf } from './release.ts';
import { makeWorkOrder, targetPaths } from './work-order.ts';

export interface RecallContext {
  readonly graph: Graph;
  readonly selection: Selection;
  readonly store: Store;
  readonly fs: FileSystem;
  readonly executor: () => Promise<Executor>;
  readonly connectHub: (hub: HubConfig) => Promise<HubAddress>;
  /** The newest commit of a dataset; undefined when there is none. */
  readonly headOf: (hub: HubConfig, dataset: string) => Promise<string | undefined>;
  readonly hubId: (hub: HubConfig) => string;
  readonly engine: Readonly<Record<string, string>>;
  readonly note: (message: string) => void;
  /** Aborted when the run is to end: what was not recalled by then is not. */
  readonly signal: AbortSignal;
}

/** Publications looked into at the same time, each by a worker. */
const LOOKS_AT_ONCE = 4;

/** Rejects with a HubError when a Hub cannot be asked. */
export async function recallPublished(context: RecallContext): Promise<void> {
  const candidates = findCandidates(context);
  if (candidates.length > 0) await new Recall(context).look(candidates);
}

/** Publishing targets of which neither they nor what they publish was ever begun. */
function findCandidates({ graph, selection, store }: RecallContext): readonly TargetId[] {
  const { plan } = graph;
  // Cells of a member look into the same journals one after the other.
  let last: { readonly name: string; readonly journal: JournalState } | undefined;
  const isRecorded = (id: TargetId) => {
    const { step, cell, member } = locateTarget(plan, id);
    const name = step.table.journals[member] ?? '';
    if (last?.name !== name) last = { name, journal: store.load(name) };
    return last.journal.targets.has(targetKey(step, cell));
  };
  const candidates: TargetId[] = [];
  for (const step of plan.steps) {
    const { publish, hub, rule, acceptsReleased } = step.config;
    const isAble = publish !== undefined && hub !== undefined && rule.kind === 'task';
    if (!isAble || !acceptsReleased) continue;
    for (let member = 0; member < step.memberCount; member += 1) {
      for (let cell = 0; cell < step.cellCount; cell += 1) {
        const id = targetId(step, cell, member);
        if (selection.needed[id] !== 1) continue;
        if (!producersOf(graph, id).some(isRecorded) && !isRecorded(id)) candidates.push(id);
      }
    }
  }
  return candidates;
}

function producersOf(graph: Graph, id: TargetId): readonly TargetId[] {
  const producers: TargetId[] = [];
  forEachProducer(graph, id, (producer) => producers.push(producer));
  return producers;
}

/** A dataset at one commit, and how much was recalled from it. */
interface Place {
  readonly dataset: string;
  readonly commit: string;
  count: number;
}

class Recall {
  readonly #context: RecallContext;
  readonly #answers = new Answers();
  readonly #facts: TargetFacts;
  readonly #meanings: Meanings;
  readonly #recorder: Recorder;
  readonly #inspector: Inspector;
  readonly #places = new Map<string, Promise<Place | undefined>>();
  /** Steps whose files some step frees: only those would not lie here after a run. */
  readonly #freed: ReadonlySet<number>;

  constructor(context: RecallContext) {
    const { graph, fs, engine, hubId } = context;
    const { config, steps } = graph.plan;
    this.#context = context;
    this.#facts = new TargetFacts({
      graph,
      fs,
      listing: new OutputListing(fs, config.work),
      answers: this.#answers,
      engine,
      hubId,
    });
    this.#meanings = new Meanings(fs, { state: posix.join(config.work, 'state'), engine });
    this.#recorder = new Recorder(context, { facts: this.#facts });
    this.#inspector = new Inspector({
      graph,
      facts: this.#facts,
      answers: this.#answers,
      meanings: this.#meanings,
      fs,
      executor: context.executor,
      onVerified: () => {},
      signal: context.signal,
    });
    this.#freed = new Set(steps.flatMap(({ releases }) => releases.map(({ step }) => step)));
  }

  async look(candidates: readonly TargetId[]): Promise<void> {
    const { signal, note } = this.#context;
    const open = [...candidates];
    const failures: unknown[] = [];
    const work = async () => {
      for (let id = open.shift(); id !== undefined && !signal.aborted; id = open.shift()) {
        await this.#lookAt(id);
      }
    };
    const workOrGiveUp = () =>
      work().catch((error: unknown) => {
        failures.push(error);
        open.length = 0;
      });
    // All have ended before anything is thrown: nobody uses the executor after it was closed.
    await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, workOrGiveUp));
    this.#meanings.save();
    if (failures.length > 0) throw failures[0];
    for (const found of this.#places.values()) {
      const place = await found;
      if (place === undefined || place.count === 0) continue;
      note(`Recalled ${place.count} targets from ${show(place)} that need not be made again`);
    }
  }

  async #lookAt(id: TargetId): Promise<void> {
    const { graph, signal, fs, executor, connectHub } = this.#context;
    const { hub } = locateTarget(graph.plan, id).step.config;
    if (hub === undefined) return;
    const makeOrder = (target: TargetId, address?: HubAddress) =>
      makeWorkOrder(target, {
        attempt: 0,
        scratch: '',
        resume: undefined,
        context: {
          graph,
          facts: this.#facts,
          stateOf: () => undefined,
          memoryBytes: 0,
          hub: address,
          withoutInputs: true,
        },
      });
    const order = makeOrder(id, await connectHub(hub));
    const place = await this.#placeOf(hub, order.dataset ?? '');
    if (place === undefined || signal.aborted) return;
    const upstream = upstreamOf(graph, id);
    try {
      const asked = (await executor()).ask({
        kind: 'recall',
        order,
        revision: place.commit,
        upstream: upstream.map((target) => {
          const { target: name, outputs, manifestPath } = makeOrder(target);
          return { target: name, outputs, manifestPath };
        }),
      });
      const answer = await Promise.race([asked, whenAborted(signal)]);
      if (answer?.kind === 'failed') await this.#refuse(answer.failure, place);
      if (answer?.kind !== 'recalled') return;
      await this.#believe(answer.targets, { upstream, place });
    } finally {
      fs.remove(order.stage);
    }
  }

  #placeOf(hub: HubConfig, dataset: string): Promise<Place | undefined> {
    const { hubId, headOf, signal } = this.#context;
    const key = `${hubId(hub)} ${dataset}`;
    let place = this.#places.get(key);
    if (place === undefined) {
      const look = async () => {
        const commit = await headOf(hub, dataset);
        return commit === undefined ? undefined : { dataset, commit, count: 0 };
      };
      place = look().catch((error: unknown) => {
        if (signal.aborted) return undefined;
        throw error;
      });
      this.#places.set(key, place);
    }
    return place;
  }

  /** A Hub that does not answer ends the run; what cannot be read there is made instead. */
  async #refuse({ code, message, hint = '', mayPass }: Failure, place: Place): Promise<void> {
    const { HubError, HUB_FAILURES } = await import('../hub/client/error.ts');
    const known = HUB_FAILURES.find((failure) => failure === code);
    if (known !== undefined) throw new HubError(known, { message, hint, mayPass });
    this.#context.note(`What ${show(place)} tells of its making cannot be used: ${message}`);
  }

  /** Targets that hold now are recorded in order of dependencies, each with what it depends on. */
  async #believe(
    targets: readonly RecalledTarget[],
    { upstream, place }: { upstream: readonly TargetId[]; place: Place },
  ): Promise<void> {
    const { graph } = this.#context;
    const recalled = new Map(targets.map((target) => [target.target, target]));
    const believed: { readonly id: TargetId; readonly found: RecalledTarget }[] = [];
    for (;;) {
      const questions: OpenQuestion[] = [];
      for (const id of upstream) {
        if (this.#facts.digestOf(id) !== undefined) continue;
        const state = this.#recorder.stateOf(id);
        const found = recalled.get(targetName(graph.plan, id));
        const trace = state === undefined ? found?.trace : state.trace;
        if (trace === undefined) continue;
        const verdict = judge(this.#facts.current(id), {
          trace,
          unfinished: undefined,
          outputs: { kind: 'released' },
        });
        if (verdict.kind === 'unknown') {
          questions.push(questionOf(id, { verdict, graph, facts: this.#facts }));
        } else if (verdict.kind === 'fresh') {
          this.#facts.setDigest(id, trace.digest);
          if (state === undefined && found !== undefined) believed.push({ id, found });
        }
      }
      if (questions.length === 0) break;
      await this.#inspector.answer(questions);
    }
    for (const { id, found } of believed) this.#record(id, { found, place });
  }

  #record(id: TargetId, { found, place }: { found: RecalledTarget; place: Place }) {
    const { graph, fs } = this.#context;
    const target = locateTarget(graph.plan, id);
    const { step } = target;
    // What nobody frees lies here after a run, and what publishes looks at its dataset itself.
    if (!this.#freed.has(step.index) || step.config.publish !== undefined) return;
    if (found.staged !== undefined) {
      const path = posix.join(graph.plan.config.work, targetPaths(graph, id, 0).manifest);
      fs.makeFolder(posix.dirname(path));
      fs.rename(found.staged, path);
    }
    const outside = this.#facts.outsideInputs(target).flatMap(({ name, file, remote }) => {
      if (file === undefined || remote !== undefined) return [];
      return [[name, { bytes: file.bytes, mtimeMs: file.mtimeMs }] as const];
    });
    const trace: Trace = {
      ...found.trace,
      ...(outside.length === 0 ? {} : { outside: Object.fromEntries(outside) }),
      inferred: `published in ${place.dataset}@${place.commit}`,
    };
    this.#recorder.done(id, { attempt: 1, trace });
    this.#recorder.released(id, { attempt: 1, ...filesOf(trace) });
    place.count += 1;
  }
}

function show({ dataset, commit }: Place): string {
  return `${dataset}@${commit.slice(0, 12)}`;
}

function whenAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
