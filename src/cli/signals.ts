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
