// How far each group is, for `status`: the groups in which the pipeline goes to its end (those of its
// last step that has groups), else those that the first capture of the file names gives. Of many
// groups only those are shown that are begun and not at their end; the others are counted.
import { type MemberTable, memberVariables, type Plan, type PlanStep } from '../plan/plan.ts';
import { layOutTable } from './table.ts';

/** Groups that are shown; more are counted. */
const SHOWN_GROUPS = 40;

export interface GroupedTargets {
  readonly plan: Plan;
  /** Targets that are looked at, and of these the ones that are done: those of one member. */
  readonly count: (
    step: PlanStep,
    member: number,
  ) => { readonly all: number; readonly done: number };
}

/** A head line and a line for each group, with the done targets of all in each step. */
export function groupLines({ plan, count }: GroupedTargets): readonly string[] {
  const grouping = groupingOf(plan);
  if (grouping === undefined) return [];
  const { kind, table, groupOfFile } = grouping;
  const steps = plan.steps.filter((step) => step.table.listing === table.listing);
  const groups = new Map<string, { done: number; all: number }[]>();
  for (const [index, step] of steps.entries()) {
    for (let member = 0; member < step.memberCount; member += 1) {
      const { all, done } = count(step, member);
      const [file] = step.table.filesOf(member);
      if (all === 0 || file === undefined || step.table.each.kind === 'once') continue;
      const cells = groups.getOrInsertComputed(groupOfFile(file), () =>
        steps.map(() => ({ done: 0, all: 0 })),
      );
      const cell = cells[index];
      if (cell === undefined) continue;
      cell.all += all;
      cell.done += done;
    }
  }
  const shown = [...groups].filter(([, cells]) => groups.size <= SHOWN_GROUPS || isInWork(cells));
  const rows = shown
    .slice(0, SHOWN_GROUPS)
    .map(([group, cells]) => [
      group,
      ...cells.map(({ done, all }) => (all === 0 ? '' : `${done}/${all}`)),
    ]);
  const head = [kind, ...steps.map(({ name }) => name)];
  const more = shown.length - rows.length;
  const hidden = groups.size - shown.length;
  const done = [...groups.values()].filter((cells) => cells.every(isDone)).length;
  return [
    '',
    ...layOutTable([head, ...rows]),
    ...(more > 0 ? [`… and ${more} more`] : []),
    ...(hidden > 0 ? [`… and ${done} that are done, ${hidden - done} that are not begun`] : []),
  ];
}

interface Grouping {
  readonly kind: string;
  /** One of the same files. */
  readonly table: MemberTable;
  /** By index in the listing. */
  readonly groupOfFile: (file: number) => string;
}

function groupingOf({ steps }: Plan): Grouping | undefined {
  const [first] = steps;
  const last = steps.findLast(({ table }) => {
    return table.each.kind === 'group' && table.listing === first?.table.listing;
  });
  if (last?.table.each.kind === 'group') {
    const { table } = last;
    const { group: kind } = last.table.each;
    const names = table.names.map((_, member) => String(memberVariables(last, member)[kind]));
    return { kind, table, groupOfFile: (file) => names[table.groupOfFile?.[file] ?? -1] ?? '' };
  }
  const kind = first?.captures[0];
  if (first === undefined || kind === undefined) return undefined;
  const { table } = first;
  return { kind, table, groupOfFile: (file) => table.listing?.files[file]?.captures[0] ?? '' };
}

type Cells = readonly { readonly done: number; readonly all: number }[];

function isDone({ done, all }: Cells[number]): boolean {
  return done === all;
}

function isInWork(cells: Cells): boolean {
  return !cells.every(isDone) && cells.some(({ done }) => done > 0);
}
