// What a run with nothing to do leaves for the next one: which call it was, what it said, and the
// evidence that it rested on. One file; any damage to it, or another version, and it is not there.
import { crc32 } from 'node:zlib';
import { type Evidence, joinNames } from './evidence.ts';

const VERSION = 1;
/** Hex digits of the checksum in front of everything else. */
const SUM_LENGTH = 8;

export interface Glance {
  /** What was typed and which program it was; of another call the file says nothing. */
  readonly call: string;
  /** `status` has more to say of the journals than that all is done. */
  readonly hasRemarks: boolean;
  /** Nothing is said on standard output. */
  readonly isSilent: boolean;
  /** Targets that were found up to date. */
  readonly targets: number;
  /** Said on standard error by every run, until something changes. */
  readonly warnings: readonly string[];
  /** .. on standard output. */
  readonly notes: readonly string[];
  readonly evidence: Evidence;
}

export function encodeGlance({ evidence, ...rest }: Glance): string {
  const looks = evidence.looks.map(({ folder, names, numbers }) => ({
    folder,
    // One text is read faster than thousands.
    names: joinNames(names),
    numbers: Buffer.from(numbers.buffer).toString('base64'),
  }));
  const body = JSON.stringify({ v: VERSION, ...rest, evidence: { ...evidence, looks } });
  return sumOf(body) + body;
}

export function decodeGlance(content: Uint8Array): Glance | undefined {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const body = bytes.subarray(SUM_LENGTH);
  if (bytes.toString('latin1', 0, SUM_LENGTH) !== sumOf(body)) return undefined;
  const { v, evidence, ...rest }: Encoded = JSON.parse(body.toString());
  if (v !== VERSION) return undefined;
  const looks = evidence.looks.map(({ folder, names, numbers }) => ({
    folder,
    names: names.split('/'),
    numbers: new Float64Array(new Uint8Array(Buffer.from(numbers, 'base64')).buffer),
  }));
  return { ...rest, evidence: { ...evidence, looks } };
}

interface Encoded extends Omit<Glance, 'evidence'> {
  readonly v: number;
  readonly evidence: Omit<Evidence, 'looks'> & {
    readonly looks: readonly {
      readonly folder: string;
      readonly names: string;
      readonly numbers: string;
    }[];
  };
}

function sumOf(body: string | Uint8Array): string {
  return crc32(body).toString(16).padStart(SUM_LENGTH, '0');
}
