// A mistake of the user that ends a command: the message is all there is to say, laid out. Caught
// in `cli.ts` alone, which gives it exit code 2.
export class UsageError extends Error {}
