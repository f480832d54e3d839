import { type Proxy, startMesh, startNatsServer, startProxy, type TestServer } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startLoad } from "../../support/load.ts";
import { isAlive, longSteps } from "../../support/long-step.ts";
import { passed } from "../../support/outage.ts";
import { noneRestarted, untilAllServe } from "../../support/serving.ts";

let server: TestServer;
let near: Proxy;
let far: Proxy;
beforeAll(async () => {
  server = await startNatsServer();
  near = await startProxy(server.port);
  far = await startProxy(server.port);
});
afterAll(async () => {
  await Promise.all([near.close(), far.close()]);
  await server.stop();
});

/** 400 ms there and back, and what a bad line carries. */
const SLOW = { latencyMs: 200, bytesPerSecond: 250_000 };
const AT_ONCE = { latencyMs: 0 };

test("the way to the broker takes 200 ms for one runner, then for everybody: each trigger ends once", async () => {
  await using mesh = await startMesh({
    // Stopped by this file, after the mesh.
    broker: { url: near.url, stop: () => Promise.resolve() },
    services: { "flight-plan-runner": 0 },
  });
  await mesh.start("flight-plan-runner", { NATS_URL: far.url });
  const client = await mesh.client();
  const load = await startLoad(client);
  const steps = await longSteps(mesh, client);
  const step = await steps.begin("held");
  // One that would take over.
  await mesh.start("flight-plan-runner");

  far.slow(SLOW);
  let since = performance.now();
  await untilAllServe(mesh, client, 5_000);
  await load.progress(20);
  await passed(8_000, since);
  expect([step.runs(), isAlive(step.pid)]).toEqual([1, true]);

  near.slow(SLOW);
  since = performance.now();
  await untilAllServe(mesh, client, 5_000);
  await load.progress(20, 40_000);
  await passed(8_000, since);
  expect([step.runs(), isAlive(step.pid)]).toEqual([1, true]);
  step.finish();
  expect(await step.ended()).toMatchObject({ outcome: "SUCCESS", attempt: 1 });

  for (const proxy of [near, far]) proxy.slow(AT_ONCE);
  await load.stop();
  expect(await load.faults()).toEqual([]);
  expect(noneRestarted(mesh)).toBe(true);
});
