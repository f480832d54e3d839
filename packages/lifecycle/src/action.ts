import type { ActionRecord, Note } from "@jetmesh/protocol";
import { match, P } from "ts-pattern";
import type { ActionDecision, ActionEvent, Unchanged } from "./action-events.ts";
import { cutIfOver, endIfOver, expire } from "./action-time.ts";
import {
  afterLoss,
  beginProgress,
  claimMain,
  claimWatcher,
  close,
  end,
  endForGood,
  grant,
  heartbeat,
  keepWatching,
  note,
  pause,
  progress,
  sleepAgain,
  takeOverMain,
  unpause,
  watcherFailed,
} from "./action-transitions.ts";
import { error, leave } from "./action-writes.ts";
import { cutOff, hasLast, isCut } from "./cut-action.ts";
import { hasPassed, type Now } from "./instants.ts";
import { keepNote } from "./notes.ts";
import { beginRollback, claimRollback, failRollback, revert } from "./rollback-transitions.ts";

/**
 * The life of an action (design §2), pure and total: what becomes of a record by an event at an instant, and
 * what is to be done once that is written.
 *
 *     SLEEPING -> EXECUTING_MAIN -> IN_PROGRESS -> SUCCESS | ERROR -> CLOSED -> (REVERTING -> REVERTED)
 *         ^------- repeat, watcher said SLEEPING -------'      PAUSED <-> SLEEPING, IN_PROGRESS
 *
 * Invariants, cited by the tests:
 *   A1  main is run by a claim out of SLEEPING and by nothing else; each such claim is a new attempt or the first.
 *   A2  a result counts only under the nonce of the present claim, and for the method that the claim runs.
 *   A3  no event leads out of an outcome but `owner_told`, and none out of CLOSED but `rollback`.
 *   A4  an event decided again on what it led to changes nothing.
 *   A5  an outcome has no timers, a claim no second holder, and PAUSED lets no delay count.
 *   A6  what is cut ends as an error, with what it was cut with, and is not paused.
 */
export function decideAction(record: ActionRecord, event: ActionEvent, now: Now): ActionDecision {
  return WHEN[record.state](record, event, now);
}

type When = (record: ActionRecord, event: ActionEvent, now: Now) => ActionDecision;

const unchanged = (why: Unchanged): ActionDecision => ({ kind: "unchanged", why });
const late: ActionDecision = { kind: "late" };
const refused = (code: "not_pausable" | "in_use" | "conflict", message: string): ActionDecision => ({
  kind: "refused",
  code,
  message,
});

const result = { type: P.union("main_returned", "watcher_returned", "rollback_returned") } as const;
const asked = {
  type: P.union(
    "resume",
    "pause",
    "unpause",
    "granted",
    "cut",
    "cancel",
    "expire",
    "nothing_to_run",
    "noted",
  ),
} as const;
const endings = { type: P.union("cut", "cancel") } as const;
const failed = { state: P.union("ERROR", "THREW") } as const;
const sign = { type: P.union("progressed", "heartbeat") } as const;

function whenSleeping(record: ActionRecord, event: ActionEvent, now: Now): ActionDecision {
  return match(event)
    .with({ type: "resume" }, (by) => {
      if (isWaitingForSlots(record)) return endIfOver(record, now) ?? unchanged("no_slot");
      const live = cutIfOver(record, now);
      return endIfOver(live, now) ?? (mayBegin(live, now) ? claimMain(live, by, now) : unchanged("not_due"));
    })
    .with({ type: "granted" }, () => {
      if (!isWaitingForSlots(record)) return unchanged("already");
      return endIfOver(record, now) ?? (mayBegin(record, now) ? grant(record, now) : unchanged("not_due"));
    })
    .with({ type: "expire" }, () => expire(record, now))
    .with({ type: "nothing_to_run" }, () => endForGood(record, {}, "SUCCESS", undefined, now))
    .with({ type: "pause" }, ({ nonce }) => {
      if (record.cut !== undefined) return isBeingEnded;
      return nonce === undefined
        ? pause(record, "SLEEPING", {}, now)
        : refused("not_pausable", "the claim of who would pause it is gone");
    })
    .with(endings, (asked) => endAsAsked(record, asked, now))
    .with({ type: "noted" }, (told) => noted(record, told, now))
    .with(result, sign, () => late)
    .with({ type: "unpause" }, () => unchanged("not_paused"))
    .with({ type: "owner_told" }, { type: "rollback" }, () => unchanged("not_ended"))
    .exhaustive();
}

function whenExecutingMain(record: ActionRecord, event: ActionEvent, now: Now): ActionDecision {
  return match(event)
    .with({ type: "resume" }, (by) => {
      if (by.nonce === record.claim?.nonce) return unchanged("already");
      if (!by.holderDead && !hasPassed(record.timers.expiresAt, now)) return unchanged("held");
      const live = cutIfOver(record, now);
      const takeOver = (counted: ActionRecord): ActionDecision => takeOverMain(counted, by, now);
      // A main whose time is over says nothing of its runner, a watcher that was asked of it and did not come back does.
      const isLost = by.holderDead || record.claim?.runs === "watcher";
      return endIfOver(live, now) ?? (isLost ? afterLoss(live, now, takeOver) : takeOver(live));
    })
    .with({ type: "main_returned" }, ({ nonce, answer }) => {
      if (!isHeld(record, nonce, "main")) return late;
      return match(answer)
        .with({ state: "SUCCESS" }, (left) => end(record, left, "SUCCESS", undefined, now))
        .with(failed, (left) => end(record, left, "ERROR", left.error, now))
        .with({ state: "IN_PROGRESS" }, (left) => beginProgress(record, left, left.watchAt, now))
        .exhaustive();
    })
    .with({ type: "watcher_returned" }, ({ nonce, answer }) => {
      if (!isHeld(record, nonce, "watcher")) return late;
      return match(answer)
        .with({ state: "SUCCESS" }, (left) => end(record, left, "SUCCESS", undefined, now))
        .with({ state: "ERROR" }, (left) => end(record, left, "ERROR", left.error, now))
        .with({ state: "IN_PROGRESS" }, (left) => {
          const watchAt = left.watchAt === undefined ? soon(record, now) : left.watchAt;
          return beginProgress(withoutClaim(record), left, watchAt, now);
        })
        .with({ state: "SLEEPING" }, (left) => sleepAgain(record, left, now))
        .with({ state: "PAUSED" }, (left) =>
          record.cut === undefined
            ? pause(record, "IN_PROGRESS", left, now)
            : beginProgress(withoutClaim(record), left, soon(record, now), now),
        )
        .with({ state: "THREW" }, (left) => end(record, left, "ERROR", mainTimeout(left.error.message), now))
        .exhaustive();
    })
    .with({ type: "progressed" }, ({ nonce, left }) =>
      isHolder(record, nonce) ? progress(record, left) : late,
    )
    .with({ type: "noted" }, (told) => noted(record, told, now))
    .with({ type: "heartbeat" }, ({ nonce }) => (isHolder(record, nonce) ? heartbeat(record, now) : late))
    .with({ type: "pause" }, ({ nonce, left }) => {
      const isHolders = isHeld(record, nonce, "main");
      // It came to a place to pause at, and was cut meanwhile: it goes on from there.
      if (record.cut !== undefined)
        return isHolders ? beginProgress(record, left ?? {}, undefined, now) : isBeingEnded;
      return isHolders
        ? pause(record, "IN_PROGRESS", left ?? {}, now)
        : refused("not_pausable", "main is running: its holder pauses it between steps");
    })
    .with(endings, (asked) => endAsAsked(record, asked, now))
    .with({ type: "rollback_returned" }, () => late)
    .with({ type: "expire" }, ({ holderDead }) => (holderDead ? expire(record, now) : unchanged("held")))
    .with({ type: "nothing_to_run" }, () => unchanged("held"))
    .with({ type: "granted" }, () => unchanged("already"))
    .with({ type: "unpause" }, () => unchanged("not_paused"))
    .with({ type: "owner_told" }, { type: "rollback" }, () => unchanged("not_ended"))
    .exhaustive();
}

function whenInProgress(record: ActionRecord, event: ActionEvent, now: Now): ActionDecision {
  const timedOut = hasPassed(record.timers.expiresAt, now);
  return match(event)
    .with({ type: "resume" }, (by) => {
      if (by.nonce === record.claim?.nonce) return unchanged("already");
      if (record.claim !== undefined && !by.holderDead) return unchanged("held");
      const claim = (counted: ActionRecord): ActionDecision => claimWatcher(counted, by, now, timedOut);
      if (timedOut) return record.claim === undefined ? claim(record) : afterLoss(record, now, claim);
      // It has nothing to run, and ends as its leader does.
      if (record.follows !== undefined) return endIfOver(record, now) ?? unchanged("not_due");
      const live = cutIfOver(record, now);
      const over = endIfOver(live, now);
      if (over !== undefined) return over;
      if (live.claim !== undefined) return afterLoss(live, now, claim);
      return hasPassed(live.timers.watchAt, now) ? claim(live) : unchanged("not_due");
    })
    .with({ type: "watcher_returned" }, ({ nonce, answer }) => {
      if (!isHeld(record, nonce, "watcher")) return late;
      if (answer.state === "SUCCESS") return end(record, answer, "SUCCESS", undefined, now);
      if (timedOut && answer.state !== "ERROR") {
        const cause = progressTimeout(record);
        if (record.cut !== undefined || !hasLast(record)) return end(record, answer, "ERROR", cause, now);
        return cutOff(leave(withoutClaim(record), answer), cause, now, { mayRepeat: true });
      }
      return match(answer)
        .with({ state: "ERROR" }, (left) =>
          end(record, left, "ERROR", timedOut ? progressTimeout(record) : left.error, now),
        )
        .with({ state: "IN_PROGRESS" }, (left) => keepWatching(record, left, left.watchAt, now))
        .with({ state: "SLEEPING" }, (left) => sleepAgain(record, left, now))
        .with({ state: "PAUSED" }, (left) =>
          record.cut === undefined
            ? pause(record, "IN_PROGRESS", left, now)
            : keepWatching(record, left, undefined, now),
        )
        .with({ state: "THREW" }, (left) => watcherFailed(record, left, left.error, now))
        .exhaustive();
    })
    .with({ type: "main_returned" }, ({ nonce }) => (isHolder(record, nonce) ? unchanged("already") : late))
    .with({ type: "progressed" }, ({ nonce, left }) =>
      isHolder(record, nonce) ? progress(record, left) : late,
    )
    .with({ type: "noted" }, (told) => noted(record, told, now))
    .with({ type: "heartbeat" }, ({ nonce }) => (isHolder(record, nonce) ? heartbeat(record, now) : late))
    .with({ type: "pause" }, ({ nonce, left }) => {
      if (record.cut !== undefined) return isBeingEnded;
      return record.claim?.nonce === nonce
        ? pause(record, "IN_PROGRESS", left ?? {}, now)
        : refused("not_pausable", "its watcher is being asked: try again");
    })
    .with(endings, (asked) => endAsAsked(record, asked, now))
    .with({ type: "expire" }, ({ holderDead }) =>
      record.claim === undefined || holderDead ? expire(record, now) : unchanged("held"),
    )
    .with({ type: "rollback_returned" }, () => late)
    .with({ type: P.union("nothing_to_run", "granted") }, () => unchanged("already"))
    .with({ type: "unpause" }, () => unchanged("not_paused"))
    .with({ type: "owner_told" }, { type: "rollback" }, () => unchanged("not_ended"))
    .exhaustive();
}

function whenPaused(record: ActionRecord, event: ActionEvent, now: Now): ActionDecision {
  return match(event)
    .with({ type: "unpause" }, () => unpause(record, now))
    .with(endings, (asked) => endAsAsked(record, asked, now))
    .with({ type: P.union("resume", "granted") }, () => unchanged("paused"))
    .with({ type: "pause" }, () => unchanged("already"))
    .with({ type: P.union("expire", "nothing_to_run") }, () => unchanged("nothing_expired"))
    .with({ type: "noted" }, (told) => noted(record, told, now))
    .with(result, sign, () => late)
    .with({ type: "owner_told" }, { type: "rollback" }, () => unchanged("not_ended"))
    .exhaustive();
}

function whenEnded(record: ActionRecord, event: ActionEvent, now: Now): ActionDecision {
  return match(event)
    .with({ type: "owner_told" }, () => close(record, now))
    .with({ type: "noted" }, ({ note: told }) => notedBefore(record, told, now))
    .with(result, sign, () => late)
    .with(asked, () => unchanged("ended"))
    .with({ type: "rollback" }, () =>
      isUndoneOnError(record) ? beginRollback(record, now) : unchanged("not_ended"),
    )
    .exhaustive();
}

function whenClosed(record: ActionRecord, event: ActionEvent, now: Now): ActionDecision {
  return match(event)
    .with({ type: "rollback" }, () =>
      record.rollbackable
        ? beginRollback(record, now)
        : refused("conflict", "there is nothing to roll back: the action has no undo"),
    )
    .with({ type: "noted" }, ({ note: told }) => notedBefore(record, told, now))
    .with(result, sign, () => late)
    .with(asked, () => unchanged("ended"))
    .with({ type: "owner_told" }, () => unchanged("already"))
    .exhaustive();
}

function whenReverting(record: ActionRecord, event: ActionEvent, now: Now): ActionDecision {
  const interrupted = error(
    "rollback_interrupted",
    "rollback did not end within its delay, or its runner died",
  );
  const isOver = hasPassed(record.timers.expiresAt, now);
  return match(event)
    .with({ type: "resume" }, (by) => {
      if (by.nonce === record.claim?.nonce) return unchanged("already");
      if (isOver || (record.claim !== undefined && by.holderDead))
        return failRollback(record, interrupted, now);
      return record.claim === undefined ? claimRollback(record, by, now) : unchanged("held");
    })
    .with({ type: "rollback_returned" }, (answer) => {
      if (!isHeld(record, answer.nonce, "rollback")) return late;
      return answer.error === undefined ? revert(record, now) : failRollback(record, answer.error, now);
    })
    .with({ type: "progressed" }, ({ nonce, left }) =>
      isHolder(record, nonce) ? progress(record, left) : late,
    )
    .with({ type: "heartbeat" }, ({ nonce }) => (isHolder(record, nonce) ? heartbeat(record, now) : late))
    .with(endings, (asked) =>
      "nonce" in asked && !isHolder(record, asked.nonce)
        ? late
        : failRollback(record, error(asked.why, asked.message), now),
    )
    .with({ type: "expire" }, ({ holderDead }) =>
      isOver && (record.claim === undefined || holderDead)
        ? failRollback(record, interrupted, now)
        : unchanged("nothing_expired"),
    )
    .with({ type: P.union("main_returned", "watcher_returned") }, () => late)
    .with({ type: "pause" }, () => refused("not_pausable", "a rollback is not paused"))
    .with({ type: "unpause" }, () => unchanged("not_paused"))
    .with({ type: P.union("rollback", "nothing_to_run", "granted") }, () => unchanged("already"))
    .with({ type: "noted" }, () => unchanged("ended"))
    .with({ type: "owner_told" }, () => unchanged("not_ended"))
    .exhaustive();
}

function whenReverted(event: ActionEvent): ActionDecision {
  return match(event)
    .with(result, sign, () => late)
    .with(asked, () => unchanged("ended"))
    .with({ type: P.union("rollback", "owner_told") }, () => unchanged("already"))
    .exhaustive();
}

/** Total, as a match would be, and asked for every event there is (ADR 0021). */
const WHEN: Readonly<Record<ActionRecord["state"], When>> = {
  SLEEPING: whenSleeping,
  EXECUTING_MAIN: whenExecutingMain,
  IN_PROGRESS: whenInProgress,
  PAUSED: whenPaused,
  SUCCESS: whenEnded,
  ERROR: whenEnded,
  CLOSED: whenClosed,
  REVERTING: whenReverting,
  REVERTED: (_, event) => whenReverted(event),
};

/** Its failure is followed by a rollback, before its jet is settled. */
export const isUndoneOnError = ({ state, definition, rollbackable, rollbackError }: ActionRecord): boolean =>
  state === "ERROR" &&
  definition.jetAction?.rollbackOnError === true &&
  rollbackable &&
  rollbackError === undefined;

/** It begins once it has all of its slots, and keeps them until it has ended. */
export const isWaitingForSlots = ({ state, slots }: Pick<ActionRecord, "state" | "slots">): boolean =>
  state === "SLEEPING" && slots !== undefined && slots.granted === undefined;

const isHolder = (record: ActionRecord, nonce: string | undefined): boolean =>
  nonce !== undefined && record.claim?.nonce === nonce;
const isHeld = (
  record: ActionRecord,
  nonce: string | undefined,
  runs: "main" | "watcher" | "rollback",
): boolean => isHolder(record, nonce) && record.claim?.runs === runs;

function withoutClaim(record: ActionRecord): ActionRecord {
  const { claim: _claim, ...rest } = record;
  return rest;
}

const mayBegin = (record: ActionRecord, now: Now): boolean =>
  record.timers.notBefore === undefined || hasPassed(record.timers.notBefore, now);

/** The next look of a watcher that has just been asked. */
const soon = (record: ActionRecord, now: Now): string =>
  new Date(now + record.delays.frequencyMs).toISOString();

const mainTimeout = (message: string): ReturnType<typeof error> => error("main_timeout", message);
const progressTimeout = (record: ActionRecord): ReturnType<typeof error> =>
  error("in_progress_timeout", `still in progress after ${String(record.delays.progressMs)} ms`);

/** Its last write may have had it, which whoever told it does not know. */
const notedBefore = (record: ActionRecord, told: Note, now: Now): ActionDecision =>
  unchanged(keepNote(record, told, now) === "already" ? "already" : "ended");

/** What somebody holds only its holder writes, which is asked. */
function noted(record: ActionRecord, told: ActionEvent & { type: "noted" }, now: Now): ActionDecision {
  if (told.nonce !== undefined && !isHolder(record, told.nonce)) return late;
  if (told.nonce === undefined && record.claim !== undefined) return unchanged("held");
  return note(record, told.note, now);
}

/** What always runs is left to one that is cut, where it has that; else it ends here. */
function endAsAsked(
  record: ActionRecord,
  asked: ActionEvent & { type: "cut" | "cancel" },
  now: Now,
): ActionDecision {
  const cause = error(asked.why, asked.message);
  if (asked.type === "cancel") return endForGood(record, asked.left ?? {}, "ERROR", cause, now);
  if (asked.nonce !== undefined && !isHolder(record, asked.nonce)) return late;
  if (isCut(record)) return unchanged("already");
  if (!hasLast(record)) return endForGood(record, {}, "ERROR", cause, now);
  return cutOff(record, cause, now, { byHolder: asked.nonce !== undefined });
}

const isBeingEnded = refused("not_pausable", "it is being ended");
