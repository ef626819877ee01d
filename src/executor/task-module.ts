// The module of a TypeScript task: imports it, checks that it is one, and checks the step's `with:`
// against its schema. A worker lives within one run, so a module is imported once.
import { existsSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { ErrorObject, ValidateFunction } from 'ajv';
import { digestModule } from '../module-digest.ts';
import type { Json, Task } from '../task.ts';
import type { Description, RuleOrder } from './executor.ts';
import { failureOf, targetError } from './target-error.ts';

export type Parameters = Readonly<Record<string, Json>>;

export interface TaskModule {
  readonly task: Task;
  /** Digest of what was loaded: the file may have been edited since the run was planned. */
  readonly code: string;
  /** `with` with defaults filled in. Throws `bad-parameters` that lists every mistake. */
  checkParameters(values: Parameters): Promise<Parameters>;
  /** Names in `with` that cannot change the result: those marked `"x-result": false`. */
  readonly ignored: readonly string[];
}

type PlannedModule = Extract<RuleOrder, { kind: 'task' }>;

const loaded = new Map<string, Promise<TaskModule>>();

/** Throws when the file is not what it was when the run was planned. */
export async function loadPlannedTask(planned: PlannedModule): Promise<TaskModule> {
  const module = await loadTask(planned.module);
  if (module.code === planned.code) return module;
  throw targetError('input-changed', `${planned.module} was edited while the run went on`, {
    hint: 'run again',
  });
}

export function loadTask(path: string): Promise<TaskModule> {
  const known = loaded.get(path);
  if (known !== undefined) return known;
  const module = importTask(path);
  loaded.set(path, module);
  return module;
}

/** `version N` for a task with a version, and what of `with` cannot change the result. */
export function taskMeaning({ task, ignored }: TaskModule): Description {
  const { version } = task;
  return {
    ...(version === undefined ? {} : { meaning: `version ${version}` }),
    ...(ignored.length === 0 ? {} : { ignored }),
  };
}

async function importTask(path: string): Promise<TaskModule> {
  let module: unknown;
  const code = digestModule(path, readText);
  try {
    module = await import(pathToFileURL(path).href);
  } catch (error) {
    const failure = failureOf(error, 'task-error');
    throw targetError(failure.code, `Cannot load the task ${path}: ${failure.message}`, {
      detail: failure.detail,
      hint: failure.hint,
    });
  }
  if (digestModule(path, readText) !== code) {
    throw targetError('input-changed', `${path} was edited while it was loaded`, {
      hint: 'run again',
    });
  }
  const task: unknown =
    typeof module === 'object' && module !== null ? Reflect.get(module, 'default') : undefined;
  if (!isTask(task)) {
    throw targetError('task-error', `${path} has no task as its default export`, {
      hint: 'export default defineTask({ async run({ .. }) { .. } })',
    });
  }
  const { with: schema } = task;
  let validator: Promise<ValidateFunction> | undefined;
  return {
    task,
    code,
    checkParameters: async (values) => {
      if (schema === undefined) return values;
      // Only now: threads that parse are given what was checked.
      validator ??= compileSchema(path, schema);
      return checkedParameters(path, { values, validate: await validator });
    },
    ignored: ignoredNames(task.with),
  };
}

function readText(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

function isTask(value: unknown): value is Task {
  return typeof value === 'object' && value !== null && 'run' in value && isFunction(value.run);
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

async function compileSchema(path: string, schema: Parameters): Promise<ValidateFunction> {
  const { Ajv2020 } = await import('ajv/dist/2020.js');
  try {
    // Not strict: `x-result` and whatever a task notes in its schema for itself is no mistake.
    const ajv = new Ajv2020({
      allErrors: true,
      useDefaults: true,
      strict: false,
      validateFormats: false,
      // Compiling refuses what it cannot use; the schema of schemas takes longer than a small target.
      validateSchema: false,
    });
    return ajv.compile(schema);
  } catch (error) {
    const { message } = failureOf(error, 'task-error');
    throw targetError('task-error', `The schema of "with" in ${path} is broken: ${message}`);
  }
}

function checkedParameters(
  path: string,
  { values, validate }: { readonly values: Parameters; readonly validate: ValidateFunction },
): Parameters {
  const filled = structuredClone(values);
  if (validate(filled)) return filled;
  const mistakes = (validate.errors ?? []).map(describeMistake);
  throw targetError('bad-parameters', `"with" does not fit the task: ${mistakes[0] ?? ''}`, {
    detail: mistakes.join('\n'),
    hint: `the schema is in ${path}`,
  });
}

function describeMistake({ instancePath, message, params }: ErrorObject): string {
  const where = ['with', ...instancePath.split('/').slice(1)].join('.');
  const name: unknown = params['additionalProperty'];
  const allowed: unknown = params['allowedValues'];
  const extra =
    typeof name === 'string'
      ? ` ("${name}")`
      : Array.isArray(allowed)
        ? `: ${allowed.join(', ')}`
        : '';
  return `${where} ${message ?? 'is wrong'}${extra}`;
}

function ignoredNames(schema: Parameters | undefined): readonly string[] {
  const properties = schema?.['properties'];
  if (typeof properties !== 'object' || properties === null) return [];
  return Object.entries(properties)
    .filter(
      ([, property]) =>
        typeof property === 'object' &&
        property !== null &&
        Reflect.get(property, 'x-result') === false,
    )
    .map(([name]) => name);
}
