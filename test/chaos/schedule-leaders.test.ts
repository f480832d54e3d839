import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import { applyDocuments, eventually, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { judgeBySecond } from "../support/schedule-judge.ts";
import { armedFor, firingsOf, scheduleDocument, untilFired, viewOf } from "../support/schedules.ts";

let mesh: TestMesh;
let root: MeshClient;
beforeAll(async () => {
  mesh = await startMesh({ cluster: 3, services: { "state-store": 2 } });
  root = await mesh.client();
  await mesh.startRunner(join(import.meta.dirname, "../support/scripted-runner.ts"));
}, 90_000);
afterAll(() => mesh.stop());

test("the leaders of schedules, definitions and actions killed one after another: each instant has one action or one word", async () => {
  const names = ["one", "two", "three"];
  const documents = names.map((name) => scheduleDocument(name, { every: "1s", overlap: "allow" }));
  await applyDocuments(root, documents);
  for (const name of names) await untilFired(root, name, 2);
  for (const stream of ["JM_SCHEDULES", "KV_jm_definitions", "KV_jm_actions", "JM_SCHEDULES"]) {
    const leader = await eventually(`${stream} to have a leader`, () => mesh.cluster.leaderOf(stream), {
      withinMs: 20_000,
    });
    const node = mesh.cluster.nodes[leader];
    const before = (await firingsOf(root, "one")).length;
    await node?.kill();
    await untilFired(root, "one", before + 5, 60_000);
    await node?.restart();
    await mesh.cluster.healthy();
  }
  for (const reference of names) await root.request("schedule.pause", { reference }, 30_000);
  for (const name of names) {
    await eventually("its last firing to be over", async () => {
      const at = (await firingsOf(root, name)).at(-1)?.at ?? "";
      return ((await viewOf(root, name)).last?.at ?? "") >= at ? true : undefined;
    });
    await judgeBySecond(root, name);
    expect(await armedFor(root, name)).toBeUndefined();
  }
}, 300_000);
