/**
 * Runs tasks of the same key one after another and of different keys side by side. Within one process this keeps
 * two handlers from racing for the same record; across processes the compare-and-swap does.
 */
export interface Lanes {
  run<T>(key: string, task: () => Promise<T>): Promise<T>;
  readonly size: number;
}

export function createLanes(): Lanes {
  const tails = new Map<string, Promise<unknown>>();
  return {
    get size() {
      return tails.size;
    },
    run<T>(key: string, task: () => Promise<T>): Promise<T> {
      const before = tails.get(key);
      const mine = before === undefined ? task() : before.then(task, task);
      tails.set(key, mine);
      const clear = (): void => {
        if (tails.get(key) === mine) tails.delete(key);
      };
      mine.then(clear, clear);
      return mine;
    },
  };
}
