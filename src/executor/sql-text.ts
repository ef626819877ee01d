// SQL as text: where statements begin and end, what is left of them without comments and white
// space, and which line an offset lies on. Knows DuckDB's lexical rules, nothing of grammar.

export interface Token {
  readonly kind: 'word' | 'quoted' | 'parameter' | 'operator' | 'end';
  readonly text: string;
  /** Index of the first character in the script. */
  readonly at: number;
}

export interface Statement {
  /** From the first token to the last, without the semicolon and the comments around it. */
  readonly text: string;
  /** Index of its first character in the script. */
  readonly at: number;
  readonly tokens: readonly Token[];
}

// One alternative per lexical class, tried in this order at every position. An operator run never
// swallows the beginning of a comment; a quote that is never closed reaches to the end.
const LEXEMES = new RegExp(
  [
    String.raw`(?<space>\s+|--[^\n]*)`,
    String.raw`(?<block>/\*)`,
    String.raw`(?<quoted>[eE]'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)|[xXbB]?'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$))`,
    String.raw`(?<dollar>\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)`,
    String.raw`(?<parameter>\$[\w\u0080-\uffff]+|\?)`,
    String.raw`(?<word>[\w\u0080-\uffff][\w$\u0080-\uffff]*)`,
    '(?<end>;)',
    String.raw`(?<operator>(?:(?!--|/\*)[-+*/<>=~!@#%^&|:])+|[\s\S])`,
  ].join('|'),
  'gy',
);

export function tokenize(script: string): readonly Token[] {
  const tokens: Token[] = [];
  LEXEMES.lastIndex = 0;
  while (LEXEMES.lastIndex < script.length) {
    const at = LEXEMES.lastIndex;
    const match = LEXEMES.exec(script);
    if (match?.groups === undefined) break;
    const { space, block, quoted, dollar, parameter, word, end } = match.groups;
    if (space !== undefined) continue;
    if (block !== undefined) {
      LEXEMES.lastIndex = endOfBlockComment(script, at);
      continue;
    }
    if (dollar !== undefined) {
      const close = script.indexOf(dollar, at + dollar.length);
      LEXEMES.lastIndex = close < 0 ? script.length : close + dollar.length;
      tokens.push({ kind: 'quoted', text: script.slice(at, LEXEMES.lastIndex), at });
      continue;
    }
    const kind =
      quoted !== undefined
        ? 'quoted'
        : parameter !== undefined
          ? 'parameter'
          : word !== undefined
            ? 'word'
            : end !== undefined
              ? 'end'
              : 'operator';
    tokens.push({ kind, text: match[0], at });
  }
  return tokens;
}

/** Block comments nest. */
function endOfBlockComment(script: string, at: number): number {
  let depth = 1;
  let index = at + 2;
  while (index < script.length && depth > 0) {
    if (script.startsWith('/*', index)) {
      depth++;
      index += 2;
    } else if (script.startsWith('*/', index)) {
      depth--;
      index += 2;
    } else {
      index++;
    }
  }
  return index;
}

/** The statements of a script, in order; empty ones are left out. */
export function splitStatements(script: string): readonly Statement[] {
  const statements: Statement[] = [];
  let tokens: Token[] = [];
  const close = () => {
    const first = tokens[0];
    const last = tokens.at(-1);
    if (first !== undefined && last !== undefined) {
      const text = script.slice(first.at, last.at + last.text.length);
      statements.push({ text, at: first.at, tokens });
    }
    tokens = [];
  };
  for (const token of tokenize(script)) {
    if (token.kind === 'end') close();
    else tokens.push(token);
  }
  close();
  return statements;
}

/** Whether a statement gives rows, judged by how it begins. */
export function isQuery(statement: Statement): boolean {
  const first = statement.tokens[0]?.text.toLowerCase() ?? '';
  return ['select', 'with', 'from', 'values', 'table', 'pivot', 'unpivot', '('].includes(first);
}

/** The statement without comments and white space; the case of names and strings is kept. */
export function withoutForm(statement: Statement): string {
  return statement.tokens.map((token) => token.text).join('\n');
}

/** Whether the script names this word anywhere outside of strings. */
export function mentions(script: readonly Statement[], name: string): boolean {
  return script.some((statement) =>
    statement.tokens.some(
      ({ kind, text }) =>
        (kind === 'word' && text.toLowerCase() === name) ||
        (kind === 'quoted' && text.toLowerCase() === `"${name}"`),
    ),
  );
}

/** DuckDB counts positions in bytes of UTF-8; JavaScript in units of UTF-16. */
export function indexOfByte(text: string, byte: number): number {
  return Buffer.from(text, 'utf8').subarray(0, Math.max(0, byte)).toString('utf8').length;
}

/** 1-based line and column of an index. */
export function placeOf(script: string, index: number): { line: number; column: number } {
  const before = script.slice(0, index);
  const line = before.split('\n').length;
  return { line, column: index - (before.lastIndexOf('\n') + 1) + 1 };
}

/** A string literal. */
export function quotedText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A quoted identifier. */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
