import { expect, test } from 'vitest';
import type { Event } from '../src/event.ts';
import { createReporter } from '../src/reporter/reporter.ts';
import type { FailureCode } from '../src/trace.ts';
import { closed, compile, readSchema } from './json-schema.ts';
import { FakeStream, samples } from './reporter-fixture.ts';

const schema = readSchema('events');
const events: readonly Event[] = Object.values(samples);

async function linesOf(reported: readonly Event[]): Promise<readonly string[]> {
  const stdout = new FakeStream();
  const options = { stdout, stderr: new FakeStream(), invocation: 'pnpm pipeline' };
  const reporter = await createReporter('ndjson', options);
  for (const event of reported) reporter.report(event);
  await reporter.close();
  return stdout.text.trimEnd().split('\n');
}

test('every event is one line that its published schema describes to the last field', async () => {
  const validate = compile(closed(schema));
  const lines = await linesOf(events);
  expect(lines).toHaveLength(events.length);
  for (const line of lines) {
    expect(validate(JSON.parse(line)), `${line}\n${JSON.stringify(validate.errors)}`).toBe(true);
  }
});

test('the first line, and only it, tells the version of the schema', async () => {
  const [first, ...others] = await linesOf(events);
  expect(JSON.parse(first ?? '')).toMatchObject({ type: 'run-started', schemaVersion: 1 });
  for (const line of others) expect(JSON.parse(line)).not.toHaveProperty('schemaVersion');
});

test('the schema lists the failure codes', () => {
  const codes: Record<FailureCode, true> = {
    'sql-error': true,
    'task-error': true,
    'exit-status': true,
    'worker-died': true,
    timeout: true,
    'out-of-memory': true,
    'disk-full': true,
    permission: true,
    'input-missing': true,
    'input-unreadable': true,
    'input-changed': true,
    'output-missing': true,
    'contract-broken': true,
    'account-unbalanced': true,
    'too-many-rejects': true,
    'bad-parameters': true,
    'found-damaged': true,
    'hub-denied': true,
    'hub-missing': true,
    'hub-conflict': true,
    'hub-unavailable': true,
    'hub-rejected': true,
    integrity: true,
    internal: true,
  };
  expect(schema.$defs.failure.properties.code.enum).toEqual(Object.keys(codes));
});

test.each([
  ['an unknown type', { type: 'target-lost', at: '2026-01-02T03:04:05.000Z' }],
  ['a missing field', { ...samples.fresh, count: undefined }],
  ['a wrong unit', { ...samples['target-progress'], progress: { done: 1, unit: 'cows' } }],
  ['an unknown failure code', { ...samples['target-failed'], failure: { code: 'x' } }],
])('the schema refuses %s', (_, line) => {
  expect(compile(schema)(JSON.parse(JSON.stringify(line)))).toBe(false);
});

test('every field and event in the schema has a description', () => {
  const bare: string[] = [];
  for (const [name, definition] of Object.entries<Definition>(schema.$defs)) {
    for (const [field, { description, $ref, const: fixed }] of Object.entries(
      definition.properties ?? {},
    )) {
      if (!description && !$ref && !fixed) bare.push(`${name}.${field}`);
    }
    if (!definition.description && name in samples) bare.push(name);
  }
  expect(bare).toEqual([]);
});

interface Definition {
  description?: string;
  properties?: Record<string, { description?: string; $ref?: string; const?: unknown }>;
}
