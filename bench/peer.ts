// The programs that a bench compares with. One that is missing is said with its Debian package.
import { spawnSync } from 'node:child_process';

const PACKAGES = { ninja: 'ninja-build', make: 'make' } as const;

export class MissingPeer extends Error {}

export function requirePeers(names: readonly (keyof typeof PACKAGES)[]): void {
  const missing = names.filter((name) => spawnSync(name, ['--version']).error !== undefined);
  if (missing.length === 0) return;
  const packages = missing.map((name) => PACKAGES[name]).join(' ');
  throw new MissingPeer(
    `This bench compares with ${missing.join(' and ')}: apt-get install ${packages}`,
  );
}
