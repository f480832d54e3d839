// What an outside program has across the border of its account, with a client that knows nothing of us and no settings
// but its key.
import { readFileSync } from "node:fs";
import { createNames, topologyOf } from "@jetmesh/protocol";
import { connectMesh, ensureTopology, respond } from "@jetmesh/storage";
import {
  createTestKeys,
  eventually,
  startNatsServer,
  type TestKeys,
  type TestServer,
} from "@jetmesh/testkit";
import { connect, headers, type NatsConnection, nkeyAuthenticator } from "nats";
import { afterAll, beforeAll, expect, test } from "vitest";

const names = createNames();
let keys: TestKeys;
let server: TestServer;
let operator: Awaited<ReturnType<typeof connectMesh>>;
let gateway: Awaited<ReturnType<typeof connectMesh>>;
let alice: NatsConnection;
beforeAll(async () => {
  keys = createTestKeys(names, ["alice"]);
  server = await startNatsServer({ extraConfig: keys.include });
  const { url } = server;
  operator = await connectMesh({ url, name: "operator", credsFile: keys.fileOf("operator") });
  await ensureTopology(operator, topologyOf(names, { replicas: 1 }));
  gateway = await connectMesh({
    url,
    name: "gateway",
    credsFile: keys.fileOf("service.gateway"),
    inboxPrefix: "_INBOX.gateway",
  });
  const seed = readFileSync(keys.fileOf("alice"));
  alice = await connect({ servers: url, authenticator: nkeyAuthenticator(seed) });
});
afterAll(async () => {
  await alice.close();
  await Promise.all([operator.close(), gateway.close()]);
  await server.stop();
  keys.remove();
});

const stored = async (): Promise<number> =>
  (await operator.jsm.streams.info(names.streams.triggers)).state.messages;

test("a plain publish is stored", async () => {
  const before = await stored();
  alice.publish("jm.trigger.alice.web.start", "");
  await eventually("it to be stored", async () => ((await stored()) === before + 1 ? true : undefined));
});

test("one by JetStream is acknowledged, a second of the same id as a duplicate", async () => {
  const js = alice.jetstream();
  const first = await js.publish("jm.trigger.alice.web.start", new Uint8Array(), { msgID: "one" });
  expect(first).toMatchObject({ stream: "JM_TRIGGERS", duplicate: false });
  const second = await js.publish("jm.trigger.alice.web.start", new Uint8Array(), { msgID: "one" });
  expect(second).toMatchObject({ seq: first.seq, duplicate: true });
});

test("one that the stream refuses is answered with the reason", async () => {
  const head = headers();
  head.set("Nats-TTL", "1s");
  const before = await stored();
  const reply = await alice.request("jm.target.alice.web.running", "", { headers: head, timeout: 2_000 });
  expect(reply.json()).toMatchObject({ error: { err_code: 10166 } });
  expect(await stored()).toBe(before);
});

test("what nobody listens for is answered at once; then whoever listens is, with body and headers", async () => {
  await expect(alice.request("jm.api.alice.jet.get", "", { timeout: 2_000 })).rejects.toMatchObject({
    code: "503",
  });
  respond(gateway, names.api.all, "q", (request) =>
    request.replyError(404, { code: "unknown_jet", message: `none for ${request.subject}` }),
  );
  await gateway.nc.flush();
  const reply = await alice.request("jm.api.alice.jet.get", "{}", { timeout: 2_000 });
  expect(reply.json()).toEqual({ code: "unknown_jet", message: "none for jm.api.alice.jet.get" });
  expect(reply.headers?.get("Nats-Service-Error-Code")).toBe("404");
});

test("a runner's writes are compared and swapped, alone and as a batch", async () => {
  const runner = await connectMesh({
    url: server.url,
    name: "runner",
    credsFile: keys.fileOf("service.flight-plan-runner"),
    inboxPrefix: "_INBOX.flight-plan-runner",
    apiPrefix: "jm.js",
  });
  const write = async (key: string, more: [string, string][], body = "{}"): Promise<unknown> => {
    const head = more.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const reply = await runner.pipeline.call(`$KV.jm_actions.${key}`, body, `NATS/1.0\r\n${head}\r\n`, 2_000);
    return typeof reply === "string" ? reply : reply.json();
  };
  const expected = "Nats-Expected-Last-Subject-Sequence";
  expect(await write("a", [[expected, "0"]])).toMatchObject({ seq: 1 });
  expect(await write("a", [[expected, "0"]])).toMatchObject({ error: { err_code: 10071 } });
  const batch = (sequence: number, last: boolean): [string, string][] => [
    ["Nats-Batch-Id", "b"],
    ["Nats-Batch-Sequence", String(sequence)],
    ...(last ? ([["Nats-Batch-Commit", "1"]] as [string, string][]) : []),
  ];
  runner.outbox.publish(
    "$KV.jm_actions.b",
    "{}",
    "",
    `NATS/1.0\r\n${batch(1, false)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join("")}\r\n`,
  );
  expect(await write("c", batch(2, true))).toMatchObject({ seq: 3, count: 2 });
  await runner.close();
});
