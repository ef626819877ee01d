// A queue of one: what is given to it runs one after another, in order, whatever failed before.

export type Serially = <T>(work: () => Promise<T>) => Promise<T>;

export function serialQueue(): Serially {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  };
}
