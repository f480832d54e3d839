import type { MeshClient } from "@jetmesh/client";
import type { ActionView } from "@jetmesh/protocol";
import { applyDocuments, eventually, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LimitedRuns, limitDocument, limitedRunsOf } from "../support/limited-runs.ts";

/** Who is next: the same to the millisecond where one state-store makes them; several tell each other half a second later. */
let mesh: TestMesh;
let root: MeshClient;
let runs: LimitedRuns;
beforeAll(async () => {
  mesh = await startMesh();
  root = await mesh.client();
  runs = limitedRunsOf(() => root);
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  runs.remove();
});

describe("actions with a limit", () => {
  test("begin in the order in which they came", async () => {
    await applyDocuments(root, [limitDocument("one", { concurrency: 1 })]);
    const jets = await runs.jets(6, { turn: { limits: ["one"] }, forSeconds: 0.1 });
    for (const jet of jets) await runs.turn(jet);
    await runs.until("all to end", () => runs.ended().length === 6, 30_000);
    expect(runs.begun()).toEqual(jets);
    expect(runs.most()).toBe(1);
  });

  test("say where they stand", async () => {
    await applyDocuments(root, [limitDocument("shown", { concurrency: 1 })]);
    const jets = await runs.jets(3, { plan: { limits: ["shown"] } });
    const [, , last = ""] = await (async () => {
      const ids: string[] = [];
      for (const jet of jets) ids.push(await runs.turn(jet));
      return ids;
    })();
    await runs.until("the first to begin", () => runs.begun().length === 7);
    const place = await eventually("its place", async () => {
      const view = await root.request<ActionView>("action.get", { id: last });
      return view.place?.before === 1 ? view.place : undefined;
    });
    expect(place).toEqual({ key: "limit.shown", inUse: 1, of: 1, before: 1 });
    runs.letGo();
    await runs.until("all to end", () => runs.ended().length === 9);
  });
});
