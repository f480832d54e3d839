import type { MeshClient } from "@jetmesh/client";
import { startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startLoad } from "../../support/load.ts";
import { isAlive, longSteps } from "../../support/long-step.ts";
import { passed } from "../../support/outage.ts";
import { noneRestarted, untilAllServe } from "../../support/serving.ts";

let mesh: TestMesh;
let client: MeshClient;
beforeAll(async () => {
  mesh = await startMesh({ services: { "flight-plan-runner": 2 } });
  client = await mesh.client();
});
afterAll(() => mesh.stop());

async function brokerPaused(ms: number): Promise<void> {
  mesh.server.signal("SIGSTOP");
  await passed(ms, performance.now());
  mesh.server.signal("SIGCONT");
}

test.each([
  ["shorter than anybody takes for a lost connection", 3_000, false],
  ["longer than that, and shorter than a runner may go without it", 6_500, true],
])("a broker that is paused for %s: work goes on, triggers end once", async (_, ms, isNoticed) => {
  const load = await startLoad(client, { name: `load${String(ms)}` });
  const steps = await longSteps(mesh, client);
  const step = await steps.begin(`held${String(ms)}`);
  const reconnections = (): number => step.holder.log().split('"reconnected"').length;
  const before = reconnections();
  await load.progress(10);
  await brokerPaused(ms);
  const back = performance.now();
  expect(await untilAllServe(mesh, client, 5_000)).toBeLessThan(5_000);
  await load.progress(10);
  await load.stop();
  expect(await load.faults()).toEqual([]);
  // Whoever is to be taken for dead has been by then.
  await passed(8_000, back);
  expect(reconnections() > before).toBe(isNoticed);
  expect([step.runs(), isAlive(step.pid)]).toEqual([1, true]);
  step.finish();
  expect(await step.ended()).toMatchObject({ outcome: "SUCCESS", attempt: 1 });
  expect(noneRestarted(mesh)).toBe(true);
});
