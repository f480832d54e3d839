import { MAX_SIGNALS, type Signal, type WorkflowStep } from "@jetmesh/protocol";
import { describe, expect, it } from "vitest";
import { decideAction, keepNote, takeSignal, withEnd } from "../src/index.ts";
import { executing, NOW, PAST } from "./action-situations.ts";

/** What an action is told, as its record keeps it (ADR 0033). */
const signal = (id: string, name = "word", more: Partial<Signal> = {}): Signal => ({
  ...{ id, name, at: PAST, payload: id },
  ...more,
});
const step = (child: string, more: Partial<WorkflowStep> = {}): WorkflowStep => ({
  ...{ ref: child, what: "action", n: 0, at: PAST, child },
  ...more,
});
const told = (one: Signal): Parameters<typeof keepNote>[1] => ({ of: "signal", signal: one });
const many = (count: number, more: Partial<Signal> = {}): Signal[] =>
  Array.from({ length: count }, (_, n) => signal(`s${String(n)}`, "word", more));

describe("signals in a record", () => {
  it("are kept in their order, each id once", () => {
    const kept = keepNote({ signals: [signal("a")] }, told(signal("b")), NOW);
    expect(kept).toEqual({ signals: [signal("a"), signal("b")] });
    expect(keepNote({ signals: [signal("a")] }, told(signal("a", "other")), NOW)).toBe("already");
    const taken = signal("a", "word", { taken: true });
    expect(keepNote({ signals: [taken] }, told(signal("a")), NOW)).toBe("already");
  });

  it("are full with as many as may wait; those that were taken are none of them", () => {
    const waiting = many(MAX_SIGNALS - 1);
    expect(keepNote({ signals: waiting }, told(signal("last")), NOW)).toMatchObject({
      signals: { length: MAX_SIGNALS },
    });
    expect(keepNote({ signals: many(MAX_SIGNALS) }, told(signal("more")), NOW)).toBe("full");
    const taken = [...waiting, signal("t1", "word", { taken: true }), signal("t2", "word", { taken: true })];
    expect(keepNote({ signals: taken }, told(signal("last")), NOW)).toMatchObject({
      signals: { length: MAX_SIGNALS + 2 },
    });
  });

  it("are taken in their order, by their name, each once, and their payload goes with that", () => {
    const all = [signal("a", "other"), signal("b"), signal("c")];
    const first = takeSignal(all, "word");
    expect(first?.signal).toEqual(signal("b"));
    const { payload: _payload, ...rest } = signal("b");
    expect(first?.signals).toEqual([signal("a", "other"), { ...rest, taken: true }, signal("c")]);
    const second = takeSignal(first?.signals ?? [], "word");
    expect(second?.signal).toEqual(signal("c"));
    expect(takeSignal(second?.signals ?? [], "word")).toBeUndefined();
  });

  it("are known for a while when they were taken: the last thirty-two, beside all that wait", () => {
    const before = [...many(32, { taken: true }), signal("waits", "other"), signal("new")];
    const left = takeSignal(before, "word")?.signals ?? [];
    expect(left.map(({ id }) => id)).toEqual([...before.slice(1, 32).map(({ id }) => id), "waits", "new"]);
    expect(takeSignal(left, "other")?.signals).toHaveLength(32);
  });
});

describe("the ends of steps in a record", () => {
  it("carry the how manieth they are, whichever step it is", () => {
    const first = keepNote(
      { steps: [step("a"), step("b")] },
      { of: "child", child: "b", outcome: "SUCCESS" },
      NOW,
    );
    if (typeof first === "string") throw new Error(first);
    expect(first.steps?.map(({ end }) => end?.order)).toEqual([undefined, 0]);
    const second = keepNote(first, { of: "child", child: "a", outcome: "ERROR" }, NOW);
    expect(second).toMatchObject({ steps: [{ end: { order: 1, outcome: "ERROR" } }, { end: { order: 0 } }] });
  });

  it("are written once: what is told again, or of what is no step, changes nothing", () => {
    const ended = [withEnd(step("a"), { outcome: "SUCCESS", result: 1 }, 0, NOW)];
    for (const child of ["a", "nobody"])
      expect(keepNote({ steps: ended }, { of: "child", child, outcome: "ERROR" }, NOW)).toBe("already");
    expect(keepNote({}, { of: "child", child: "a", outcome: "ERROR" }, NOW)).toBe("already");
  });

  it("of a plan are kept with the child, once, where its step is open", () => {
    const entry = { reference: "s", startedAt: PAST, children: [{ id: "a" }, { id: "b" }] };
    const tell = { of: "child", child: "b", outcome: "SUCCESS", result: 1 } as const;
    const kept = keepNote({ journal: [entry] }, tell, NOW);
    if (typeof kept === "string") throw new Error(kept);
    const end = { outcome: "SUCCESS", result: 1 };
    expect(kept).toEqual({ journal: [{ ...entry, children: [{ id: "a" }, { id: "b", end }] }] });
    expect(keepNote(kept, { ...tell, outcome: "ERROR" }, NOW)).toBe("already");
    expect(keepNote({ journal: [{ ...entry, endedAt: PAST }] }, tell, NOW)).toBe("already");
  });
});

it("a pause is asked for once", () => {
  expect(keepNote({}, { of: "pause" }, NOW)).toEqual({ pauseAsked: true });
  expect(keepNote({ pauseAsked: true }, { of: "pause" }, NOW)).toBe("already");
});

it("what is told once more to one that has ended is known, if it had it", () => {
  const ended = executing({
    state: "CLOSED",
    outcome: "SUCCESS",
    signals: [signal("a", "word", { taken: true })],
  });
  const tell = (id: string): unknown =>
    decideAction(ended, { type: "noted", note: { of: "signal", signal: signal(id) } }, NOW);
  expect(tell("a")).toEqual({ kind: "unchanged", why: "already" });
  expect(tell("b")).toEqual({ kind: "unchanged", why: "ended" });
});
