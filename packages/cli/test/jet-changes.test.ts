import type { JetRecord } from "@jetmesh/protocol";
import { describe, expect, it } from "vitest";
import { formatJetChange, jetChanges } from "../src/jet-changes.ts";

const AT = "2026-01-02T03:04:05.000Z";
const LATER = "2026-01-02T03:04:06.500Z";
const ID = "a".repeat(26);
const NEXT_ID = "b".repeat(26);

const jet = (rest: Partial<JetRecord>): JetRecord => ({
  v: 1,
  reference: "web1",
  name: "web1",
  template: "web",
  queue: [],
  recent: [],
  incarnation: 1,
  users: [],
  managers: [],
  variables: {},
  createdAt: AT,
  changedAt: AT,
  ...rest,
});
const open = (action: string, from: string | undefined, id = ID): NonNullable<JetRecord["open"]> => ({
  id,
  action,
  user: "root",
  argument: {},
  trigger: { via: "api", key: "k" },
  at: AT,
  ...(from === undefined ? {} : { from }),
});
const last = (action: string, outcome: "SUCCESS" | "ERROR" = "SUCCESS"): NonNullable<JetRecord["last"]> => ({
  id: ID,
  action,
  outcome,
  at: LATER,
});

const stopped = jet({ state: "stopped" });
const starting = jet({ state: "starting", open: open("start", "stopped") });
const running = jet({ state: "running", last: last("start") });

describe("the changes of a jet", () => {
  it("are its way into a transit state and out of it", () => {
    expect(jetChanges(stopped, starting)).toEqual([
      { at: AT, jet: "web1", from: "stopped", to: "starting", action: "start", actionId: ID },
    ]);
    expect(jetChanges(starting, running)).toEqual([
      expect.objectContaining({ from: "starting", to: "running", outcome: "SUCCESS", tookMs: 1_500 }),
    ]);
  });

  it("begin without a state where it is new", () => {
    const made = jet({ state: "preparing", open: open("create", undefined) });
    expect(jetChanges(undefined, made)[0]).not.toHaveProperty("from");
    expect(jetChanges(jet({ destroyedAt: AT }), made)).toHaveLength(1);
  });

  it("tell a failure and where it led", () => {
    const failed = jet({ state: "stopped", last: last("start", "ERROR") });
    expect(jetChanges(starting, failed)).toEqual([
      expect.objectContaining({ to: "stopped", outcome: "ERROR" }),
    ]);
  });

  it("are two where the settling write begins the next action", () => {
    const stopping = jet({ state: "stopping", last: last("start"), open: open("stop", "running", NEXT_ID) });
    expect(jetChanges(starting, stopping)).toEqual([
      expect.objectContaining({ from: "starting", to: "running", outcome: "SUCCESS" }),
      expect.objectContaining({ from: "running", to: "stopping", action: "stop" }),
    ]);
  });

  it("are none where something else changed", () => {
    expect(jetChanges(running, { ...running, users: ["alice"] })).toEqual([]);
  });

  it("are shown on a line", () => {
    const lines = [...jetChanges(stopped, starting), ...jetChanges(starting, running)].map(formatJetChange);
    expect(lines.map((line) => line.slice(14))).toEqual([
      "web1  stopped → starting  start",
      "web1  starting → running  start  SUCCESS after 1.50 s",
    ]);
    const destroyed = jet({ destroyedAt: LATER, last: last("destroy") });
    expect(jetChanges(jet({ state: "destroying" }), destroyed).map(formatJetChange)[0]).toMatch(
      /web1 {2}destroying → — \(destroyed\) {2}destroy {2}SUCCESS$/,
    );
  });
});
