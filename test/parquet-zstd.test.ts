// One compressor for many pages: every frame is whole and readable by others, and what is damaged
// is said to be.
import { randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { createZstdCompress, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Compressor, Decompressor } from '../src/parquet/zstd.ts';

const page = fc.oneof(
  fc.uint8Array({ maxLength: 5000 }),
  fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 50 }), fc.integer({ min: 1, max: 40_000 }))
    .map(([bytes, times]) => Uint8Array.from(Buffer.concat(Array(times).fill(bytes)))),
);

test('whatever pages there are, each becomes a frame of its own', () => {
  fc.assert(
    fc.property(fc.array(page, { maxLength: 12 }), (pages) => {
      const compressor = new Compressor();
      const again = new Compressor();
      const decompressor = new Decompressor();
      for (const plain of pages) {
        const frame = Uint8Array.from(compressor.compress(plain));
        expect(Buffer.compare(zstdDecompressSync(frame), plain)).toBe(0);
        expect(Buffer.compare(decompressor.decompress(frame, plain.length), plain)).toBe(0);
        // The same pages in the same order: the same bytes.
        expect(Buffer.compare(again.compress(plain), frame)).toBe(0);
      }
    }),
  );
});

test('a page that cannot be compressed, of megabytes, is one frame as well', () => {
  const compressor = new Compressor();
  for (const bytes of [3_000_000, 100, 5_000_000]) {
    const plain = randomBytes(bytes);
    expect(zstdDecompressSync(compressor.compress(plain)).equals(plain)).toBe(true);
  }
});

test.each([
  ['damaged', (frame: Uint8Array) => frame.fill(0xff, 6)],
  ['no frame at all', (frame: Uint8Array) => frame.fill(7)],
])('a frame that is %s is refused', (_, damage) => {
  const plain = randomBytes(500).toString('hex');
  const frame = damage(Uint8Array.from(zstdCompressSync(plain)));
  expect(() => new Decompressor().decompress(frame, plain.length)).toThrow();
});

test('a frame with more in it than was said is refused, or is seen to be longer', () => {
  const plain = Buffer.alloc(10_000_000, 'text');
  const decompressor = new Decompressor();
  expect(() => decompressor.decompress(zstdCompressSync(plain), 100)).toThrow('does not end');
  expect(new Decompressor().decompress(zstdCompressSync('a text'), 2)).toHaveLength(6);
});

test('Node gives the handle that is used, and without one its own calls serve', () => {
  expect(Reflect.get(createZstdCompress(), '_handle')).toHaveProperty('writeSync');
  expect(Reflect.get(createZstdCompress(), '_writeState')).toBeInstanceOf(Uint32Array);
  const frame = new Compressor(new PassThrough()).compress(Buffer.from('a text'));
  const plain = new Decompressor(new PassThrough()).decompress(frame, 6);
  expect(Buffer.from(plain).toString()).toBe('a text');
});
