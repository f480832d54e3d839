import type { ActionRecord, Instant } from "@jetmesh/protocol";
import { earliest, toInstant, toMs } from "./instants.ts";

/**
 * When a runner is to look at the action next; undefined = not by itself. Read by the ticker from the record's
 * headers: an instant in the past means now.
 */
export const dueAt = (record: ActionRecord): Instant | undefined => DUE[record.state](record);

type InstantOf = (record: ActionRecord) => Instant | undefined;
const never: InstantOf = () => undefined;

/** Tables rather than matches, total all the same: these two are asked at each write of an action (ADR 0021). */
const DUE: Readonly<Record<ActionRecord["state"], InstantOf>> = {
  SLEEPING: ({ timers, transitions, createdAt, slots }) =>
    slots !== undefined && slots.granted === undefined
      ? undefined
      : (timers.notBefore ?? slots?.granted ?? transitions.at(-1)?.at ?? createdAt),
  EXECUTING_MAIN: ({ timers }) => timers.expiresAt,
  IN_PROGRESS: ({ claim, timers }) =>
    claim === undefined ? earliest(timers.watchAt, timers.expiresAt, timers.deadlineAt) : undefined,
  REVERTING: ({ claim, timers, transitions }) =>
    claim === undefined ? transitions.at(-1)?.at : timers.expiresAt,
  PAUSED: never,
  SUCCESS: never,
  ERROR: never,
  CLOSED: never,
  REVERTED: never,
};

/** The holder of an action sees to its deadline itself; where it has not after this, a state-store looks at it. */
const HOLDER_MS = 5_000;

/**
 * When a state-store is to look at an action, so that a start delay and a deadline end it without any runner: at
 * once where nobody holds it, a little later where somebody does, who may be dead.
 */
export function expiresAt(record: ActionRecord): Instant | undefined {
  const at = EXPIRES[record.state](record);
  return at === undefined || record.claim === undefined ? at : toInstant(toMs(at) + HOLDER_MS);
}

const EXPIRES: Readonly<Record<ActionRecord["state"], InstantOf>> = {
  SLEEPING: ({ timers }) => earliest(timers.expiresAt, timers.deadlineAt),
  REVERTING: ({ timers }) => earliest(timers.expiresAt, timers.deadlineAt),
  EXECUTING_MAIN: ({ timers }) => timers.deadlineAt,
  IN_PROGRESS: ({ timers }) => timers.deadlineAt,
  PAUSED: never,
  SUCCESS: never,
  ERROR: never,
  CLOSED: never,
  REVERTED: never,
};

export const isOpen = (state: ActionRecord["state"]): boolean => OPEN[state];

const OPEN: Readonly<Record<ActionRecord["state"], boolean>> = {
  SLEEPING: true,
  EXECUTING_MAIN: true,
  IN_PROGRESS: true,
  PAUSED: true,
  REVERTING: true,
  SUCCESS: false,
  ERROR: false,
  CLOSED: false,
  REVERTED: false,
};
