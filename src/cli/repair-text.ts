// What `repair` found, as text for people and as JSON lines for programs.

import { type Plan, targetName } from '../plan/plan.ts';
import { explainCounted } from '../reporter/quantity.ts';
import type { Repair } from '../run/repair.ts';
import { countTargets, groupedLines } from './grouped-lines.ts';

const SHOWN = 20;

export function repairText(repair: Repair, plan: Plan): string {
  const { inferred, left, published, absent } = repair;
  const lines: string[] = [...damageLines(repair)];
  if (inferred.length > 0) {
    lines.push(
      `Lying here without a record, to be taken as made by the present rules: ${countTargets(inferred.length)}`,
      ...groupedLines(
        plan,
        inferred.map(({ id, trace }) => ({ id, text: explainFiles(trace) })),
      ),
    );
  }
  for (const { dataset, commit, targets } of published.places) {
    lines.push(
      `Published in ${dataset}@${commit.slice(0, 12)} by the present rules: ${countTargets(targets.length)}`,
    );
  }
  lines.push(...claimLines(repair));
  if (left.length > 0) {
    const said = left.map(({ id, because }) => ({ id, text: because }));
    lines.push('Lying here, but proving nothing:', ...groupedLines(plan, said));
  }
  if (repair.isEmpty) lines.push('Nothing to repair.');
  if (absent.length > 0) lines.push(`A run makes the rest: ${countTargets(absent.length)}`);
  return `${lines.join('\n')}\n`;
}

function explainFiles({ artifacts, manifest }: Repair['inferred'][number]['trace']): string {
  if (manifest !== undefined) return 'every file that its manifest lists, by sha256';
  return artifacts.length === 1 ? 'its output' : `its ${artifacts.length} outputs`;
}

function damageLines({ damaged }: Repair): readonly string[] {
  const lines = damaged.map(({ journal, lines: numbers, results }) => {
    const wrong = results.filter((result) => result.wrong !== undefined);
    const kept = results.length - wrong.length;
    const what = [
      `  state/${journal}.jsonl, damaged in line ${numbers.join(', ')}: ${explainCounted(kept, 'proven result')}`,
      ...wrong.map((result) => `    ${result.target} is to be made again: ${result.wrong}`),
    ];
    return what.join('\n');
  });
  if (lines.length === 0) return [];
  const more = lines.length - SHOWN;
  const shown = more > 0 ? [...lines.slice(0, SHOWN), `  … and ${more} more`] : lines;
  return [`Damaged journals, to be written clean: ${lines.length}`, ...shown];
}

function claimLines({ claims }: Repair): readonly string[] {
  if (claims.length === 0) return [];
  const lines = claims.map(
    ({ journal, claimed, proven }) =>
      `  ${journal}: it says step ${claimed}, its outputs prove ${provenText(proven, claimed)}`,
  );
  const more = lines.length - SHOWN;
  const shown = more > 0 ? [...lines.slice(0, SHOWN), `  … and ${more} more`] : lines;
  return [`State of another program: ${explainCounted(claims.length, 'file')}`, ...shown];
}

function provenText(proven: number, claimed: number): string {
  return proven === 0 ? 'nothing' : `step ${Math.min(proven, claimed)}`;
}

export function repairJson(repair: Repair, plan: Plan): string {
  const { damaged, inferred, published, claims, left } = repair;
  const lines = [
    ...damaged.flatMap(({ journal, lines: damagedLines, results }) => [
      { finding: 'damaged', journal, damagedLines },
      ...results.map(({ target, wrong }) => ({
        finding: wrong === undefined ? 'verified' : 'wrong',
        journal,
        target,
        because: wrong,
      })),
    ]),
    ...inferred.map(({ id }) => ({ finding: 'inferred', target: targetName(plan, id) })),
    ...published.places.flatMap(({ dataset, commit, targets }) =>
      targets.map((id) => ({
        finding: 'published',
        target: targetName(plan, id),
        dataset,
        commit,
      })),
    ),
    ...claims.map((claim) => ({ finding: 'foreign', ...claim })),
    ...left.map(({ id, because }) => ({
      finding: 'left',
      target: targetName(plan, id),
      because,
    })),
  ];
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}
