import type { ActionRecord, Instant } from "@jetmesh/protocol";
import { match } from "ts-pattern";
import { earliest } from "./instants.ts";

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

/** When a state-store is to look at an action that nobody holds: its start delay or its deadline. */
export function expiresAt(record: ActionRecord): Instant | undefined {
  if (record.claim !== undefined) return undefined;
  const { expiresAt: delay, deadlineAt } = record.timers;
  return match(record.state)
    .with("SLEEPING", "REVERTING", () => earliest(delay, deadlineAt))
    .with("IN_PROGRESS", () => deadlineAt)
    .with("EXECUTING_MAIN", "PAUSED", "SUCCESS", "ERROR", "CLOSED", "REVERTED", () => undefined)
    .exhaustive();
}

export const isOpen = (state: ActionRecord["state"]): boolean =>
  match(state)
    .with("SLEEPING", "EXECUTING_MAIN", "IN_PROGRESS", "PAUSED", "REVERTING", () => true)
    .with("SUCCESS", "ERROR", "CLOSED", "REVERTED", () => false)
    .exhaustive();
