// Quotes a value for a POSIX shell, so that it is always exactly one word and never code.

/** The value as one shell word: as it is when all characters are harmless, else single-quoted. */
export function shellQuote(value: string): string {
  if (/^[\w@%+=:,./-]+$/.test(value)) return value;
  return `'${value.replaceAll("'", `'\\''`)}'`;
}
