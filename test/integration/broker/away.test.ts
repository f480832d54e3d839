import type { MeshClient } from "@jetmesh/client";
import { allHistory, eventually, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isAlive, longSteps } from "../../support/long-step.ts";
import { passed } from "../../support/outage.ts";
import { noneRestarted, untilAllServe } from "../../support/serving.ts";

/** A runner ends its own work after this long without an acknowledged renewal of its presence (design §2). */
const RENEWED_WITHIN_MS = 10_000;

let mesh: TestMesh;
let client: MeshClient;
beforeAll(async () => {
  mesh = await startMesh({ services: { "flight-plan-runner": 2 } });
  client = await mesh.client();
});
afterAll(() => mesh.stop());

/** The broker is killed, and comes back after so long. */
async function brokerAway(
  ms: number,
  meanwhile: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  await mesh.server.kill();
  const since = performance.now();
  await meanwhile();
  await passed(ms, since);
  await mesh.server.restart();
  await untilAllServe(mesh, client, 5_000);
}

test("a broker that was away for a second: no live runner's work is taken for dead", async () => {
  const once = await longSteps(mesh, client);
  const steps = await Promise.all(["one", "two", "three"].map((jet) => once.begin(jet)));
  await brokerAway(1_000);
  const back = performance.now();
  // By then everybody has been connected for long enough to judge: whoever is to be taken for dead has been.
  await passed(8_000, back);
  expect(steps.map((step) => [step.runs(), isAlive(step.pid)])).toEqual(steps.map(() => [1, true]));
  for (const step of steps) step.finish();
  for (const step of steps)
    expect(await step.ended()).toMatchObject({ id: step.id, outcome: "SUCCESS", attempt: 1 });
  expect(steps.map((step) => step.runs())).toEqual([1, 1, 1]);
});

test("a broker that was away for longer than a runner may go without it: what ran has ended, and is taken over", async () => {
  const once = await longSteps(mesh, client);
  const interrupted = await once.begin("four");
  const idempotent = await longSteps(mesh, client, { idempotent: true });
  const again = await idempotent.begin("five");
  await brokerAway(12_000, async () => {
    for (const { pid } of [interrupted, again]) {
      await eventually("the runner to end what it runs", () => (isAlive(pid) ? undefined : true), {
        withinMs: RENEWED_WITHIN_MS + 3_000,
      });
    }
  });
  expect(await interrupted.ended()).toMatchObject({
    outcome: "ERROR",
    error: { code: "step_interrupted" },
    attempt: 1,
  });
  expect(interrupted.runs()).toBe(1);
  await eventually("the idempotent step to run again", () => (again.runs() === 2 ? true : undefined));
  again.finish();
  expect(await again.ended()).toMatchObject({ outcome: "SUCCESS", attempt: 2 });
  expect(again.runs()).toBe(2);
  await eventually("the results that were not applied to be in the history as late", async () => {
    const late = (await allHistory(client.connection, client.names)).filter(({ what }) => what === "late");
    return [interrupted, again].every(({ id }) => late.some((entry) => entry.id === id)) ? true : undefined;
  });
  expect(noneRestarted(mesh)).toBe(true);
});
