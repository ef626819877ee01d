// Journal lines: records to text and back. Pure. A record too large for one line is preceded by
// `part` lines in the same append, so nothing is ever shortened that decides anything. Decoding
// reads only the head of each line; the rest is parsed when somebody asks for it.
import type { Failure } from '../trace.ts';
import type { LineSpan } from './line.ts';
import { fitsLine, frameLine, LINE_LIMIT, scanLines, sumOfLine } from './line.ts';
import type { InnerRecord, JournalRecord, LineStatus, RecordHead } from './record.ts';

/** A failure's message and hint are cut to this many characters: the log has the whole. */
const MESSAGE_LIMIT = 1000;

export interface JournalLine extends LineSpan {
  readonly target: string;
  readonly status: LineStatus;
  readonly step: number;
  readonly attempt: number;
}

export interface Journal {
  readonly bytes: Buffer;
  readonly lines: readonly JournalLine[];
  /** 1-based numbers of damaged lines, the torn tail excepted. */
  readonly damaged: readonly number[];
  /** What is to be cut off before the next append; its length is to the end of the file. */
  readonly torn: { readonly start: number; readonly bytes: number } | undefined;
  /** The last line is whole but for its newline (only a foreign one can be). */
  readonly unterminated: boolean;
  /** A version that this Eider does not know: nothing here may be used. */
  readonly newerVersion: number | undefined;
  /** The last `{"step": N}` of the original project's state file. */
  readonly foreignStep: number | undefined;
}

/** One line, or several when the record is too large for one; always ends in a newline. */
export function encodeRecord(record: JournalRecord | InnerRecord): string {
  const { target, status, step, attempt, at, run, ...rest } = record;
  const head = { target, status, step, attempt, at, run };
  const body = 'failure' in rest ? { ...rest, failure: briefFailure(rest.failure) } : rest;
  const whole = frameLine({ ...head, ...body });
  return fitsLine(whole) ? whole : encodeLarge(head, body);
}

export function decodeJournal(content: Uint8Array): Journal {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const scanned = scanLines(bytes);
  const lines: JournalLine[] = [];
  const damaged: number[] = [];
  let foreignStep: number | undefined;
  let unterminated = false;
  let torn: Journal['torn'];
  for (const span of scanned.whole) {
    const head = readHead(bytes, span);
    if (head === undefined) damaged.push(span.number);
    else lines.push(head);
  }
  for (const span of scanned.damaged) {
    const step = parseForeignStep(bytes, span);
    if (step === undefined) damaged.push(span.number);
    else foreignStep = step;
  }
  if (scanned.torn !== undefined) {
    const { start, end } = scanned.torn;
    const step = parseForeignStep(bytes, scanned.torn);
    if (step === undefined) torn = { start, bytes: bytes.length - start };
    else foreignStep = step;
    unterminated = step !== undefined && end === bytes.length;
  }
  const { newerVersion } = scanned;
  return { bytes, lines, damaged, torn, unterminated, newerVersion, foreignStep };
}

/**
 * The whole record of `journal.lines[index]`; undefined when parts of it are missing (which only
 * damage does) and for lines that are no record of their own.
 */
export function parseRecord(journal: Journal, index: number): JournalRecord | undefined {
  const line = journal.lines[index];
  if (line === undefined || line.status === 'part' || line.status === 'cut') return undefined;
  const { v: _, sum: __, parts, ...record }: FramedRecord = parseLine(journal, line);
  if (parts === undefined) return record;
  const pieces = readParts(journal, index, parts);
  return pieces === undefined ? undefined : joinParts(record, pieces);
}

/** When a line was written and by which run, without parsing the rest of it. */
export function parseOrigin(
  { bytes }: Journal,
  { start, end }: LineSpan,
): Pick<RecordHead, 'at' | 'run'> | undefined {
  const [, at, run] = ORIGIN.exec(bytes.toString('latin1', start, end)) ?? [];
  return at === undefined || run === undefined ? undefined : { at, run };
}

/** Remembers the last record: what is asked of a target is mostly in one and the same line. */
export class RecordReader {
  readonly journal: Journal;
  #index = -1;
  #record: JournalRecord | undefined;

  constructor(journal: Journal) {
    this.journal = journal;
  }

  parse(index: number): JournalRecord | undefined {
    if (index < 0) return undefined;
    if (index !== this.#index) this.#record = parseRecord(this.journal, index);
    this.#index = index;
    return this.#record;
  }

  numberOf(index: number): number {
    return this.journal.lines[index]?.number ?? 0;
  }
}

/** Names a line within its journal. */
export function lineId(journal: Journal, index: number): string | undefined {
  const line = journal.lines[index];
  return line === undefined ? undefined : sumOfLine(journal.bytes, line);
}

type Part = Extract<InnerRecord, { status: 'part' }>;
/** `parts` counts the lines just before that belong to the record. */
type FramedRecord = JournalRecord & {
  readonly v: number;
  readonly sum: string;
  readonly parts?: number;
};

function briefFailure({ code, message, hint, mayPass }: Failure): Failure {
  const brief = { code, message: message.slice(0, MESSAGE_LIMIT) };
  if (hint === undefined) return { ...brief, mayPass };
  return { ...brief, hint: hint.slice(0, MESSAGE_LIMIT), mayPass };
}

/** First the inputs of a trace, entry by entry, for a person to read; if need be, all as text. */
function encodeLarge(head: RecordHead & { status: LineStatus }, body: object): string {
  const parts: string[] = [];
  const partHead = { ...head, status: 'part' as const };
  const room = LINE_LIMIT - Buffer.byteLength(frameLine({ ...partHead, part: 1e9, outside: {} }));
  if (room < 100) throw new RangeError(`The name of target ${head.target} is too long`);
  const put = (payload: object) =>
    parts.push(frameLine({ ...partHead, part: parts.length, ...payload }));

  let rest = body;
  if ('trace' in body && typeof body.trace === 'object' && body.trace !== null) {
    const trace: Record<string, unknown> = { ...body.trace };
    for (const key of ['inputs', 'outside'] as const) {
      const groups = groupEntries(trace[key] ?? {}, room);
      if (groups.length === 0) continue;
      for (const group of groups) put({ [key]: group });
      trace[key] = {};
    }
    rest = { ...body, trace };
  }
  const last = frameLine({ ...head, ...rest, parts: parts.length });
  if (fitsLine(last)) return parts.join('') + last;

  const text = JSON.stringify(rest);
  // A UTF-16 unit of JSON text takes at most 3 bytes, but 6 where a cut splits a surrogate pair.
  const length = Math.floor((room - 12) / 3);
  for (let at = 0; at < text.length; at += length) put({ text: text.slice(at, at + length) });
  return parts.join('') + frameLine({ ...head, parts: parts.length });
}

/** Splits a map into maps that fit; none when a single entry does not. */
function groupEntries(map: object, room: number): readonly object[] {
  const groups: Record<string, unknown>[] = [];
  let used = room;
  for (const [key, value] of Object.entries(map)) {
    const size = Buffer.byteLength(JSON.stringify({ [key]: value }));
    if (size > room) return [];
    if (used + size > room) {
      groups.push({});
      used = 0;
    }
    Object.defineProperty(groups.at(-1), key, { value, enumerable: true });
    used += size;
  }
  return groups;
}

const HEAD =
  /^\{"target":"((?:[^"\\]|\\.)*)","status":"([a-z]+)","step":(-?[\d.]+),"attempt":(\d+),/;
const ORIGIN = /,"attempt":\d+,"at":"([^"\\]*)","run":"([^"\\]*)"/;
/** Long enough for nearly every head, so that most of a line need not be decoded. */
const HEAD_LENGTH = 200;

function readHead(bytes: Buffer, { number, start, end }: LineSpan): JournalLine | undefined {
  const head = bytes.toString('latin1', start, Math.min(end, start + HEAD_LENGTH));
  const match = HEAD.exec(head) ?? HEAD.exec(bytes.toString('latin1', start, end));
  const [, name, word, step, attempt] = match ?? [];
  if (name === undefined || word === undefined) return undefined;
  const status = STATUSES.get(word);
  if (status === undefined) return undefined;
  const target = /^[\x20-\x5b\x5d-\x7e]*$/.test(name) ? name : decodeName(name);
  return { number, start, end, target, status, step: Number(step), attempt: Number(attempt) };
}

/** A name beyond plain ASCII: JSON text whose UTF-8 was read byte by byte. */
function decodeName(name: string): string {
  const target: string = JSON.parse(`"${Buffer.from(name, 'latin1').toString()}"`);
  return target;
}

const STATUSES: ReadonlyMap<string, LineStatus> = new Map(
  (
    [
      'started',
      'checkpoint',
      'done',
      'failed',
      'interrupted',
      'released',
      'accepted',
      'verified',
      'note',
      'part',
      'cut',
    ] as const
  ).map((status) => [status, status]),
);

function parseLine<T>({ bytes }: Journal, { start, end }: LineSpan): T {
  const value: T = JSON.parse(bytes.toString('utf8', start, end));
  return value;
}

/** The `count` lines just before; undefined when one is missing or belongs elsewhere. */
function readParts(journal: Journal, index: number, count: number): readonly Part[] | undefined {
  const owner = journal.lines[index];
  const parts: Part[] = [];
  for (let at = index - count; at < index; at += 1) {
    const line = journal.lines[at];
    if (line?.status !== 'part') return undefined;
    const part: Part = parseLine(journal, line);
    if (part.target !== owner?.target || part.part !== parts.length) return undefined;
    parts.push(part);
  }
  return parts;
}

function joinParts(short: JournalRecord, parts: readonly Part[]): JournalRecord {
  const text = parts.map((part) => part.text ?? '').join('');
  const record: JournalRecord = text === '' ? short : { ...short, ...JSON.parse(text) };
  if (record.status !== 'done' && record.status !== 'accepted') return record;
  const { trace } = record;
  const inputs = gather(
    trace.inputs,
    parts.map((part) => part.inputs),
  );
  if (trace.outside === undefined) return { ...record, trace: { ...trace, inputs } };
  const outside = gather(
    trace.outside,
    parts.map((part) => part.outside),
  );
  return { ...record, trace: { ...trace, inputs, outside } };
}

type Entries<T> = Readonly<Record<string, T>>;

function gather<T>(first: Entries<T>, more: readonly (Entries<T> | undefined)[]): Entries<T> {
  return Object.fromEntries([first, ...more].flatMap((entries) => Object.entries(entries ?? {})));
}

/** Lines of the original project have no frame: an object with a whole number `step`. */
function parseForeignStep(bytes: Buffer, { start, end }: LineSpan): number | undefined {
  const text = bytes.toString('utf8', start, Math.min(end, start + LINE_LIMIT));
  if (!/^\s*\{.*"step"\s*:\s*\d/.test(text)) return undefined;
  try {
    const value: Readonly<Record<string, unknown>> = JSON.parse(text);
    const { step, target, sum } = value;
    const ours = target !== undefined || sum !== undefined;
    return typeof step === 'number' && Number.isInteger(step) && !ours ? step : undefined;
  } catch {
    // Not JSON: neither theirs nor ours.
    return undefined;
  }
}
