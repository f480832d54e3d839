import { ActionRecord, JetActionDefinition, KindRecord, PlanDefinition } from "@jetmesh/protocol";
import { describe, expect, it } from "vitest";
import {
  DEFAULT_DELAYS,
  decideAction,
  dueAt,
  type NewAction,
  newAction,
  PLAN_DELAYS,
  toInstant,
} from "../src/index.ts";
import { NOW } from "./action-situations.ts";

const given: NewAction = {
  id: "0123456789abcdef",
  kind: "build",
  user: "alice",
  argument: { a: 1 },
  definition: {},
};
const plan = PlanDefinition.parse({ kind: "Plan", reference: "p", name: "P", steps: [{ wait: 1 }] });
const jetAction = (more: object): JetActionDefinition =>
  JetActionDefinition.parse({ reference: "start", name: "Start", transit: "starting", ...more });

describe("a saved action", () => {
  it("is SLEEPING in its first attempt, held by nobody, due at once, and a reader accepts it", () => {
    const record = newAction(given, NOW);
    expect(record).toMatchObject({
      v: 1,
      state: "SLEEPING",
      attempt: 1,
      bag: {},
      journal: [],
      watcherFailures: 0,
    });
    expect("claim" in record || "outcome" in record || "result" in record).toBe(false);
    expect(record.transitions).toEqual([{ to: "SLEEPING", at: toInstant(NOW), attempt: 1 }]);
    expect(dueAt(record)).toBe(toInstant(NOW));
    expect(ActionRecord.parse(record)).toEqual(record);
  });

  it("runs nothing before a first resume", () => {
    expect(decideAction(newAction(given, NOW), { type: "expire", holderDead: false }, NOW)).toEqual({
      kind: "unchanged",
      why: "nothing_expired",
    });
    const resumed = decideAction(
      newAction(given, NOW),
      { type: "resume", runner: "r", nonce: "nonce-one", holderDead: false },
      NOW,
    );
    expect(resumed.kind === "write" && resumed.effects).toEqual([
      { type: "run", method: "main", last: false },
    ]);
  });

  it("has delays of 2 min, 10 min and 10 s, no start delay, no deadline and no repeats (design §2)", () => {
    const record = newAction(given, NOW);
    expect(record.delays).toEqual({
      startMs: 0,
      mainMs: 120_000,
      progressMs: 600_000,
      deadlineMs: 0,
      frequencyMs: 10_000,
    });
    expect(record.delays).toEqual(DEFAULT_DELAYS);
    expect(record.timers).toEqual({});
    expect(record.repeat).toEqual({ error: 0, success: 0, backoffMs: 10_000 });
  });

  it("has neither of the two delays where it runs a plan, by its definition or by its kind", () => {
    expect(newAction({ ...given, definition: { plan } }, NOW).delays).toEqual(PLAN_DELAYS);
    expect(newAction({ ...given, kind: "flight-plan" }, NOW).delays).toMatchObject({
      mainMs: 0,
      progressMs: 0,
    });
  });

  it("takes the delays of its jet action, 0 for none too", () => {
    const delays = { start: "1s", main: 0, progress: "5m", deadline: "1h", frequency: "1s" };
    const record = newAction({ ...given, definition: { jetAction: jetAction({ delays }) } }, NOW);
    expect(record.delays).toEqual({
      startMs: 1_000,
      mainMs: 0,
      progressMs: 300_000,
      deadlineMs: 3_600_000,
      frequencyMs: 1_000,
    });
    expect(record.timers).toEqual({
      expiresAt: toInstant(NOW + 1_000),
      deadlineAt: toInstant(NOW + 3_600_000),
    });
  });

  it("asks its watcher every millisecond at most, not without a pause", () => {
    expect(
      newAction({ ...given, definition: { jetAction: jetAction({ delays: { frequency: 0 } }) } }, NOW).delays
        .frequencyMs,
    ).toBe(1);
  });

  it("takes the repeats of its jet action", () => {
    const repeat = { error: 3, success: 1, backoff: "2s" };
    expect(newAction({ ...given, definition: { jetAction: jetAction({ repeat }) } }, NOW).repeat).toEqual({
      error: 3,
      success: 1,
      backoffMs: 2_000,
    });
  });

  it("belongs to its jet, in that jet's incarnation, and to the pool that it was given, else to `default`", () => {
    const jet = { reference: "web1", template: "web", incarnation: 7 };
    expect(newAction({ ...given, jet, pool: "gpu" }, NOW)).toMatchObject({
      jet: "web1",
      template: "web",
      incarnation: 7,
      pool: "gpu",
    });
    const alone = newAction(given, NOW);
    expect(alone.pool).toBe("default");
    expect("jet" in alone || "incarnation" in alone || "template" in alone).toBe(false);
  });

  it("keeps who asked, for what and how, and that it can be rolled back only where that was said", () => {
    const trigger = { via: "stream", key: "42" } as const;
    const registered = KindRecord.parse({ v: 1, kind: "build", pool: "build", rollback: true });
    expect(newAction({ ...given, trigger, registered }, NOW)).toMatchObject({
      user: "alice",
      argument: { a: 1 },
      trigger,
      rollbackable: true,
    });
    expect(newAction(given, NOW).rollbackable).toBe(false);
  });
});
