// A turn for others between two steps of long work that is not waited for.
/** Lets whatever else is ready have its turn: signals, messages of workers, the start of targets. */
export function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
