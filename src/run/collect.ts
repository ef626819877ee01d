// Deletes orphans, in an order that a crash may cut anywhere: first their traces are voided, so that
// nothing half deleted is ever taken for a result; then their files go, lists last; only when that
// is durable are the records forgotten, since without them nobody would know whose the files are.
import { posix } from 'node:path';
import type { OrphanContext, Orphans, OrphanTarget } from './orphans.ts';
import { removeFiles } from './publish.ts';

export async function collectOrphans(
  { targets, journals, scratch }: Orphans,
  { store, fs, work }: Pick<OrphanContext, 'store' | 'fs' | 'work'>,
): Promise<void> {
  const byJournal = Map.groupBy(targets, ({ journal }) => journal);
  for (const [journal, orphans] of byJournal) voidTraces(journal, { orphans, store });
  await store.flush();
  for (const { files } of targets) {
    removeFiles(
      files.map(({ path }) => path),
      { fs, work },
    );
  }
  for (const { path } of scratch) fs.remove(posix.join(work, path));
  if (targets.length > 0) await fs.syncAll(work);
  const gone = new Set(journals);
  for (const [journal, orphans] of byJournal) {
    if (gone.has(journal)) continue;
    store.compact(journal, { forget: new Set(orphans.map(({ key }) => key)) });
  }
  for (const journal of journals) store.remove(journal);
  await store.flush();
}

function voidTraces(
  journal: string,
  {
    orphans,
    store,
  }: { readonly orphans: readonly OrphanTarget[]; readonly store: OrphanContext['store'] },
): void {
  const state = store.load(journal);
  for (const { key, files } of orphans) {
    const recorded = state.targets.get(key);
    if (recorded?.trace === undefined || files.length === 0) continue;
    const { attempt, previous } = recorded;
    const head = { target: key, step: state.step ?? 0, attempt: attempt + 1 };
    store.append(journal, { ...head, status: 'started', previous });
  }
}
