// The files of the real dataset, from `wikidata-sizes.csv` beside this file.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface RealFile {
  /** `chunk_0-00001-of-00546` */
  readonly key: string;
  readonly chunk: number;
  readonly bytes: number;
}

export function realFiles(): readonly RealFile[] {
  const text = readFileSync(join(import.meta.dirname, 'wikidata-sizes.csv'), 'utf8');
  const lines = text.split('\n').filter((line) => /^\d/.test(line));
  return lines.flatMap((line) => {
    const [chunk = '', parts = '', sizes = ''] = line.split(',');
    return sizes.split(' ').map((bytes, part) => ({
      key: `chunk_${chunk}-${String(part).padStart(5, '0')}-of-${parts}`,
      chunk: Number(chunk),
      bytes: Number(bytes),
    }));
  });
}
