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

/** The first kind of group that a step is expanded over, else the first that the names give. */
export function groupKind({ config }: Plan): string | undefined {
  for (const { each } of config.steps) if (each.kind === 'group') return each.group;
  const [first] = config.sources.flatMap(groupKinds);
  return first;
}

/** Of each member of the table; undefined where it has no group of this kind. */
export function groupsOf(
  { steps }: Plan,
  { table, kind }: { readonly table: MemberTable; readonly kind: string | undefined },
): readonly (string | undefined)[] {
  const step = steps.find((each) => each.table === table);
  if (step === undefined || kind === undefined) return table.names.map(() => undefined);
  const { each, listing, names } = table;
  if (each.kind === 'group') {
    return names.map((name) => (each.group === kind ? name : undefined));
  }
  const capture = step.captures.indexOf(kind);
  return names.map((_, member) => {
    const value = listing?.files[table.filesOf(member)[0] ?? -1]?.captures[capture];
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
