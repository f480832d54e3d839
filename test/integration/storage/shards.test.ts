import { createNames, topologyOf } from "@jetmesh/protocol";
import {
  type Bucket,
  type Change,
  type Connection,
  connectMesh,
  createShardedBucket,
  ensureTopology,
  follow,
  type Place,
  scan,
} from "@jetmesh/storage";
import { eventually, startNatsServer, type TestServer } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

const SHARDS = 4;
const names = createNames("jm", SHARDS);
const { jets } = names.buckets;
interface Thing {
  readonly n: number;
}
const schema = { parse: (value: unknown): Thing => value as Thing };
const read = (data: Uint8Array): Thing => schema.parse(JSON.parse(new TextDecoder().decode(data)));
/** Any of the mesh's writes: none of its faults is switched on. */
const AT = { point: "jet.accept" } as const;
const KEYS = Array.from({ length: 60 }, (_, n) => `thing-${String(n)}`);

let server: TestServer;
let connection: Connection;
let bucket: Bucket<Thing>;
beforeAll(async () => {
  server = await startNatsServer();
  connection = await connectMesh({ url: server.url, name: "test" });
  await ensureTopology(connection, topologyOf(names, { replicas: 1 }));
  bucket = createShardedBucket(connection, names, { name: jets, schema });
  for (const [n, key] of KEYS.entries()) await bucket.swap(key, { n }, 0, AT);
});
afterAll(async () => {
  await connection.close();
  await server.stop();
});

/** By the stream of each shard itself. */
const lastOf = async (shard: number, key: string): Promise<string | undefined> => {
  const [name = ""] = names.bucketsOf(jets).slice(shard);
  const found = await connection.jsm.streams
    .getMessage(names.kvStream(name), { last_by_subj: names.kv(name, key) })
    .catch(() => null);
  return found === null ? undefined : new TextDecoder().decode(found.data);
};

test("each key lies in its own shard and in no other, where whoever knows the hash finds it", async () => {
  // FNV-1a of thing-0 is 0x81abf182, of thing-1 0x82abf315.
  expect(await Promise.all([0, 1, 2, 3].map((shard) => lastOf(shard, "thing-0")))).toEqual([
    undefined,
    undefined,
    '{"n":0}',
    undefined,
  ]);
  expect(await lastOf(1, "thing-1")).toBe('{"n":1}');
  const counts = await Promise.all(
    names
      .bucketsOf(jets)
      .map(async (name) => (await connection.jsm.streams.info(names.kvStream(name))).state.messages),
  );
  expect(counts.reduce((sum, one) => sum + one, 0)).toBe(KEYS.length);
  expect(Math.min(...counts)).toBeGreaterThan(0);
});

test("a compare-and-swap is won and lost by the key's own revision", async () => {
  const key = "swapped";
  const first = await bucket.swap(key, { n: 1 }, 0, AT);
  expect(first.kind).toBe("written");
  const revision = first.kind === "written" ? first.revision : 0;
  expect(await bucket.get(key)).toEqual({ kind: "record", revision, value: { n: 1 } });
  expect((await bucket.swap(key, { n: 2 }, revision - 1, AT)).kind).toBe("conflict");
  expect((await bucket.swap(key, { n: 2 }, revision, AT)).kind).toBe("written");
  expect(await bucket.put(key, { n: 3 }, { ...AT, ttlMs: 60_000 })).toBe(true);
  expect(await bucket.get(key)).toMatchObject({ value: { n: 3 } });
  await bucket.remove(key, "jet.accept");
  expect((await bucket.get(key)).kind).toBe("gone");
  expect((await bucket.get("never-there")).kind).toBe("absent");
});

test("a scan in pages goes through every shard and shows each key once", async () => {
  for (const size of [1, 7, 1_000]) {
    const seen: string[] = [];
    let cursor: Place | undefined = { shard: 0, sequence: 0 };
    while (cursor !== undefined) {
      let here = 0;
      cursor = await scan(connection, names, jets, { cursor, most: 1_000 }, ({ key }) => {
        seen.push(key);
        here += 1;
        return here === size ? "enough" : "more";
      });
    }
    expect(seen.toSorted()).toEqual(KEYS.toSorted());
  }
});

test("a scan looks at no more than it may, and goes on in the shard where it stopped", async () => {
  const seen: string[] = [];
  let cursor: Place | undefined = { shard: 0, sequence: 0 };
  while (cursor !== undefined) {
    const before = seen.length;
    cursor = await scan(connection, names, jets, { cursor, most: 9 }, ({ key }) => {
      seen.push(key);
      return "more";
    });
    expect(seen.length - before).toBeLessThanOrEqual(9);
  }
  expect(seen.toSorted()).toEqual(KEYS.toSorted());
});

test("a follower is ready once it has seen every shard, and is caught up only when all of them are", async () => {
  const seen = new Map<string, number>();
  const follower = follow(connection, names, {
    bucket: jets,
    // Only who asks to be caught up is shown what has gathered.
    everyMs: 60_000,
    onChange: ({ key, exists, data }: Change) => {
      if (exists) seen.set(key, read(data).n);
      else seen.delete(key);
    },
  });
  await follower.ready;
  expect(follower.isReady).toBe(true);
  expect([...seen.keys()].toSorted()).toEqual(KEYS.toSorted());
  await Promise.all(
    KEYS.map(async (key) => {
      const stored = await bucket.get(key);
      await bucket.swap(key, { n: 1_000 }, stored.kind === "record" ? stored.revision : 0, AT);
    }),
  );
  expect(await follower.catchUp(5_000)).toBe(true);
  expect([...seen.values()].every((n) => n === 1_000)).toBe(true);
  await follower.stop();
});

test("who follows one key makes a consumer in its own shard alone", async () => {
  const consumers = async (): Promise<number[]> =>
    Promise.all(
      names
        .bucketsOf(jets)
        .map(async (name) => (await connection.jsm.streams.info(names.kvStream(name))).state.consumer_count),
    );
  const before = await consumers();
  const changes: string[] = [];
  const follower = follow(connection, names, {
    bucket: jets,
    keys: "thing-0",
    onChange: ({ key }) => changes.push(key),
  });
  await follower.ready;
  expect((await consumers()).map((count, shard) => count - (before[shard] ?? 0))).toEqual([0, 0, 1, 0]);
  const stored = await bucket.get("thing-0");
  await bucket.swap("thing-0", { n: 7 }, stored.kind === "record" ? stored.revision : 0, AT);
  await eventually("the change", () => (changes.length === 2 ? true : undefined));
  await follower.stop();
});

test("a follower is not caught up where one of its shards cannot be asked", async () => {
  const seen: string[] = [];
  const follower = follow(connection, names, { bucket: jets, onChange: ({ key }) => seen.push(key) });
  await follower.ready;
  expect(await follower.catchUp(2_000)).toBe(true);
  await connection.jsm.streams.delete("KV_jm_jets_3");
  expect(await follower.catchUp(1_000)).toBe(false);
  await follower.stop();
});
