import { createNames, topologyOf } from "@jetmesh/protocol";
import {
  ask,
  assertServer,
  type Bucket,
  type Connection,
  connectMesh,
  createBucket,
  ensureTopology,
  UnavailableError,
  writeOnce,
} from "@jetmesh/storage";
import { eventually, startNatsServer, startProxy, type TestServer } from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

interface Counter {
  readonly n: number;
  readonly by: string;
}
const schema = {
  parse(value: unknown): Counter {
    const { n, by } = value as Partial<Counter>;
    if (typeof n !== "number" || typeof by !== "string") throw new Error("no counter");
    return { n, by };
  },
};
const names = createNames("jm");
/** Any of the mesh's writes: none of its faults is switched on. */
const AT = { point: "jet.accept" } as const;
const plan = { name: "counters", schema };

let server: TestServer;
let direct: Connection;
let bucket: Bucket<Counter>;

beforeAll(async () => {
  server = await startNatsServer();
  direct = await connectMesh({ url: server.url, name: "test" });
  await direct.jsm.streams.add({
    name: "KV_counters",
    subjects: ["$KV.counters.>"],
    max_msgs_per_subject: 1,
    allow_msg_ttl: true,
    allow_rollup_hdrs: true,
    subject_delete_marker_ttl: 60_000_000_000,
  });
  bucket = createBucket(direct, names, plan);
});
afterAll(async () => {
  await direct.close();
  await server.stop();
});

describe("a compare-and-swap", () => {
  test("writes where nothing was, and gives the revision to go on from", async () => {
    const first = await bucket.swap("a", { n: 1, by: "x" }, 0, AT);
    expect(first.kind).toBe("written");
    const second = await bucket.swap(
      "a",
      { n: 2, by: "x" },
      first.kind === "written" ? first.revision : 0,
      AT,
    );
    expect(second.kind).toBe("written");
    expect(await bucket.get("a")).toMatchObject({ kind: "record", value: { n: 2 } });
  });

  test("from an old revision is a conflict, and changes nothing", async () => {
    await bucket.swap("b", { n: 1, by: "x" }, 0, AT);
    expect(await bucket.swap("b", { n: 9, by: "y" }, 0, AT)).toEqual({ kind: "conflict" });
    expect(await bucket.get("b")).toMatchObject({ value: { n: 1 } });
  });

  test("is won by exactly one of many", async () => {
    const all = await Promise.all(
      Array.from({ length: 50 }, (_, n) => bucket.swap("race", { n, by: String(n) }, 0, AT)),
    );
    expect(all.filter(({ kind }) => kind === "written")).toHaveLength(1);
  });

  test("over the marker of an expired record needs the marker's revision: nothing is created over it", async () => {
    await bucket.swap("expired", { n: 1, by: "x" }, 0, { ...AT, ttlMs: 1_000 });
    const gone = await eventually("the record to expire", async () => {
      const stored = await bucket.get("expired");
      return stored.kind === "gone" ? stored : undefined;
    });
    expect(await bucket.swap("expired", { n: 2, by: "x" }, 0, AT)).toEqual({ kind: "conflict" });
    expect((await bucket.swap("expired", { n: 2, by: "x" }, gone.revision, AT)).kind).toBe("written");
  });

  test("whose answer is lost by a cut is found to be written, by its own content", async () => {
    await using proxy = await startProxy(server.port);
    const connection = await connectMesh({ url: proxy.url, name: "cut off" });
    const far = createBucket(connection, names, plan);
    proxy.muteReplies();
    const swapping = far.swap("lost", { n: 1, by: "me" }, 0, AT);
    const there = await eventually("the write to reach the broker", async () => {
      const stored = await bucket.get("lost");
      return stored.kind === "record" ? stored : undefined;
    });
    proxy.thaw();
    proxy.cut();
    expect(await swapping).toEqual({ kind: "written", revision: there.revision });
    await connection.close();
  });

  test("whose answer is lost, and which somebody else overtook, is a conflict", async () => {
    await using proxy = await startProxy(server.port);
    const connection = await connectMesh({ url: proxy.url, name: "cut off" });
    const far = createBucket(connection, names, plan);
    proxy.freeze();
    const swapping = far.swap("overtaken", { n: 1, by: "me" }, 0, AT);
    await bucket.swap("overtaken", { n: 1, by: "other" }, 0, AT);
    proxy.thaw();
    proxy.cut();
    expect(await swapping).toEqual({ kind: "conflict" });
    await connection.close();
  });

  test("without a broker gives up in the time it was given, and says so", async () => {
    const other = await startNatsServer();
    const connection = await connectMesh({ url: other.url, name: "alone" });
    await other.kill();
    const far = createBucket(connection, names, plan);
    await expect(far.swap("x", { n: 1, by: "me" }, 0, { ...AT, deadlineMs: 500 })).rejects.toBeInstanceOf(
      UnavailableError,
    );
    await connection.nc.close();
    await other.stop();
  });
});

describe("what a broker can answer", () => {
  // Without JetStream the test itself answers for the broker, word for word as nats-server does.
  let quiet: TestServer;
  let near: Connection;
  let broker: Connection;
  beforeAll(async () => {
    quiet = await startNatsServer({ jetStream: false });
    near = await connectMesh({ url: quiet.url, name: "near" });
    broker = await connectMesh({ url: quiet.url, name: "broker" });
  });
  afterAll(async () => {
    await near.close();
    await broker.close();
    await quiet.stop();
  });
  const answers = (subject: string, ...bodies: unknown[]): void => {
    let n = 0;
    broker.nc.subscribe(subject, {
      callback: (_error, message) => {
        const body = bodies[Math.min(n, bodies.length - 1)];
        n += 1;
        message.respond(JSON.stringify(body));
      },
    });
  };
  const refusal = (err_code: number): unknown => ({ error: { code: 400, err_code, description: "as said" } });
  const record = (seq: number, value: unknown): unknown => ({
    message: {
      subject: "s",
      seq,
      data: Buffer.from(JSON.stringify(value)).toString("base64"),
      time: "2026-01-01T00:00:00Z",
    },
  });

  test.each([
    [10071, { kind: "conflict" }],
    [10164, { kind: "in_flight" }],
    [10077, { kind: "refused", code: 10077, message: "as said" }],
  ])("code %i is told apart", async (code, outcome) => {
    answers(`one.${String(code)}`, refusal(code));
    await broker.nc.flush();
    expect(await writeOnce(near, `one.${String(code)}`, "x", { ...AT, expect: 1 })).toEqual(outcome);
  });

  test("nobody there is told at once, and no answer at the timeout", async () => {
    expect(await writeOnce(near, "nobody.there", "x", AT)).toEqual({ kind: "unknown", why: "no_responders" });
    broker.nc.subscribe("silent", { callback: () => undefined });
    await broker.nc.flush();
    expect(await writeOnce(near, "silent", "x", AT, 50)).toEqual({ kind: "unknown", why: "timeout" });
  });

  test("10164 is not a loss: it is tried again, and written once the other write came to nothing", async () => {
    const far = createBucket(near, names, { name: "inflight", schema });
    answers("$KV.inflight.k", refusal(10164), refusal(10164), { stream: "KV_inflight", seq: 8 });
    answers("$JS.API.STREAM.MSG.GET.KV_inflight", record(7, { n: 1, by: "x" }));
    await broker.nc.flush();
    expect(await far.swap("k", { n: 2, by: "me" }, 7, AT)).toEqual({ kind: "written", revision: 8 });
  });

  test("10164 is a loss where the other write came through", async () => {
    const far = createBucket(near, names, { name: "inflight2", schema });
    answers("$KV.inflight2.k", refusal(10164));
    answers("$JS.API.STREAM.MSG.GET.KV_inflight2", record(8, { n: 2, by: "other" }));
    await broker.nc.flush();
    expect(await far.swap("k", { n: 2, by: "me" }, 7, AT)).toEqual({ kind: "conflict" });
  });

  test("a store that is full for a moment is tried again, one that refuses for good is not", async () => {
    const far = createBucket(near, names, { name: "full", schema });
    answers("$KV.full.a", refusal(10077), { stream: "KV_full", seq: 3 });
    answers("$KV.full.b", refusal(10166));
    await broker.nc.flush();
    expect(await far.swap("a", { n: 1, by: "me" }, 0, AT)).toEqual({ kind: "written", revision: 3 });
    await expect(far.swap("b", { n: 1, by: "me" }, 0, AT)).rejects.toMatchObject({
      name: "BrokerError",
      code: 10166,
    });
  });

  test.each([
    [10005, "a cluster with too few nodes", "UnavailableError"],
    [10008, "a cluster without a leader", "UnavailableError"],
    [10047, "a disk that is too small", "BrokerError"],
    [10074, "a node that has not found its cluster", "UnavailableError"],
    [10052, "a stream that cannot be", "BrokerError"],
  ])("code %i to a stream's making, as of %s, is an error of the kind %s", async (code, _, name) => {
    const stream = `S${String(code)}`;
    answers(`$JS.API.STREAM.INFO.${stream}`, refusal(10059));
    answers(`$JS.API.STREAM.CREATE.${stream}`, refusal(code));
    await broker.nc.flush();
    const [triggers] = topologyOf(names, { replicas: 3 }).streams;
    if (triggers === undefined) throw new Error("no plan");
    const made = ensureTopology(near, { streams: [{ ...triggers, name: stream }], consumers: [] });
    await expect(made).rejects.toMatchObject({ name });
  });

  test("a request with a fraction of a millisecond to wait is answered", async () => {
    answers("fraction", "yes");
    await broker.nc.flush();
    expect(await ask(near, "fraction", {}, 499.5)).toEqual({ ok: true, body: "yes" });
  });

  test("a server of an old API level is refused, by its version and with what is needed", async () => {
    answers("$JS.API.INFO", {
      type: "io.nats.jetstream.api.v1.account_info_response",
      memory: 0,
      storage: 0,
      streams: 0,
      consumers: 0,
      limits: {},
      api: { level: 1, total: 1, errors: 0 },
    });
    await broker.nc.flush();
    await expect(assertServer(near)).rejects.toThrow(
      /nats-server .* is too old \(API level 1\): the mesh needs 2\.14 or newer/,
    );
  });
});
