/** One Ctrl-C arrives two or three times within milliseconds: from the terminal, npm and the bootstrap. */
const SAME_PRESS_MS = 2_000;

export type SignalMeaning = "stop" | "same press" | "force";

/** What a signal means that comes now, given when the first one came. */
export function meaningOf(firstAt: number | undefined, now: number): SignalMeaning {
  if (firstAt === undefined) return "stop";
  return now - firstAt < SAME_PRESS_MS ? "same press" : "force";
}

/** Thrown out of whatever waits when a stop is asked for. */
export class StoppedError extends Error {
  override readonly name = "StoppedError";
}

export interface StopSignals {
  readonly signal: AbortSignal;
  readonly asked: Promise<void>;
  /** What comes of a promise, unless a stop is asked for first. */
  orStopped<T>(promise: Promise<T>): Promise<T>;
}

export function listenForStop(onForce: () => void): StopSignals {
  const controller = new AbortController();
  const { signal } = controller;
  let firstAt: number | undefined;
  const onSignal = (): void => {
    const now = performance.now();
    const meaning = meaningOf(firstAt, now);
    if (meaning === "force") return onForce();
    if (meaning === "same press") return;
    firstAt = now;
    controller.abort(new StoppedError("a stop was asked for"));
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, onSignal);
  const stopped = new Promise<never>((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as StoppedError));
  });
  const asked = stopped.catch(() => undefined);
  return {
    signal,
    asked,
    orStopped: (promise) => {
      // What is no longer waited for may still fail.
      promise.catch(() => undefined);
      return Promise.race([stopped, promise]);
    },
  };
}
