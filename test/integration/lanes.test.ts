import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord } from "@jetmesh/protocol";
import { applyDocuments, eventually, startMesh, type TestMesh, type TestService } from "@jetmesh/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type LimitedRuns, limitDocument, limitedRunsOf } from "../support/limited-runs.ts";

/** Which of those that wait for a runner, or for a slot, go first. */
let mesh: TestMesh;
let client: MeshClient;
let runs: LimitedRuns;
let runner: TestService;
const all: LimitedRuns[] = [];
beforeAll(async () => {
  mesh = await startMesh({ services: { "flight-plan-runner": 0 } });
  client = await mesh.client();
}, 60_000);
beforeEach(() => {
  runs = limitedRunsOf(() => client);
  all.push(runs);
});
afterEach(async () => void (await runner.stop()));
afterAll(async () => {
  await mesh.stop();
  for (const one of all) one.remove();
});

const get = (id: string): Promise<ActionRecord> => client.request<ActionRecord>("action.get", { id });
const start = async (env: Record<string, string> = { JM_CONCURRENCY: "1" }): Promise<void> => {
  runner = await mesh.start("flight-plan-runner", env);
};
/** Queues that are there already, so that a runner that starts hears of them. */
async function makeQueues(): Promise<void> {
  const jets = await Promise.all(
    (["high", "low"] as const).map(async (lane) => runs.jets(1, { turn: { lane }, forSeconds: 0 })),
  );
  await start({});
  for (const jet of jets.flat()) await isClosed(await runs.turn(jet));
  await runner.stop();
}
const isClosed = (id: string): Promise<true> =>
  eventually("it to be closed", async () => ((await get(id)).state === "CLOSED" ? true : undefined), {
    withinMs: 20_000,
  });
/** One that keeps the only runner busy until it is let go. */
async function keepBusy(): Promise<string> {
  const [jet = ""] = await runs.jets(1);
  await runs.turn(jet);
  await runs.until("the runner to be busy", () => runs.begun().length === 1);
  return jet;
}
const laneOf = (jets: Readonly<Record<string, readonly string[]>>, jet: string): string =>
  Object.entries(jets).find(([, of]) => of.includes(jet))?.[0] ?? "?";

test("with one busy runner those of the high lane go before the others, and those of the low one behind", async () => {
  await makeQueues();
  const before = runs.begun().length;
  await start();
  const jets = {
    low: await runs.jets(2, { plan: { lane: "low" }, forSeconds: 0 }),
    normal: await runs.jets(2, { forSeconds: 0 }),
    // The jet action's own goes before its plan's.
    high: await runs.jets(2, { plan: { lane: "low" }, turn: { lane: "high" }, forSeconds: 0 }),
  };
  const [busy = ""] = await runs.jets(1);
  await runs.turn(busy);
  await runs.until("the runner to be busy", () => runs.begun().length === before + 1);
  for (const jet of [...jets.low, ...jets.normal, ...jets.high]) await runs.turn(jet);
  runs.letGo();
  await runs.until("all to end", () => runs.ended().length === before + 7);
  const order = runs.begun().slice(before + 1);
  expect(order.map((jet) => laneOf(jets, jet))).toEqual(["high", "high", "normal", "normal", "low", "low"]);
  expect(runs.most()).toBe(1);
});

test("the low lane is not starved by a high one that always has something", async () => {
  await start();
  const jets = {
    high: await runs.jets(24, { turn: { lane: "high" }, forSeconds: 0 }),
    low: await runs.jets(2, { turn: { lane: "low" }, forSeconds: 0 }),
  };
  await keepBusy();
  for (const jet of [...jets.low, ...jets.high]) await runs.turn(jet);
  runs.letGo();
  await runs.until("all to end", () => runs.ended().length === 27, 40_000);
  const order = runs.begun().slice(1);
  const places = order.flatMap((jet, at) => (jets.low.includes(jet) ? [at] : []));
  // Of eight turns one; not the first, and not behind all others.
  expect(places.every((at) => at >= 1 && at < 20)).toBe(true);
}, 60_000);

test("of those that wait for a slot the higher lane goes first", async () => {
  await applyDocuments(client, [limitDocument("single", { concurrency: 1 })]);
  await start({});
  const limits = ["single"];
  const jets = {
    low: await runs.jets(2, { plan: { limits, lane: "low" }, forSeconds: 0 }),
    normal: await runs.jets(2, { plan: { limits }, forSeconds: 0 }),
    high: await runs.jets(2, { plan: { limits, lane: "high" }, forSeconds: 0 }),
  };
  const [busy = ""] = await runs.jets(1, { plan: { limits } });
  await runs.turn(busy);
  await runs.until("the slot to be taken", () => runs.begun().length === 1);
  for (const jet of [...jets.low, ...jets.normal, ...jets.high]) await runs.turn(jet);
  runs.letGo();
  await runs.until("all to end", () => runs.ended().length === 7);
  expect(
    runs
      .begun()
      .slice(1)
      .map((jet) => laneOf(jets, jet)),
  ).toEqual(["high", "high", "normal", "normal", "low", "low"]);
});

test("a runner with room takes of all lanes at once", async () => {
  await start({ JM_CONCURRENCY: "8" });
  const jets = [
    ...(await runs.jets(3, { turn: { lane: "high" } })),
    ...(await runs.jets(3, { turn: { lane: "low" } })),
    ...(await runs.jets(2)),
  ];
  for (const jet of jets) await runs.turn(jet);
  await runs.until("all to run", () => runs.begun().length === 8);
  runs.letGo();
  await runs.until("all to end", () => runs.ended().length === 8);
});
