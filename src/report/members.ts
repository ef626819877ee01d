// Which member of the plan a journal belongs to, and its group: what the names of journals mean to
// people. A journal that the plan does not know (its file vanished) still has a name.
import { groupKinds } from '../config/config.ts';
import type { MemberTable, Plan } from '../plan/plan.ts';

export interface Member {
  /** What stands after `@` in the target's name; '' for what runs once. */
  readonly name: string;
  /** `chunk=0`, of the kind by which the pipeline groups its files; undefined without one. */
  readonly group: string | undefined;
  /** Undefined where the plan does not know the journal. */
  readonly place: { readonly table: MemberTable; readonly member: number } | undefined;
}

export class Members {
  readonly #byJournal = new Map<string, Member>();

  constructor(plan: Plan) {
    const kind = groupKind(plan);
    for (const table of plan.tables) {
      const groups = groupsOf(plan, { table, kind });
      for (const [member, name] of table.names.entries()) {
        const journal = table.journals[member] ?? '';
        const place = { table, member };
        this.#byJournal.set(journal, { name, group: groups[member], place });
      }
    }
  }

  of(journal: string): Member {
    return this.#byJournal.get(journal) ?? unknownMember(journal);
  }
}

/** The kind of the last step that has groups, else the first that the names of files give. */
export function groupKind({ config }: Plan): string | undefined {
  const last = config.steps.findLast(({ each }) => each.kind === 'group');
  if (last?.each.kind === 'group') return last.each.group;
  return config.sources.flatMap(groupKinds)[0];
}

/** Of each member of the table; undefined where it has no group of this kind. */
export function groupsOf(
  { steps }: Plan,
  { table, kind }: { readonly table: MemberTable; readonly kind: string | undefined },
): readonly (string | undefined)[] {
  const capture = steps.find((each) => each.table === table)?.captures.indexOf(kind ?? '') ?? -1;
  return table.names.map((_, member) => {
    const [file = -1] = table.filesOf(member);
    const value = table.listing?.files[file]?.captures[capture];
    return value === undefined ? undefined : `${kind}=${value}`;
  });
}

/** `other/chunk_9-1`, `@chunk=9`, `@once`. */
function unknownMember(journal: string): Member {
  const last = journal.slice(journal.lastIndexOf('/') + 1);
  if (last === '@once') return { name: '', group: undefined, place: undefined };
  const isGroup = last.startsWith('@');
  const name = isGroup ? last.slice(1) : last;
  return { name, group: isGroup ? name : undefined, place: undefined };
}
