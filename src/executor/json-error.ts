// Says in words why a text is not readable JSON. DuckDB decides whether it is, and in bulk; this
// is asked only about the few texts that it refused. Registered there as json_error(text).

/** One line, or null when nothing is wrong; positions count UTF-16 units from 0. */
export function jsonError(text: string): string | null {
  try {
    JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // Of a cut-off text V8 does not say where it ends, which is what one wants to know.
    const place = message.endsWith('end of JSON input') ? ` at position ${text.length}` : '';
    return oneLine(message + place);
  }
  const position = findLoneSurrogate(text);
  if (position === undefined) return null;
  return `lone surrogate ${text.slice(position, position + 6)} at position ${position}`;
}

/** JSON.parse accepts half of a surrogate pair, but no UTF-8 text can hold it. */
function findLoneSurrogate(text: string): number | undefined {
  // A pair, or any other escape, is consumed whole, so that what is found last stands alone.
  const escapes =
    /\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|\\u([\da-fA-F]{4})|\\./g;
  for (const match of text.matchAll(escapes)) {
    const unit = Number.parseInt(match[1] ?? '0', 16);
    if (unit >= 0xd800 && unit <= 0xdfff) return match.index;
  }
  return undefined;
}

function oneLine(message: string): string {
  return message.replace(/\s+/g, ' ');
}
