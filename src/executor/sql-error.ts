// What DuckDB says went wrong, translated into a failure: which code, where in the user's file, and
// what to do next. Pure: the fault comes in as data (DuckDB gives its errors as JSON on request).
import type { Failure } from '../trace.ts';
import { indexOfByte, placeOf } from './sql-text.ts';

/** DuckDB's own account of an error. */
export interface DatabaseFault {
  /** `Binder`, `Parser`, `Invalid Input`, `Out of Memory`, `IO`, .. */
  readonly type: string;
  readonly message: string;
  /** Bytes from the beginning of the statement that was run. */
  readonly position: number | undefined;
  readonly subtype: string | undefined;
  readonly candidates: string | undefined;
}

export class DatabaseError extends Error {
  readonly fault: DatabaseFault;

  constructor(fault: DatabaseFault) {
    super(`${fault.type} Error: ${fault.message}`);
    this.name = 'DatabaseError';
    this.fault = fault;
  }

  get isInterrupt(): boolean {
    return this.fault.type === 'INTERRUPT';
  }
}

/** Where the statement stands that failed. */
export interface SqlPlace {
  /** As the user would write it. */
  readonly file: string;
  /** Line of the file on which the script begins. */
  readonly firstLine: number;
  readonly script: string;
  /** Index in the script of the statement's first character. */
  readonly at: number;
  readonly statement: string;
  /** What was put before the user's statement to make the one that was run. */
  readonly head: string;
}

/** Reads the JSON form of an error; anything else becomes a fault without particulars. */
export function parseFault(message: string): DatabaseFault {
  const start = message.indexOf('{');
  try {
    const fault: unknown = JSON.parse(message.slice(start));
    if (typeof fault === 'object' && fault !== null) {
      const text = (key: string) => {
        const value: unknown = Reflect.get(fault, key);
        return typeof value === 'string' ? value : undefined;
      };
      const position = text('position');
      return {
        type: text('exception_type') ?? 'Unknown',
        message: text('exception_message') ?? message,
        position: position === undefined ? undefined : Number(position),
        subtype: text('error_subtype'),
        candidates: text('candidates'),
      };
    }
  } catch {
    // Not JSON: errors of the binding itself come as plain text.
  }
  return {
    type: 'DuckDB',
    message,
    position: undefined,
    subtype: undefined,
    candidates: undefined,
  };
}

export function sqlFailure(fault: DatabaseFault, place: SqlPlace | undefined): Failure {
  const outside = outsideFailure(fault);
  const [message = '', ...lines] = fault.message.split('\n').filter((line) => line.trim() !== '');
  // DuckDB's advice on memory is for those who start it themselves.
  const rest = outside?.code === 'out-of-memory' ? [] : lines;
  const where = place === undefined ? undefined : describePlace(fault, place);
  const detail = [...rest, ...(where === undefined ? [] : ['', ...where.frame])].join('\n').trim();
  const hint = outside?.hint ?? sqlHint(fault);
  return {
    code: outside?.code ?? 'sql-error',
    message: `${where === undefined ? '' : `${where.at}: `}${message}`,
    ...(detail === '' ? {} : { detail }),
    ...(hint === undefined ? {} : { hint }),
    mayPass: false,
  };
}

/** Errors whose cause lies outside of the SQL: memory, disk, files. */
function outsideFailure({
  type,
  message,
}: DatabaseFault): Pick<Failure, 'code' | 'hint'> | undefined {
  if (type === 'Out of Memory') {
    return {
      code: 'out-of-memory',
      hint: 'give the step more memory (pools: {memory: ..}), or let it read fewer rows at once',
    };
  }
  if (/No space left on device/i.test(message)) {
    return {
      code: 'disk-full',
      hint: 'free some space, or put the work folder on another disk (--work DIR)',
    };
  }
  if (/Permission denied/i.test(message)) {
    return { code: 'permission', hint: 'check the owner and the mode of this path' };
  }
  if (/Too many open files/i.test(message)) {
    return { code: 'sql-error', hint: 'raise the limit of open files (ulimit -n)' };
  }
  if (/No files found that match|No such file or directory/i.test(message)) {
    return { code: 'input-missing', hint: 'check the path; it is relative to the pipeline file' };
  }
  if (isUnreadableFile(type, message)) {
    return {
      code: 'input-unreadable',
      hint:
        'the file is damaged or of another format: delete it so that its step makes it again, ' +
        'or repair the source',
    };
  }
  return undefined;
}

// Invalid Input is also said of bad arguments to functions; only these are about a file's bytes.
const UNREADABLE = new RegExp(
  [
    'magic bytes',
    'too small to be a Parquet file',
    'not a parquet file',
    'Could not read enough bytes',
    'TProtocolException',
    'Invalid string encoding found in Parquet file',
    'footer',
    String.raw`(ZSTD|Snappy|GZIP|LZ4|Brotli)\w* decompression`,
    'transform error in file',
    'Malformed JSON in file',
    'Error when sniffing file',
    'CSV Error on Line',
    'corrupt',
  ].join('|'),
  'i',
);

function isUnreadableFile(type: string, message: string): boolean {
  return UNREADABLE.test(message) && type !== 'Parser' && type !== 'Binder';
}

function sqlHint({ candidates, type, message }: DatabaseFault): string | undefined {
  if (candidates !== undefined && candidates !== '') return `did you mean ${candidates}?`;
  if (type === 'Missing Extension' || /extension/i.test(message)) {
    return 'only what is built into DuckDB can be used (json, parquet, icu); nothing is downloaded';
  }
  return undefined;
}

function describePlace(fault: DatabaseFault, place: SqlPlace): { at: string; frame: string[] } {
  const inStatement =
    fault.position === undefined
      ? 0
      : indexOfByte(place.statement, fault.position - Buffer.byteLength(place.head));
  const index = place.at + Math.min(inStatement, place.statement.length);
  const { line, column } = placeOf(place.script, index);
  const fileLine = place.firstLine + line - 1;
  if (fault.position === undefined) return { at: `${place.file}:${fileLine}`, frame: [] };
  const text = place.script.split('\n');
  const width = String(fileLine).length;
  const row = (number: number) =>
    `${String(place.firstLine + number - 1).padStart(width)} | ${text[number - 1] ?? ''}`;
  const caret = `${' '.repeat(width)} | ${' '.repeat(column - 1)}^`;
  const frame = [...(line > 1 ? [row(line - 1)] : []), row(line), caret];
  return { at: `${place.file}:${fileLine}:${column}`, frame };
}
