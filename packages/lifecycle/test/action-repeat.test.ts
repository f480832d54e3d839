import type { ActionRecord } from "@jetmesh/protocol";
import { describe, expect, it } from "vitest";
import { type ActionEvent, decideAction, toInstant } from "../src/index.ts";
import {
  executing,
  failure,
  inProgress,
  NOW,
  OWN,
  PAST,
  reverting,
  SOON,
  sleeping,
} from "./action-situations.ts";

function written(record: ActionRecord, event: ActionEvent, now = NOW): ActionRecord {
  const decision = decideAction(record, event, now);
  if (decision.kind !== "write") throw new Error(`expected a write, it was ${decision.kind}`);
  return decision.next;
}

const success: ActionEvent = { type: "main_returned", nonce: OWN, answer: { state: "SUCCESS", result: 1 } };
const threw: ActionEvent = { type: "main_returned", nonce: OWN, answer: { state: "THREW", error: failure } };
const repeat = { error: 2, success: 1, backoffMs: 5_000 };
const journal = [{ step: 0, reference: "step-1", startedAt: PAST }];

describe("an outcome with repeats left for it", () => {
  it("is stored at once as SLEEPING with notBefore, attempt + 1, bag and result empty", () => {
    const next = written(executing({ repeat, bag: { a: 1 }, journal, result: "old" }), success);
    expect(next).toMatchObject({
      state: "SLEEPING",
      attempt: 2,
      bag: {},
      journal: [],
      repeat: { error: 2, success: 0 },
    });
    expect(next.timers).toEqual({ notBefore: toInstant(NOW + 5_000) });
    expect("result" in next || "outcome" in next || "claim" in next || "endedAt" in next).toBe(false);
  });

  it("spends the budget of that outcome and leaves the other's", () => {
    expect(written(executing({ repeat }), threw).repeat).toEqual({
      error: 1,
      success: 1,
      backoffMs: 5_000,
      done: 1,
    });
  });

  it("is an outcome once the budget is spent", () => {
    expect(written(executing({ repeat: { ...repeat, success: 0 } }), success).state).toBe("SUCCESS");
  });

  it("counts its start delay from the instant at which it may begin again", () => {
    const delays = { ...executing().delays, startMs: 1_000 };
    expect(written(executing({ repeat, delays }), success).timers).toEqual({
      notBefore: toInstant(NOW + 5_000),
      expiresAt: toInstant(NOW + 6_000),
    });
  });

  it("keeps the overall deadline, which is not a new one for each attempt", () => {
    expect(written(executing({ repeat, timers: { deadlineAt: SOON } }), success).timers.deadlineAt).toBe(
      SOON,
    );
  });

  it("does not begin again after a cancel", () => {
    expect(written(executing({ repeat }), { type: "cancel", why: "too_large", message: "no" })).toMatchObject(
      {
        state: "ERROR",
        error: { code: "too_large" },
      },
    );
  });

  it("does not begin again after its deadline", () => {
    const late = inProgress({ repeat, timers: { deadlineAt: PAST } });
    expect(written(late, { type: "expire", holderDead: false })).toMatchObject({
      state: "ERROR",
      error: { code: "deadline_exceeded" },
    });
  });
});

describe("an action whose watcher says SLEEPING", () => {
  it("keeps its bag and its journal, for a plan goes on behind its journal", () => {
    const claim = { runner: "runner-1", nonce: OWN, at: PAST, runs: "watcher" as const };
    const record = inProgress({ claim, bag: { a: 1 }, journal, repeat, watcherFailures: 3 });
    const next = written(record, { type: "watcher_returned", nonce: OWN, answer: { state: "SLEEPING" } });
    expect(next).toMatchObject({
      state: "SLEEPING",
      attempt: 2,
      bag: { a: 1 },
      journal,
      repeat,
      watcherFailures: 0,
    });
    expect(next.timers).toEqual({});
  });
});

describe("the delay of the present state", () => {
  it("is that of IN_PROGRESS from the moment that main returned it", () => {
    const next = written(executing(), {
      type: "main_returned",
      nonce: OWN,
      answer: { state: "IN_PROGRESS", watchAt: SOON },
    });
    expect(next.timers).toEqual({ expiresAt: toInstant(NOW + 600_000), watchAt: SOON });
  });

  it("does not count for a plan, which has none", () => {
    const delays = { ...executing().delays, mainMs: 0, progressMs: 0 };
    expect(
      written(sleeping({ delays }), { type: "resume", runner: "r", nonce: OWN, holderDead: false }).timers,
    ).toEqual({});
    expect(written(executing({ delays }), { type: "heartbeat", nonce: OWN }).timers).toEqual({});
  });

  it.each([
    ["EXECUTING_MAIN", executing(), 120_000],
    ["IN_PROGRESS", inProgress({ claim: { runner: "r", nonce: OWN, at: PAST, runs: "watcher" } }), 600_000],
    ["REVERTING", reverting({ claim: { runner: "r", nonce: OWN, at: PAST, runs: "rollback" } }), 120_000],
  ])("counts from a heartbeat on again in %s", (_state, record, delayMs) => {
    expect(written(record, { type: "heartbeat", nonce: OWN }).timers.expiresAt).toBe(
      toInstant(NOW + delayMs),
    );
  });

  it("is the whole of IN_PROGRESS's where the action was paused out of EXECUTING_MAIN", () => {
    const paused = written(executing({ timers: { expiresAt: SOON, deadlineAt: SOON } }), {
      type: "pause",
      nonce: OWN,
    });
    expect(paused.paused).toEqual({
      from: "IN_PROGRESS",
      remaining: { expiresAt: 600_000, deadlineAt: 60_000 },
    });
    const later = NOW + 1_000_000;
    expect(written(paused, { type: "unpause" }, later).timers).toEqual({
      expiresAt: toInstant(later + 600_000),
      deadlineAt: toInstant(later + 60_000),
      watchAt: toInstant(later),
    });
  });
});

describe("a watcher that throws", () => {
  it("is backed off, doubling from its frequency up to five minutes", () => {
    const waits = [0, 1, 2, 3, 9].map((watcherFailures) => {
      const claim = { runner: "r", nonce: OWN, at: PAST, runs: "watcher" as const };
      const record = inProgress({ claim, watcherFailures, maxWatcherFailures: 20 });
      const next = written(record, {
        type: "watcher_returned",
        nonce: OWN,
        answer: { state: "THREW", error: failure },
      });
      return Date.parse(next.timers.watchAt ?? "") - NOW;
    });
    expect(waits).toEqual([10_000, 20_000, 40_000, 80_000, 300_000]);
  });

  it("leaves the delay of IN_PROGRESS counting, and is forgiven by an answer", () => {
    const claim = { runner: "r", nonce: OWN, at: PAST, runs: "watcher" as const };
    const record = inProgress({ claim, watcherFailures: 2 });
    const failed = written(record, {
      type: "watcher_returned",
      nonce: OWN,
      answer: { state: "THREW", error: failure },
    });
    expect([failed.watcherFailures, failed.timers.expiresAt]).toEqual([3, SOON]);
    const answered = written(record, {
      type: "watcher_returned",
      nonce: OWN,
      answer: { state: "IN_PROGRESS" },
    });
    expect([answered.watcherFailures, answered.timers]).toEqual([
      0,
      { expiresAt: SOON, watchAt: toInstant(NOW + 10_000) },
    ]);
  });
});
