/**
 * Callers that wait for the end of a job, by its id. Asked for before the job is triggered: the news of its end may be
 * quicker than the answer to the trigger.
 */
export interface Waiting {
  /** Resolves when `ended` is called with this id. */
  for(id: string): Promise<void>;
  ended(id: string): void;
  failed(id: string, problem: string): void;
}

export function waiting(): Waiting {
  const callers = new Map<string, { resolve: () => void; reject: (problem: Error) => void }>();
  const take = (id: string) => {
    const caller = callers.get(id);
    callers.delete(id);
    return caller;
  };
  return {
    for: (id) => new Promise((resolve, reject) => callers.set(id, { resolve, reject })),
    ended: (id) => take(id)?.resolve(),
    failed: (id, problem) => take(id)?.reject(new Error(`${id} failed: ${problem}`)),
  };
}
