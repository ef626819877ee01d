// Sizes and durations as people write them. GB is 10^9 bytes, GiB is 2^30.
// The patterns in schema/pipeline.schema.json admit exactly what is read here.

const bytesByUnit: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
};

const msByUnit: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Bytes of `4GB`, `2 GiB` or `1000`; undefined when it is no size. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([kKMGT]i?B|B)?$/.exec(text);
  if (match?.[1] === undefined) return undefined;
  const unit = bytesByUnit[(match[2] ?? 'B').toUpperCase()];
  return unit === undefined ? undefined : Math.round(Number(match[1]) * unit);
}

/** Milliseconds of `90s`, `10m` or `1h30m`; undefined when it is no duration. */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return undefined;
  let sumMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    sumMs += Number(amount) * (msByUnit[unit ?? ''] ?? 0);
  }
  return Math.round(sumMs);
}
