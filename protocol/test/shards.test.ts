import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createNames, hashOfKey, MAX_SHARDS, shardOf, topologyOf } from "../src/index.ts";

/** Published values of FNV-1a, 32 bits, and keys of ours; whoever looks for a record by hand counts the same. */
const VECTORS = [
  ["", 0x811c9dc5],
  ["a", 0xe40c292c],
  ["b", 0xe70c2de5],
  ["foobar", 0xbf9cf968],
  ["web1", 0x93c3efe0],
  ["0123456789abcdef01234567ab", 0x3bfea81a],
  ["é", 0x1e9de8c1],
  ["日本", 0x9f26ee51],
] as const;

/** The definition, byte by byte, by numbers that cannot overflow. */
const byDefinition = (key: string): number =>
  Number(
    Buffer.from(key, "utf8").reduce(
      (hash, byte) => ((hash ^ BigInt(byte)) * 0x01000193n) & 0xffffffffn,
      0x811c9dc5n,
    ),
  );

describe("the shard of a key", () => {
  it.each(VECTORS)("%j has the hash that it has everywhere", (key, hash) => {
    expect(hashOfKey(key)).toBe(hash);
  });

  it("follows from FNV-1a over the key in UTF-8, whatever the key is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (key) => {
        expect(hashOfKey(key)).toBe(byDefinition(key));
      }),
    );
  });

  it("is the hash modulo their number: web1 lies in shard 0 of 2 and 4, 1 of 3 and 32 of 64", () => {
    expect([1, 2, 3, 4, 64].map((shards) => shardOf("web1", shards))).toEqual([0, 0, 1, 0, 32]);
  });

  it("is one of those that there are", () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: MAX_SHARDS }), (key, shards) => {
        const shard = shardOf(key, shards);
        expect(Number.isInteger(shard) && shard >= 0 && shard < shards).toBe(true);
      }),
    );
  });

  it.each([2, 3, 4, 16, 64])("fills %i shards evenly with names that differ by a number alone", (shards) => {
    const counts = Array.from({ length: shards }, () => 0);
    for (let index = 0; index < 1_000 * shards; index += 1) {
      const shard = shardOf(`jet-${String(index)}`, shards);
      counts[shard] = (counts[shard] ?? 0) + 1;
    }
    expect(Math.min(...counts)).toBeGreaterThan(800);
    expect(Math.max(...counts)).toBeLessThan(1_200);
  });
});

describe("the names of a mesh with shards", () => {
  const buckets = (shards: number): string[] => {
    const names = createNames("jm", shards);
    const { jets, actions, steps } = names.buckets;
    return [jets, actions, steps].flatMap((bucket) => [...names.bucketsOf(bucket)]);
  };

  it("are those that they always were where there is one shard", () => {
    expect(buckets(1)).toEqual(["jm_jets", "jm_actions", "jm_steps"]);
    expect(createNames("jm", 1).bucketOf("jm_jets", "web1")).toBe("jm_jets");
  });

  it("have the shard's number behind them where there are several", () => {
    expect(buckets(3)).toEqual([
      "jm_jets_0",
      "jm_jets_1",
      "jm_jets_2",
      "jm_actions_0",
      "jm_actions_1",
      "jm_actions_2",
      "jm_steps_0",
      "jm_steps_1",
      "jm_steps_2",
    ]);
    expect(createNames("jm", 3).bucketOf("jm_jets", "web1")).toBe("jm_jets_1");
    expect(createNames("blue", 2).bucketsOf("blue_jets")).toEqual(["blue_jets_0", "blue_jets_1"]);
  });

  it("put a workflow's older steps into the shard of its number that the workflow is in", () => {
    const names = createNames("jm", 7);
    const { actions, steps } = names.buckets;
    for (let n = 0; n < 50; n += 1) {
      const id = `fedcba98765432${String(n).padStart(12, "0")}`;
      const shard = names.bucketOf(actions, id).replace(`${actions}_`, "");
      expect(names.bucketOf(steps, names.chunk(id, n))).toBe(`${steps}_${shard}`);
    }
  });

  it("leave what has no shards as it is", () => {
    const names = createNames("jm", 4);
    expect(names.bucketsOf(names.buckets.definitions)).toEqual(["jm_definitions"]);
    expect(names.bucketOf(names.buckets.runners, "runner-1")).toBe("jm_runners");
    expect(names.bucketsOf("things")).toEqual(["things"]);
  });

  it.each([0, -1, 1.5, Number.NaN, MAX_SHARDS + 1])("are refused for %d shards", (shards) => {
    expect(() => createNames("jm", shards)).toThrow(/1 to 64 shards/);
  });
});

describe("the topology of a mesh with shards", () => {
  it("has a stream for each shard of jets, actions and older steps, alike but for name, subject and description", () => {
    const streams = (shards: number) => topologyOf(createNames("jm", shards), { replicas: 3 }).streams;
    const settings = streams(4)
      .filter(({ name }) => /^KV_jm_(jets|actions|steps)/.test(name))
      .map(({ name: _name, subjects: _subjects, description: _description, ...rest }) => rest);
    expect(settings).toHaveLength(12);
    const one = streams(1).find(({ name }) => name === "KV_jm_jets");
    for (const each of settings) expect(one).toMatchObject(each);
    expect(new Set(streams(64).flatMap(({ subjects }) => subjects)).size).toBe(
      streams(1).flatMap(({ subjects }) => subjects).length + 3 * 63,
    );
  });
});
