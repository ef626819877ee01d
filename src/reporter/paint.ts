// Colour where the stream shows it. `util.styleText` decides: a terminal yes, NO_COLOR no.
import { styleText } from 'node:util';

export type Paint = (
  style: 'red' | 'green' | 'yellow' | 'cyan' | 'dim' | 'bold',
  text: string,
) => string;

export const noPaint: Paint = (_style, text) => text;

/** Asks once, because `styleText` looks at the environment at every call. */
export function createPaint(stream: NodeJS.WritableStream): Paint {
  const colours = styleText('red', '.', { stream }) !== '.';
  if (!colours) return noPaint;
  return (style, text) => styleText(style, text, { validateStream: false });
}
