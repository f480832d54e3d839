import { applyDocuments, eventually, loopDocuments, startMesh } from "@jetmesh/testkit";
import { connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, expect, test } from "vitest";

/** An outside program: the older `nats` package, a plain connection, JSON and subjects; nothing of ours. */
let mesh: Awaited<ReturnType<typeof startMesh>>;
let nc: NatsConnection;
const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const parse = (data: Uint8Array): Record<string, unknown> =>
  JSON.parse(new TextDecoder().decode(data)) as Record<string, unknown>;

beforeAll(async () => {
  mesh = await startMesh();
  await applyDocuments(await mesh.client(), loopDocuments([{ shell: ["true"] }]));
  nc = await connect({ servers: mesh.server.url });
}, 60_000);
afterAll(async () => {
  await nc.close();
  await mesh.stop();
});

test("it makes a jet through the micro service and learns how that ended", async () => {
  const reply = await nc.request(
    "jm.api.root.jet.create",
    json({ template: "loop", reference: "old", wait: true }),
    { timeout: 10_000 },
  );
  expect(parse(reply.data)).toMatchObject({ jet: "old", outcome: "SUCCESS", state: "resting" });
});

test("it publishes a trigger and sees the jet go through its transit state in jm_jets", async () => {
  const kv = await nc.jetstream().views.kv("jm_jets", { bindOnly: true });
  const states: string[] = [];
  const watch = await kv.watch({ key: "old" });
  const done = (async () => {
    for await (const entry of watch) {
      states.push(String(entry.json<{ state?: string }>().state));
      if (states.includes("moving") && states.at(-1) === "resting") break;
    }
  })();
  nc.publish("jm.trigger.root.old.turn", json({}));
  await done;
  expect(states.slice(-2)).toEqual(["moving", "resting"]);
  const entry = await kv.get("old");
  expect(entry?.json()).toMatchObject({ reference: "old", state: "resting", template: "loop" });
});

test("it finds the mesh by the discovery of micro services, with its endpoints and statistics", async () => {
  const info = parse((await nc.request("$SRV.INFO.jetmesh", undefined, { timeout: 2_000 })).data);
  expect(info).toMatchObject({ type: "io.nats.micro.v1.info_response", name: "jetmesh" });
  const endpoints = info["endpoints"] as { name: string; subject: string }[];
  expect(endpoints.map(({ subject }) => subject)).toContain("jm.api.*.jet.trigger");
  const found: string[] = [];
  for await (const one of await nc.services.client().stats("jetmesh")) {
    found.push(one.name);
    expect(one.endpoints?.find(({ name }) => name === "jet-create")?.num_requests).toBe(1);
  }
  expect(found).toEqual(["jetmesh"]);
});

test("a refusal reaches it as a service error with its code", async () => {
  const reply = await nc.request("jm.api.root.jet.get", json({ reference: "nobody" }), { timeout: 2_000 });
  expect(reply.headers?.get("Nats-Service-Error-Code")).toBe("404");
  expect(reply.headers?.get("Nats-Service-Error")).toContain("nobody");
  expect(parse(reply.data)).toMatchObject({ code: "unknown_jet" });
});

test("a Nats-Msg-Id makes its trigger idempotent, also beyond the stream's own window", async () => {
  const { headers } = await import("nats");
  const js = nc.jetstream();
  for (let n = 0; n < 3; n += 1) {
    const h = headers();
    h.set("Nats-Msg-Id", "only-once");
    await js.publish("jm.trigger.root.old.turn", json({ onBusy: "queue" }), { headers: h });
    // The broker's window is 100 ms: the next one is stored again, and the mesh itself must know it.
    await eventually("the trigger to be taken", async () =>
      (await (await nc.jetstreamManager()).streams.info("JM_TRIGGERS")).state.messages === 0
        ? true
        : undefined,
    );
    const sequence = (await (await nc.jetstreamManager()).streams.info("JM_TRIGGERS")).state.last_seq;
    await eventually("the window to pass", async () => {
      const h2 = headers();
      h2.set("Nats-Msg-Id", "only-once");
      const ack = await js.publish("jm.trigger.root.old.turn", json({ onBusy: "queue" }), { headers: h2 });
      return ack.duplicate || ack.seq === sequence ? undefined : true;
    });
  }
  const jsm = await nc.jetstreamManager();
  const history = await jsm.streams.info("JM_HISTORY", { subjects_filter: "jm.history.old" });
  await eventually("the triggers to be taken", async () =>
    (await jsm.streams.info("JM_TRIGGERS")).state.messages === 0 ? true : undefined,
  );
  // create, the turn above, and this one: once.
  expect(history.state.subjects?.["jm.history.old"]).toBe(3);
});
