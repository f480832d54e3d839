import { decideAction, newAction } from "@jetmesh/lifecycle";
import { type ActionRecord, JetRecord } from "@jetmesh/protocol";
import { describe, expect, it } from "vitest";
import { remakeRollback, rollbackKey } from "../src/begin-reverting.ts";
import type { Deps } from "../src/deps.ts";

/** A rollback that its jet names and that was never begun is told from one that failed before (ADR 0033). */
const NOW = Date.UTC(2026, 0, 1);
const ID = "0123456789abcdef0123456789";
const made = newAction({ id: ID, kind: "build", user: "root", argument: {}, definition: {} }, NOW);
const closed: ActionRecord = { ...made, state: "CLOSED", outcome: "SUCCESS", rollbackable: true };
function failedOnce(record: ActionRecord): ActionRecord {
  const begun = decideAction(record, { type: "rollback" }, NOW);
  if (begun.kind !== "write") throw new Error("it was not begun");
  const failed = decideAction(begun.next, { type: "cancel", why: "canceled", message: "no" }, NOW);
  if (failed.kind !== "write") throw new Error("it did not fail");
  return failed.next;
}
const jetWith = (key: string, rollback = true): JetRecord =>
  JetRecord.parse({
    ...{ v: 1, reference: "web1", name: "web1", template: "web", users: [], managers: [], variables: {} },
    ...{
      state: "moving",
      queue: [],
      recent: [],
      incarnation: 1,
      changedAt: made.createdAt,
      createdAt: made.createdAt,
    },
    open: {
      ...{ id: ID, action: "start", user: "root", argument: {}, at: made.createdAt },
      trigger: { via: "api", key },
      ...(rollback ? { rollback } : {}),
    },
  });
/** Nothing may be written, nor anything asked. */
const untouched = new Proxy({} as Deps, {
  get: (_, name) => {
    throw new Error(`it asked for ${String(name)}`);
  },
});
const remake = (jet: JetRecord, record: ActionRecord): Promise<boolean> =>
  remakeRollback(untouched, jet, { record, revision: 7 });

describe("a rollback that a jet names", () => {
  it("has a key of its own each time that it is asked for", () => {
    const again = failedOnce(closed);
    const keys = [closed, again, failedOnce(again)].map(rollbackKey);
    expect(new Set(keys).size).toBe(3);
  });

  it("is not begun again by who finds that it has failed", async () => {
    expect(await remake(jetWith(rollbackKey(closed)), failedOnce(closed))).toBe(false);
  });

  it("is not begun where it goes on, is done, or is no rollback", async () => {
    for (const state of ["REVERTING", "REVERTED"] as const)
      expect(await remake(jetWith(rollbackKey(closed)), { ...closed, state })).toBe(false);
    expect(await remake(jetWith(rollbackKey(closed), false), closed)).toBe(false);
  });

  it("is begun where it was not, also after one that failed", async () => {
    const again = failedOnce(closed);
    await expect(remake(jetWith(rollbackKey(closed)), closed)).rejects.toThrow("it asked for");
    await expect(remake(jetWith(rollbackKey(again)), again)).rejects.toThrow("it asked for");
  });
});
