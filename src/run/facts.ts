// Gathers what the rebuilder compares: what holds now for a target, and what was recorded of it.
// Facts that cost something (the meaning of a changed text, the digest of a touched file) are
// looked up in `Answers`, which the run fills when the rebuilder asks.

import type { HubConfig, OutputConfig } from '../config/config.ts';
import { expandTemplate } from '../config/template.ts';
import type { Description } from '../executor/executor.ts';
import type { FileSystem } from '../file-system.ts';
import { type CellWork, makeCellWork, makeFields } from '../fingerprint.ts';
import { isPattern } from '../glob.ts';
import type { RemoteSource, SourceFile } from '../plan/catalog.ts';
import { forEachProducer, forEachReleased, type Graph } from '../plan/graph.ts';
import {
  cellOf,
  locateTarget,
  memberVariables,
  type PlannedTarget,
  type PlanStep,
  type TargetId,
  targetKey,
  targetName,
} from '../plan/plan.ts';
import type { Current, OutputState, OutsideFile, Recorded } from '../rebuilder.ts';
import type { TargetState } from '../store/journal-state.ts';
import type { Scalar } from '../task.ts';
import type { Fields, Trace } from '../trace.ts';
import type { OutputListing } from './output-listing.ts';
import { type CellRule, RuleReader } from './rule-text.ts';

export interface OutsideInput {
  /** Name of the input in the rule: `input` for the source, else the key under `inputs:`. */
  readonly input: string;
  /** Name in the trace. */
  readonly name: string;
  readonly path: string;
  /** Undefined when the file is not there. */
  readonly file: OutsideFile | undefined;
  readonly remote: RemoteSource | undefined;
}

/** Nothing that counts, files that lie here, or files that were there and were released since. */
export type RecordedResult = 'none' | 'here' | 'released';
const RESULTS: readonly RecordedResult[] = ['none', 'here', 'released'];

/** Expensive facts, by what they are about; filled when somebody had to know. */
export class Answers {
  readonly descriptions = new Map<string, Description>();
  /** By absolute path. */
  readonly digests = new Map<string, string>();
  /** Outputs that were looked into, by target: what was found wrong, or that all is as it was. */
  readonly outputs = new Map<TargetId, OutputState>();
}

export class TargetFacts {
  readonly #graph: Graph;
  readonly #fs: FileSystem;
  readonly #listing: OutputListing;
  readonly #answers: Answers;
  readonly #doubtsOutside: boolean;
  readonly #results: Uint8Array;
  readonly #rules: (CellRule & { readonly work: CellWork })[][];
  /** Digest of each target's result, as far as it is known to be up to date. */
  readonly #digests: (string | undefined)[];

  constructor(options: {
    readonly graph: Graph;
    readonly fs: FileSystem;
    readonly listing: OutputListing;
    readonly answers: Answers;
    readonly engine: Readonly<Record<string, string>>;
    readonly hubId: (hub: HubConfig) => string;
    /** Read outside files again whatever their size and mtime. */
    readonly doubtsOutside?: boolean;
  }) {
    const { config, steps, targetCount } = options.graph.plan;
    this.#graph = options.graph;
    this.#fs = options.fs;
    this.#listing = options.listing;
    this.#answers = options.answers;
    this.#doubtsOutside = options.doubtsOutside ?? false;
    this.#results = new Uint8Array(targetCount);
    this.#digests = new Array<string | undefined>(targetCount);
    const reader = new RuleReader(config, options.fs);
    this.#rules = steps.map((step) =>
      step.config.cells.map((cell, index) => {
        const rule = reader.read(step, index);
        const { engine, hubId } = options;
        return {
          ...rule,
          work: makeCellWork(step.config, { config, cell, text: rule.text, engine, hubId }),
        };
      }),
    );
  }

  ruleOf(step: PlanStep, cell: number): CellRule {
    return this.#rule(step, cell);
  }

  setDigest(id: TargetId, digest: string): void {
    this.#digests[id] = digest;
  }

  /** What became of a target's last result, as its journal says. */
  setResult(id: TargetId, result: RecordedResult): void {
    this.#results[id] = RESULTS.indexOf(result);
  }

  /** `none` for a target that was not judged. */
  resultOf(id: TargetId): RecordedResult {
    return RESULTS[this.#results[id] ?? 0] ?? 'none';
  }

  digestOf(id: TargetId): string | undefined {
    return this.#digests[id];
  }

  variablesOf({ step, cell, member }: PlannedTarget): Readonly<Record<string, Scalar>> {
    return { ...cellOf(step, cell).variables, ...memberVariables(step, member) };
  }

  /** The fingerprint's fields as their texts say. */
  plainFieldsOf({ step, cell, member }: PlannedTarget): Fields {
    return makeFields(this.#rule(step, cell).work, memberVariables(step, member));
  }

  /** The fingerprint's fields, with what is known of the meaning of changed texts. */
  fieldsOf(target: PlannedTarget): Fields {
    const { step, cell } = target;
    const fields = this.plainFieldsOf(target);
    const description = this.#answers.descriptions.get(targetKey(step, cell));
    return description === undefined ? fields : withMeaning(fields, description);
  }

  current(id: TargetId): Current {
    const target = locateTarget(this.#graph.plan, id);
    const outside: Record<string, OutsideFile> = {};
    for (const { name, file } of this.outsideInputs(target)) {
      if (file !== undefined) outside[name] = file;
    }
    return {
      fields: this.fieldsOf(target),
      ruleFile: this.#rule(target.step, target.cell).file,
      inputs: this.inputDigests(id),
      outside,
      doubtsOutside: this.#doubtsOutside,
      maxRejects: target.step.config.maxRejects,
    };
  }

  /** Digest of what each producer gave, by its name in the trace. */
  inputDigests(id: TargetId): Record<string, string> {
    const inputs: Record<string, string> = {};
    forEachProducer(this.#graph, id, (producer) => {
      inputs[this.inputName(id, producer)] = this.#digests[producer] ?? '';
    });
    return inputs;
  }

  /** `process:claims` for the same member, the full target name otherwise. */
  inputName(consumer: TargetId, producer: TargetId): string {
    const { plan } = this.#graph;
    const from = locateTarget(plan, producer);
    const to = locateTarget(plan, consumer);
    const sameMember = from.step.table === to.step.table && from.member === to.member;
    return sameMember ? targetKey(from.step, from.cell) : targetName(plan, producer);
  }

  /** Files that no target makes: those of the source, for a first step, and those under `inputs:`. */
  outsideInputs(target: PlannedTarget): readonly OutsideInput[] {
    const { step, member } = target;
    const inputs: OutsideInput[] = [];
    if (step.needs.length === 0 && step.table.listing !== undefined) {
      for (const index of step.table.filesOf(member)) {
        const file = step.table.listing.files[index];
        if (file === undefined) continue;
        const name = step.table.each.kind === 'file' ? 'source' : `source/${file.key}`;
        const { path, remote } = file;
        inputs.push({ input: 'input', name, path, file: this.#known(file), remote });
      }
    }
    const variables = step.config.inputs.length === 0 ? {} : this.variablesOf(target);
    for (const { name, path } of step.config.inputs) {
      const resolved = expandTemplate(path, (variable) => variables[variable] ?? '');
      const stat = this.#fs.stat(resolved);
      const file = stat === undefined ? undefined : { ...stat, path: resolved };
      inputs.push({
        input: name,
        name: `./${name}`,
        path: resolved,
        file: file === undefined ? undefined : this.#known(file),
        remote: undefined,
      });
    }
    return inputs;
  }

  /** As `outsideInputs`, with every file that lies here looked at again. */
  outsideInputsNow(target: PlannedTarget): readonly OutsideInput[] {
    return this.outsideInputs(target).map((input) => {
      if (input.remote !== undefined) return input;
      return { ...input, file: this.#fs.stat(input.path) };
    });
  }

  recorded(id: TargetId, state: TargetState | undefined): Recorded {
    const trace = state?.trace;
    if (trace === undefined) return { trace, unfinished: unfinishedOf(state), outputs: present };
    const known = this.#answers.outputs.get(id);
    // What was rehashed may have been freed, or made again for another reader, since.
    const outputs =
      known === undefined || known.kind === 'present'
        ? this.#observeOutputs(id, { state, trace })
        : known;
    return { trace, unfinished: undefined, outputs };
  }

  /** Output paths of a target relative to the work folder, `{value}` and `*` left in them. */
  outputPath(output: OutputConfig, variables: Readonly<Record<string, Scalar>>): string {
    return expandTemplate(output.path, (name) =>
      name === 'value' ? '{value}' : (variables[name] ?? ''),
    );
  }

  #observeOutputs(
    id: TargetId,
    { state, trace }: { state: TargetState | undefined; trace: Trace },
  ): OutputState {
    if (state?.released !== undefined) return { kind: 'released' };
    const unreleased = this.#firstUnreleased(id);
    if (unreleased !== undefined) return { kind: 'unreleased', target: unreleased };
    for (const artifact of trace.artifacts) {
      if (!this.#listing.exists(artifact.path)) return { kind: 'missing', path: artifact.path };
    }
    const { manifest } = trace;
    if (manifest === undefined) return present;
    if (!this.#listing.exists(manifest.path)) return { kind: 'missing', path: manifest.path };
    const target = locateTarget(this.#graph.plan, id);
    const variables = this.variablesOf(target);
    let found = 0;
    const paths = target.step.config.outputs.map((output) => this.outputPath(output, variables));
    for (const path of paths) {
      const pattern = path.replaceAll('{value}', '*');
      found += isPattern(pattern) || paths.length > 1 ? this.#listing.count(pattern) : 0;
    }
    const missing = manifest.files - found;
    if (missing <= 0) return present;
    const path = `${paths[0]} (${missing} of ${manifest.files} files)`;
    return { kind: 'missing', path };
  }

  /** Of a releasing target: one whose files have been made again since. */
  #firstUnreleased(id: TargetId): string | undefined {
    let found: TargetId | undefined;
    forEachReleased(this.#graph, id, (released) => {
      if (found === undefined && this.resultOf(released) === 'here') found = released;
    });
    return found === undefined ? undefined : targetName(this.#graph.plan, found);
  }

  #known(file: Pick<SourceFile, 'path' | 'bytes' | 'mtimeMs' | 'remote'>): OutsideFile {
    const sha256 = file.remote?.file.digest ?? this.#answers.digests.get(file.path);
    const { bytes, mtimeMs } = file;
    return sha256 === undefined ? { bytes, mtimeMs } : { bytes, mtimeMs, sha256 };
  }

  #rule(step: PlanStep, cell: number): CellRule & { readonly work: CellWork } {
    const found = this.#rules[step.index]?.[cell];
    if (found === undefined) throw new RangeError(`step ${step.name} has no cell ${cell}`);
    return found;
  }
}

const present: OutputState = { kind: 'present' };

function unfinishedOf(state: TargetState | undefined): Recorded['unfinished'] {
  switch (state?.status) {
    case 'started':
    case 'checkpoint':
      return 'started';
    case 'failed':
      return 'failed';
    case 'interrupted':
      return 'interrupted';
    default:
      return undefined;
  }
}

export function withMeaning(fields: Fields, description: Description): Fields {
  const contracts = Object.entries(fields.contracts ?? {}).map(([output, contract]) => {
    const meaning = description.contracts?.[output];
    return [output, meaning === undefined ? contract : { ...contract, meaning }] as const;
  });
  return {
    ...fields,
    ...(description.code === undefined ? {} : { code: description.code }),
    ...(description.meaning === undefined ? {} : { meaning: description.meaning }),
    ...(description.ignored === undefined ? {} : { ignored: description.ignored }),
    ...(contracts.length === 0 ? {} : { contracts: Object.fromEntries(contracts) }),
  };
}
