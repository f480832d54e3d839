import { describe, expect, it } from "vitest";
import { type ActionEvent, decideAction, dueAt, followerOf } from "../src/index.ts";
import { NOW, sleeping } from "./action-situations.ts";

/** One that is the same as another that is open (ADR 0034). */
const LEADER = "fedcba9876543210";
const follower = followerOf(sleeping({ repeat: { error: 3, success: 3, backoffMs: 1 } }), LEADER, NOW);
const ended = (outcome: "SUCCESS" | "ERROR", leader = LEADER): ActionEvent => ({
  type: "noted",
  note: { of: "leader", leader, outcome, result: "theirs", ...(outcome === "ERROR" ? { error: CAUSE } : {}) },
});
const CAUSE = { code: "main_threw", message: "no" };

describe("an action that follows another", () => {
  it("is in progress, is due for nobody, and no runner takes it", () => {
    expect(follower.state).toBe("IN_PROGRESS");
    expect(dueAt(follower)).toBeUndefined();
    const resume = { type: "resume", runner: "runner-1", nonce: "nonce-new1", holderDead: false } as const;
    expect(decideAction(follower, resume, NOW)).toEqual({ kind: "unchanged", why: "not_due" });
  });

  it("ends as that does, whatever repeats it would have", () => {
    expect(decideAction(follower, ended("SUCCESS"), NOW)).toMatchObject({
      kind: "write",
      next: { state: "SUCCESS", result: "theirs" },
      effects: [{ type: "tell" }],
    });
    expect(decideAction(follower, ended("ERROR"), NOW)).toMatchObject({
      next: { state: "ERROR", error: CAUSE },
    });
  });

  it("ends also while it is paused, and resumed it waits on", () => {
    const paused = decideAction(follower, { type: "pause" }, NOW);
    if (paused.kind !== "write") throw new Error("it was not paused");
    expect(decideAction(paused.next, ended("SUCCESS"), NOW)).toMatchObject({ next: { state: "SUCCESS" } });
    const back = decideAction(paused.next, { type: "unpause" }, NOW);
    if (back.kind !== "write") throw new Error("it was not resumed");
    expect(decideAction(back.next, ended("SUCCESS"), NOW)).toMatchObject({ next: { state: "SUCCESS" } });
  });

  it("does not mind what becomes of others, and what follows none minds nothing", () => {
    expect(decideAction(follower, ended("SUCCESS", "0000000000000000"), NOW)).toMatchObject({
      why: "already",
    });
    expect(decideAction(sleeping(), ended("SUCCESS"), NOW)).toMatchObject({ why: "already" });
  });
});
