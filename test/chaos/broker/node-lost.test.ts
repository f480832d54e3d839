import type { MeshClient } from "@jetmesh/client";
import { eventually, startMesh, type TestMesh, type TestServer } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isAlive, longSteps } from "../../support/long-step.ts";
import { passed } from "../../support/outage.ts";
import { noneRestarted, untilAllServe } from "../../support/serving.ts";

let mesh: TestMesh;
let client: MeshClient;
beforeAll(async () => {
  mesh = await startMesh({ cluster: 3, services: { "flight-plan-runner": 0 } });
  client = await mesh.client();
}, 90_000);
afterAll(() => mesh.stop());

const LOSSES: readonly (readonly [string, (node: TestServer) => Promise<void>])[] = [
  ["killed", (node) => node.kill()],
  ["paused", async (node) => node.signal("SIGSTOP")],
];

test.each(LOSSES)("the node that a runner is connected to is %s: its work goes on", async (how, lose) => {
  const leader = await eventually("a leader of the presences", () =>
    mesh.cluster.leaderOf(client.names.kvStream(client.names.buckets.runners)),
  );
  // Another than that one: who waits for a new leader is tested elsewhere.
  const [node] = mesh.cluster.nodes.filter((_, number) => number !== leader);
  if (node === undefined) throw new Error("no other node");
  const runner = await mesh.start("flight-plan-runner", { NATS_URL: node.url });
  const steps = await longSteps(mesh, client);
  const step = await steps.begin(how);
  expect(step.holder).toBe(runner);
  // One that would take over, connected to a node that stays.
  const stays = mesh.cluster.nodes[leader]?.url ?? "";
  const other = await mesh.start("flight-plan-runner", { NATS_URL: stays });

  await lose(node);
  const since = performance.now();
  await passed(12_000, since);
  expect([step.runs(), isAlive(step.pid)]).toEqual([1, true]);
  if (how === "killed") await node.restart();
  else node.signal("SIGCONT");
  await mesh.cluster.healthy();
  await untilAllServe(mesh, client, 5_000);
  step.finish();
  expect(await step.ended()).toMatchObject({ outcome: "SUCCESS", attempt: 1 });
  expect(step.runs()).toBe(1);
  expect(noneRestarted(mesh)).toBe(true);
  await Promise.all([runner.stop(), other.stop()]);
  mesh.services.splice(mesh.services.indexOf(runner), 2);
});
