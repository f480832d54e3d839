import type { MeshClient } from "@jetmesh/client";
import type { LimitView } from "@jetmesh/protocol";
import { applyDocuments, eventually, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LimitedRuns, limitDocument, limitedRunsOf, nobodyHolds } from "../support/limited-runs.ts";

let mesh: TestMesh;
let root: MeshClient;
const all: LimitedRuns[] = [];
beforeAll(async () => {
  mesh = await startMesh({ services: { "state-store": 2 } });
  root = await mesh.client();
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  for (const runs of all) runs.remove();
});

const limited = (): LimitedRuns => {
  const runs = limitedRunsOf(() => root);
  all.push(runs);
  return runs;
};
/** From the grant to the first line of its step; nothing here is exact to that. */
const LATE_MS = 400;

test("a rate lets so many begin at once, and behind them one in each part of its time, with two state-stores", async () => {
  const rate = { count: 4, every: 2_000 };
  await applyDocuments(root, [limitDocument("often", { rate })]);
  const runs = limited();
  const jets = await runs.jets(10, { plan: { limits: ["often"] }, forSeconds: 0 });
  await Promise.all(jets.map((jet) => runs.turn(jet)));
  await runs.until("all to end", () => runs.ended().length === 10, 30_000);
  const begun = runs.begunAt().toSorted((a, b) => a - b);
  begun.forEach((from, index) => {
    begun.slice(index).forEach((to, more) => {
      expect(more + 1).toBeLessThanOrEqual(rate.count * (1 + (to - from + LATE_MS) / rate.every));
    });
  });
  const lasted = (begun.at(-1) ?? 0) - (begun[0] ?? 0);
  // Four at once, six behind them in half a second each.
  expect(lasted).toBeGreaterThan(3_000 - LATE_MS);
  expect(lasted).toBeLessThan(3_000 + 3_000);
  await nobodyHolds(root);
}, 60_000);

test("a rate outlives the state-stores that keep it", async () => {
  const rate = { count: 2, every: 6_000 };
  await applyDocuments(root, [limitDocument("kept", { rate })]);
  const runs = limited();
  const jets = await runs.jets(3, { plan: { limits: ["kept"] }, forSeconds: 0 });
  for (const jet of jets) await runs.turn(jet);
  await runs.until("two to begin", () => runs.begun().length === 2);
  await Promise.all(mesh.services.filter(({ name }) => name === "state-store").map((one) => one.kill()));
  await mesh.start("state-store");
  const { nextAt } = await eventually("it to say when the next may begin", async () => {
    const { slots } = await root.request<LimitView>("limit.get", { reference: "kept" });
    return slots?.keys?.[0]?.nextAt === undefined ? undefined : slots.keys[0];
  });
  expect(Date.parse(nextAt ?? "")).toBeGreaterThan(Date.now() - 1_000);
  await runs.until("the third to end", () => runs.ended().length === 3, 30_000);
  const [first = 0, , third = 0] = runs.begunAt();
  expect(third - first).toBeGreaterThan(3_000 - LATE_MS);
}, 60_000);
