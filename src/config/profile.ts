// Profiles: named overlays of the pipeline. It decides which one is in force and lays it over the
// tree (maps merge, lists and texts are replaced, null removes); places stay those of the text that
// each value comes from. What the merged pipeline means is decided elsewhere.
import type { Location } from '../diagnostic.ts';
import { didYouMean, didYouMeanOneOf } from '../suggestion.ts';
import { entriesOf, entryOf, type MapNode, type Node, type Report, textOf } from './document.ts';

export interface ProfiledPipeline {
  readonly profile: string;
  /** The pipeline in force, without the keys `profile` and `profiles`. */
  readonly root: MapNode;
  /** The pipeline under every other profile, for mistakes that would only show there. */
  readonly others: readonly { readonly profile: string; readonly root: MapNode }[];
}

const profileName = /^[a-z][a-z0-9_-]*$/;

/** `profile` is the name on the command line; a name that nothing gives is reported and ignored. */
export function applyProfile(
  document: MapNode,
  { profile, report }: { profile: string | undefined; report: Report },
): ProfiledPipeline {
  const overlays = readOverlays(document, report);
  const asDefault = readDefaultName(document, { overlays, report });
  const chosen = profile ?? asDefault;
  if (profile !== undefined && profile !== asDefault && !overlays.has(profile)) {
    const known = [...new Set([asDefault, ...overlays.keys()])];
    report({
      code: 'unknown-profile',
      severity: 'error',
      message: `There is no profile "${profile}".`,
      hint: didYouMeanOneOf(profile, known),
    });
  }
  const entries = [...document.entries].filter(([key]) => key !== 'profile' && key !== 'profiles');
  const base: MapNode = { kind: 'map', at: document.at, entries: new Map(entries) };
  const overlay = overlays.get(chosen);
  const others = [...overlays].filter(([name]) => name !== chosen);
  return {
    profile: chosen,
    root: overlay === undefined ? base : mergeMaps(base, overlay),
    others: others.map(([name, other]) => ({ profile: name, root: mergeMaps(base, other) })),
  };
}

/** The name under `profile`; `default` when there is none. */
function readDefaultName(
  document: MapNode,
  { overlays, report }: { overlays: ReadonlyMap<string, MapNode>; report: Report },
): string {
  const node = entryOf(document, 'profile')?.value;
  if (node === undefined) return 'default';
  const name = textOf(node)?.value;
  if (name === undefined || !profileName.test(name)) {
    const message = '"profile" must be a name of small letters, digits, "_" and "-".';
    report({ code: 'wrong-type', severity: 'error', message, at: node.at });
    return 'default';
  }
  // A pipeline without profiles may still name the one that it is.
  if (overlays.size > 0 && !overlays.has(name)) {
    report({
      code: 'unknown-profile',
      severity: 'error',
      message: `"profile" names "${name}", which is not among the profiles.`,
      at: node.at,
      hint: didYouMean(name, overlays.keys()) ?? `add "${name}: {}" to profiles`,
    });
  }
  return name;
}

function readOverlays(document: MapNode, report: Report): ReadonlyMap<string, MapNode> {
  const overlays = new Map<string, MapNode>();
  const reject = (message: string, at: Location, code: 'wrong-type' | 'wrong-value') =>
    report({ code, severity: 'error', message, at });
  const entry = entryOf(document, 'profiles');
  if (entry !== undefined && entry.value.kind !== 'map') {
    reject('"profiles" must be a map of overlays by name.', entry.at, 'wrong-type');
  }
  for (const [name, { at, value }] of entriesOf(entry?.value)) {
    const isEmpty = value.kind === 'scalar' && value.value === null;
    if (!profileName.test(name)) {
      const message = `The profile "${name}" needs a name of small letters, digits, "_" and "-".`;
      reject(message, at, 'wrong-value');
    } else if (value.kind !== 'map' && !isEmpty) {
      reject(`The profile "${name}" must be a map.`, at, 'wrong-type');
    } else {
      const entries = new Map(entriesOf(value));
      for (const nested of ['profile', 'profiles']) {
        const place = entries.get(nested)?.at;
        if (place !== undefined) reject(`A profile cannot hold "${nested}".`, place, 'wrong-value');
        entries.delete(nested);
      }
      overlays.set(name, { kind: 'map', at: value.at, entries });
    }
  }
  return overlays;
}

function mergeMaps(base: MapNode, overlay: MapNode): MapNode {
  const entries = new Map(base.entries);
  for (const [key, entry] of overlay.entries) {
    const below = entries.get(key);
    if (entry.value.kind === 'scalar' && entry.value.value === null) {
      entries.delete(key);
    } else if (entry.value.kind === 'map') {
      const into: Node = below?.value.kind === 'map' ? below.value : emptyMap(entry.value);
      const at = below?.value.kind === 'map' ? below.at : entry.at;
      // Merged even into nothing: the nulls within an overlay only remove.
      entries.set(key, { at, value: mergeMaps(into, entry.value) });
    } else {
      entries.set(key, entry);
    }
  }
  return { kind: 'map', at: base.at, entries };
}

function emptyMap({ at }: MapNode): MapNode {
  return { kind: 'map', at, entries: new Map() };
}
