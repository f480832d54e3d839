/** Longer timers fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Calls once, after `ms`; the answer takes it back. */
export function callAfter(ms: number, call: () => void): () => void {
  let timer: NodeJS.Timeout;
  const arm = (left: number): void => {
    const now = Math.min(left, LONGEST_TIMER_MS);
    timer = setTimeout(() => {
      if (left > now) arm(left - now);
      else call();
    }, now);
  };
  arm(ms);
  return () => clearTimeout(timer);
}

/** Calls once the signal fires, at once if it has; the answer takes it back. */
export function onAbort(signal: AbortSignal, call: () => void): () => void {
  if (signal.aborted) {
    call();
    return () => undefined;
  }
  signal.addEventListener("abort", call, { once: true });
  return () => signal.removeEventListener("abort", call);
}

/**
 * Runs with a signal that fires with the outer one or after `timeoutMs` (0 = never). `AbortSignal.any` would do
 * as much, but its listeners stay on a signal that outlives many tries.
 */
export async function withTimeLimit<T>(
  outer: AbortSignal,
  timeoutMs: number,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<{ value: T; timedOut: boolean }> {
  const inner = new AbortController();
  let timedOut = false;
  const forget = onAbort(outer, () => inner.abort(outer.reason));
  const disarm =
    timeoutMs === 0
      ? () => undefined
      : callAfter(timeoutMs, () => {
          if (inner.signal.aborted) return;
          timedOut = true;
          inner.abort();
        });
  try {
    return { value: await run(inner.signal), timedOut };
  } finally {
    forget();
    disarm();
  }
}

/** Waits; a signal that fires ends the wait at once. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let forget = (): void => undefined;
    const disarm = callAfter(ms, () => {
      forget();
      resolve();
    });
    forget = onAbort(signal, () => {
      disarm();
      resolve();
    });
  });
}

/** As the promise, but no longer than until the signal fires; then undefined. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const forget = onAbort(signal, () => resolve(undefined));
    promise.then(resolve, reject).finally(forget);
  });
}
