/**
 * Tasks that run side by side, and tasks that run with no other beside them: each begins once those that it may not
 * meet have ended. None is waited for longer than `patienceMs`, so that one that hangs holds up nobody for ever.
 */
export interface Turns {
  together<T>(task: () => Promise<T>): Promise<T>;
  alone<T>(task: () => Promise<T>): Promise<T>;
}

export function createTurns(patienceMs = 10_000): Turns {
  let lastAlone: Promise<unknown> = Promise.resolve();
  const together = new Set<Promise<unknown>>();

  return {
    together(task) {
      const mine = lastAlone.then(task);
      const ended = quiet(mine).finally(() => together.delete(ended));
      together.add(ended);
      return mine;
    },
    alone(task) {
      const before = lastAlone.then(patiently(Promise.all(together), patienceMs));
      const mine = before.then(task);
      lastAlone = before.then(patiently(quiet(mine), patienceMs));
      return mine;
    },
  };
}

const quiet = (promise: Promise<unknown>): Promise<unknown> => promise.catch(() => undefined);

/** Waits until it has ended, or for as long as that. */
const patiently = (promise: Promise<unknown>, ms: number) => (): Promise<unknown> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, ms)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};
