// Lists the `$name` parameters of an SQL text by DuckDB's lexical rules: those in strings, quoted
// identifiers, comments and dollar quotes are no parameters. It knows nothing else of SQL.

export interface SqlParameter {
  /** Without the `$`; digits for a positional one. */
  readonly name: string;
  /** Of the `$`, 0-based. */
  readonly offset: number;
}

/** Every use of a parameter, in order. What never ends (a string, a comment) hides the rest. */
export function sqlParameters(sql: string): readonly SqlParameter[] {
  const parameters: SqlParameter[] = [];
  let offset = 0;
  while (offset < sql.length) {
    const token = nextToken(sql, offset);
    if (token.parameter !== undefined) parameters.push({ name: token.parameter, offset });
    offset = token.end;
  }
  return parameters;
}

interface Token {
  readonly end: number;
  readonly parameter?: string;
}

/** Words matter because `E'..'` escapes with backslashes and because `a$b` is one identifier. */
const word = /[\p{L}_][\p{L}\p{N}_$]*/uy;
const dollarQuote = /\$(?:[\p{L}_][\p{L}\p{N}_]*)?\$/uy;
const parameter = /\$([\p{L}\p{N}_]+)/uy;
const number = /\d[\d_.]*/y;

function nextToken(sql: string, offset: number): Token {
  const pair = sql.slice(offset, offset + 2);
  if (pair === '--') return { end: after(sql, '\n', offset) };
  if (pair === '/*') return { end: commentEnd(sql, offset) };
  if (pair[0] === "'" || pair[0] === '"') return { end: quoteEnd(sql, { offset, escapes: false }) };
  if (pair === "e'" || pair === "E'")
    return { end: quoteEnd(sql, { offset: offset + 1, escapes: true }) };
  const quote = matchAt(dollarQuote, sql, offset);
  if (quote !== undefined) return { end: after(sql, quote[0], offset + quote[0].length) };
  const used = matchAt(parameter, sql, offset);
  if (used?.[1] !== undefined) return { end: offset + used[0].length, parameter: used[1] };
  const plain = matchAt(word, sql, offset) ?? matchAt(number, sql, offset);
  return { end: offset + (plain?.[0].length ?? 1) };
}

function matchAt(pattern: RegExp, sql: string, offset: number): RegExpExecArray | undefined {
  pattern.lastIndex = offset;
  return pattern.exec(sql) ?? undefined;
}

/** The offset behind the next occurrence of `end`, or of the text. */
function after(sql: string, end: string, offset: number): number {
  const found = sql.indexOf(end, offset);
  return found === -1 ? sql.length : found + end.length;
}

/** A doubled quote inside opens the next stretch at once, which comes to the same. */
function quoteEnd(sql: string, { offset, escapes }: { offset: number; escapes: boolean }): number {
  const quote = sql[offset];
  let index = offset + 1;
  while (index < sql.length && sql[index] !== quote) {
    index += escapes && sql[index] === '\\' ? 2 : 1;
  }
  return Math.min(sql.length, index + 1);
}

/** Block comments nest. */
function commentEnd(sql: string, offset: number): number {
  let depth = 0;
  let index = offset;
  while (index < sql.length) {
    const pair = sql.slice(index, index + 2);
    if (pair === '/*') depth += 1;
    if (pair === '*/') depth -= 1;
    index += pair === '/*' || pair === '*/' ? 2 : 1;
    if (depth === 0) return index;
  }
  return sql.length;
}
