import type { MeshClient } from "@jetmesh/client";
import { applyDocuments, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LimitedRuns, limitDocument, limitedRunsOf, nobodyHolds } from "../support/limited-runs.ts";
import { onlyWithFault } from "../support/required-jets.ts";

/** Whatever a state-store was about to write of slots when it died, or had just written: none is lost, and none is there twice. */
let mesh: TestMesh;
let root: MeshClient;
const all: LimitedRuns[] = [];
beforeAll(async () => {
  mesh = await startMesh();
  root = await mesh.client();
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  for (const runs of all) runs.remove();
});

let limits = 0;
const MOMENTS = [
  "before=crash@1",
  "after=crash@1",
  "before=crash@3",
  "after=crash@3",
  "after=lose@1",
  "before=twice@1",
];
const FAULTS = ["limit.take", "limit.free", "action.grant"].flatMap((point) =>
  MOMENTS.map((moment) => `${point}/${moment}`),
);

describe("a state-store", () => {
  test.each(FAULTS)(
    "that suffers %s leaks no slot, gives none twice, and leaves nobody waiting",
    async (fault) => {
      limits += 1;
      const runs = limitedRunsOf(() => root);
      all.push(runs);
      const [one, other] = [`one${String(limits)}`, `other${String(limits)}`];
      await applyDocuments(root, [
        limitDocument(one, { concurrency: 1 }),
        limitDocument(other, { concurrency: 2 }),
      ]);
      const jets = await runs.jets(5, {
        plan: { limits: [one] },
        turn: { limits: [other] },
        forSeconds: 0.05,
      });
      const faulted = await onlyWithFault(mesh, fault);
      for (const jet of jets) await root.publishTrigger(jet, "turn");
      if (fault.includes("crash")) {
        await faulted.gone;
        await mesh.start("state-store");
      }
      await runs.until("all to end", () => runs.ended().length === jets.length, 40_000);
      expect(runs.begun().toSorted()).toEqual(jets.toSorted());
      expect(runs.most()).toBe(1);
      await nobodyHolds(root, 30_000);
    },
    90_000,
  );

  test("that stands still with what it knows of slots grants none that others have by then", async () => {
    const runs = limitedRunsOf(() => root);
    all.push(runs);
    await applyDocuments(root, [limitDocument("still", { concurrency: 1 })]);
    const jets = await runs.jets(4, { plan: { limits: ["still"] }, forSeconds: 0.05 });
    const faulted = await onlyWithFault(mesh, "limit.take/before=pause@1");
    for (const jet of jets) await root.publishTrigger(jet, "turn");
    await runs.until("it to stand still", () => faulted.isStopped());
    await mesh.start("state-store");
    await runs.until("all to end", () => runs.ended().length === jets.length, 40_000);
    faulted.signal("SIGCONT");
    await nobodyHolds(root, 30_000);
    expect(runs.begun().toSorted()).toEqual(jets.toSorted());
    expect(runs.most()).toBe(1);
  }, 90_000);

  test("frees, after a while, what is held for an action that is over or gone", async () => {
    await applyDocuments(root, [limitDocument("left", { concurrency: 1 })]);
    const runs = limitedRunsOf(() => root);
    all.push(runs);
    const [jet = ""] = await runs.jets(1, { plan: { limits: ["left"] }, forSeconds: 0 });
    const { connection, names } = root;
    const at = new Date().toISOString();
    const gone = { v: 1, holders: [{ id: "0".repeat(26), since: at }], by: "somebody who died", at };
    await connection.js.publish(names.kv(names.buckets.slots, "limit.left"), JSON.stringify(gone));
    await runs.turn(jet);
    await runs.until("its turn to end", () => runs.ended().length === 1, 30_000);
    await nobodyHolds(root);
  }, 60_000);
});
