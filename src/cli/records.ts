// Opens what a work folder has recorded, for the commands that only tell of it.
import { nodeFileSystem } from '../node-file-system.ts';
import { readStore, type StoreReader } from '../store/store.ts';
import { invocationOf, type RawOptions } from './options.ts';
import { belongingOf, type Project, stateFolder } from './project.ts';
import { problemText, UsageError } from './usage-error.ts';

/** Throws a UsageError where nothing was ever recorded, or by another pipeline. */
export function openRecords(project: Project, raw: RawOptions): StoreReader {
  const { config } = project;
  const folder = stateFolder(config);
  if (nodeFileSystem.list(folder) === undefined) {
    throw new UsageError(
      `Nothing was ever run in ${config.work}\n  run it first: ${invocationOf(raw)}`,
    );
  }
  const opened = readStore({ fs: nodeFileSystem, folder, belonging: belongingOf(config) });
  if (opened.kind === 'refused') throw new UsageError(problemText(opened.problem));
  return opened.store;
}
