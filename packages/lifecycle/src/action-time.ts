import type { ActionError, ActionRecord } from "@jetmesh/protocol";
import type { ActionDecision } from "./action-events.ts";
import { endForGood } from "./action-transitions.ts";
import { error, write } from "./action-writes.ts";
import { cutRecord, hasLast, isCut } from "./cut-action.ts";
import { hasPassed, type Now } from "./instants.ts";

/** What becomes of an action whose overall deadline has passed, or its start delay before it has begun. */

/** Whoever looks at one whose time is over finds it cut, where there is something left to run. */
export function cutIfOver(record: ActionRecord, now: Now): ActionRecord {
  const cause = isCut(record) ? undefined : timeOver(record, now);
  return cause === undefined || !hasLast(record) ? record : cutRecord(record, cause, now);
}

/** Why its time is over: its deadline, or its start delay where it waits to begin. */
function timeOver({ state, timers: at, delays }: ActionRecord, now: Now): ActionError | undefined {
  if (hasPassed(at.deadlineAt, now)) return deadlineExceeded({ delays });
  return state === "SLEEPING" && hasPassed(at.expiresAt, now)
    ? error("start_timeout", `no runner began it within ${String(delays.startMs)} ms`)
    : undefined;
}

export const deadlineExceeded = ({ delays }: Pick<ActionRecord, "delays">): ActionError =>
  error("deadline_exceeded", `not ended within ${String(delays.deadlineMs)} ms`);

/** Its end, where its time is over: of one that is cut that of what always runs. */
export function endIfOver(record: ActionRecord, now: Now): ActionDecision | undefined {
  const cause = timeOver(record, now);
  return cause === undefined ? undefined : endForGood(record, {}, "ERROR", cause, now);
}

/** The same for who does not run it: what always runs is for a runner. */
export function expire(record: ActionRecord, now: Now): ActionDecision {
  const live = cutIfOver(record, now);
  if (live !== record) return write(live, { type: "resume" });
  return endIfOver(record, now) ?? { kind: "unchanged", why: "nothing_expired" };
}
