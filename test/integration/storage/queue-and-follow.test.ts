import { createNames } from "@jetmesh/protocol";
import {
  type Change,
  type Connection,
  connectMesh,
  consumeQueue,
  ensureConsumer,
  follow,
  type Place,
  scan,
  writeOnce,
} from "@jetmesh/storage";
import { eventually, startNatsServer, startProxy, type TestServer } from "@jetmesh/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const names = createNames("jm");
/** Any of the mesh's writes: none of its faults is switched on. */
const AT = { point: "jet.accept" } as const;
let server: TestServer;
let connection: Connection;
beforeEach(async () => {
  server = await startNatsServer();
  connection = await connectMesh({ url: server.url, name: "test" });
  await connection.jsm.streams.add({ name: "WORK", subjects: ["work.*"], retention: "workqueue" });
  await connection.jsm.streams.add({
    name: "KV_things",
    subjects: ["$KV.things.>"],
    max_msgs_per_subject: 1,
    allow_rollup_hdrs: true,
  });
  await ensureConsumer(connection, {
    stream: "WORK",
    name: "all",
    filter: ["work.*"],
    ackWaitMs: 30_000,
    maxAckPending: 1_000,
  });
});
afterEach(async () => {
  await connection.close();
  await server.stop();
});

const publish = (count: number): Promise<unknown> =>
  Promise.all(
    Array.from({ length: count }, (_, n) => writeOnce(connection, `work.${String(n)}`, String(n), AT)),
  );
const put = async (key: string, value: string): Promise<void> =>
  void (await writeOnce(connection, names.kv("things", key), value, AT));
const left = async (): Promise<number> => (await connection.jsm.streams.info("WORK")).state.messages;

describe("a queue", () => {
  test("has never more in flight than it may, and so leaves the rest to others", async () => {
    await publish(40);
    const waiting: (() => void)[] = [];
    let most = 0;
    const handle = async (): Promise<{ kind: "ack" }> => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      return { kind: "ack" };
    };
    const queue = consumeQueue(connection, {
      point: "trigger.ack",
      stream: "WORK",
      consumer: "all",
      maxInFlight: 8,
      handle,
    });
    await eventually("eight in flight", () => (queue.inFlight === 8 ? true : undefined));
    const taken: string[] = [];
    const other = consumeQueue(connection, {
      point: "trigger.ack",
      stream: "WORK",
      consumer: "all",
      maxInFlight: 100,
      handle: async ({ subject }) => ({ kind: taken.push(subject) > 0 ? "ack" : "ack" }),
    });
    await eventually("the other to take the rest", () => (taken.length === 32 ? true : undefined), {
      lastSeen: () => taken.length,
    });
    most = Math.max(most, queue.inFlight);
    expect(most).toBe(8);
    for (const resolve of waiting) resolve();
    await Promise.all([queue.stop(), other.stop()]);
    await eventually("an empty stream", async () => ((await left()) === 0 ? true : undefined));
  });

  test("takes no more than there is room for, until it is told that there is", async () => {
    await publish(10);
    let room = 3;
    const taken: number[] = [];
    const queue = consumeQueue(connection, {
      point: "trigger.ack",
      stream: "WORK",
      consumer: "all",
      maxInFlight: 100,
      room: () => room,
      handle: async ({ sequence }) => {
        room -= 1;
        taken.push(sequence);
        return { kind: "ack" };
      },
    });
    await eventually("the room to be used", () => (room === 0 ? true : undefined));
    expect(taken).toHaveLength(3);
    room = 7;
    queue.poke();
    await eventually("the rest", () => (taken.length === 10 ? true : undefined));
    await queue.stop();
  });

  test("gives a message again after the time that was asked for, with its deliveries counted", async () => {
    await publish(1);
    const deliveries: number[] = [];
    const queue = consumeQueue(connection, {
      point: "trigger.ack",
      stream: "WORK",
      consumer: "all",
      maxInFlight: 4,
      handle: async (message) => {
        deliveries.push(message.deliveries);
        return message.deliveries < 3 ? { kind: "retry", afterMs: 20 } : { kind: "ack" };
      },
    });
    await eventually("three deliveries", () => (deliveries.length === 3 ? true : undefined));
    expect(deliveries).toEqual([1, 2, 3]);
    await queue.stop();
  });

  test("outlives a handler that throws, a broker that is killed, and a cut connection", async () => {
    await using proxy = await startProxy(server.port);
    const far = await connectMesh({ url: proxy.url, name: "far" });
    const taken = new Set<string>();
    const problems: string[] = [];
    const queue = consumeQueue(far, {
      point: "trigger.ack",
      stream: "WORK",
      consumer: "all",
      maxInFlight: 16,
      onProblem: (problem) => problems.push(problem),
      handle: async ({ subject, deliveries }) => {
        if (subject === "work.0" && deliveries === 1) throw new Error("on purpose");
        taken.add(subject);
        return { kind: "ack" };
      },
    });
    await publish(5);
    await eventually("the first five", () => (taken.size === 5 ? true : undefined), {
      lastSeen: () => [...taken],
    });
    expect(problems.join()).toContain("on purpose");
    proxy.cut();
    await server.kill();
    await server.restart();
    await eventually("the connection of the test", () => connection.connectedSince());
    await publish(20);
    await eventually("all twenty", () => (taken.size === 20 ? true : undefined), {
      withinMs: 15_000,
      lastSeen: () => taken.size,
    });
    await queue.stop();
    await far.close();
  });
});

describe("a follower", () => {
  const followThings = (
    more: { readonly headersOnly?: boolean } = {},
  ): { seen: Map<string, string>; changes: Change[]; follower: ReturnType<typeof follow> } => {
    const seen = new Map<string, string>();
    const changes: Change[] = [];
    const follower = follow(connection, names, {
      bucket: "things",
      ...more,
      onChange: (change) => {
        changes.push(change);
        if (change.exists) seen.set(change.key, Buffer.from(change.data).toString());
        else seen.delete(change.key);
      },
    });
    return { seen, changes, follower };
  };

  test("is ready once it has seen all that was there, also where nothing was", async () => {
    const empty = followThings();
    await empty.follower.ready;
    await put("a", "1");
    await put("b.c", "2");
    const full = followThings();
    await full.follower.ready;
    expect(Object.fromEntries(full.seen)).toEqual({ a: "1", "b.c": "2" });
    await Promise.all([empty.follower.stop(), full.follower.stop()]);
  });

  test("that follows headers gets them, and no bodies", async () => {
    await writeOnce(connection, names.kv("things", "h"), "a long body", {
      ...AT,
      headers: [["Jm-State", "SLEEPING"]],
    });
    const { changes, follower } = followThings({ headersOnly: true });
    await follower.ready;
    expect(changes[0]?.header("Jm-State")).toBe("SLEEPING");
    expect(changes[0]?.header("Jm-Due")).toBeUndefined();
    expect(changes[0]?.data).toHaveLength(0);
    await follower.stop();
  });

  test("catches up with whatever was written before it was asked to", async () => {
    const { seen, follower } = followThings();
    await follower.ready;
    for (let n = 0; n < 50; n += 1) {
      await put("k", String(n));
      expect(await follower.catchUp(2_000)).toBe(true);
      expect(seen.get("k")).toBe(String(n));
    }
    await follower.stop();
  });

  test("goes on after the broker was killed, without missing what was written meanwhile, and sees deletions", async () => {
    await put("stays", "1");
    await put("goes", "1");
    const { seen, follower } = followThings();
    await follower.ready;
    await server.kill();
    await server.restart();
    await eventually("the connection", () => connection.connectedSince());
    await put("new", "2");
    await writeOnce(connection, names.kv("things", "goes"), "", {
      ...AT,
      headers: [["KV-Operation", "DEL"]],
    });
    await eventually(
      "the change after the restart",
      () => (seen.get("new") === "2" && !seen.has("goes") ? true : undefined),
      { withinMs: 20_000, lastSeen: () => [...seen] },
    );
    expect(seen.get("stays")).toBe("1");
    await follower.stop();
  });

  test("a scan goes through everything in pages, each key once", async () => {
    for (let n = 0; n < 25; n += 1) await put(`k${String(n)}`, String(n));
    const keys: string[] = [];
    let cursor: Place | undefined = { shard: 0, sequence: 0 };
    let pages = 0;
    while (cursor !== undefined) {
      let here = 0;
      pages += 1;
      cursor = await scan(connection, names, "things", { cursor, most: 100 }, ({ key }) => {
        keys.push(key);
        here += 1;
        return here === 10 ? "enough" : "more";
      });
    }
    expect(pages).toBe(3);
    expect(new Set(keys).size).toBe(25);
    expect(keys).toHaveLength(25);
  });
});
