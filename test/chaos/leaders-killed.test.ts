import type { MeshClient } from "@jetmesh/client";
import { eventually, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Load, startLoad } from "../support/load.ts";
import { isAlive, longSteps } from "../support/long-step.ts";
import { noneRestarted, untilAllServe } from "../support/serving.ts";

let mesh: TestMesh;
let client: MeshClient;
beforeAll(async () => {
  mesh = await startMesh({ cluster: 3, services: { "flight-plan-runner": 2, "state-store": 2 } });
  client = await mesh.client();
}, 90_000);
afterAll(() => mesh.stop());

/** Kills the node that leads a stream, waits until work goes on without it, and starts it again. */
async function killLeader(stream: string, load: Load): Promise<void> {
  const leader = await eventually(`${stream} to have a leader`, () => mesh.cluster.leaderOf(stream), {
    withinMs: 20_000,
  });
  const node = mesh.cluster.nodes[leader];
  await node?.kill();
  await load.progress(1, 30_000);
  await load.progress(20, 30_000);
  await node?.restart();
  await mesh.cluster.healthy();
}

test("the leaders of triggers, jets and actions killed again and again under load: each trigger ends once", async () => {
  const load = await startLoad(client);
  const steps = await longSteps(mesh, client);
  const step = await steps.begin("held");
  const streams = ["JM_TRIGGERS", "KV_jm_jets", "KV_jm_actions", "KV_jm_runners", "JM_RESUME"];
  for (const stream of streams) {
    await load.progress(20);
    await killLeader(stream, load);
  }
  await untilAllServe(mesh, client, 5_000);
  await load.stop();
  expect(await load.faults(60_000)).toEqual([]);
  expect([step.runs(), isAlive(step.pid)]).toEqual([1, true]);
  step.finish();
  expect(await step.ended()).toMatchObject({ outcome: "SUCCESS", attempt: 1 });
  expect(noneRestarted(mesh)).toBe(true);
}, 300_000);
