// `pipeline -n`: what would run, and why; grouped, because a plan can have 100,000 targets.

import { locateTarget, type TargetId, targetKey, targetName } from '../plan/plan.ts';
import { explainReason } from '../rebuilder.ts';
import { countSelected } from '../run/tally.ts';
import { EXIT } from './exit-code.ts';
import { datasetLines, sourceLines } from './forecast.ts';
import { type Look, look, unlistedSources } from './look.ts';
import type { Project } from './project.ts';
import type { RawRunOptions } from './run-command.ts';
import { layOutTable } from './table.ts';

/** Groups of equal reasons that are shown; more are counted. */
const SHOWN_REASONS = 20;

export async function previewCommand(
  project: Project,
  { words, raw }: { words: readonly string[]; raw: RawRunOptions },
): Promise<number> {
  const unlisted = unlistedSources(project);
  if (unlisted.length > 0) {
    const names = unlisted.join(', ');
    process.stdout.write(`A run makes or lists the files of ${names} first, and then plans.\n`);
    return EXIT.ok;
  }
  const rehash = raw.verify === true ? 'all' : 'unproven';
  const options = { words, until: raw.until, force: raw.force === true, rehash } as const;
  const text = await look(project, {
    options,
    use: (found) => (raw.json === true ? previewJson(found) : previewText(found)),
  });
  process.stdout.write(text);
  return EXIT.ok;
}

function previewText(found: Look): string {
  const { graph, selection, survey } = found;
  const { assessment } = survey;
  if (assessment.todo === 0) {
    const targets = selection.needed.reduce((sum, value) => sum + value, 0);
    return `Nothing to do: ${targets} targets are up to date.\n`;
  }
  const rows = graph.plan.steps.map((step) => {
    const counts = { fresh: 0, stale: 0, pending: 0, outside: 0 };
    for (let id = step.base; id < step.base + step.cellCount * step.memberCount; id += 1) {
      counts[assessment.stateOf(id)] += 1;
    }
    const targets = countSelected(step, selection.needed);
    return [step.name, targets, counts.fresh, counts.stale, counts.pending].map(String);
  });
  const head = ['step', 'targets', 'up to date', 'would run', 'may run'];
  const lines = [...sourceLines(graph.plan), '', ...layOutTable([head, ...rows])];
  const datasets = datasetLines(graph.plan);
  if (datasets.length > 0) lines.push('', ...datasets);
  lines.push('', ...reasonLines(found));
  lines.push(
    '',
    '"may run": waits for something that runs, and runs only if that comes out different',
  );
  return `${lines.join('\n')}\n`;
}

function reasonLines({ graph, survey }: Look): readonly string[] {
  const groups = new Map<string, { count: number; example: string }>();
  for (const id of staleTargets(graph.plan.targetCount, survey)) {
    const { step, cell } = locateTarget(graph.plan, id);
    const reasons = survey.assessment.reasonsOf(id).map(explainReason);
    // The same edit gives every member the same reason; what names a file differs.
    const key = `${targetKey(step, cell)}: ${reasons.join('; ')}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { count: 1, example: targetName(graph.plan, id) });
    else group.count += 1;
  }
  const lines = [...groups]
    .slice(0, SHOWN_REASONS)
    .map(([key, { count, example }]) =>
      count === 1 ? `${example}: ${key.slice(key.indexOf(': ') + 2)}` : `${key} (${count} targets)`,
    );
  const more = groups.size - lines.length;
  return more > 0 ? [...lines, `… and ${more} more`] : lines;
}

function* staleTargets(count: number, survey: Look['survey']): Generator<TargetId> {
  for (let id = 0; id < count; id += 1) {
    if (survey.assessment.stateOf(id) === 'stale') yield id;
  }
}

/** One object a line for every target that would or may run. */
function previewJson({ graph, survey }: Look): string {
  const lines: string[] = [];
  for (let id = 0; id < graph.plan.targetCount; id += 1) {
    const state = survey.assessment.stateOf(id);
    if (state !== 'stale' && state !== 'pending') continue;
    const reasons = state === 'stale' ? survey.assessment.reasonsOf(id) : [];
    const texts = reasons.map(explainReason);
    lines.push(JSON.stringify({ target: targetName(graph.plan, id), state, reasons: texts }));
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}
