import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord } from "@jetmesh/protocol";
import { createMeshStore, readRunners } from "@jetmesh/storage";
import { applyDocuments, eventually, startMesh, type TestMesh, type TestService } from "@jetmesh/testkit";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type LimitedRuns, limitDocument, limitedRunsOf } from "../support/limited-runs.ts";
import { ROOT } from "../support/repository.ts";

/** Labels choose the runners of an action: it waits in a queue of its own, which those with all of them serve. */
let mesh: TestMesh;
let client: MeshClient;
let runs: LimitedRuns;
const all: LimitedRuns[] = [];
beforeAll(async () => {
  mesh = await startMesh({ services: { "flight-plan-runner": 0, "state-store": 2 } });
  client = await mesh.client();
}, 60_000);
beforeEach(() => {
  runs = limitedRunsOf(() => client);
  all.push(runs);
});
afterAll(async () => {
  await mesh.stop();
  for (const one of all) one.remove();
});

const get = (id: string): Promise<ActionRecord> => client.request<ActionRecord>("action.get", { id });
const labeled = (labels: string, more: Record<string, string> = {}): Promise<TestService> =>
  mesh.start("flight-plan-runner", { JM_LABELS: labels, ...more });
const holderOf = (id: string): Promise<string> =>
  eventually("the action to be held", async () => (await get(id)).claim?.runner, { withinMs: 20_000 });
const closed = async (id: string): Promise<ActionRecord> =>
  eventually(
    "the action to be closed",
    async () => {
      const record = await get(id);
      return record.state === "CLOSED" ? record : undefined;
    },
    { withinMs: 40_000 },
  );
const runnerOf = (service: TestService): string => service.instance.replace("flight-plan-runner", "runner");
const consumers = async (): Promise<string[]> => {
  const found: string[] = [];
  for await (const { name } of client.connection.jsm.consumers.list(client.names.streams.resume))
    found.push(name);
  return found.toSorted();
};
const stopAll = (services: readonly TestService[]): Promise<unknown> =>
  Promise.all(services.map((service) => service.stop()));

const jm = async (...args: string[]): Promise<string> => {
  const main = join(ROOT, "packages/cli/src/main.ts");
  return (await promisify(execFile)(process.execPath, [main, "--url", mesh.url, ...args])).stdout;
};

test("an action without labels waits in the queue of its pool alone, and no other is made", async () => {
  const runner = await labeled("gpu");
  const [jet = ""] = await runs.jets(1, { forSeconds: 0 });
  const record = await closed(await runs.turn(jet));
  expect(record).toMatchObject({ pool: "default", outcome: "SUCCESS" });
  expect(record).not.toHaveProperty("labels");
  expect(await consumers()).toEqual(["pool-default"]);
  await runner.stop();
});

test("the labels of template, plan and jet action are all needed, and only a runner that has them all runs it", async () => {
  const needed = {
    ...{ template: { labels: ["gpu"] }, plan: { labels: ["eu", "gpu"] }, turn: { labels: ["ssd"] } },
  };
  const has = await labeled("ssd,other, gpu ,eu");
  const [first = ""] = await runs.jets(1, { ...needed, forSeconds: 0 });
  await closed(await runs.turn(first));
  // The queue is there, so that each of them hears of it as it starts.
  const others = await Promise.all([
    ...[mesh.start("flight-plan-runner"), labeled("gpu"), labeled("gpu,eu"), labeled("ssd,eu")],
  ]);
  const jets = await runs.jets(12, needed);
  const ids = await Promise.all(jets.map((jet) => runs.turn(jet)));
  for (const id of ids) expect(await holderOf(id)).toBe(runnerOf(has));
  runs.letGo();
  for (const id of ids)
    expect(await closed(id)).toMatchObject({
      ...{ pool: "default", labels: ["eu", "gpu", "ssd"], outcome: "SUCCESS", attempt: 1 },
    });
  expect(await consumers()).toContain("pool-default+eu+gpu+ssd");
  await stopAll([has, ...others]);
});

test("it waits where no runner has them, and goes on once one is started; `why` and `doctor` say what is missing", async () => {
  const plain = await mesh.start("flight-plan-runner");
  const [jet = ""] = await runs.jets(1, { turn: { labels: ["arm"] }, forSeconds: 0 });
  const id = await runs.turn(jet);
  // Others are run meanwhile.
  const [other = ""] = await runs.jets(1, { forSeconds: 0 });
  await closed(await runs.turn(other));
  expect(await get(id)).toMatchObject({ state: "SLEEPING", labels: ["arm"] });
  expect(await jm("why", id)).toContain("with label 'arm' that begins it: none is there");
  const missing = "1 waiting in pool 'default' with label 'arm', which no runner serves";
  expect(await jm("doctor")).toContain(missing);
  const arm = await labeled("arm");
  expect((await closed(id)).outcome).toBe("SUCCESS");
  // One that is served, and waits because those who serve it are full.
  const busy = await labeled("legs", { JM_CONCURRENCY: "1" });
  const [first = "", second = ""] = await runs.jets(2, { turn: { labels: ["legs"] } });
  await holderOf(await runs.turn(first));
  const waiting = await runs.turn(second);
  expect(await jm("why", waiting)).toMatch(/label 'legs' that begins it$/m);
  runs.letGo();
  await closed(waiting);
  await busy.stop();
  expect(await jm("doctor")).not.toContain("no runner serves");
  await stopAll([plain, arm]);
});

test("one whose runner was killed is taken over by another with its labels, and by no other", async () => {
  const plain = await mesh.start("flight-plan-runner", { JM_PRESENCE_TTL_MS: "5000" });
  const first = await labeled("tape", { JM_PRESENCE_TTL_MS: "5000" });
  const jets = await runs.jets(5, { turn: { labels: ["tape"], repeat: { error: 3, backoff: 100 } } });
  const ids = await Promise.all(jets.map((jet) => runs.turn(jet)));
  for (const id of ids) expect(await holderOf(id)).toBe(runnerOf(first));
  const second = await labeled("tape");
  await first.kill();
  // Each is run again, by whoever has taken it over, and holds until it is let go.
  await runs.until("others to run them", () => runs.begun().length === 10, 40_000);
  for (const id of ids) expect(await holderOf(id)).toBe(runnerOf(second));
  runs.letGo();
  for (const id of ids) expect(await closed(id)).toMatchObject({ outcome: "SUCCESS" });
  await stopAll([plain, second]);
}, 90_000);

test("a queue whose consumer is gone is made again for what waits in it, as after a restore", async () => {
  const [jet = ""] = await runs.jets(1, { turn: { labels: ["lost"] }, forSeconds: 0 });
  const id = await runs.turn(jet);
  expect(await consumers()).toContain("pool-default+lost");
  await client.connection.jsm.consumers.delete(client.names.streams.resume, "pool-default+lost");
  const fresh = await mesh.start("state-store");
  await eventually("the queue to be there", async () =>
    (await consumers()).includes("pool-default+lost") ? true : undefined,
  );
  const runner = await labeled("lost");
  expect((await closed(id)).outcome).toBe("SUCCESS");
  await stopAll([fresh, runner]);
});

test("a limit of the pool counts those with labels as well", async () => {
  await applyDocuments(client, [limitDocument("narrow", { concurrency: 1, pools: ["narrow"] })]);
  const runner = await labeled("gpu", { JM_POOLS: "narrow" });
  const some = await runs.jets(2, { plan: { pool: "narrow" }, forSeconds: 0.1 });
  const others = await runs.jets(2, { plan: { pool: "narrow", labels: ["gpu"] }, forSeconds: 0.1 });
  const ids = await Promise.all([...some, ...others].map((jet) => runs.turn(jet)));
  await Promise.all(ids.map(closed));
  expect(runs.most()).toBe(1);
  expect(runs.ended()).toHaveLength(4);
  await runner.stop();
});

test("more than four labels together end it as `too_many_labels`", async () => {
  const [jet = ""] = await runs.jets(1, {
    ...{ plan: { labels: ["a", "b", "c"] }, turn: { labels: ["d", "e"] } },
  });
  const record = await closed(await runs.turn(jet));
  expect(record).toMatchObject({ outcome: "ERROR", error: { code: "too_many_labels" } });
});

test("a runner tells its labels in its presence", async () => {
  const runner = await labeled("eu,gpu");
  const { connection, names } = client;
  const runners = await readRunners(connection, names, createMeshStore(connection, names));
  expect(runners.find(({ id }) => id === runnerOf(runner))).toMatchObject({
    labels: ["eu", "gpu"],
  });
  await runner.stop();
});
