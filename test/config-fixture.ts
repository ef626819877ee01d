// One way in for the tests of the configuration: YAML text and the files beside it to what a user
// would see, or to the config.
import { expect } from 'vitest';
import type { Config, StepConfig } from '../src/config/config.ts';
import { type ConfigInput, type ParsedConfig, parseConfig } from '../src/config/parse.ts';
import { formatDiagnostic } from '../src/diagnostic.ts';

export type CheckOptions = Partial<Pick<ConfigInput, 'profile' | 'set' | 'file' | 'root'>> & {
  /** Text by path relative to the pipeline file. */
  readonly files?: Readonly<Record<string, string>>;
};

export function parse(yaml: string, options: CheckOptions = {}): ParsedConfig {
  const { profile, set = [], file = 'pipeline.yaml', root = '/p', files = {} } = options;
  return parseConfig({
    text: dedent(yaml),
    file,
    root,
    work: '/w',
    profile,
    set,
    readFile: (path) => files[path.replace(`${root}/`, '')],
  });
}

/** All mistakes as shown, without their codes and the lines of the file. */
export function check(yaml: string, options: CheckOptions = {}): string {
  const { diagnostics } = parse(yaml, options);
  return diagnostics
    .map((found) => formatDiagnostic(found, undefined).replace(` [${found.code}]`, ''))
    .join('\n');
}

/** Holds all mistakes against the text that a user should see. */
export function expectMistakes(yaml: string, expected: string, options?: CheckOptions): void {
  expect(check(yaml, options)).toBe(dedent(expected).trimEnd());
}

/** The indentation of the first line is taken from all lines. */
export function dedent(text: string): string {
  const body = text.replace(/^\n/, '').replace(/\n *$/, '\n');
  const indent = /^ */.exec(body)?.[0] ?? '';
  return body.replaceAll(new RegExp(`^${indent}`, 'gm'), '');
}

/** The config of a pipeline without mistakes. */
export function configOf(yaml: string, options?: CheckOptions): Config {
  const { config, diagnostics } = parse(yaml, options);
  expect(diagnostics).toEqual([]);
  if (config === undefined) throw new Error('no config without a diagnostic');
  return config;
}

export function stepOf(config: Config, name: string): StepConfig {
  const step = config.steps.find((other) => other.name === name);
  if (step === undefined) throw new Error(`no step ${name}`);
  return step;
}
