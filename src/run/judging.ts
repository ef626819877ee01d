// Judges targets one after the other, outside a run: for commands that change what is recorded. Asks
// for whatever the rebuilder needs to know; decides nothing itself and records nothing.
import { posix } from 'node:path';
import type { HubConfig } from '../config/config.ts';
import type { Description, Executor } from '../executor/executor.ts';
import type { FileSystem } from '../file-system.ts';
import type { Graph } from '../plan/graph.ts';
import { locateTarget, type TargetId } from '../plan/plan.ts';
import { judge, type Recorded, type Verdict } from '../rebuilder.ts';
import { questionOf } from './assess.ts';
import { Answers, TargetFacts } from './facts.ts';
import { Inspector } from './inspect.ts';
import { Meanings } from './meanings.ts';
import { OutputListing } from './output-listing.ts';

export interface JudgingContext {
  readonly graph: Graph;
  readonly fs: FileSystem;
  readonly executor: () => Promise<Executor>;
  readonly engine: Readonly<Record<string, string>>;
  readonly hubId: (hub: HubConfig) => string;
  readonly signal: AbortSignal;
}

export type Judged = Exclude<Verdict, { kind: 'unknown' }>;

export class Judging {
  readonly facts: TargetFacts;
  readonly #context: JudgingContext;
  readonly #answers = new Answers();
  readonly #meanings: Meanings;
  readonly #inspector: Inspector;

  constructor(context: JudgingContext) {
    const { graph, fs, engine, hubId, executor, signal } = context;
    const { work } = graph.plan.config;
    const answers = this.#answers;
    const listing = new OutputListing(fs, work);
    this.#context = context;
    this.facts = new TargetFacts({ graph, fs, listing, answers, engine, hubId });
    this.#meanings = new Meanings(fs, { state: posix.join(work, 'state'), engine });
    this.#inspector = new Inspector({
      graph,
      facts: this.facts,
      answers,
      meanings: this.#meanings,
      fs,
      executor,
      onVerified: () => {},
      signal,
    });
  }

  async judge(id: TargetId, recorded: () => Recorded): Promise<Judged> {
    for (;;) {
      const verdict = judge(this.facts.current(id), recorded());
      if (verdict.kind !== 'unknown') return verdict;
      const { graph } = this.#context;
      await this.#inspector.answer([questionOf(id, { verdict, graph, facts: this.facts })]);
    }
  }

  /** What the target's rule and contracts mean; nothing where nobody can say. */
  async describe(id: TargetId): Promise<Description> {
    const { step, cell } = locateTarget(this.#context.graph.plan, id);
    await this.#inspector.answer([{ kind: 'meaning', target: id }]);
    return this.#meanings.recall(this.facts.ruleOf(step, cell).text) ?? {};
  }

  /** Of an outside file; undefined when it cannot be read. */
  async digestOf(target: TargetId, path: string): Promise<string | undefined> {
    await this.#inspector.answer([{ kind: 'digest', target, path }]);
    const sha256 = this.#answers.digests.get(path);
    return sha256 === 'unreadable' ? undefined : sha256;
  }

  /** Only for the holder of the lock. */
  save(): void {
    this.#meanings.save();
  }
}
