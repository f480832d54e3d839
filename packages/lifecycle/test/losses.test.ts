import type { ActionRecord } from "@jetmesh/protocol";
import { describe, expect, it } from "vitest";
import { type ActionEvent, decideAction } from "../src/index.ts";
import { executing, failure, held, inProgress, NOW, OTHER, OWN, PAST } from "./action-situations.ts";

/** Code that takes its runner with it each time would go through all runners there are (ADR 0018). */
const MOST = 6;
let nonces = 0;
const nextNonce = (): string => `nonce-${String((nonces += 1)).padStart(4, "0")}`;
const take = (holderDead: boolean): ActionEvent => ({
  type: "resume",
  runner: OTHER,
  nonce: nextNonce(),
  holderDead,
});

function written(record: ActionRecord, event: ActionEvent): ActionRecord {
  const decision = decideAction(record, event, NOW);
  if (decision.kind !== "write") throw new Error(`expected a write, it was ${decision.kind}`);
  return decision.next;
}
function lost(record: ActionRecord, times: number): ActionRecord {
  let now = record;
  for (let n = 0; n < times; n += 1) now = written(now, take(true));
  return now;
}
const answer = (record: ActionRecord, state: "SLEEPING" | "IN_PROGRESS" | "PAUSED" | "THREW"): ActionRecord =>
  written(record, {
    type: "watcher_returned",
    nonce: record.claim?.nonce ?? "",
    answer: state === "THREW" ? { state, error: failure } : { state },
  });
const watched = inProgress(held("watcher"));

describe("an action whose runner is lost again and again", () => {
  it.each([
    ["in main", executing()],
    ["in its watcher", watched],
    ["in the last ask of its watcher", { ...watched, timers: { expiresAt: PAST } }],
  ])("%s is taken over six times, and then ends, without a repeat", (_, record) => {
    const before = lost({ ...record, repeat: { error: 9, success: 9, backoffMs: 1 } }, MOST);
    expect(before).toMatchObject({ state: record.state, losses: MOST, claim: { runs: "watcher" } });
    const ended = decideAction(before, take(true), NOW);
    expect(ended).toMatchObject({
      kind: "write",
      next: { state: "ERROR", error: { code: "poison", message: "its runner was lost 7 times in a row" } },
      effects: [{ type: "tell" }],
    });
    expect(ended.kind === "write" && ended.next).not.toHaveProperty("losses");
  });

  it("is counted on where its watcher has it begin again, for main may be what does it", () => {
    const again = answer(lost(executing(), 3), "SLEEPING");
    expect(again).toMatchObject({ state: "SLEEPING", losses: 3 });
    expect(written(again, take(false))).toMatchObject({ state: "EXECUTING_MAIN", losses: 3 });
    expect(lost(written(again, take(false)), 1)).toMatchObject({ losses: 4 });
    const paused = written(again, { type: "pause" });
    expect(written(paused, { type: "unpause" })).toMatchObject({ state: "SLEEPING", losses: 3 });
  });

  it.each(["IN_PROGRESS", "PAUSED"] as const)("is forgiven by a watcher that comes back with %s", (state) => {
    for (const record of [executing(), watched])
      expect(answer(lost(record, 3), state)).not.toHaveProperty("losses");
  });

  it("is forgiven by a watcher that throws, which counts by itself", () => {
    expect(answer(lost(watched, 3), "THREW")).not.toHaveProperty("losses");
  });

  it("is forgiven by a repeat, and by a step that has ended, but not by a word on the way", () => {
    const taken = lost(executing({ repeat: { error: 1, success: 0, backoffMs: 1 } }), 3);
    const nonce = taken.claim?.nonce ?? "";
    const repeated = answer(taken, "THREW");
    expect(repeated).toMatchObject({ state: "SLEEPING", attempt: 2 });
    expect(repeated).not.toHaveProperty("losses");
    const progressed = (left: object): ActionRecord => written(taken, { type: "progressed", nonce, left });
    const entry = { step: 0, reference: "step-1", startedAt: PAST };
    const step = { ref: "one", what: "call" as const, n: 0, at: PAST };
    expect(progressed({ bag: { so: "far" } })).toMatchObject({ losses: 3 });
    expect(progressed({ journal: [entry], steps: [step] })).toMatchObject({ losses: 3 });
    expect(progressed({ journal: [{ ...entry, endedAt: PAST }] })).not.toHaveProperty("losses");
    const end = { order: 0, at: PAST, outcome: "SUCCESS" as const };
    expect(progressed({ steps: [{ ...step, end }] })).not.toHaveProperty("losses");
  });

  it("is not counted where main is out of its time, but where the watcher that was asked of it is", () => {
    const late = { timers: { expiresAt: PAST } };
    expect(written(executing(late), take(false))).not.toHaveProperty("losses");
    expect(written(executing({ ...late, ...held("watcher") }), take(false))).toMatchObject({ losses: 1 });
  });

  it("ends by its deadline first", () => {
    const record = lost(executing({ claim: { runner: "r", nonce: OWN, at: PAST, runs: "main" } }), MOST);
    const late = { ...record, timers: { ...record.timers, deadlineAt: PAST } };
    expect(written(late, take(true))).toMatchObject({ error: { code: "deadline_exceeded" } });
  });
});
