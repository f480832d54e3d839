import type { ActionCut, ActionError, ActionRecord } from "@jetmesh/protocol";
import type { ActionDecision } from "./action-events.ts";
import { enter, timers, write } from "./action-writes.ts";
import { after, type Now, toInstant } from "./instants.ts";

/**
 * How an action is ended that has something which always runs, the `finally` of a plan that has begun (ADR 0041): it is cut
 * first. What it runs ends, nothing begins but that, and its end is the error that it was cut with. Who holds it goes on
 * holding it; where nobody does, a runner is called.
 */
export const hasLast = ({ definition: { plan, plans = {} }, journal, outcome }: ActionRecord): boolean =>
  outcome === undefined &&
  journal.length > 0 &&
  plan !== undefined &&
  [plan, ...Object.values(plans)].some(isFinal);

const isFinal = (plan: { readonly finally: readonly unknown[] }): boolean => plan.finally.length > 0;

/** It is cut for good: to be asked again changes nothing. */
export const isCut = ({ cut }: Pick<ActionRecord, "cut">): boolean =>
  cut !== undefined && cut.mayRepeat === undefined;

/** What always runs has this long in all, where the delay of IN_PROGRESS says nothing. */
const LAST_MS = 600_000;

/** The record as it is once it is cut. One that nobody holds and that has begun is to be looked at, at once. */
export function cutRecord(
  record: ActionRecord,
  cause: ActionError,
  now: Now,
  how: Pick<ActionCut, "mayRepeat"> = {},
): ActionRecord {
  const { pauseAsked: _asked, ...rest } =
    record.state === "PAUSED" ? enter(record, "IN_PROGRESS", now, cause.code) : record;
  const unseen = record.claim === undefined ? {} : { unseen: true as const };
  const last = after(now, record.delays.progressMs || LAST_MS);
  const bound = how.mayRepeat === undefined ? { deadlineAt: last } : { expiresAt: last };
  const next =
    rest.state === "SLEEPING"
      ? {}
      : rest.state === "EXECUTING_MAIN"
        ? { expiresAt: after(now, record.delays.mainMs) }
        : { watchAt: toInstant(now) };
  return {
    ...rest,
    cut: { at: record.cut?.at ?? toInstant(now), error: cause, ...how, ...unseen },
    timers: timers(record, { ...next, ...bound }),
  };
}

/** The same as a decision; `byHolder`: nobody need be called. */
export function cutOff(
  record: ActionRecord,
  cause: ActionError,
  now: Now,
  { byHolder = false, ...how }: { readonly byHolder?: boolean } & Pick<ActionCut, "mayRepeat"> = {},
): ActionDecision {
  const next = cutRecord(record, cause, now, how);
  return byHolder ? write(next) : write(next, { type: "resume" });
}
