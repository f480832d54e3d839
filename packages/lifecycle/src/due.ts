import type { ActionRecord, Instant } from "@jetmesh/protocol";
import { match } from "ts-pattern";
import { earliest, toInstant, toMs } from "./instants.ts";

/**
 * When a runner is to look at the action next; undefined = not by itself. Read by the ticker from the record's
 * headers: an instant in the past means now.
 */
export function dueAt(record: ActionRecord): Instant | undefined {
  const { notBefore, expiresAt, watchAt, deadlineAt } = record.timers;
  return match(record.state)
    .with("SLEEPING", () => notBefore ?? record.transitions.at(-1)?.at ?? record.createdAt)
    .with("EXECUTING_MAIN", () => expiresAt)
    .with("IN_PROGRESS", () =>
      record.claim === undefined ? earliest(watchAt, expiresAt, deadlineAt) : undefined,
    )
    .with("REVERTING", () => (record.claim === undefined ? record.transitions.at(-1)?.at : expiresAt))
    .with("PAUSED", "SUCCESS", "ERROR", "CLOSED", "REVERTED", () => undefined)
    .exhaustive();
}

/** The holder of an action sees to its deadline itself; where it has not after this, a state-store looks at it. */
const HOLDER_MS = 5_000;

/**
 * When a state-store is to look at an action, so that a start delay and a deadline end it without any runner: at
 * once where nobody holds it, a little later where somebody does, who may be dead.
 */
export function expiresAt(record: ActionRecord): Instant | undefined {
  const { expiresAt: delay, deadlineAt } = record.timers;
  const at = match(record.state)
    .with("SLEEPING", "REVERTING", () => earliest(delay, deadlineAt))
    .with("EXECUTING_MAIN", "IN_PROGRESS", () => deadlineAt)
    .with("PAUSED", "SUCCESS", "ERROR", "CLOSED", "REVERTED", () => undefined)
    .exhaustive();
  return at === undefined || record.claim === undefined ? at : toInstant(toMs(at) + HOLDER_MS);
}

export const isOpen = (state: ActionRecord["state"]): boolean =>
  match(state)
    .with("SLEEPING", "EXECUTING_MAIN", "IN_PROGRESS", "PAUSED", "REVERTING", () => true)
    .with("SUCCESS", "ERROR", "CLOSED", "REVERTED", () => false)
    .exhaustive();
