// What a run says of its sources before it begins: files that are left out because the pipeline says
// so, and files that are there no more although something was made of them.
import type { Plan } from '../plan/plan.ts';

const SHOWN = 3;

export function sourceNotes(plan: Plan, journals: readonly string[]): readonly string[] {
  const excluded = listings(plan).flatMap((listing) => listing.excluded);
  const known = knownJournals(plan);
  const orphans = journals.filter((journal) => !journal.startsWith('@') && !known.has(journal));
  const notes: string[] = [];
  if (excluded.length > 0) {
    const files = excluded.map(({ key, reason }) => `${key} (${reason})`);
    notes.push(`Left out, as the pipeline says: ${shorten(files)}`);
  }
  // Nothing is deleted by itself.
  if (orphans.length > 0) {
    const files = orphans.length === 1 ? '1 file is' : `${orphans.length} files are`;
    notes.push(
      `${files} in no source any more: ${shorten(orphans)}. What was made of ` +
        'them is kept; `gc` lists it, and deletes it when told to',
    );
  }
  return notes;
}

/** Journals of everything that the plan has, also of what it leaves out. */
export function knownJournals(plan: Plan): Set<string> {
  const known = new Set(plan.tables.flatMap((table) => table.journals));
  for (const { source, excluded } of listings(plan)) {
    // The first source owns the state folder itself, every other one a subfolder.
    const prefix = plan.config.sources[0]?.name === source ? '' : `${source}/`;
    for (const { key } of excluded) known.add(prefix + key);
  }
  return known;
}

function listings({ tables }: Plan) {
  return [...new Set(tables.flatMap(({ listing }) => listing ?? []))];
}

function shorten(names: readonly string[]): string {
  return names.slice(0, SHOWN).join(', ') + (names.length > SHOWN ? ', …' : '');
}
