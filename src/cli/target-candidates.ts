// What a word that names targets can be completed to: steps, then their cells after a colon, then
// groups and files after an `@`. Of many candidates only beginnings are given, so that a shell
// is quick and yet completes no further than all of them agree.
import { matches } from '../glob.ts';

/** A step as far as words can name its targets. Lists are made only when they are asked for. */
export interface NamedStep {
  readonly name: string;
  /** Of its matrix; none without one. */
  readonly cells: readonly string[];
  readonly members: () => readonly string[];
  /** `chunk=0`: also of a step whose members are files. */
  readonly groups: () => readonly string[];
}

/** More than this nobody reads, and a shell asks before it shows more. */
export const MOST_CANDIDATES = 100;

/** Words that begin with `word`; such as end in `:`, `@` or `=` go on. */
export function targetCandidates(word: string, steps: readonly NamedStep[]): readonly string[] {
  return narrow(allCandidates(word, steps), word);
}

function allCandidates(word: string, steps: readonly NamedStep[]): readonly string[] {
  const at = word.indexOf('@');
  if (at >= 0) {
    const head = word.slice(0, at);
    const [name] = head.split(':');
    const named = head === '' ? steps : steps.filter((step) => matches(name, step.name));
    // Most steps share their lists, which can be long.
    const groups = new Set(named.map((step) => step.groups()));
    const members = new Set(named.map((step) => step.members()));
    return [...new Set([...groups, ...members].flat())]
      .filter((each) => each !== '')
      .map((each) => `${head}@${each}`)
      .filter((each) => each.startsWith(word));
  }
  const colon = word.indexOf(':');
  if (colon >= 0) {
    const name = word.slice(0, colon);
    const cells = steps.flatMap((step) => (matches(name, step.name) ? step.cells : []));
    const words = [...new Set(cells)].map((cell) => `${name}:${cell}`);
    return goingOn(words.filter((each) => each.startsWith(word)));
  }
  const found = steps.filter((step) => step.name.startsWith(word));
  const [only] = found;
  if (only === undefined || found.length > 1) {
    return word === '' ? [...found.map(({ name }) => name), '@'] : found.map(({ name }) => name);
  }
  return [...goingOn([only.name]), ...only.cells.map((cell) => `${only.name}:${cell}`)];
}

/** A word that stands alone may end here, or go on with a member. */
function goingOn(words: readonly string[]): readonly string[] {
  const [only] = words;
  return only === undefined || words.length > 1 ? words : [only, `${only}@`];
}

/** The candidates, or as many letters of them as make few enough different beginnings. */
function narrow(candidates: readonly string[], word: string): readonly string[] {
  if (candidates.length <= MOST_CANDIDATES) return candidates;
  let beginnings: readonly string[] = candidates.slice(0, MOST_CANDIDATES);
  for (let length = word.length + 1; ; length += 1) {
    const longer = new Set(candidates.map((each) => each.slice(0, length)));
    if (longer.size > MOST_CANDIDATES) return beginnings;
    beginnings = [...longer];
  }
}
