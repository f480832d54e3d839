import type { ActionError, ActionRecord } from "@jetmesh/protocol";
import type { ActionDecision } from "./action-events.ts";
import { type By, claimBy, enter, timers, write } from "./action-writes.ts";
import { after, type Now } from "./instants.ts";

/** The named transitions of a rollback: begun out of CLOSED, and CLOSED again where it failed. */
export function beginRollback(record: ActionRecord, now: Now): ActionDecision {
  const { rollbackError: _error, ...rest } = record;
  return write(
    {
      ...enter(rest, "REVERTING", now),
      timers: timers(record, { expiresAt: after(now, record.delays.mainMs) }),
    },
    { type: "resume" },
  );
}

export function claimRollback(record: ActionRecord, by: By, now: Now): ActionDecision {
  return write(
    {
      ...record,
      claim: claimBy(by, now, "rollback"),
      timers: timers(record, { expiresAt: after(now, record.delays.mainMs) }),
    },
    { type: "run", method: "rollback", last: false },
  );
}

export function revert(record: ActionRecord, now: Now): ActionDecision {
  return {
    kind: "write",
    next: { ...enter(record, "REVERTED", now), timers: {} },
    effects: [{ type: "tell" }],
    expiry: "closed",
  };
}

/** Closed as before, with what went wrong; it may be asked again while its window lasts. */
export function failRollback(record: ActionRecord, cause: ActionError, now: Now): ActionDecision {
  const next = { ...enter(record, "CLOSED", now, cause.code), timers: {}, rollbackError: cause };
  return { kind: "write", next, effects: [{ type: "tell" }], expiry: "rollback_window" };
}
