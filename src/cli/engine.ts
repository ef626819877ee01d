// The versions that traces show: read from package files, because asking DuckDB itself means
// loading it.
import { readFileSync } from 'node:fs';

export function engineVersions(): Readonly<Record<string, string>> {
  return {
    eider: versionIn('../../package.json'),
    node: process.versions.node,
    duckdb: versionIn('../../node_modules/@duckdb/node-api/package.json'),
  };
}

function versionIn(path: string): string {
  try {
    const value: unknown = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
    const version =
      typeof value === 'object' && value !== null ? Reflect.get(value, 'version') : '';
    return typeof version === 'string' ? version : '';
  } catch {
    return '';
  }
}
