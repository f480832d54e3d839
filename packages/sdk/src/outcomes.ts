import type { ActionError } from "@jetmesh/protocol";

/** What main and the watcher may return (design §2); anything else counts as a throw. */
export type Success<R> = { readonly state: "SUCCESS"; readonly result: R };
export type Failure = { readonly state: "ERROR"; readonly error: ActionError };
export type InProgress = {
  readonly state: "IN_PROGRESS";
  /** Milliseconds until the watcher is asked; absent = at once after main, by the frequency after a watcher. */
  readonly afterMs?: number;
};
export type Sleeping = { readonly state: "SLEEPING" };
export type Paused = { readonly state: "PAUSED" };

export type MainOutcome<R> = Success<R> | Failure | InProgress;
export type WatcherOutcome<R> = MainOutcome<R> | Sleeping | Paused;

/** It has ended well, with a result that its kind's schema takes. */
export const success = <R>(result: R): Success<R> => ({ state: "SUCCESS", result });
/** It has ended badly. A throw is the same with the thrown error, for main; a watcher that throws is asked again. */
export const failure = (code: string, message: string): Failure => ({
  state: "ERROR",
  error: { code, message },
});
/** It goes on without this runner: the watcher is asked what became of it. */
export const inProgress = (afterMs?: number): InProgress => ({
  state: "IN_PROGRESS",
  ...(afterMs === undefined ? {} : { afterMs }),
});
/** Of a watcher: the whole flow again, main included, as another attempt. */
export const sleeping = (): Sleeping => ({ state: "SLEEPING" });
/** Of a watcher: waits until somebody resumes it; no delay counts. */
export const paused = (): Paused => ({ state: "PAUSED" });
