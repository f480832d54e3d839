import { type ActionError, type ActionRecord, hashOfKey, type Instant, type Note } from "@jetmesh/protocol";
import type { ActionDecision, ActionEffect, Leavings } from "./action-events.ts";
import { type By, claimBy, enter, error, leave, timers, write } from "./action-writes.ts";
import { isCut } from "./cut-action.ts";
import { after, type Now, toInstant, toMs } from "./instants.ts";
import { keepNote } from "./notes.ts";
import { olderOfNext } from "./older-steps.ts";
import { backoffMs } from "./retry.ts";

/**
 * The named transitions of an action. Each takes a record that may make it and gives the decision; which one is
 * made when is `decideAction`'s affair alone. Those of a rollback are in `rollback-transitions.ts`.
 */
export function claimMain(record: ActionRecord, by: By, now: Now): ActionDecision {
  const next = enter(record, "EXECUTING_MAIN", now);
  return write(
    {
      ...next,
      claim: claimBy(by, now, "main"),
      timers: timers(record, { expiresAt: after(now, record.delays.mainMs) }),
    },
    { type: "run", method: "main", last: false },
  );
}

/** Nobody may begin it before: whoever finds it so may rely on its slots. */
export function grant(record: ActionRecord, now: Now): ActionDecision {
  const slots = { keys: record.slots?.keys ?? [], granted: toInstant(now) };
  return write({ ...record, slots }, { type: "resume" });
}

/** One whose code takes its runner with it each time would go through all runners there are. */
const MOST_LOSSES = 6;

/** Its holder is gone: goes on with the loss counted, or ends where there were too many in a row. */
export function afterLoss(
  record: ActionRecord,
  now: Now,
  goOn: (counted: ActionRecord) => ActionDecision,
): ActionDecision {
  const losses = (record.losses ?? 0) + 1;
  if (losses <= MOST_LOSSES) return goOn({ ...record, losses });
  const message = `its runner was lost ${String(losses)} times in a row`;
  return endForGood(record, {}, "ERROR", error("poison", message), now);
}

/** Whoever is asked from now on finds it cut. */
function withCutSeen(record: ActionRecord): ActionRecord {
  if (record.cut?.unseen === undefined) return record;
  const { unseen: _unseen, ...cut } = record.cut;
  return { ...record, cut };
}

function withoutLosses(record: ActionRecord): ActionRecord {
  const { losses: _losses, ...rest } = record;
  return rest;
}

/** Somebody else asks the watcher what became of a main that ran out of time or lost its runner. */
export function takeOverMain(record: ActionRecord, by: By, now: Now): ActionDecision {
  const effects: ActionEffect[] = [{ type: "run", method: "watcher", last: false }];
  if (record.claim !== undefined) {
    effects.unshift({ type: "abort", runner: record.claim.runner, nonce: record.claim.nonce });
  }
  return write(
    {
      ...withCutSeen(record),
      claim: claimBy(by, now, "watcher"),
      timers: timers(record, { expiresAt: after(now, record.delays.mainMs) }),
    },
    ...effects,
  );
}

export function claimWatcher(record: ActionRecord, by: By, now: Now, last: boolean): ActionDecision {
  const before = record.claim;
  const next = { ...withCutSeen(record), claim: claimBy(by, now, "watcher") };
  const run = { type: "run", method: "watcher", last } as const;
  return before === undefined
    ? write(next, run)
    : write(next, { type: "abort", runner: before.runner, nonce: before.nonce }, run);
}

export function beginProgress(
  record: ActionRecord,
  left: Leavings,
  until: Instant | null | undefined,
  now: Now,
): ActionDecision {
  // What it waits for may be over where it was cut meanwhile.
  const watchAt = record.cut?.unseen === undefined ? until : undefined;
  const next = leave(enter(withCutSeen(record), "IN_PROGRESS", now), left);
  const delayed = {
    ...next,
    watcherFailures: 0,
    timers: timers(record, {
      expiresAt: after(now, record.delays.progressMs),
      watchAt: watchAt === null ? undefined : (watchAt ?? toInstant(now)),
    }),
  };
  if (watchAt === null || (watchAt !== undefined && toMs(watchAt) > now)) return write(delayed);
  // Asked at once, under the claim that it has: giving it up and taking it again would cost two writes.
  if (record.claim === undefined) return write(delayed, { type: "resume" });
  return write(
    { ...delayed, claim: { ...record.claim, runs: "watcher" } },
    { type: "run", method: "watcher", last: false },
  );
}

/** Still in progress: the claim is given back, the watcher asked again later; at once, where it was cut meanwhile. */
export function keepWatching(
  record: ActionRecord,
  left: Leavings,
  watchAt: Instant | null | undefined,
  now: Now,
): ActionDecision {
  const { claim: _claim, ...rest } = leave(withCutSeen(withoutLosses(record)), left);
  const soon = toInstant(now + record.delays.frequencyMs);
  const next = watchAt === null ? undefined : watchAt !== undefined && toMs(watchAt) > now ? watchAt : soon;
  const watched = (at: Instant | undefined): ActionRecord => ({
    ...rest,
    watcherFailures: 0,
    timers: timers(record, { expiresAt: record.timers.expiresAt, watchAt: at }),
  });
  return record.cut?.unseen === undefined
    ? write(watched(next))
    : write(watched(toInstant(now)), { type: "resume" });
}

const WATCHER_BACKOFF_MAX_MS = 300_000;

export function watcherFailed(
  record: ActionRecord,
  left: Leavings,
  cause: ActionError,
  now: Now,
): ActionDecision {
  const failures = record.watcherFailures + 1;
  if (failures >= record.maxWatcherFailures) {
    return end(
      { ...record, watcherFailures: failures },
      left,
      "ERROR",
      error(
        "watcher_failed",
        `the watcher threw ${String(failures)} times in a row, the last time: ${cause.message}`,
      ),
      now,
    );
  }
  const policy = {
    backoff: record.delays.frequencyMs,
    factor: 2,
    max: WATCHER_BACKOFF_MAX_MS,
    jitter: false,
  };
  const { claim: _claim, ...rest } = leave(withoutLosses(record), left);
  const watchAt = toInstant(now + backoffMs(policy, failures, 0));
  return write({
    ...rest,
    watcherFailures: failures,
    timers: timers(record, { expiresAt: record.timers.expiresAt, watchAt }),
  });
}

/** The whole flow again, main included; bag and journal are kept, for a plan goes on behind its journal. */
export function sleepAgain(record: ActionRecord, left: Leavings, now: Now): ActionDecision {
  const again = { ...leave(withCutSeen(record), left), attempt: record.attempt + 1, watcherFailures: 0 };
  // What is cut has a time of its own for what is left.
  const expiresAt = record.cut === undefined ? after(now, record.delays.startMs) : undefined;
  return write(
    { ...enter(again, "SLEEPING", now, "watcher"), timers: timers(record, { expiresAt }) },
    { type: "resume" },
  );
}

export function progress(record: ActionRecord, left: Leavings): ActionDecision {
  const next = leave(record, left);
  const isFurther = record.losses !== undefined && stepsEnded(next) > stepsEnded(record);
  return write(isFurther ? withoutLosses(next) : next);
}

const stepsEnded = ({ journal, steps = [], older }: ActionRecord): number =>
  (older?.steps ?? 0) +
  journal.filter(({ endedAt }) => endedAt !== undefined).length +
  steps.filter(({ end }) => end !== undefined).length;

/** Keeps what it is told. Where nobody holds it and it only waits, its watcher is asked at once. */
export function note(record: ActionRecord, told: Note, now: Now): ActionDecision {
  if (told.of === "leader") {
    if (record.follows !== told.leader) return { kind: "unchanged", why: "already" };
    const { outcome, result, error: cause } = told;
    return endForGood(record, result === undefined ? {} : { result }, outcome, cause, now);
  }
  const kept = keepNote(record, told, now);
  if (typeof kept === "string") return { kind: "unchanged", why: kept };
  const next = { ...record, ...kept };
  if (record.state !== "IN_PROGRESS" || record.claim !== undefined) return write(next);
  return write({ ...next, timers: { ...record.timers, watchAt: toInstant(now) } }, { type: "resume" });
}

/** The delay of the present state counts from now on again. */
export function heartbeat(record: ActionRecord, now: Now): ActionDecision {
  const delay = record.state === "IN_PROGRESS" ? record.delays.progressMs : record.delays.mainMs;
  return write({
    ...record,
    timers: timers(record, { expiresAt: after(now, delay), watchAt: record.timers.watchAt }),
  });
}

export function pause(
  record: ActionRecord,
  from: "SLEEPING" | "IN_PROGRESS",
  left: Leavings,
  now: Now,
): ActionDecision {
  // Paused out of main, the delay of IN_PROGRESS has not begun to count: all of it remains.
  const counting =
    record.state === "EXECUTING_MAIN"
      ? timers(record, { expiresAt: after(now, record.delays.progressMs) })
      : record.timers;
  const remaining = Object.fromEntries(
    Object.entries(counting).flatMap(([name, at]) =>
      at === undefined ? [] : [[name, Math.max(0, toMs(at) - now)]],
    ),
  );
  return write({ ...leave(enter(record, "PAUSED", now), left), timers: {}, paused: { from, remaining } });
}

/** Back to where it was, with what remained of each delay; one paused out of main goes on as in progress. */
export function unpause(record: ActionRecord, now: Now): ActionDecision {
  const { from, remaining } = record.paused ?? { from: "IN_PROGRESS" as const, remaining: {} };
  const restored = Object.fromEntries(
    Object.entries(remaining).flatMap(([name, ms]) =>
      ms === undefined ? [] : [[name, toInstant(now + ms)]],
    ),
  );
  const watchAt = from === "IN_PROGRESS" ? { watchAt: toInstant(now) } : {};
  return write(
    { ...enter(record, from, now, "unpaused"), timers: { ...restored, ...watchAt } },
    { type: "resume" },
  );
}

/** Ends the attempt: again from the start where a repeat is left for this outcome, else for good. */
export function end(
  record: ActionRecord,
  left: Leavings,
  outcome: "SUCCESS" | "ERROR",
  cause: ActionError | undefined,
  now: Now,
): ActionDecision {
  const counted = record.cut === undefined ? outcome : "ERROR";
  const budget = counted === "SUCCESS" ? record.repeat.success : record.repeat.error;
  if (budget > 0 && !isCut(record)) return repeat(record, left, counted, now);
  return endForGood(record, left, outcome, cause, now);
}

/**
 * Without a look at repeats: a cancel, a deadline or a record that grew too large does not begin again. One that was cut
 * ends with that.
 */
export function endForGood(
  record: ActionRecord,
  left: Leavings,
  said: "SUCCESS" | "ERROR",
  why: ActionError | undefined,
  now: Now,
): ActionDecision {
  const [outcome, cause] = record.cut === undefined ? [said, why] : ["ERROR" as const, record.cut.error];
  const ended = enter(leave(record, left), outcome, now, cause?.code);
  return write(
    {
      ...ended,
      outcome,
      timers: {},
      endedAt: toInstant(now),
      ...(cause === undefined ? {} : { error: cause }),
    },
    { type: "tell" },
  );
}

function repeat(
  record: ActionRecord,
  left: Leavings,
  outcome: "SUCCESS" | "ERROR",
  now: Now,
): ActionDecision {
  const { result: _result, error: _error, cut: _cut, ...kept } = record;
  const { steps: _steps, older: _older, losses: _losses, ...rest } = kept;
  const budget =
    outcome === "SUCCESS" ? { success: record.repeat.success - 1 } : { error: record.repeat.error - 1 };
  const again: ActionRecord = {
    ...rest,
    ...olderOfNext(leave(record, left)),
    attempt: record.attempt + 1,
    bag: {},
    journal: [],
    watcherFailures: 0,
    repeat: { ...record.repeat, ...budget, done: (record.repeat.done ?? 0) + 1 },
  };
  const waitMs = waitOf(record);
  const notBefore = toInstant(now + waitMs);
  const expiresAt = after(now + waitMs, record.delays.startMs);
  return write(
    {
      ...enter(again, "SLEEPING", now, `repeat after ${outcome}`),
      timers: timers(record, { notBefore, expiresAt }),
    },
    { type: "resume" },
  );
}

const DAY_MS = 86_400_000;

/** Jitter by the action's id and how often it has run again: nothing is drawn here, and no two actions have the same. */
function waitOf({
  id,
  repeat: { backoffMs: backoff, factor = 1, maxMs, jitter = false, done = 0 },
}: ActionRecord): number {
  const max = maxMs ?? Math.max(backoff, DAY_MS);
  const share = (hashOfKey(`${id}.${String(done)}`) % 10_000) / 10_000;
  return backoffMs({ backoff, factor, max, jitter }, done + 1, share);
}

export function close(record: ActionRecord, now: Now): ActionDecision {
  const next = { ...enter(record, "CLOSED", now), timers: {} };
  return { kind: "write", next, effects: [], expiry: record.rollbackable ? "rollback_window" : "closed" };
}
