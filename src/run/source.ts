// Lists the files of every source, which is all that planning needs to know of the outside.
// Local files are listed at every run, those of a Hub come from the recorded listing; nothing is
// opened or hashed here, and no network is asked.
import type { Config, HubSourceConfig, SourceConfig } from '../config/config.ts';
import type { Diagnostic } from '../diagnostic.ts';
import type { FileSystem } from '../file-system.ts';
import { findFiles } from '../glob.ts';
import { isUnsafePath, type RecordedListing } from '../hub/listing.ts';
import { formGroups, type GroupRecord } from '../plan/batch.ts';
import {
  type Catalog,
  compareNaturally,
  keyOfFile,
  type Listing,
  type SourceFile,
} from '../plan/catalog.ts';
import { didYouMeanOneOf } from '../suggestion.ts';

export interface CatalogResult {
  readonly catalog: Catalog;
  readonly diagnostics: readonly Diagnostic[];
}

export interface ObserveOptions {
  readonly fs: FileSystem;
  /** The recorded listing of a Hub source. */
  readonly recorded: (source: HubSourceConfig) => RecordedListing | undefined;
  /** The recorded groups of a source, by kind. */
  readonly groups: (source: SourceConfig) => Readonly<Record<string, GroupRecord>>;
}

export function observeSources(
  config: Config,
  { fs, recorded, groups }: ObserveOptions,
): CatalogResult {
  const diagnostics: Diagnostic[] = [];
  const listings = config.sources.map((source) => {
    const files =
      source.kind === 'local'
        ? findFiles(fs, source.files)
        : remoteFiles(source, { listing: recorded(source), diagnostics });
    const named = makeListing(source, { files, diagnostics });
    const grouped = addGroups(named, { source, groups: groups(source) });
    return leaveOut(grouped, { source, diagnostics });
  });
  return { catalog: { listings }, diagnostics };
}

/** Computed groups count like captures from here on. */
function addGroups(
  listing: Listing,
  { source, groups }: { source: SourceConfig; groups: Readonly<Record<string, GroupRecord>> },
): Listing {
  let { files } = listing;
  for (const kind of source.groups) {
    const { captures } = source.pattern;
    const formed = formGroups(files, { kind, captures, recorded: groups[kind.name] ?? {} });
    files = files.map((file) => ({
      ...file,
      captures: [...file.captures, formed[file.key] ?? ''],
    }));
  }
  return { ...listing, files };
}

/** Groups are formed before, so that leaving a file out moves no other one to another group. */
function leaveOut(
  listing: Listing,
  { source, diagnostics }: { source: SourceConfig; diagnostics: Diagnostic[] },
): Listing {
  const { exclude } = source;
  if (Object.keys(exclude).length === 0) return listing;
  const keys = new Set(listing.files.map(({ key }) => key));
  for (const [key, { at }] of Object.entries(exclude)) {
    if (keys.has(key)) continue;
    const message = `Source "${source.name}" excludes "${key}", but has no such file`;
    const hint = didYouMeanOneOf(key, [...keys]);
    diagnostics.push({ code: 'no-source-files', severity: 'error', message, at, hint });
  }
  const files = listing.files.filter(({ key }) => exclude[key] === undefined);
  const excluded = listing.files.flatMap((file) => {
    const reason = exclude[file.key]?.reason;
    return reason === undefined ? [] : [{ ...file, reason }];
  });
  return { ...listing, files, excluded };
}

/** The group of every file by kind, to be recorded so that it never changes. */
export function groupsOf(
  source: SourceConfig,
  { files, excluded }: Listing,
): Readonly<Record<string, GroupRecord>> {
  const first = source.pattern.captures.length;
  const records = source.groups.map(({ name }, index) => {
    const groups = [...files, ...excluded].map((file) => [
      file.key,
      file.captures[first + index] ?? '',
    ]);
    return [name, Object.fromEntries(groups)] as const;
  });
  return Object.fromEntries(records);
}

type ListedFile = Omit<SourceFile, 'key' | 'captures'>;

function remoteFiles(
  source: HubSourceConfig,
  { listing, diagnostics }: { listing: RecordedListing | undefined; diagnostics: Diagnostic[] },
): readonly ListedFile[] {
  if (listing === undefined) {
    diagnostics.push({
      code: 'no-source-files',
      severity: 'error',
      message: `The dataset ${source.dataset} of source "${source.name}" is not listed yet`,
      at: source.at,
      hint: 'a run lists it first, or list it alone with: pnpm pipeline refresh',
    });
    return [];
  }
  const unsafe = listing.files.find(({ path }) => isUnsafePath(path));
  if (unsafe !== undefined) {
    diagnostics.push({
      code: 'wrong-value',
      severity: 'error',
      message: `The dataset ${source.dataset} lists ${JSON.stringify(unsafe.path)}, which would leave its folder`,
      at: source.at,
      hint: 'narrow `files`, or use another revision: such a path is never written',
    });
    return [];
  }
  return listing.files.map((file) => ({
    path: file.path,
    bytes: file.bytes,
    mtimeMs: 0,
    remote: { repository: source.dataset, revision: listing.commit, file },
  }));
}

function makeListing(
  source: SourceConfig,
  { files: found, diagnostics }: { files: readonly ListedFile[]; diagnostics: Diagnostic[] },
): Listing {
  const expression = new RegExp(source.pattern.expression);
  const files: SourceFile[] = [];
  for (const file of found) {
    const { path } = file;
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
    const key = keyOfFile(path);
    if (/^(@|\.*$)/.test(key)) {
      diagnostics.push({
        code: 'reserved-name',
        severity: 'error',
        message: `File ${path} of source "${source.name}" cannot be used: its name "${key}" is reserved`,
        at: source.at,
        hint: 'names of files must not begin with @ or be dots: narrow `files`, or rename it',
      });
      continue;
    }
    files.push({
      ...file,
      key,
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
  return { source: source.name, files, excluded: [] };
}
