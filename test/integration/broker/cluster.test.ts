import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import {
  allActions,
  applyDocuments,
  eventually,
  loopDocuments,
  startMesh,
  type TestMesh,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

let dir: string;
let mesh: TestMesh;
let client: MeshClient;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "jm-cluster-"));
  mesh = await startMesh({ cluster: 3 });
  client = await mesh.client();
}, 90_000);
afterAll(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});

test("a mesh on three nodes keeps every stream three times", async () => {
  const { streams, buckets } = client.names;
  const names = [
    ...Object.values(streams),
    ...Object.values(buckets).map((name) => client.names.kvStream(name)),
  ];
  const kept = await Promise.all(
    names.map(async (name) => [name, (await client.connection.jsm.streams.info(name)).config.num_replicas]),
  );
  expect(kept).toEqual(names.map((name) => [name, 3]));
  expect(await mesh.cluster.leaderOf(streams.triggers)).toBeGreaterThanOrEqual(0);
});

test("a mesh on three nodes runs each trigger once", async () => {
  const ran = join(dir, "ran");
  await applyDocuments(client, loopDocuments([{ shell: `echo $JM_ACTION_ID >> ${ran}` }]));
  const jets = Array.from({ length: 5 }, (_, number) => `jet${String(number)}`);
  await Promise.all(
    jets.map((reference) => client.request("jet.create", { template: "loop", reference, wait: true })),
  );
  const triggers = 25;
  for (let number = 0; number < triggers; number += 1)
    await client.publishTrigger(jets[number % jets.length] ?? "", "turn", { onBusy: "queue" });
  const closed = await eventually("every trigger to end", async () => {
    const actions = await allActions(client.connection, client.names);
    const ended = actions.filter(({ state, outcome }) => state === "CLOSED" && outcome === "SUCCESS");
    return ended.length === jets.length + triggers ? ended : undefined;
  });
  expect(closed.every(({ attempt }) => attempt === 1)).toBe(true);
  const lines = readFileSync(ran, "utf8").split("\n").filter(Boolean);
  expect(lines).toHaveLength(triggers);
  expect(new Set(lines).size).toBe(triggers);
});
