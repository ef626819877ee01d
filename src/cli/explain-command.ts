// `pipeline explain TARGET`: whether it is up to date, and if not, what changed: old value, new
// value, followed down to the root cause.
import type { Graph } from '../plan/graph.ts';
import { locateTarget, type TargetId, targetKey, targetName } from '../plan/plan.ts';
import { explainReason } from '../rebuilder.ts';
import {
  explainBytes,
  explainCount,
  explainCounted,
  explainDuration,
} from '../reporter/quantity.ts';
import type { RootCause } from '../run/causes.ts';
import type { RecordedCheckpoint } from '../run/survey.ts';
import type { Trace } from '../trace.ts';
import { explainCheckpoint } from './checkpoint-text.ts';
import { EXIT } from './exit-code.ts';
import { type Look, look } from './look.ts';
import { projectOptions, type RawOptions } from './options.ts';
import { openProject } from './project.ts';

/** Different causes of one target that are shown. */
const SHOWN_CAUSES = 20;
/** More targets than this are explained by `-n`, which groups them. */
const SHOWN_TARGETS = 50;

export async function explainCommand(
  words: readonly string[],
  raw: RawOptions & { readonly json?: boolean },
): Promise<number> {
  const project = openProject(projectOptions(raw));
  const options = { words, rehash: 'unproven' } as const;
  const text = await look(project, {
    options,
    use: (found) => {
      const ids = namedTargets(found);
      const shown = ids.slice(0, SHOWN_TARGETS);
      const more = ids.length - shown.length;
      if (raw.json === true) return ids.map((id) => `${explainJson(id, found)}\n`).join('');
      const texts = shown.map((id) => explainTarget(id, found));
      return texts.join('\n') + (more > 0 ? `\n… and ${more} more targets\n` : '');
    },
  });
  process.stdout.write(text);
  return EXIT.ok;
}

function namedTargets({ selection }: Look): readonly TargetId[] {
  return [...selection.named.keys()].filter((id) => selection.named[id] === 1);
}

function explainTarget(id: TargetId, { graph, survey }: Look): string {
  const lines = [`${targetName(graph.plan, id)} ${headline(id, survey)}`];
  lines.push(...causeLines(survey.causesOf(id), graph));
  lines.push(...checkpointLines(survey.checkpointOf(id)));
  const recorded = survey.recorded(id);
  const accepted = recorded?.accepted;
  if (accepted !== undefined) {
    const why = accepted.why === '' ? '' : `: ${accepted.why}`;
    lines.push(`  accepted ${accepted.at} by ${accepted.who}${why}`);
  }
  if (recorded?.trace !== undefined) lines.push(...explainTrace(recorded.trace, recorded.at));
  const failure = recorded?.failure;
  if (failure !== undefined) {
    const { code, message } = failure.failure;
    lines.push(`  last failed ${failure.at}: ${message} [${code}]`, `  log: ${failure.log}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Causes of one step that say the same are told once: an edit makes a whole step stale. */
function causeLines(causes: readonly RootCause[], graph: Graph): readonly string[] {
  const groups = new Map<string, { readonly causes: RootCause[]; readonly texts: string[] }>();
  for (const cause of causes) {
    const { step, cell } = locateTarget(graph.plan, cause.target);
    const texts = cause.reasons.map(explainReason);
    const key = [cause.relation, targetKey(step, cell), ...texts].join('\n');
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { causes: [cause], texts });
    else group.causes.push(cause);
  }
  const shown = [...groups.values()].slice(0, SHOWN_CAUSES);
  const more = groups.size - shown.length;
  return [
    ...shown.flatMap(({ causes: [first, ...others], texts }) => {
      if (first === undefined) return [];
      const because = texts.map((text) => `because ${text}`);
      if (first.relation === 'itself') return because.map((line) => `  ${line}`);
      const name = targetName(graph.plan, first.target);
      const some = others.length === 0 ? '' : ` and ${explainCount(others.length)} more like it`;
      return [
        `  ${RELATIONS[first.relation]} ${name}${some}`,
        ...because.map((line) => `    ${line}`),
      ];
    }),
    ...(more > 0 ? [`  … and ${more} more causes`] : []),
  ];
}

const RELATIONS = { upstream: 'comes from', reader: 'for the sake of' } as const;

function checkpointLines(checkpoint: RecordedCheckpoint | undefined): readonly string[] {
  if (checkpoint === undefined) return [];
  const { record, differences } = checkpoint;
  const where = `its checkpoint of ${record.updated} at ${explainCheckpoint(record)}`;
  if (differences.length > 0) {
    const verb = differences.length === 1 ? 'is' : 'are';
    return [`  starts over: ${differences.join(', ')} ${verb} not those of ${where}`];
  }
  const files = Object.keys(record.outside);
  const provided =
    files.length === 0 ? '' : `, provided that ${files.join(', ')} still has the same bytes`;
  return [`  goes on from ${where}${provided}`];
}

function headline(id: TargetId, { assessment }: Look['survey']): string {
  switch (assessment.stateOf(id)) {
    case 'fresh':
      return 'is up to date';
    case 'stale':
      return 'would run';
    case 'pending':
      return 'may run, if what it waits for comes out different';
    case 'outside':
      return 'is not part of this selection';
  }
}

function explainTrace(trace: Trace, at: string): readonly string[] {
  const { artifacts, manifest, rows, rejects } = trace;
  const bytes = manifest?.totalBytes ?? artifacts.reduce((sum, file) => sum + file.bytes, 0);
  const files = manifest?.files ?? artifacts.length;
  const parts = [`${files} ${files === 1 ? 'file' : 'files'}`, explainBytes(bytes)];
  if (rows !== undefined) parts.push(explainCounted(rows, 'row'));
  if (rejects !== undefined) parts.push(`${rejects} rejects`);
  const versions = Object.entries(trace.engine).map(([name, version]) => `${name} ${version}`);
  const origin =
    trace.inferred === undefined
      ? `last made ${at} in ${explainDuration(trace.durationMs)}`
      : `not seen being made, but ${trace.inferred}, as found ${at}`;
  return [
    `  ${origin}: ${parts.join(', ')}`,
    ...artifacts.map((file) => `  output ${file.path}`),
    ...(manifest === undefined ? [] : [`  manifest ${manifest.path}`]),
    `  with ${versions.join(', ')}`,
  ];
}

function explainJson(id: TargetId, { graph, survey }: Look): string {
  const { assessment } = survey;
  return JSON.stringify({
    target: targetName(graph.plan, id),
    state: assessment.stateOf(id),
    accepted: survey.recorded(id)?.accepted,
    inferred: survey.recorded(id)?.trace?.inferred,
    ...checkpointJson(survey.checkpointOf(id)),
    causes: survey.causesOf(id).map(({ target, relation, reasons }) => ({
      target: targetName(graph.plan, target),
      relation,
      reasons: reasons.map((reason) => ({ ...reason, text: explainReason(reason) })),
    })),
  });
}

function checkpointJson(checkpoint: RecordedCheckpoint | undefined) {
  if (checkpoint === undefined) return {};
  const { record, differences } = checkpoint;
  const { records, rows, position, started, updated } = record;
  const counts = differences.length === 0;
  return { checkpoint: { records, rows, position, started, updated, counts, differences } };
}
