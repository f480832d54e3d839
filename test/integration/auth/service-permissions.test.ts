// What services may write, as design §6 has it, written down here once more; and what a runner, which runs what people
// wrote into plans, may try beside that.
import { SERVICE_NAMES, type ServiceName, topologyOf } from "@jetmesh/protocol";
import { type Connection, ensureConsumer, readStream } from "@jetmesh/storage";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { happens, type Naive, startWorld, type World } from "../../support/auth-world.ts";

/** A subject of each stream and bucket, and who may write it. */
const WRITERS: readonly (readonly [stream: string, subject: string, writers: readonly ServiceName[]])[] = [
  ["KV_jm_definitions", "$KV.jm_definitions.user.alice", ["state-store"]],
  ["KV_jm_definitions", "$KV.jm_definitions.mesh", ["state-store"]],
  ["KV_jm_jets", "$KV.jm_jets.web", ["state-store"]],
  ["KV_jm_actions", "$KV.jm_actions.abcdefabcdef", ["state-store", "flight-plan-runner"]],
  ["KV_jm_runners", "$KV.jm_runners.runner-1", ["flight-plan-runner"]],
  ["KV_jm_leases", "$KV.jm_leases.lifecycle-ticker", ["lifecycle-ticker"]],
  ["KV_jm_leases", "$KV.jm_leases.suspect.JM_RESUME.abc", ["state-store", "flight-plan-runner"]],
  ["KV_jm_leases", "$KV.jm_leases.probe.one", ["state-store", "flight-plan-runner"]],
  ["JM_TRIGGERS", "jm.trigger.root.web.start", ["state-store"]],
  ["JM_TRIGGERS", "jm.target.root.web.running", ["state-store"]],
  ["JM_RESUME", "jm.resume.default.abc", ["state-store", "lifecycle-ticker", "flight-plan-runner"]],
  ["JM_HISTORY", "jm.history.web", ["state-store"]],
  ["JM_LOGS", "jm.log.abcdefabcdef", ["flight-plan-runner"]],
  ["JM_DEAD", "jm.dead.JM_TRIGGERS", ["state-store"]],
];

/** What is read through, from some place to its end: lists, logs, letters, and whether an entry was written. */
const READERS: readonly (readonly [reader: ServiceName, stream: string, subject: string])[] = [
  ["gateway", "KV_jm_definitions", "$KV.jm_definitions.user.alice"],
  ["gateway", "KV_jm_jets", "$KV.jm_jets.web"],
  ["gateway", "KV_jm_actions", "$KV.jm_actions.abcdefabcdef"],
  ["gateway", "KV_jm_runners", "$KV.jm_runners.runner-1"],
  ["gateway", "JM_LOGS", "jm.log.abcdefabcdef"],
  ["gateway", "JM_DEAD", "jm.dead.JM_TRIGGERS"],
  ["state-store", "KV_jm_jets", "$KV.jm_jets.web"],
  ["state-store", "JM_HISTORY", "jm.history.web"],
];

/** What is refused has no answer, for which is waited less long than for one that must come. */
const REFUSED_MS = 250;
const ANSWERED_MS = 10_000;

const isAcknowledged = async (connection: Connection, subject: string, may = true): Promise<boolean> => {
  const reply = await connection.pipeline.call(subject, "{}", undefined, may ? ANSWERED_MS : REFUSED_MS);
  return typeof reply !== "string" && reply.json<{ seq?: number }>().seq !== undefined;
};

const asksBroker = async (
  connection: Connection,
  subject: string,
  body: unknown,
  may: boolean,
): Promise<boolean> => {
  const text = JSON.stringify(body);
  // Under either name that the API has somewhere.
  const answers = ["$JS.API", "jm.js"].map(async (prefix) => {
    const withinMs = may ? ANSWERED_MS : REFUSED_MS;
    const reply = await connection.pipeline.call(`${prefix}.${subject}`, text, undefined, withinMs);
    if (typeof reply === "string" || reply.json<{ error?: unknown }>().error !== undefined)
      throw new Error("not answered, or with an error");
    return true;
  });
  return Promise.any(answers).catch(() => false);
};

describe.each([
  { config: "ours", naive: undefined },
  { config: "a naive one", naive: { publish: () => [">"] } satisfies Naive },
])("with $config", ({ naive }) => {
  const isNaive = naive !== undefined;
  let world: World;
  const services = new Map<ServiceName, Connection>();
  beforeAll(async () => {
    world = await startWorld(naive);
    for (const name of SERVICE_NAMES) services.set(name, await world.service(name));
  });
  afterAll(() => world[Symbol.asyncDispose]());
  const of = (name: ServiceName): Connection => {
    const connection = services.get(name);
    if (connection === undefined) throw new Error(name);
    return connection;
  };

  test.each(WRITERS)(
    "%s takes %s from those who may write it, and from them alone",
    async (_stream, subject, writers) => {
      const may = SERVICE_NAMES.filter((name) => isNaive || writers.includes(name));
      const wrote: ServiceName[] = [];
      for (const name of SERVICE_NAMES)
        if (await isAcknowledged(of(name), subject, may.includes(name))) wrote.push(name);
      expect(wrote).toEqual(may);
    },
  );

  test.each(READERS)("a %s reads %s through", async (reader, stream, subject) => {
    expect(await isAcknowledged(world.operator, subject)).toBe(true);
    let seen = 0;
    await readStream(of(reader), stream, subject, { most: 10 }, () => {
      seen += 1;
      return "more";
    });
    expect(seen).toBeGreaterThan(0);
  });

  test.each([
    ["makes streams of the mesh", "STREAM.CREATE.JM_LOGS", { name: "JM_LOGS", subjects: ["jm.log.>"] }],
    [
      "makes consumers of a work queue",
      "CONSUMER.DURABLE.CREATE.JM_RESUME.pool-mine",
      {
        stream_name: "JM_RESUME",
        config: { durable_name: "pool-mine", ack_policy: "explicit", filter_subject: "jm.resume.mine.*" },
      },
    ],
  ] as const)("the state-store alone %s", async (_what, subject, body) => {
    if (subject.startsWith("STREAM")) await world.operator.jsm.streams.delete("JM_LOGS");
    for (const name of SERVICE_NAMES.filter((one) => one !== "state-store"))
      expect(await asksBroker(of(name), subject, body, isNaive), name).toBe(isNaive);
    expect(await asksBroker(of("state-store"), subject, body, true)).toBe(true);
  });

  test.each([
    ["makes a stream of its own", "STREAM.CREATE.OTHER", { name: "OTHER", subjects: ["other.>"] }],
    [
      "makes a consumer of another stream",
      "CONSUMER.DURABLE.CREATE.MINE.other",
      {
        stream_name: "MINE",
        config: { durable_name: "other", ack_policy: "explicit" },
      },
    ],
    ["deletes a consumer", "CONSUMER.DELETE.KV_jm_jets.mine", {}],
    ["deletes the consumer of triggers", "CONSUMER.DELETE.JM_TRIGGERS.state-store", {}],
    ["empties a stream", "STREAM.PURGE.JM_HISTORY", {}],
    [
      "changes a stream",
      "STREAM.UPDATE.MINE",
      { name: "MINE", subjects: ["mine.>"], allow_rollup_hdrs: true },
    ],
    ["deletes a stream", "STREAM.DELETE.MINE", {}],
  ] as const)("nobody %s", async (_what, subject, body) => {
    const { streams, consumers } = world.operator.jsm;
    for (const name of SERVICE_NAMES) {
      // Whatever the last one may have done, it is all there.
      await streams.add({ name: "MINE", subjects: ["mine.>"] });
      await consumers.add(world.names.kvStream(world.names.buckets.jets), {
        durable_name: "mine",
        ack_policy: "explicit",
      });
      for (const plan of topologyOf(world.names, { replicas: 1 }).consumers)
        await ensureConsumer(world.operator, plan);
      expect(await asksBroker(of(name), subject, body, isNaive), name).toBe(isNaive);
      await streams.delete("MINE").catch(() => false);
    }
  });

  test.each([
    ["the broker, to what it may write", "$KV.jm_actions.abcdefabcdef", "KV_jm_jets", "$KV.jm_jets.by-reply"],
    [
      "the broker, to a hint",
      "jm.resume.default.abc",
      "KV_jm_definitions",
      "$KV.jm_definitions.user.mallory",
    ],
    ["a state-store", "jm.svc.state-store.pool", "KV_jm_jets", "$KV.jm_jets.by-answer"],
    // `{"v":1}` is a trigger.
    ["a state-store, in root's name", "jm.svc.state-store.pool", "JM_TRIGGERS", "jm.trigger.root.web.remove"],
  ])("a runner has nothing written by the answer of %s", async (_who, subject, stream, reply) => {
    const { outbox, nc } = of("flight-plan-runner");
    outbox.publish(subject, "{}", reply, "");
    outbox.flush();
    await nc.flush();
    expect(await happens(async () => (await world.stored(stream, reply)) > 0)).toBe(isNaive);
  });

  test("a runner reads no jet, and no answer to another service", async () => {
    const runner = of("flight-plan-runner");
    const request = { last_by_subj: "$KV.jm_jets.>" };
    await isAcknowledged(world.operator, "$KV.jm_jets.there");
    expect(await asksBroker(runner, "STREAM.MSG.GET.KV_jm_jets", request, isNaive)).toBe(isNaive);
    let heard = 0;
    runner.nc.subscribe("_INBOX.>", { callback: (error) => void (heard += error === null ? 1 : 0) });
    await runner.nc.flush().catch(() => undefined);
    await of("gateway").pipeline.call("jm.svc.state-store.pool", "{}", undefined, 1_000);
    expect(await happens(() => heard > 0)).toBe(isNaive);
  });
});
