// Where a pipeline stands: its folder, its work folder and a way to look at files beside it; and
// the arithmetic on paths that follows. Paths are POSIX texts; nothing here touches a disk.
import { posix } from 'node:path';
import type { Location } from '../diagnostic.ts';
import type { Template } from './config.ts';
import type { Report } from './document.ts';
import { mapTemplateText } from './template.ts';

export interface Site {
  /** The pipeline file as the user would write it. */
  readonly file: string;
  /** Absolute folder of the pipeline file. */
  readonly root: string;
  /** Absolute work folder of the profile. */
  readonly work: string;
  /** The text of a file, undefined when there is none. */
  readonly readFile: (absolutePath: string) => string | undefined;
  readonly report: Report;
}

/** The absolute path of what the pipeline file names. */
export function absolutePath(site: Site, path: string): string {
  return posix.isAbsolute(path) ? posix.normalize(path) : posix.join(site.root, path);
}

/** The same for a path with variables. */
export function absoluteTemplate(site: Site, template: Template): Template {
  return mapTemplateText(template, (text) => absolutePath(site, text));
}

/** The path relative to the folder, or undefined when it does not lie within it. */
export function pathWithin(folder: string, path: string): string | undefined {
  const prefix = folder.endsWith('/') ? folder : `${folder}/`;
  return path.startsWith(prefix) && path !== prefix ? path.slice(prefix.length) : undefined;
}

/** An absolute path as the user would write it from the folder in which they call. */
export function shownPath(site: Site, absolute: string): string {
  const relative = pathWithin(site.root, absolute);
  return relative === undefined ? absolute : posix.join(posix.dirname(site.file), relative);
}

/** Reports a file that a pipeline names and that does not exist. */
export function reportMissing(
  site: Site,
  { what, path, at, hint }: { what: string; path: string; at: Location; hint?: string },
): void {
  const message = `${what}: there is no file ${shownPath(site, path)}.`;
  site.report({ code: 'missing-file', severity: 'error', message, at, hint });
}
