// The contract whose columns a dataset's card describes.
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Schema } from 'apache-arrow';

/** `tables.ts#claims`: a path relative to the folder of tasks, and an export of it. */
export async function loadContract(reference: string): Promise<Schema | undefined> {
  if (reference === '') return undefined;
  const hash = reference.lastIndexOf('#');
  const url = new URL(reference.slice(0, hash), pathToFileURL(`${dirname(import.meta.dirname)}/`));
  const module: Readonly<Record<string, Schema | undefined>> = await import(url.href);
  const schema = module[reference.slice(hash + 1)];
  if (schema === undefined) throw new Error(`There is no contract ${reference}.`);
  return schema;
}
