// Which files are kept as large files: by name, as the `.gitattributes` of a new repo says, and
// whatever is long or binary. Content decides nothing else here.

/** A regular file travels inside the commit request. */
export const REGULAR_LIMIT = 10 << 20;
const BINARY_LIMIT = 1 << 20;

const LARGE_EXTENSIONS = [
  ...['7z', 'arrow', 'avro', 'bin', 'bz2', 'feather', 'ftz', 'gz', 'h5', 'jpeg', 'jpg', 'lz4'],
  ...['mds', 'mp3', 'mp4', 'npy', 'npz', 'onnx', 'parquet', 'pickle', 'pkl', 'png', 'rar'],
  ...['safetensors', 'tar', 'tgz', 'wav', 'webp', 'xz', 'zip', 'zst'],
];

export const GIT_ATTRIBUTES = LARGE_EXTENSIONS.map(
  (extension) => `*.${extension} filter=lfs diff=lfs merge=lfs -text\n`,
).join('');

export interface UploadCandidate {
  readonly path: string;
  readonly size: number;
  /** The first 512 bytes. */
  readonly sample: Uint8Array;
}

export function uploadMode({ path, size, sample }: UploadCandidate): 'lfs' | 'regular' {
  // An empty file has no content to store anywhere, whatever it is called.
  if (size === 0) return 'regular';
  const extension = path.slice(path.lastIndexOf('.') + 1).toLowerCase();
  if (LARGE_EXTENSIONS.includes(extension) || size > REGULAR_LIMIT) return 'lfs';
  return size > BINARY_LIMIT && sample.includes(0) ? 'lfs' : 'regular';
}
