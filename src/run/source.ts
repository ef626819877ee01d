// Lists the files of every source, which is all that planning needs to know of the outside.
// Local files are listed at every run; nothing is opened or hashed here.
import type { Config, SourceConfig } from '../config/config.ts';
import type { Diagnostic } from '../diagnostic.ts';
import type { FileSystem } from '../file-system.ts';
import { findFiles } from '../glob.ts';
import {
  type Catalog,
  compareNaturally,
  keyOfFile,
  type Listing,
  type SourceFile,
} from '../plan/catalog.ts';

export interface CatalogResult {
  readonly catalog: Catalog;
  readonly diagnostics: readonly Diagnostic[];
}

export function observeSources(config: Config, fs: FileSystem): CatalogResult {
  const diagnostics: Diagnostic[] = [];
  const listings = config.sources.map((source) => listLocalFiles(source, { fs, diagnostics }));
  return { catalog: { listings }, diagnostics };
}

function listLocalFiles(
  source: SourceConfig,
  { fs, diagnostics }: { fs: FileSystem; diagnostics: Diagnostic[] },
): Listing {
  const expression = new RegExp(source.pattern.expression);
  const files: SourceFile[] = [];
  for (const path of findFiles(fs, source.files)) {
    const captures = expression.exec(path);
    if (captures === null) {
      diagnostics.push({
        code: 'name-mismatch',
        severity: 'error',
        message: `File ${path} of source "${source.name}" does not match its name pattern "${source.pattern.text}"`,
        at: source.at,
        hint: 'narrow `files` or change `name`',
      });
      continue;
    }
    const stat = fs.stat(path);
    if (stat === undefined) continue;
    files.push({
      path,
      key: keyOfFile(path),
      bytes: stat.bytes,
      mtimeMs: stat.mtimeMs,
      captures: source.pattern.captures.map((name) => captures.groups?.[name] ?? ''),
    });
  }
  if (files.length === 0 && diagnostics.length === 0) {
    diagnostics.push({
      code: 'no-source-files',
      severity: 'error',
      message: `Source "${source.name}" has no files: nothing matches ${source.files}`,
      at: source.at,
      hint: 'check the folder, or the variable it comes from (`--set NAME=FOLDER`)',
    });
  }
  files.sort((a, b) => compareNaturally(a.key, b.key));
  return { source: source.name, files };
}
