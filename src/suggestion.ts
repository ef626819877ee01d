// Finds the name that a mistyped name was probably meant to be. Knows nothing of what is named.

/** The candidate nearest to `name`, or undefined when none is near enough to be worth saying. */
export function suggest(name: string, candidates: Iterable<string>): string | undefined {
  const wanted = simplify(name);
  // A third of the letters may be wrong: `queri`, `proces`, `partion`; but not `pull` for `sql`.
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  let best: string | undefined;
  for (const candidate of candidates) {
    if (candidate === name) continue;
    const distance = editDistance(wanted, simplify(candidate));
    const isShort = Math.min(wanted.length, candidate.length) <= distance;
    if (distance < bestDistance && !isShort) {
      bestDistance = distance;
      best = candidate;
    }
  }
  return best;
}

/** `did you mean "x"?`, or undefined when no candidate is near. */
export function didYouMean(name: string, candidates: Iterable<string>): string | undefined {
  const nearest = suggest(name, candidates);
  return nearest === undefined ? undefined : `did you mean "${nearest}"?`;
}

/** Like `didYouMean`, but names the candidates when none is near and they are few. */
export function didYouMeanOneOf(name: string, candidates: Iterable<string>): string | undefined {
  const all = [...candidates];
  const nearest = didYouMean(name, all);
  if (nearest !== undefined || all.length === 0 || all.length > 12) return nearest;
  return `known: ${all.join(', ')}`;
}

/** Case and the choice between `-` and `_` are the commonest slips and cost nothing. */
function simplify(name: string): string {
  return name.toLowerCase().replaceAll('-', '_');
}

/** How many insertions, deletions, replacements and swaps of neighbours lie between two texts. */
function editDistance(from: string, to: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const isSame = from[row - 1] === to[column - 1];
      const isSwap =
        row > 1 &&
        column > 1 &&
        from[row - 1] === to[column - 2] &&
        from[row - 2] === to[column - 1];
      current[column] = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + (isSame ? 0 : 1),
        isSwap ? (beforePrevious[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[to.length] ?? 0;
}
