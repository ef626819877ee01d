// The way from a pipeline file's text to its config, or to everything that is wrong with it, in
// order of position. It names the phases; each phase has its own file beside this one.
import { posix } from 'node:path';
import type { Diagnostic } from '../diagnostic.ts';
import type { Config } from './config.ts';
import { checkConflicts } from './conflict.ts';
import { entryOf, parseYaml, type Report, textOf } from './document.ts';
import { readHub } from './hub.ts';
import { applyProfile, type ProfiledPipeline } from './profile.ts';
import { checkReleases } from './release-order.ts';
import { readConfirmAbove, readDisk, readPools } from './settings.ts';
import type { Site } from './site.ts';
import { readSources } from './source.ts';
import { readSteps } from './step.ts';
import { validateShape } from './validate.ts';
import { resolveVariables } from './variables.ts';

export interface ConfigInput {
  /** The pipeline file's text. */
  readonly text: string;
  /** The pipeline file as the user would write it, for messages. */
  readonly file: string;
  /** Absolute folder of the pipeline file. */
  readonly root: string;
  /** Absolute folder under which each profile has its work folder. */
  readonly work: string;
  /** From the command line; undefined for the pipeline's own choice. */
  readonly profile?: string | undefined;
  /** Assignments from the command line, `name=value`. */
  readonly set: readonly string[];
  /** The text of a file that the pipeline names, undefined when there is none. */
  readonly readFile: (absolutePath: string) => string | undefined;
}

export interface ParsedConfig {
  /** Undefined when any diagnostic is an error. */
  readonly config: Config | undefined;
  /** In order of position: command line, pipeline file, other files. */
  readonly diagnostics: readonly Diagnostic[];
}

export function parseConfig(input: ConfigInput): ParsedConfig {
  const diagnostics: Diagnostic[] = [];
  const report = (diagnostic: Diagnostic) => {
    diagnostics.push(diagnostic);
  };
  const config = readConfig(input, report);
  const hasErrors = diagnostics.some(({ severity }) => severity === 'error');
  return {
    config: hasErrors ? undefined : config,
    diagnostics: sortDiagnostics(diagnostics, input.file),
  };
}

function readConfig(input: ConfigInput, report: Report): Config | undefined {
  const { text, file, set } = input;
  const document = parseYaml(text, { file, report });
  if (document === undefined) return undefined;
  const { profile, root, others } = applyProfile(document, { profile: input.profile, report });
  validateProfiles({ root, others, report });
  const work = posix.join(input.work, profile);
  const site: Site = { file, root: input.root, work, readFile: input.readFile, report };
  const variables = resolveVariables(root, { set, work, profile, report });
  const hubEntry = entryOf(root, 'hub');
  const hub = readHub(hubEntry, { site, variables });
  const hasHub = hubEntry !== undefined;
  const readingOfSources = readSources(root, { site, variables, hub, hasHub });
  const sources = readingOfSources.flatMap((source) => source.config ?? []);
  const steps = readSteps(root, { site, variables, sources: readingOfSources, hub, hasHub });
  checkConflicts(steps, { sources, work, report });
  checkReleases(steps, report);
  return {
    name: textOf(entryOf(root, 'name')?.value)?.value ?? '',
    profile,
    profiles: [profile, ...others.map((other) => other.profile)],
    file,
    root: input.root,
    work,
    variables: Object.fromEntries(variables.values),
    pools: readPools(entryOf(root, 'pools')?.value),
    disk: readDisk(entryOf(root, 'pools')?.value),
    hub,
    confirmAboveBytes: readConfirmAbove(entryOf(root, 'confirm_above')?.value),
    sources,
    steps,
  };
}

/** Of profiles that are not in force only the mistakes count that do not show anyway. */
function validateProfiles({
  root,
  others,
  report,
}: Pick<ProfiledPipeline, 'root' | 'others'> & { report: Report }): void {
  const seen = new Set<string>();
  validateShape(root, (diagnostic) => {
    seen.add(identityOf(diagnostic));
    report(diagnostic);
  });
  for (const other of others) {
    validateShape(other.root, (diagnostic) => {
      if (seen.has(identityOf(diagnostic))) return;
      seen.add(identityOf(diagnostic));
      const message = diagnostic.message.replace(/\.$/, `, with the profile "${other.profile}".`);
      report({ ...diagnostic, message });
    });
  }
}

/** Sorted, and each mistake once. */
function sortDiagnostics(diagnostics: readonly Diagnostic[], file: string): readonly Diagnostic[] {
  const seen = new Set<string>();
  const unique = diagnostics.filter((diagnostic) => {
    const key = identityOf(diagnostic);
    const isNew = !seen.has(key);
    seen.add(key);
    return isNew;
  });
  const rank = ({ at }: Diagnostic) => (at === undefined ? 0 : at.file === file ? 1 : 2);
  return unique.toSorted((left, right) => {
    const files = (left.at?.file ?? '') < (right.at?.file ?? '') ? -1 : 1;
    return (
      rank(left) - rank(right) ||
      (left.at?.file === right.at?.file ? 0 : files) ||
      (left.at?.line ?? 0) - (right.at?.line ?? 0) ||
      (left.at?.column ?? 0) - (right.at?.column ?? 0)
    );
  });
}

/** The schema and the reading of names may both find that one value is wrong: once is enough. */
function identityOf({ code, message, at }: Diagnostic): string {
  const isValue = code === 'wrong-type' || code === 'wrong-value';
  const place = at === undefined ? '' : `${at.file}:${at.line}:${at.column}`;
  return `${place} ${isValue && place !== '' ? 'wrong' : `${code} ${message}`}`;
}
