import type { ActionError, ActionRecord, ActionState, Claim, Instant } from "@jetmesh/protocol";
import type { ActionDecision, ActionEffect, Leavings } from "./action-events.ts";
import { type Now, toInstant } from "./instants.ts";

/**
 * What every transition of an action is made of. Kept are at most 100 transitions, the oldest dropped first but for the very
 * first, so that a repeat of a million runs does not outgrow its record.
 */
const MAX_TRANSITIONS = 100;

type Claimed = Claim["runs"];
export interface By {
  readonly runner: string;
  readonly nonce: string;
}

export const error = (code: string, message: string): ActionError => ({ code, message });

export const write = (next: ActionRecord, ...effects: ActionEffect[]): ActionDecision => ({
  kind: "write",
  next,
  effects,
});

export function leave(record: ActionRecord, left: Leavings): ActionRecord {
  return {
    ...record,
    ...(left.bag === undefined ? {} : { bag: left.bag }),
    ...(left.journal === undefined ? {} : { journal: [...left.journal] }),
    ...(left.result === undefined ? {} : { result: left.result }),
    ...(left.steps === undefined ? {} : { steps: [...left.steps] }),
    ...(left.older === undefined ? {} : { older: left.older }),
    ...(left.signals === undefined ? {} : { signals: [...left.signals] }),
  };
}

/** Drops the claim and the pause, which belong to the state that is left. */
export function enter(record: ActionRecord, to: ActionState, now: Now, why?: string): ActionRecord {
  const { claim: _claim, paused: _paused, pauseAsked, losses, ...rest } = record;
  // Begun again it may take its runner with it again; everything else leads on from a method that has come back.
  const isBegunAgain = to === "SLEEPING" || to === "EXECUTING_MAIN" || record.state === "SLEEPING";
  const lost = losses !== undefined && isBegunAgain ? { losses } : {};
  // What was asked of its holder is asked of the next one; it is done with the pause, or with its end.
  const isDone = to === "PAUSED" || to === "SUCCESS" || to === "ERROR";
  const asked = pauseAsked === undefined || isDone ? {} : { pauseAsked };
  const entry = { to, at: toInstant(now), attempt: record.attempt, ...(why === undefined ? {} : { why }) };
  const kept = record.transitions;
  const transitions =
    kept.length < MAX_TRANSITIONS ? [...kept, entry] : [...kept.slice(0, 1), ...kept.slice(2), entry];
  return { ...rest, ...asked, ...lost, state: to, transitions };
}

export const claimBy = (by: By, now: Now, runs: Claimed): Claim => ({
  runner: by.runner,
  nonce: by.nonce,
  at: toInstant(now),
  runs,
});

/** What stays of the timers in any state: the overall deadline. */
export function timers(
  record: ActionRecord,
  more: { [K in keyof ActionRecord["timers"]]: Instant | undefined },
): ActionRecord["timers"] {
  const all = { deadlineAt: record.timers.deadlineAt, ...more };
  return Object.fromEntries(Object.entries(all).filter(([, at]) => at !== undefined));
}
