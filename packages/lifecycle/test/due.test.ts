import { ActionState } from "@jetmesh/protocol";
import { describe, expect, it } from "vitest";
import { dueAt, earliest, expiresAt, hasPassed, isOpen, toInstant, toMs } from "../src/index.ts";
import {
  executing,
  inProgress,
  NOW,
  OWN,
  PAST,
  reverting,
  SITUATIONS,
  SOON,
  sleeping,
} from "./action-situations.ts";

const LATER = toInstant(NOW + 3_600_000);
const claim = (runs: "watcher" | "rollback") => ({
  claim: { runner: "runner-1", nonce: OWN, at: PAST, runs },
});

describe("a runner is to look", () => {
  it("at a sleeping action from the moment that it fell asleep, or from its notBefore", () => {
    const record = sleeping();
    expect(dueAt(record)).toBe(record.createdAt);
    expect(dueAt(sleeping({ transitions: [{ to: "SLEEPING", at: LATER, attempt: 2 }] }))).toBe(LATER);
    expect(dueAt(sleeping({ timers: { notBefore: SOON, expiresAt: PAST } }))).toBe(SOON);
    expect(dueAt(sleeping({ transitions: [] }))).toBe(record.createdAt);
  });

  it("at one in main when its delay expires, and never by itself where it has none", () => {
    expect(dueAt(executing())).toBe(SOON);
    expect(dueAt(executing({ timers: {} }))).toBeUndefined();
  });

  it("at one in progress when its watcher is due, its delay expires or its deadline passes: whichever is first", () => {
    expect(dueAt(inProgress({ timers: { watchAt: SOON, expiresAt: LATER, deadlineAt: LATER } }))).toBe(SOON);
    expect(dueAt(inProgress({ timers: { watchAt: LATER, expiresAt: SOON } }))).toBe(SOON);
    expect(dueAt(inProgress({ timers: { watchAt: LATER, deadlineAt: PAST } }))).toBe(PAST);
  });

  it("not at one in progress that is held: its holder looks", () => {
    expect(dueAt(inProgress(claim("watcher")))).toBeUndefined();
  });

  it("at a rollback at once, and once it is held when its delay expires", () => {
    expect(dueAt(reverting({ transitions: [{ to: "REVERTING", at: PAST, attempt: 1 }] }))).toBe(PAST);
    expect(dueAt(reverting(claim("rollback")))).toBe(SOON);
  });

  it.each(["PAUSED, from SLEEPING", "SUCCESS", "ERROR", "CLOSED, rollback possible", "REVERTED"] as const)(
    "never at one that is %s",
    (situation) => {
      expect(dueAt({ ...SITUATIONS[situation], timers: { expiresAt: PAST } })).toBeUndefined();
    },
  );
});

describe("a state-store is to look", () => {
  it("at a sleeping action at its start delay or its deadline", () => {
    expect(expiresAt(sleeping({ timers: { expiresAt: LATER, deadlineAt: SOON } }))).toBe(SOON);
    expect(expiresAt(sleeping())).toBeUndefined();
  });

  it("at one in progress at its deadline alone: its delay is for a runner, who asks the watcher", () => {
    expect(expiresAt(inProgress({ timers: { expiresAt: SOON, deadlineAt: LATER } }))).toBe(LATER);
    expect(expiresAt(inProgress())).toBeUndefined();
  });

  it("at a rollback that nobody has begun, at its delay", () => {
    expect(expiresAt(reverting())).toBe(SOON);
  });

  it("at one that is held five seconds after its deadline: its holder had that time to see to it", () => {
    const later = toInstant(toMs(SOON) + 5_000);
    expect(expiresAt(executing({ timers: { expiresAt: PAST, deadlineAt: SOON } }))).toBe(later);
    expect(expiresAt(inProgress({ ...claim("watcher"), timers: { deadlineAt: SOON } }))).toBe(later);
    expect(expiresAt(executing({ timers: { expiresAt: PAST } }))).toBeUndefined();
  });

  it("never at one that is paused or ended", () => {
    const timers = { expiresAt: PAST, deadlineAt: PAST };
    expect(expiresAt({ ...SITUATIONS["PAUSED, from SLEEPING"], timers })).toBeUndefined();
    for (const state of ["SUCCESS", "ERROR", "CLOSED", "REVERTED"] as const)
      expect(expiresAt(sleeping({ state, timers }))).toBeUndefined();
  });
});

describe("an action", () => {
  it("is open in SLEEPING, EXECUTING_MAIN, IN_PROGRESS, PAUSED and REVERTING (design §1)", () => {
    expect(ActionState.options.filter(isOpen)).toEqual([
      "SLEEPING",
      "EXECUTING_MAIN",
      "IN_PROGRESS",
      "PAUSED",
      "REVERTING",
    ]);
  });
});

describe("an instant", () => {
  it("has passed at itself and after, and never where there is none", () => {
    expect([NOW - 1, NOW, NOW + 1].map((now) => hasPassed(toInstant(NOW), now))).toEqual([false, true, true]);
    expect(hasPassed(undefined, NOW)).toBe(false);
  });

  it("goes to milliseconds and back", () => {
    expect(toMs(toInstant(NOW + 7))).toBe(NOW + 7);
  });

  it("is the earliest of those that there are", () => {
    expect(earliest(LATER, undefined, SOON)).toBe(SOON);
    expect(earliest(undefined)).toBeUndefined();
  });
});
