// How two lists of rows differ, whatever their order: JSON inside of a value counts by its meaning,
// not by its spelling.
type Row = Readonly<Record<string, unknown>>;

/** At most five rows of each, as texts. */
export interface RowDifference {
  readonly extra: readonly string[];
  readonly missing: readonly string[];
}

export const NO_DIFFERENCE: RowDifference = { extra: [], missing: [] };

export function rowDifference(actual: readonly Row[], wanted: readonly Row[]): RowDifference {
  const [found, expected] = [sortedTexts(actual), sortedTexts(wanted)];
  // Compared as one text first: a difference of tens of thousands of rows takes minutes.
  if (found.join('\n') === expected.join('\n')) return NO_DIFFERENCE;
  return {
    extra: without(found, expected).slice(0, 5),
    missing: without(expected, found).slice(0, 5),
  };
}

function sortedTexts(rows: readonly Row[]): readonly string[] {
  return rows
    .map((row) => {
      const { datavalue } = row;
      const isJson = typeof datavalue === 'string' && /^[{[]/.test(datavalue);
      const value = isJson ? canonicalJson(datavalue) : datavalue;
      const fields = Object.entries({
        ...row,
        ...('datavalue' in row ? { datavalue: value } : {}),
      });
      return JSON.stringify(fields.sort(([one], [other]) => (one < other ? -1 : 1)));
    })
    .sort();
}

function canonicalJson(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text; // A string that only begins like JSON.
  }
}

function without(rows: readonly string[], others: readonly string[]): readonly string[] {
  const left = new Map<string, number>();
  for (const row of others) left.set(row, (left.get(row) ?? 0) + 1);
  return rows.filter((row) => {
    const count = left.get(row) ?? 0;
    left.set(row, count - 1);
    return count <= 0;
  });
}
