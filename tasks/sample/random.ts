// A small seeded generator, so that the sample's bytes depend on nothing but its parameters.
// Only + - * / and Math.exp/log are used, which give the same digits on every machine.

/** A stream of numbers that is the same for the same name, whatever else was drawn before. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  /** A whole number in [0, count). */
  below(count: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly [T, ...T[]]): T;
  /** In [0, count), small numbers more often: `skew` 1 is even, 3 is what real ids look like. */
  skewed(count: number, skew: number): number;
  /** At least 1, of the given mean and with a long tail to the right. */
  size(mean: number, spread: number): number;
}

export function createRandom(name: string): Random {
  let state = hashOf(name);
  const next = (): number => {
    // mulberry32: 32 bits of state are plenty for data that nobody attacks.
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const below = (count: number): number => Math.floor(next() * count);
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick: (list) => list[below(list.length)] ?? list[0],
    skewed: (count, skew) => {
      const even = next();
      let small = even;
      for (let power = 1; power < skew; power++) small *= even;
      return Math.floor(small * count);
    },
    size: (mean, spread) => {
      let bell = -6;
      for (let draw = 0; draw < 12; draw++) bell += next();
      const value = Math.exp(Math.log(mean) - (spread * spread) / 2 + spread * bell);
      return Math.max(1, Math.round(value));
    },
  };
}

/** FNV-1a with a final mix, so that names that differ in one digit start far apart. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index++) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) | 0;
}
