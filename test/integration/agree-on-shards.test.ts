// How many shards a mesh has is written down by the first state-store, before it makes any of them (ADR 0020).
import { createNames, topologyOf } from "@jetmesh/protocol";
import { agreeOnShards, type Connection, connectMesh, ensureTopology, readMesh } from "@jetmesh/storage";
import { type MeshOptions, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterEach, expect, test } from "vitest";

const NONE: NonNullable<MeshOptions["services"]> = {
  "state-store": 0,
  authz: 0,
  gateway: 0,
  "lifecycle-ticker": 0,
  "flight-plan-runner": 0,
};
const plain = createNames();
let mesh: TestMesh;
let connection: Connection;
afterEach(async () => {
  await connection.close();
  await mesh.stop();
});

async function begin(): Promise<void> {
  mesh = await startMesh({ services: NONE });
  connection = await connectMesh({ url: mesh.url, name: "test" });
}

const written = async (): Promise<number | undefined> => (await readMesh(connection, plain))?.record.shards;
const shardStreams = async (): Promise<string[]> =>
  (await connection.jsm.streams.names().next()).filter((name) => /jets|actions/.test(name)).toSorted();
const streamsOf = (shards: number): string[] => {
  const names = createNames("jm", shards);
  return [names.buckets.jets, names.buckets.actions]
    .flatMap((bucket) => names.bucketsOf(bucket))
    .map((bucket) => names.kvStream(bucket))
    .toSorted();
};

test("a mesh that is told nothing has one shard, and says so", async () => {
  await begin();
  await mesh.start("state-store");
  expect(await written()).toBe(1);
  expect(await shardStreams()).toEqual(streamsOf(1));
});

test("of two state-stores that are told different numbers one is first, and the other does not start", async () => {
  await begin();
  const outcomes = await Promise.allSettled(
    ["2", "3"].map((shards) => mesh.start("state-store", { JM_SHARDS: shards })),
  );
  expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  const shards = outcomes[0]?.status === "fulfilled" ? 2 : 3;
  expect(await written()).toBe(shards);
  expect(await shardStreams()).toEqual(streamsOf(shards));
});

test("any number of processes that agree at once, told the same or nothing, agree", async () => {
  await begin();
  const { streams } = topologyOf(plain, { replicas: 1 });
  await ensureTopology(connection, {
    streams: streams.filter(({ name }) => name === "KV_jm_definitions"),
    consumers: [],
  });
  const agreed = await Promise.all(Array.from({ length: 40 }, () => agreeOnShards(connection, plain, 5)));
  expect(new Set(agreed.map(({ shards }) => shards))).toEqual(new Set([5]));
  expect((await agreeOnShards(connection, plain)).shards).toBe(5);
});

test("a mesh from before there were shards has one, whatever a state-store is told", async () => {
  await begin();
  await ensureTopology(connection, topologyOf(plain, { replicas: 1 }));
  await expect(mesh.start("state-store", { JM_SHARDS: "4" })).rejects.toThrow(
    /has 1 shard and JM_SHARDS says 4/,
  );
  expect(await written()).toBe(1);
  await mesh.start("state-store");
  expect(await shardStreams()).toEqual(streamsOf(1));
});

test("a mesh whose record was lost is not taken for one without shards", async () => {
  await begin();
  const first = await mesh.start("state-store", { JM_SHARDS: "3" });
  await first.stop();
  await connection.jsm.streams.purge("KV_jm_definitions");
  await expect(mesh.start("state-store")).rejects.toThrow(
    /there are 3 streams of jets, but jm_definitions does not say how many shards/,
  );
  expect(await shardStreams()).toEqual(streamsOf(3));
});

test.each([
  "mesh.shards/before=crash",
  "mesh.shards/after=crash",
  "mesh.shards/after=lose",
  "mesh.shards/before=twice",
])("%s: the next state-store makes the mesh that was meant", async (fault) => {
  await begin();
  await mesh.start("state-store", { JM_SHARDS: "3", JM_FAULTS: fault }).catch(() => undefined);
  await mesh.start("state-store", { JM_SHARDS: "3" });
  expect(await written()).toBe(3);
  expect(await shardStreams()).toEqual(streamsOf(3));
  expect(mesh.logs()).toContain("fault mesh.shards/");
});

test("a number that cannot be is refused with its name", async () => {
  await begin();
  await expect(mesh.start("state-store", { JM_SHARDS: "65" })).rejects.toThrow(/JM_SHARDS/);
  await expect(mesh.start("state-store", { JM_SHARDS: "0" })).rejects.toThrow(/JM_SHARDS/);
});
