// The text that ends every run, for the live and the plain reporter alike: counts per step, row
// accounts, failures by cause, and what to type next. Values in, text out; it prints nothing.
import { shellQuote } from '../config/shell-quote.ts';
import type { DatasetSummary, Event, StepResult } from '../event.ts';
import { type FailureGroup, groupFailures } from './cause.ts';
import { cleanLines, oneLine } from './line.ts';
import { explainNothingToDo } from './nothing-to-do.ts';
import { noPaint, type Paint } from './paint.ts';
import type { CellAccount, RunProgress } from './progress.ts';
import { explainBytes, explainCount, explainCounted, explainDuration } from './quantity.ts';

export type RunEnded = Extract<Event, { type: 'run-ended' }>;

export interface SummaryOptions {
  /** What the user types before the targets: `pnpm pipeline -f x.yaml --profile full`. */
  readonly invocation: string;
  /** Has taken every event of the run. */
  readonly progress: RunProgress;
  readonly paint?: Paint;
}

const MAX_GROUPS = 20;
const MAX_TARGETS = 3;
const MAX_HELD = 10;
const MAX_RULES = 20;
const MAX_DETAIL_LINES = 8;
/** More targets than this are named by their step or cell in the command that reruns them. */
const MAX_RERUN_TARGETS = 3;

/** Ends in a line feed. */
export function explainSummary(ended: RunEnded, options: SummaryOptions): string {
  if (ended.nothingToDo) {
    return explainNothingToDo(
      sumOf(ended.steps, (step) => step.fresh),
      ended.durationMs,
    );
  }
  const blocks = [
    explainSteps(ended.steps, options),
    explainAccounts(options.progress.accounts),
    explainFindings(options.progress.findings),
    explainDatasets(ended.datasets),
    ...explainFailures(ended, options),
    explainClosing(ended, options),
  ];
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`;
}

/** Rules that are broken or could not be checked. */
function explainFindings({ checked, broken }: RunProgress['findings']): string {
  if (checked === 0) return '';
  const kept = checked - broken.length;
  const lines = broken.slice(0, MAX_RULES).map(({ table, rule, severity, ...found }) => {
    const count = `${explainCount(found.broken)} of ${explainCounted(found.rows, 'row')}`;
    const what =
      found.problem === undefined
        ? `is broken by ${count}`
        : `could not be checked: ${oneLine(found.problem)}`;
    return `    ${severity} ${oneLine(`${table}: ${rule}`)} ${what}`;
  });
  if (broken.length > MAX_RULES) lines.push(`    … and ${broken.length - MAX_RULES} more`);
  const head = `  rules: ${explainCount(kept)} of ${explainCount(checked)} are kept by every row`;
  return [head, ...lines].join('\n');
}

/** What is now in the published datasets. */
function explainDatasets(datasets: RunEnded['datasets']): string {
  if (datasets.length === 0) return '';
  const columns: readonly Column<DatasetSummary>[] = [
    ['parts', ({ published }) => published],
    ['of', ({ targets }) => targets],
    ['files', ({ files }) => files],
    ['rows', ({ rows }) => rows],
    ['bytes', ({ bytes }) => bytes, explainBytes],
  ];
  const name = ({ dataset }: DatasetSummary) => dataset;
  const lines = alignTable(datasets, { heading: 'published datasets', name, columns });
  return lines.map((line) => `  ${line}`).join('\n');
}

/** A block of text per cause, the most frequent first. */
export function explainFailures(
  { failures }: Pick<RunEnded, 'failures'>,
  { invocation, paint = noPaint }: Omit<SummaryOptions, 'progress'>,
): readonly string[] {
  const groups = groupFailures(failures);
  const blocks = groups
    .slice(0, MAX_GROUPS)
    .map((group) => explainGroup(group, { invocation, paint }));
  const rest = groups.slice(MAX_GROUPS);
  if (rest.length > 0) {
    const targets = sumOf(rest, (group) => group.failures.length);
    blocks.push(
      `… and ${explainCounted(rest.length, 'more cause')} with ${explainCounted(targets, 'target')}`,
    );
  }
  return blocks;
}

function explainGroup(
  { step, code, failures }: FailureGroup,
  { invocation, paint }: { invocation: string; paint: Paint },
): string {
  const [{ failure, log }] = failures;
  const counted = explainCounted(failures.length, 'target');
  const lines = [
    `${paint('red', `✖ ${step}: ${counted} failed`)} (${code})`,
    `  ${paint('bold', oneLine(failure.message))}`,
  ];
  const detail = failure.detail === undefined ? [] : cleanLines(failure.detail);
  for (const line of detail.slice(0, MAX_DETAIL_LINES)) lines.push(`  | ${line}`.trimEnd());
  if (detail.length > MAX_DETAIL_LINES) {
    lines.push(`  | … ${explainCounted(detail.length - MAX_DETAIL_LINES, 'more line')} in the log`);
  }
  for (const [index, { target }] of failures.slice(0, MAX_TARGETS).entries()) {
    lines.push(`  ${index === 0 ? 'target' : '      '} ${oneLine(target)}`);
  }
  if (failures.length > MAX_TARGETS) {
    lines.push(`         … and ${explainCount(failures.length - MAX_TARGETS)} more`);
  }
  lines.push(`  log    ${oneLine(log)}`);
  if (failure.hint !== undefined) lines.push(`  hint   ${oneLine(failure.hint)}`);
  lines.push(`  rerun  ${rerunCommand(failures, invocation)}`);
  return lines.join('\n');
}

/**
 * The command that runs just these again. Many targets are named by their cells: what of these is
 * up to date does not run, so that exactly the unfinished ones do.
 */
export function rerunCommand(
  failures: readonly { readonly target: string; readonly step: string }[],
  invocation: string,
): string {
  let selections = failures.map(({ target }) => target);
  if (selections.length > MAX_RERUN_TARGETS) {
    const cells = new Set(selections.map((target) => target.split('@', 1)[0] ?? target));
    const steps = new Set(failures.map(({ step }) => step));
    selections = [...(cells.size > MAX_RERUN_TARGETS ? steps : cells)];
  }
  return [invocation, ...selections.map(shellQuote)].join(' ');
}

function explainClosing(ended: RunEnded, { progress, paint = noPaint }: SummaryOptions) {
  const count = (of: (step: StepResult) => number) => sumOf(ended.steps, of);
  const fresh = count((step) => step.fresh);
  const done = count((step) => step.done);
  const left = count((step) => step.left);
  const stopped = count((step) => step.interrupted);
  const blocked = count((step) => step.blocked);
  const time = explainDuration(ended.durationMs);
  if (progress.started?.dryRun) {
    return `Dry run: ${explainCounted(left, 'target')} would run, ${explainCount(fresh)} up to date.`;
  }
  if (ended.outcome === 'interrupted') {
    const some = stopped === 0 ? '' : ` (${explainCount(stopped)} of them were running)`;
    const remain = left + stopped === 1 ? 'remains' : 'remain';
    const what = `${explainCounted(left + stopped, 'target')} ${remain}${some}`;
    return [
      `${paint('yellow', 'Interrupted')} after ${time}: ${explainCount(done)} done, ${what}.`,
      'The same command goes on where this run stopped.',
    ].join('\n');
  }
  const counts = `${explainCount(done)} done, ${explainCount(fresh)} up to date`;
  if (ended.outcome === 'ok') return `${paint('green', 'Done')} in ${time}: ${counts}.`;
  const failed = explainCount(count((step) => step.failed));
  const lines = [`${paint('red', 'Failed')} after ${time}: ${failed} failed, ${counts}.`];
  if (blocked > 0) {
    const are = blocked === 1 ? 'is' : 'are';
    const wait = `${explainCounted(blocked, 'target')} ${are} blocked by these failures`;
    lines.push(`${wait}; the same command runs all that is left.`);
  }
  if (ended.diskHeldBy.length > 0) lines.push(explainHeldDisk(ended.diskHeldBy));
  if (left + stopped > 0) {
    lines.push(`${explainCounted(left + stopped, 'target')} not finished, as the run ended first.`);
  }
  return lines.join('\n');
}

function explainHeldDisk(groups: readonly string[]): string {
  const shown = groups.slice(0, MAX_HELD).join(', ') + (groups.length > MAX_HELD ? ', …' : '');
  return (
    `The disk budget (pools: {disk: ..}) is held by ${shown}, of which nothing more can run: ` +
    'repair what failed there, select the step that frees it, or give more.'
  );
}

type Column<T> = readonly [
  heading: string,
  value: (row: T) => number,
  explain?: (value: number) => string,
];

function explainSteps(steps: readonly StepResult[], options: SummaryOptions): string {
  const { progress, paint = noPaint } = options;
  const columns: readonly Column<StepResult>[] = [
    ['done', (step) => step.done],
    ['up to date', (step) => step.fresh],
    ['failed', (step) => step.failed],
    ['blocked', (step) => step.blocked],
    ['left', (step) => step.interrupted + step.left],
    ['rows', (step) => step.rows],
    ['rejects', (step) => step.rejects],
    ['bytes', (step) => step.bytesOut, explainBytes],
    ['freed', (step) => step.bytesFreed, explainBytes],
    ['time', (step) => progress.step(step.step)?.targetMs ?? 0, explainDuration],
  ];
  const rows = steps.filter((step) => step.targets > 0);
  const lines = alignTable(rows, { heading: 'step', name: (step) => step.step, columns });
  return lines
    .map((line, index) => {
      const step = rows[index - 1];
      return step === undefined ? `  ${paint('dim', line)}` : `${markOf(step, paint)} ${line}`;
    })
    .join('\n');
}

function explainAccounts(accounts: readonly CellAccount[]): string {
  if (accounts.length === 0) return '';
  const columns: readonly Column<CellAccount>[] = [
    ['entries in', (account) => account.entriesIn],
    ['kept', (account) => account.kept],
    ['dropped', droppedCount],
    ['rejects', (account) => account.rejects],
    ['rows out', (account) => account.rows],
  ];
  const lines = alignTable(accounts, {
    heading: 'account of what ran',
    name: (account) => account.cell,
    columns,
  });
  return lines
    .flatMap((line, index) => {
      const drops = Object.entries(accounts[index - 1]?.drops ?? {})
        .filter(([, count]) => count > 0)
        .sort(([, a], [, b]) => b - a)
        .map(([reason, count]) => `${oneLine(reason)} ${explainCount(count)}`);
      return drops.length === 0 ? [`  ${line}`] : [`  ${line}`, `    dropped: ${drops.join(', ')}`];
    })
    .join('\n');
}

/** A heading and a line per row; columns that are zero everywhere are left out, zeros are `·`. */
function alignTable<T>(
  rows: readonly T[],
  table: { heading: string; name: (row: T) => string; columns: readonly Column<T>[] },
): readonly string[] {
  const names = [table.heading, ...rows.map(table.name)];
  const shown = table.columns.filter(([, value]) => rows.some((row) => value(row) !== 0));
  const cells = shown.map(([heading, value, explain = explainCount]) => [
    heading,
    ...rows.map((row) => (value(row) === 0 ? '·' : explain(value(row)))),
  ]);
  const nameWidth = Math.max(...names.map((name) => name.length));
  const widths = cells.map((column) => Math.max(...column.map((cell) => cell.length)));
  return names.map((name, line) =>
    [
      name.padEnd(nameWidth),
      ...cells.map((column, index) => (column[line] ?? '').padStart(widths[index] ?? 0)),
    ].join('  '),
  );
}

function markOf(step: StepResult, paint: Paint): string {
  if (step.failed > 0) return paint('red', '✖');
  if (step.blocked + step.interrupted + step.left > 0) return paint('yellow', '◼');
  return paint('green', '✔');
}

function droppedCount(account: CellAccount): number {
  return sumOf(Object.values(account.drops), (count) => count);
}

function sumOf<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((sum, item) => sum + value(item), 0);
}
