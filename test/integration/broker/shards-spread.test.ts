import type { MeshClient } from "@jetmesh/client";
import { applyDocuments, eventually, loopDocuments, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

const SHARDS = 3;
let mesh: TestMesh;
let client: MeshClient;
beforeAll(async () => {
  mesh = await startMesh({ cluster: 3, env: { JM_SHARDS: String(SHARDS) } });
  client = await mesh.client();
}, 90_000);
afterAll(() => mesh.stop());

const streamsOf = (bucket: string): string[] =>
  client.names.bucketsOf(bucket).map((name) => client.names.kvStream(name));

test("the leaders of three shards are on three nodes, for jets as for actions", async () => {
  for (const bucket of [client.names.buckets.jets, client.names.buckets.actions]) {
    let last: unknown;
    const leaders = await eventually(
      `the shards of ${bucket} to be led by three nodes`,
      async () => {
        const found = await Promise.all(streamsOf(bucket).map((stream) => mesh.cluster.leaderOf(stream)));
        last = found;
        return new Set(found).size === SHARDS && !found.includes(undefined) ? found : undefined;
      },
      { withinMs: 20_000, everyMs: 100, lastSeen: () => last },
    );
    expect(leaders.toSorted()).toEqual([0, 1, 2]);
  }
});

test("a leader that was moved on purpose stays where it is, also when another state-store starts", async () => {
  const [stream = ""] = streamsOf(client.names.buckets.jets);
  const before = await mesh.cluster.leaderOf(stream);
  await client.connection.nc.request(`$JS.API.STREAM.LEADER.STEPDOWN.${stream}`, "", { timeout: 5_000 });
  await eventually("another leader", async () => {
    const now = await mesh.cluster.leaderOf(stream);
    return now !== undefined && now !== before ? now : undefined;
  });
  const leaders = (): Promise<(number | undefined)[]> =>
    Promise.all(streamsOf(client.names.buckets.jets).map((one) => mesh.cluster.leaderOf(one)));
  const moved = await leaders();
  expect(new Set(moved).size).toBe(2);
  await mesh.start("state-store");
  await applyDocuments(client, loopDocuments([{ wait: 0 }]));
  await Promise.all(
    Array.from({ length: 9 }, (_, n) =>
      client.request("jet.create", { template: "loop", reference: `jet${String(n)}`, wait: true }),
    ),
  );
  expect(await leaders()).toEqual(moved);
});
