import type { MeshClient } from "@jetmesh/client";
import {
  allHistory,
  eventually,
  type Proxy,
  startMesh,
  startProxy,
  type TestMesh,
  type TestService,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isAlive, type LongStep, type LongSteps, longSteps } from "../../support/long-step.ts";
import { passed } from "../../support/outage.ts";
import { noneRestarted } from "../../support/serving.ts";

let mesh: TestMesh;
let client: MeshClient;
let proxy: Proxy;
beforeAll(async () => {
  mesh = await startMesh({ services: { "flight-plan-runner": 0 } });
  client = await mesh.client();
  proxy = await startProxy(mesh.server.port);
});
afterAll(async () => {
  await proxy.close();
  await mesh.stop();
});

/** Design §8: one cut off by the network is taken over within 20 s. */
const TAKEN_OVER_MS = 20_000;
/** Who judges by a presence must have been connected for as long as one lasts. */
const PRESENCE_MS = 15_000;

/** Begins steps until that runner holds one. */
async function beginOn(runner: TestService, steps: LongSteps, jet: string): Promise<LongStep> {
  for (let number = 0; ; number += 1) {
    const step = await steps.begin(`${jet}${String(number)}`);
    if (step.holder === runner) return step;
    step.finish();
    await step.ended();
  }
}

test("a runner whose connection is frozen ends its own work and is taken over within 20 s; what it had is late", async () => {
  const other = await mesh.start("flight-plan-runner");
  const judges = performance.now() + PRESENCE_MS + 1_000;
  const frozen = await mesh.start("flight-plan-runner", { NATS_URL: proxy.url });
  const once = await longSteps(mesh, client);
  const interrupted = await beginOn(frozen, once, "once");
  const idempotent = await longSteps(mesh, client, { idempotent: true });
  const again = await beginOn(frozen, idempotent, "again");
  await passed(judges - performance.now(), performance.now());

  proxy.freeze();
  const since = performance.now();
  const endedAt = await Promise.all(
    [interrupted, again].map(async ({ pid }) => {
      await eventually("the runner to end what it runs", () => (isAlive(pid) ? undefined : true), {
        withinMs: 14_000,
      });
      return performance.now() - since;
    }),
  );
  expect(await interrupted.ended(TAKEN_OVER_MS)).toMatchObject({
    outcome: "ERROR",
    error: { code: "step_interrupted" },
  });
  const takenOverAt = performance.now() - since;
  await eventually("another to run the idempotent step", () => (again.runs() === 2 ? true : undefined));
  const runAgainAt = performance.now() - since;
  expect(takenOverAt).toBeLessThan(TAKEN_OVER_MS);
  expect(runAgainAt).toBeLessThan(TAKEN_OVER_MS);
  for (const at of endedAt) expect(at).toBeLessThan(Math.min(takenOverAt, runAgainAt));

  proxy.thaw();
  again.finish();
  expect(await again.ended()).toMatchObject({ outcome: "SUCCESS", attempt: 2 });
  await eventually("what the frozen runner had to be in the history as late", async () => {
    const late = (await allHistory(client.connection, client.names)).filter(({ what }) => what === "late");
    return [interrupted, again].every(({ id }) => late.some((entry) => entry.id === id)) ? true : undefined;
  });
  expect([interrupted.runs(), again.runs()]).toEqual([1, 2]);
  expect(noneRestarted(mesh)).toBe(true);

  // Back, it serves: alone, for the other is gone.
  await other.stop();
  const after = await once.begin("after");
  expect(after.holder).toBe(frozen);
  after.finish();
  expect(await after.ended()).toMatchObject({ outcome: "SUCCESS" });
});
