// Text to HTML without a way to forget escaping: whatever is put into a template is escaped unless
// it is markup itself.

export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Content = Markup | string | number | undefined | readonly Content[];

/** Undefined gives nothing; lists are joined without anything between. */
export function html(texts: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  let text = texts[0] ?? '';
  for (const [index, content] of contents.entries()) {
    text += textOf(content) + (texts[index + 1] ?? '');
  }
  return new Markup(text);
}

function textOf(content: Content): string {
  if (content === undefined) return '';
  if (content instanceof Markup) return content.text;
  if (typeof content === 'object') return content.map(textOf).join('');
  return escapeText(String(content));
}

function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
