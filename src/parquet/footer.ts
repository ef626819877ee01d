// The footer of a Parquet file, whatever its columns and codecs: how large its row groups are, for
// whoever must know before reading it how much of it may have to be held at once.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { numberAt, readStruct, type Struct, structsAt } from './thrift.ts';

/** Length of the footer, and the magic bytes that end the file. */
const END_BYTES = 8;
/** A longer one is not looked at. */
const MAX_FOOTER_BYTES = 64 * 1024 * 1024;

/**
 * Bytes of the file's largest row group, uncompressed; 0 without rows. Undefined for a file that is
 * not there or is no Parquet file that can be read: whoever reads it says what is wrong with it.
 */
export function largestRowGroup(path: string): number | undefined {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    const groups = structsAt(readFooter(file), 4);
    return groups.reduce((most, group) => Math.max(most, numberAt(group, 2) ?? 0), 0);
  } catch {
    return undefined;
  } finally {
    closeSync(file);
  }
}

/** The `FileMetaData` of an open file. Throws a plain Error when it has none. */
export function readFooter(file: number): Struct {
  const { size } = fstatSync(file);
  const end = readBytes(file, { start: Math.max(0, size - END_BYTES), length: END_BYTES });
  const length = new DataView(end.buffer, end.byteOffset).getUint32(0, true);
  const isParquet = Buffer.from(end.subarray(4)).toString('latin1') === 'PAR1';
  if (!isParquet || length > Math.min(size - END_BYTES, MAX_FOOTER_BYTES)) {
    throw new Error('no plain Parquet footer');
  }
  return readStruct(readBytes(file, { start: size - END_BYTES - length, length }), 0).value;
}

/** Throws when the file ends before. */
export function readBytes(
  file: number,
  { start, length }: { readonly start: number; readonly length: number },
): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  for (let done = 0; done < length; ) {
    const read = readSync(file, bytes, done, length - done, start + done);
    if (read === 0) throw new Error(`the file ends before byte ${start + length}`);
    done += read;
  }
  return bytes;
}
