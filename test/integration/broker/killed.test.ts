import type { MeshClient } from "@jetmesh/client";
import { startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startLoad } from "../../support/load.ts";
import { noneRestarted, untilAllServe } from "../../support/serving.ts";

let mesh: TestMesh;
let client: MeshClient;
beforeAll(async () => {
  mesh = await startMesh({ services: { "flight-plan-runner": 2, "state-store": 2 } });
  client = await mesh.client();
});
afterAll(() => mesh.stop());

test("a broker killed again and again under load: everybody serves within 5 s of its return, each trigger ends once", async () => {
  const load = await startLoad(client);
  for (let kill = 1; kill <= 4; kill += 1) {
    await load.progress(30);
    await mesh.server.kill();
    await mesh.server.restart();
    expect(await untilAllServe(mesh, client, 5_000)).toBeLessThan(5_000);
    await load.progress(1, 5_000);
  }
  await load.progress(30);
  await load.stop();
  expect(await load.faults()).toEqual([]);
  expect(load.accepted).toBeGreaterThan(100);
  expect(noneRestarted(mesh)).toBe(true);
});
