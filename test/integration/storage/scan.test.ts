import { createNames } from "@jetmesh/protocol";
import { type Connection, connectMesh, type Place, scan, scanNewest, writeOnce } from "@jetmesh/storage";
import { startNatsServer, type TestServer } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

const names = createNames("jm");
/** Any of the mesh's writes: none of its faults is switched on. */
const AT = { point: "jet.accept" } as const;
const KEYS = 1_500;
const BUSY = 50;
const SCANS = 20;
const PAGED = 5;
const nameOf = (n: number): string => `k${String(n)}`;
const ALL = Array.from({ length: KEYS }, (_, n) => nameOf(n)).toSorted();

let server: TestServer;
let connection: Connection;
beforeAll(async () => {
  server = await startNatsServer();
  connection = await connectMesh({ url: server.url, name: "test" });
  await connection.jsm.streams.add({
    name: "KV_things",
    subjects: ["$KV.things.>"],
    max_msgs_per_subject: 1,
    allow_rollup_hdrs: true,
  });
  await Promise.all(ALL.map((key) => put(key, "first")));
});
afterAll(async () => {
  await connection.close();
  await server.stop();
});

const put = async (key: string, value: string): Promise<void> =>
  void (await writeOnce(connection, names.kv("things", key), value, AT));

/** Rewrites some keys over and over while something else is done. */
async function whileRewritten<T>(doing: () => Promise<T>): Promise<T> {
  const watch = { isOver: false };
  const writing = (async () => {
    for (let round = 0; !watch.isOver; round += 1)
      await Promise.all(
        // Here and there in the stream: what was last written lies at its end.
        Array.from({ length: BUSY }, (_, n) => put(nameOf((n * 30 + round) % KEYS), String(round))),
      );
  })();
  try {
    return await doing();
  } finally {
    watch.isOver = true;
    await writing;
  }
}

const missing = (seen: ReadonlySet<string>): string[] => ALL.filter((key) => !seen.has(key));

test("a scan sees every key while some move to the end of the stream all the time", async () => {
  const missed: string[][] = [];
  await whileRewritten(async () => {
    for (let n = 0; n < SCANS; n += 1) {
      const seen = new Set<string>();
      await scan(connection, names, "things", { most: 1_000_000 }, ({ key }) => {
        seen.add(key);
        return "more";
      });
      missed.push(missing(seen));
    }
  });
  expect(missed).toEqual(Array.from({ length: SCANS }, () => []));
});

test.each([
  ["its visitor", 1_420, 1_000_000],
  ["its limit", 1_000_000, 1_420],
])("a scan that %s stops goes on behind what it saw, and misses no key either", async (_, enough, most) => {
  const missed: string[][] = [];
  await whileRewritten(async () => {
    for (let n = 0; n < PAGED; n += 1) {
      const seen = new Set<string>();
      let cursor: Place | undefined = { shard: 0, sequence: 0 };
      while (cursor !== undefined && missing(seen).length > 0) {
        let here = 0;
        cursor = await scan(connection, names, "things", { cursor, most }, ({ key }) => {
          seen.add(key);
          here += 1;
          return here === enough ? "enough" : "more";
        });
      }
      missed.push(missing(seen));
    }
  });
  expect(missed).toEqual(Array.from({ length: PAGED }, () => []));
});

test("of what is seen twice the last version counts, also where that is not wanted any more", async () => {
  const seen: string[] = [];
  const found = await scanNewest(connection, names, "things", 1_000_000, ({ key, data }) => {
    // Sent before the rest is asked for, on the same connection.
    if (seen.push(key) <= 2) void put(key, seen.length === 1 ? "kept" : "dropped");
    const value = Buffer.from(data).toString();
    return value === "dropped" ? undefined : value;
  });
  const [kept = "", dropped = ""] = seen;
  expect(found.get(kept)).toBe("kept");
  expect(found.has(dropped)).toBe(false);
  expect(seen.length).toBe(KEYS + 2);
  expect(found.size).toBe(KEYS - 1);
});

test("a scan that wants no more than it found ends there", async () => {
  const found = await scanNewest(connection, names, "things", 3, ({ key }) => key);
  expect(found.size).toBe(3);
});
