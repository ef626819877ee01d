// Gathers what is known of the memory that targets need, when one could start: sizes of its inputs,
// what others of its step and cell took in this run and before, and who ran out of it. The estimate
// itself is `memory-estimate.ts`'s; who gets what is the scheduler's.
import type { PoolName } from '../config/config.ts';
import type { MemoryNeed } from '../free-pools.ts';
import { forEachProducer, type Graph } from '../plan/graph.ts';
import { locateTarget, type PlannedTarget, type TargetId, targetId } from '../plan/plan.ts';
import type { TargetState } from '../store/journal-state.ts';
import type { TargetFacts } from './facts.ts';
import { estimateMemory, type MemorySample } from './memory-estimate.ts';
import { targetMemoryBytes } from './weights.ts';

/** Of each cell, the last so many are remembered; of earlier runs as many are looked for. */
const REMEMBERED = 8;
/** Of many inputs only the largest files are looked at. */
const MAX_FILES = 16;
const MAX_CACHED = 1024;

export interface MemoryNeedsOptions {
  readonly graph: Graph;
  readonly facts: Pick<TargetFacts, 'outsideInputs' | 'resultOf'>;
  readonly pools: Readonly<Record<PoolName, number>>;
  readonly stateOf: (id: TargetId) => TargetState | undefined;
  /** Uncompressed bytes of a Parquet file's largest row group; undefined of any other file. */
  readonly largestRowGroup: (path: string) => number | undefined;
}

interface Known {
  readonly need: MemoryNeed;
  readonly rowGroupBytes: number | undefined;
}

export class MemoryNeeds {
  readonly #options: MemoryNeedsOptions;
  /** Of targets that could start, or run. */
  readonly #known = new Map<TargetId, Known>();
  /** By step and cell. */
  readonly #samples: (readonly MemorySample[] | undefined)[][];
  /** Ran out of memory, and get all that there is. */
  readonly #starved = new Set<TargetId>();
  readonly #rowGroups = new Map<string, number | undefined>();

  constructor(options: MemoryNeedsOptions) {
    this.#options = options;
    this.#samples = options.graph.plan.steps.map(() => []);
  }

  of(id: TargetId): MemoryNeed {
    const known = this.#known.get(id) ?? this.#find(id);
    this.#known.set(id, known);
    return known.need;
  }

  /** Of a target that runs: the largest row group of its inputs, where somebody had to know. */
  rowGroupBytesOf(id: TargetId): number | undefined {
    return this.#known.get(id)?.rowGroupBytes;
  }

  /** The target's next attempt gets all the memory there is, and so runs alone. */
  giveAll(id: TargetId): void {
    this.#starved.add(id);
    this.#known.delete(id);
  }

  hasAll(id: TargetId): boolean {
    return this.#starved.has(id) || this.of(id).leastBytes >= this.#options.pools.memory;
  }

  /** The target is done, and its worker held so much. */
  took(id: TargetId, peakBytes: number): void {
    const { step, cell } = locateTarget(this.#options.graph.plan, id);
    const sample = { rowGroupBytes: this.rowGroupBytesOf(id), peakBytes };
    const samples = [...(this.#samples[step.index]?.[cell] ?? []), sample].slice(-REMEMBERED);
    this.#setSamples(step.index, { cell, samples });
  }

  /** The target has ended. */
  forget(id: TargetId): void {
    this.#known.delete(id);
    this.#starved.delete(id);
  }

  #find(id: TargetId): Known {
    const { graph, pools } = this.#options;
    const target = locateTarget(graph.plan, id);
    const { rule, outputs, pools: declared } = target.step.config;
    const isSql = rule.kind === 'sql' && declared.memory === undefined;
    const files = isSql ? this.#inputsOf(id, target) : [];
    const rowGroupBytes = this.#largestRowGroup(files);
    const starvedBytes = this.#starved.has(id) ? pools.memory : undefined;
    const need = estimateMemory({
      rule: rule.kind,
      poolBytes: pools.memory,
      shareBytes: targetMemoryBytes(target.step, pools),
      declaredBytes: starvedBytes ?? declared.memory,
      rowGroupBytes,
      inputBytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      isSplit: outputs.some(({ partitionBy }) => partitionBy !== undefined),
      samples: this.#samplesOf(target),
    });
    return { need, rowGroupBytes };
  }

  #samplesOf({ step, cell, member }: PlannedTarget): readonly MemorySample[] {
    const known = this.#samples[step.index]?.[cell];
    if (known !== undefined) return known;
    const { facts, stateOf } = this.#options;
    const samples: MemorySample[] = [];
    // Those before it are the ones that earlier runs have most likely made.
    for (let at = 1; at <= step.memberCount && samples.length < REMEMBERED; at += 1) {
      const other = targetId(step, cell, (member - at + step.memberCount) % step.memberCount);
      if (facts.resultOf(other) === 'none') continue;
      const { peakBytes, rowGroupBytes } = stateOf(other)?.trace ?? {};
      if (peakBytes !== undefined) samples.push({ rowGroupBytes, peakBytes });
    }
    this.#setSamples(step.index, { cell, samples });
    return samples;
  }

  #setSamples(
    step: number,
    { cell, samples }: { readonly cell: number; readonly samples: readonly MemorySample[] },
  ) {
    const cells = this.#samples[step];
    if (cells !== undefined) cells[cell] = samples;
  }

  #inputsOf(id: TargetId, target: PlannedTarget): { path: string; bytes: number }[] {
    const { graph, facts, stateOf } = this.#options;
    const files = facts
      .outsideInputs(target)
      .map(({ path, file }) => ({ path, bytes: file?.bytes ?? 0 }));
    forEachProducer(graph, id, (producer) => {
      for (const { path, bytes } of stateOf(producer)?.trace?.artifacts ?? []) {
        files.push({ path: `${graph.plan.config.work}/${path}`, bytes });
      }
    });
    return files;
  }

  #largestRowGroup(files: readonly { path: string; bytes: number }[]): number | undefined {
    const largest = [...files].sort((a, b) => b.bytes - a.bytes).slice(0, MAX_FILES);
    const sizes = largest
      .map(({ path }) => this.#rowGroupOf(path))
      .filter((size) => size !== undefined);
    return sizes.length === 0 ? undefined : Math.max(...sizes);
  }

  #rowGroupOf(path: string): number | undefined {
    if (this.#rowGroups.has(path)) return this.#rowGroups.get(path);
    const bytes = this.#options.largestRowGroup(path);
    // The steps that read a file follow each other closely.
    if (this.#rowGroups.size >= MAX_CACHED) this.#rowGroups.clear();
    this.#rowGroups.set(path, bytes);
    return bytes;
  }
}
