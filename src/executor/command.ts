// A shell step's command as text and, where no shell is needed, as words. Pure. Every substituted
// value is quoted, so that data can never become syntax.

export interface Command {
  /** For a shell and for the log. */
  readonly text: string;
  /** The command's words when it uses nothing that only a shell understands. */
  readonly words: readonly string[] | undefined;
}

/** A part of a command: text as the user wrote it, or values to be quoted, separated by spaces. */
export type FilledPart = string | { readonly values: readonly string[] };

export function assembleCommand(parts: readonly FilledPart[]): Command {
  const text = parts
    .map((part) => (typeof part === 'string' ? part : part.values.map(shellQuoted).join(' ')))
    .join('');
  return { text: text.trim(), words: plainWords(parts) };
}

/** One word for the shell, whatever is in it. */
export function shellQuoted(value: string): string {
  if (/^[\w@%+=:,./-]+$/.test(value)) return value;
  return `'${value.replaceAll("'", `'\\''`)}'`;
}

// Anything beyond plain words, spaces and harmless punctuation is the shell's to interpret.
const PLAIN_TEXT = /^[\w@%+=:,./ \t-]*$/;

// First words that are no programs, or programs that differ from the shell's own.
const SHELL_WORDS = new Set(
  `. : [ alias bg bind break builtin case caller cd command compgen complete continue declare dirs
  disown do done elif else enable esac eval exec exit export fc fg fi for function getopts hash
  help history if in jobs let local logout mapfile popd pushd read readarray readonly return
  select set shift shopt source suspend then time times trap type typeset ulimit umask unalias
  unset until wait while echo printf`.split(/\s+/),
);

function plainWords(parts: readonly FilledPart[]): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  const close = () => {
    if (word !== undefined) words.push(word);
    word = undefined;
  };
  for (const part of parts) {
    if (typeof part !== 'string') {
      part.values.forEach((value, index) => {
        if (index > 0) close();
        word = (word ?? '') + value;
      });
      continue;
    }
    const text = part === parts.at(-1) ? part.trimEnd() : part;
    if (!PLAIN_TEXT.test(text)) return undefined;
    for (const piece of text.split(/([ \t]+)/)) {
      if (/^[ \t]/.test(piece)) close();
      else if (piece !== '') word = (word ?? '') + piece;
    }
  }
  close();
  const [first = ''] = words;
  // `NAME=value command` sets a variable.
  return first === '' || first.includes('=') || SHELL_WORDS.has(first) ? undefined : words;
}
