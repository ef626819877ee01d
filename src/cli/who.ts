// Who sits at the keyboard, as far as the system knows: recorded with what a person decides.
import { hostname, userInfo } from 'node:os';

/** `name@host`; a user without a name, as in a container, is a number. */
export function whoAmI(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    return `user ${process.getuid?.() ?? '?'}@${hostname()}`;
  }
}
