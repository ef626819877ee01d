// Recalls from published datasets what need not be made again, before a run begins: in a new work
// folder, targets whose results were published from the same inputs by the same rules count as done
// and released, as they would after a run here. The rebuilder alone decides what holds; anything
// else is left to be made. Asks no Hub unless a group's targets are to be made for the first time.
import { posix } from 'node:path';
import type { HubConfig } from '../config/config.ts';
import type { Executor, HubAddress, RecalledTarget } from '../executor/executor.ts';
import type { FileSystem } from '../file-system.ts';
import type { Graph } from '../plan/graph.ts';
import { locateTarget, type TargetId, targetName } from '../plan/plan.ts';
import type { Selection } from '../plan/selection.ts';
import { judge } from '../rebuilder.ts';
import type { Store } from '../store/store.ts';
import type { Failure, Trace } from '../trace.ts';
import { type OpenQuestion, questionOf } from './assess.ts';
import { Answers, TargetFacts } from './facts.ts';
import { Inspector } from './inspect.ts';
import { Meanings } from './meanings.ts';
import { OutputListing } from './output-listing.ts';
import { upstreamOf } from './provenance.ts';
import { findCandidates } from './recall-candidates.ts';
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
  /** Look for whatever is not recorded, also of groups that were begun here. */
  readonly isRepair?: boolean;
  /** Traces that are about to be recorded anyway. */
  readonly known?: ReadonlyMap<TargetId, Trace>;
}

/** What was found; it lies in stages until it is recorded or discarded. */
export interface Published {
  readonly places: readonly PublishedPlace[];
  record(): void;
  discard(): void;
}

export interface PublishedPlace {
  readonly dataset: string;
  readonly commit: string;
  readonly targets: readonly TargetId[];
}

/** Publications looked into at the same time, each by a worker. */
const LOOKS_AT_ONCE = 4;

/** Rejects with a HubError when a Hub cannot be asked. */
export async function recallPublished(context: RecallContext): Promise<void> {
  const found = await findPublished(context);
  found.record();
  for (const place of found.places) {
    const count = place.targets.length;
    context.note(
      `Recalled from ${show(place)} what need not be made again: ${count} target${count === 1 ? '' : 's'}`,
    );
  }
}

/** Rejects with a HubError when a Hub cannot be asked. */
export async function findPublished(context: RecallContext): Promise<Published> {
  const recall = new Recall(context);
  const candidates = findCandidates(context);
  try {
    if (candidates.length > 0) await recall.look(candidates);
  } catch (error) {
    recall.discard();
    throw error;
  }
  return {
    places: recall.places(),
    record: () => recall.record(),
    discard: () => recall.discard(),
  };
}

/** A dataset at one commit, and what is recalled from it. */
interface Place extends PublishedPlace {
  readonly targets: TargetId[];
}

interface Believed {
  readonly id: TargetId;
  readonly found: RecalledTarget;
  readonly place: Place;
}

class Recall {
  readonly #context: RecallContext;
  readonly #answers = new Answers();
  readonly #facts: TargetFacts;
  readonly #meanings: Meanings;
  readonly #recorder: Recorder;
  readonly #inspector: Inspector;
  readonly #asked = new Map<string, Promise<Place | undefined>>();
  readonly #places: Place[] = [];
  /** In order of dependencies. */
  readonly #believed: Believed[] = [];
  /** Folders with manifests that were made again. */
  readonly #stages: string[] = [];
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
    const { signal } = this.#context;
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
  }

  places(): readonly PublishedPlace[] {
    return this.#places.filter(({ targets }) => targets.length > 0);
  }

  record(): void {
    for (const believed of this.#believed) this.#record(believed);
    this.discard();
  }

  discard(): void {
    for (const stage of this.#stages) this.#context.fs.remove(stage);
  }

  async #lookAt(id: TargetId): Promise<void> {
    const { graph, signal, executor, connectHub } = this.#context;
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
    this.#stages.push(order.stage);
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
  }

  #placeOf(hub: HubConfig, dataset: string): Promise<Place | undefined> {
    const { hubId, headOf, signal } = this.#context;
    const key = `${hubId(hub)} ${dataset}`;
    let place = this.#asked.get(key);
    if (place === undefined) {
      const look = async () => {
        const commit = await headOf(hub, dataset);
        if (commit === undefined) return undefined;
        const found = { dataset, commit, targets: [] };
        this.#places.push(found);
        return found;
      };
      place = look().catch((error: unknown) => {
        if (signal.aborted) return undefined;
        throw error;
      });
      this.#asked.set(key, place);
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
    const { graph, known } = this.#context;
    const recalled = new Map(targets.map((target) => [target.target, target]));
    for (;;) {
      const questions: OpenQuestion[] = [];
      for (const id of upstream) {
        if (this.#facts.digestOf(id) !== undefined) continue;
        const state = this.#recorder.stateOf(id);
        const found = recalled.get(targetName(graph.plan, id));
        const own = known?.get(id) ?? state?.trace;
        const isNew = own === undefined && state === undefined;
        const trace = isNew ? found?.trace : own;
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
          if (isNew && found !== undefined) this.#keep({ id, found, place });
        }
      }
      if (questions.length === 0) break;
      await this.#inspector.answer(questions);
    }
  }

  /** What nobody frees lies here after a run, and what publishes looks at its dataset itself. */
  #keep(believed: Believed) {
    const { step } = locateTarget(this.#context.graph.plan, believed.id);
    if (!this.#freed.has(step.index) || step.config.publish !== undefined) return;
    this.#believed.push(believed);
    believed.place.targets.push(believed.id);
  }

  #record({ id, found, place }: Believed) {
    const { graph, fs } = this.#context;
    const target = locateTarget(graph.plan, id);
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
  }
}

function show({ dataset, commit }: PublishedPlace): string {
  return `${dataset}@${commit.slice(0, 12)}`;
}

function whenAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
