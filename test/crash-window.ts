// In which windows a kill fell, told from what it left on the disk.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow } from './crash-folder.ts';
import { type RecordedTarget, readState } from './crash-journal.ts';

/** At least one; a kill while several targets were at work falls into several. */
export function windowsOf(work: string): readonly string[] {
  const state = readState(work);
  const windows = new Set<string>();
  if (state.tornJournals > 0) windows.add('half a line in a journal');
  const files = filesBelow(work);
  if (files.some((path) => path.endsWith('.next')))
    windows.add('a manifest before its last rename');
  for (const target of state.targets) {
    if (target.status !== 'started') continue;
    windows.add(`in ${target.step}`);
    const late = lateWindow(target, { work, files });
    if (late !== undefined) windows.add(late);
  }
  if (windows.size > 0) return [...windows];
  return [windowBetween(state.targets, files)];
}

function windowBetween(targets: readonly RecordedTarget[], files: readonly string[]): string {
  if (!files.includes('state/@runs.jsonl')) return 'before the state exists';
  if (!targets.some(({ step }) => step === 'seed-hub')) return 'before the first target';
  if (!files.includes('state/@source-wikidata.jsonl')) return 'before the listing is recorded';
  const cleans = targets.filter(({ step }) => step === 'clean');
  if (cleans.length === 2) return 'after the last trace, before the end';
  return targets.some(({ step }) => step === 'pull') ? 'between targets' : 'after the listing';
}

interface Found {
  readonly work: string;
  /** All files, by path in the work folder. */
  readonly files: readonly string[];
}

/** Something has appeared outside, and the trace is not written yet. */
function lateWindow(target: RecordedTarget, { work, files }: Found): string | undefined {
  const { step, journal } = target;
  const table = target.target.replace(/^[^:]*:?/, '');
  const group = journal.replace('@', '').replace('=', '-');
  const isThere = (pattern: RegExp) => files.some((path) => pattern.test(path));
  const outputs: Readonly<Record<string, RegExp>> = {
    'seed-hub': /^sample\//,
    pull: new RegExp(`^data/${journal}\\.`),
    process: new RegExp(`^flat/${table}/${journal}\\.`),
    partition: new RegExp(`^results/${table}/.*/${journal}\\.`),
    push: new RegExp(`^published/${table}/${group}\\.`),
    post_check: new RegExp(`^checked/${table}/${group}\\.`),
  };
  if (step === 'clean') {
    const { targets } = readState(work);
    const isReleased = targets.some(({ status }) => status === 'released');
    const isLeft = isThere(/^(data|flat|results)\//);
    if (isReleased)
      return isLeft ? 'released, not all deleted' : 'all deleted, clean without trace';
    return undefined;
  }
  if (outputs[step] !== undefined && isThere(outputs[step])) return `${step}: outputs, no trace`;
  if (step === 'push' && isPublished(work, { table, group })) return 'push: committed, no outputs';
  return undefined;
}

/** Whether the last commit of a push has landed, told by its title. */
function isPublished(work: string, { table, group }: { table: string; group: string }): boolean {
  const repo = join(work, `hub/repos/datasets/local/wikidata-${table}`);
  if (!existsSync(join(repo, 'refs/main'))) return false;
  const head = readFileSync(join(repo, 'refs/main'), 'utf8');
  for (let at: string | null = head; at !== null; ) {
    const text = readFileSync(join(repo, 'commits', at.slice(0, 2), at), 'utf8');
    const { title, parent } = JSON.parse(text.slice(0, text.indexOf('\n')));
    if (title === `${group}: manifest and card`) return true;
    at = parent;
  }
  return false;
}
