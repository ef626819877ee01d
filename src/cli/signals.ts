// Turns signals into requests: the first Ctrl-C drains, everything else stops now. The run ends
// by itself then; nothing exits here.

/** Gives a function that ends the listening. */
export function handleSignals(interrupt: (how: 'drain' | 'stop') => void): () => void {
  let asked = false;
  const onInterrupt = () => {
    interrupt(asked ? 'stop' : 'drain');
    asked = true;
  };
  const onStop = () => interrupt('stop');
  process.on('SIGINT', onInterrupt);
  process.on('SIGTERM', onStop);
  process.on('SIGHUP', onStop);
  return () => {
    process.off('SIGINT', onInterrupt);
    process.off('SIGTERM', onStop);
    process.off('SIGHUP', onStop);
  };
}

/** What the work gives; undefined, without waiting for it, once a signal asks to stop. */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  const stopping = new AbortController();
  const stopListening = handleSignals(() => stopping.abort());
  const stopped = new Promise<undefined>((resolve) => {
    stopping.signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  const working = work(stopping.signal);
  // Called off, it ends in an error that says nothing more.
  working.catch(() => undefined);
  try {
    return await Promise.race([working, stopped]);
  } finally {
    stopListening();
  }
}
