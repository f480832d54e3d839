import type { MeshClient } from "@jetmesh/client";
import { DeadLetter, HistoryEntry } from "@jetmesh/protocol";
import { applyDocuments, eventually, loopDocuments, messagesOf, startMesh } from "@jetmesh/testkit";
import { connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let mesh: Awaited<ReturnType<typeof startMesh>>;
let client: MeshClient;
let nc: NatsConnection;

beforeAll(async () => {
  mesh = await startMesh();
  client = await mesh.client();
  await applyDocuments(client, loopDocuments([{ wait: 0 }]));
  await client.request("jet.create", { template: "loop", reference: "good", wait: true });
  nc = await connect({ servers: mesh.server.url });
}, 60_000);
afterAll(async () => {
  await nc.close();
  await mesh.stop();
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const binary = Uint8Array.from({ length: 64 }, (_, n) => (n * 37 + 128) % 256);
const big = bytes(`{"argument":{"x":"${"x".repeat(600 * 1024)}"}}`);

async function deadLetters(): Promise<DeadLetter[]> {
  const found = await messagesOf(client.connection, client.names.streams.dead, client.names.dead.all);
  return found.map(({ json }) => DeadLetter.parse(json));
}
async function refusals(): Promise<HistoryEntry[]> {
  const found = await messagesOf(client.connection, client.names.streams.history, client.names.history.all);
  return found.map(({ json }) => HistoryEntry.parse(json)).filter(({ what }) => what === "refused");
}
/** The next good message is served: nothing that came before holds it up. */
async function nextGoodOneIsServed(): Promise<void> {
  expect(
    await client.request("jet.trigger", { jet: "good", action: "turn", wait: true, timeoutMs: 5_000 }),
  ).toMatchObject({ outcome: "SUCCESS", state: "resting" });
}

describe("a bad message in the stream of triggers ends as a dead letter with its reason", () => {
  const bad: [string, string, Uint8Array, string][] = [
    ["not JSON", "jm.trigger.root.good.turn", bytes("{not json"), "invalid_request"],
    ["binary", "jm.trigger.root.good.turn", binary, "invalid_request"],
    ["JSON of the wrong shape", "jm.trigger.root.good.turn", bytes("[1,2]"), "invalid_request"],
    ["a bare string", "jm.trigger.root.good.turn", bytes('"turn"'), "invalid_request"],
    ["an unknown key", "jm.trigger.root.good.turn", bytes('{"argumnet":{}}'), "invalid_request"],
    ["a wrong type", "jm.trigger.root.good.turn", bytes('{"onBusy":"wait"}'), "invalid_request"],
    ["a version that is not known", "jm.trigger.root.good.turn", bytes('{"v":2}'), "invalid_request"],
    ["an illegal token", "jm.trigger.root.GOOD!.turn", bytes("{}"), "invalid_request"],
    ["a token too many", "jm.trigger.root.good.turn.twice", bytes("{}"), "invalid_request"],
    ["a token too few", "jm.trigger.root.good", bytes("{}"), "invalid_request"],
    ["600 KB", "jm.trigger.root.good.turn", big, "too_large"],
    [
      "a target with a key of its own",
      "jm.target.root.good.resting",
      bytes('{"fast":true}'),
      "invalid_request",
    ],
    ["a target that is not JSON", "jm.target.root.good.resting", bytes("}"), "invalid_request"],
  ];
  test.each(bad)("%s", async (_name, subject, data, code) => {
    const before = (await deadLetters()).length;
    nc.publish(subject, data);
    const letters = await eventually("a dead letter", async () => {
      const all = await deadLetters();
      return all.length > before ? all : undefined;
    });
    expect(letters).toHaveLength(before + 1);
    const letter = letters.at(-1);
    expect(letter).toMatchObject({ code, origin: { stream: "JM_TRIGGERS", subject }, size: data.length });
    expect(Buffer.from(letter?.data ?? "", "base64")).toEqual(Buffer.from(data.subarray(0, 64 * 1024)));
    expect(letter?.reason).not.toBe("");
    await nextGoodOneIsServed();
  });
});

describe("a trigger that may not run is refused with its code, in the history", () => {
  const bad: [string, string, string][] = [
    ["an unknown jet", "jm.trigger.root.nobody.turn", "unknown_jet"],
    ["an unknown action", "jm.trigger.root.good.dance", "unknown_action"],
    ["a target that is no state", "jm.target.root.good.nowhere", "unknown_state"],
    ["an unknown user", "jm.trigger.stranger.good.turn", "unknown_jet"],
    ["an action that does not begin here", "jm.trigger.root.good.mend", "action_not_available"],
    ["a target that no path leads to", "jm.target.root.good.moving", "no_path"],
    ["a target of an unknown jet", "jm.target.root.nobody.resting", "unknown_jet"],
  ];
  test.each(bad)("%s", async (_name, subject, code) => {
    const before = (await refusals()).length;
    nc.publish(subject, bytes("{}"));
    const found = await eventually("a refusal in the history", async () => {
      const all = await refusals();
      return all.length > before ? all : undefined;
    });
    expect(found.at(-1)?.refusal?.code).toBe(code);
    await nextGoodOneIsServed();
  });
});

describe("a bad request to the API is answered with its code", () => {
  const bad: [string, string, Uint8Array, string, string][] = [
    ["not JSON", "jm.api.root.jet.trigger", bytes("{"), "400", "invalid_request"],
    ["binary", "jm.api.root.jet.trigger", binary, "400", "invalid_request"],
    ["the wrong shape", "jm.api.root.jet.trigger", bytes('{"jet":7}'), "400", "invalid_request"],
    [
      "an unknown key",
      "jm.api.root.jet.trigger",
      bytes('{"jet":"good","action":"turn","fast":true}'),
      "400",
      "invalid_request",
    ],
    ["an unknown endpoint", "jm.api.root.jet.explode", bytes("{}"), "404", "unknown_endpoint"],
    ["a token too many", "jm.api.root.jet.trigger.now", bytes("{}"), "404", "unknown_endpoint"],
    ["a token too few", "jm.api.root", bytes("{}"), "400", "invalid_request"],
    ["an illegal user", "jm.api.Root!.jet.list", bytes("{}"), "400", "invalid_request"],
    ["600 KB", "jm.api.root.jet.trigger", big, "413", "too_large"],
    ["an unknown jet", "jm.api.root.jet.get", bytes('{"reference":"nobody"}'), "404", "unknown_jet"],
    [
      "an unknown template",
      "jm.api.root.jet.create",
      bytes('{"template":"nothing"}'),
      "404",
      "unknown_template",
    ],
    ["a stranger", "jm.api.stranger.jet.get", bytes('{"reference":"good"}'), "404", "unknown_jet"],
    ["a letter of no number", "jm.api.root.dead.get", bytes('{"sequence":0}'), "400", "invalid_request"],
    [
      "a letter that is not there",
      "jm.api.root.dead.get",
      bytes('{"sequence":9999}'),
      "404",
      "unknown_letter",
    ],
    ["a replay of nothing", "jm.api.root.dead.replay", bytes("{}"), "400", "invalid_request"],
    ["a stream that cannot be", "jm.api.root.dead.list", bytes('{"stream":"a.>"}'), "400", "invalid_request"],
    ["letters for a stranger", "jm.api.stranger.dead.list", bytes("{}"), "403", "forbidden"],
    [
      "a cursor that was not given out",
      "jm.api.root.jet.list",
      bytes('{"cursor":"x"}'),
      "400",
      "invalid_request",
    ],
    [
      "a document of no kind",
      "jm.api.root.import",
      bytes('{"documents":[{"document":{"kind":"Cow"}}]}'),
      "400",
      "invalid_request",
    ],
  ];
  test.each(bad)("%s", async (_name, subject, data, status, code) => {
    const reply = await nc.request(subject, data, { timeout: 5_000 });
    expect(reply.headers?.get("Nats-Service-Error-Code")).toBe(status);
    expect(JSON.parse(new TextDecoder().decode(reply.data))).toMatchObject({ code });
    await nextGoodOneIsServed();
  });

  test("ten thousand faults in one request are answered, and nobody falls over them", async () => {
    const users = Array.from({ length: 9_000 }, (_, n) => `B${String(n)}!`);
    const documents = [
      { document: { apiVersion: "jetmesh/v1", kind: "Template", reference: "x", name: "x", users } },
    ];
    for (const user of ["root", "stranger"]) {
      const reply = await nc.request(`jm.api.${user}.import`, bytes(JSON.stringify({ documents })), {
        timeout: 5_000,
      });
      expect(reply.headers?.get("Nats-Service-Error-Code")).toBe("400");
      const apply = await nc.request(
        `jm.api.${user}.template.apply`,
        bytes(JSON.stringify({ reference: "x", name: "x", users, managers: users })),
        { timeout: 5_000 },
      );
      expect(apply.headers?.get("Nats-Service-Error-Code")).toBe("400");
    }
    await nextGoodOneIsServed();
    for (const service of mesh.services) expect(service.isRunning(), service.name).toBe(true);
  });

  test("JSON nested beyond reason is refused, on the API and in the stream", async () => {
    const deep = bytes(
      `{"jet":"good","action":"turn","argument":{"x":${"[".repeat(50_000)}${"]".repeat(50_000)}}}`,
    );
    const reply = await nc.request("jm.api.root.jet.trigger", deep, { timeout: 5_000 });
    expect(reply.headers?.get("Nats-Service-Error-Code")).toBe("400");
    const before = (await deadLetters()).length;
    nc.publish("jm.trigger.root.good.turn", deep);
    await eventually("a dead letter", async () => ((await deadLetters()).length > before ? true : undefined));
    expect((await deadLetters()).at(-1)).toMatchObject({
      code: "invalid_request",
      origin: { deliveries: 1 },
    });
    await nextGoodOneIsServed();
  });

  test("a list of large records comes in pages that fit a message", async () => {
    const argument = { x: "x".repeat(300 * 1024) };
    for (let n = 0; n < 4; n += 1)
      await client.request("jet.trigger", { jet: "good", action: "turn", argument, wait: true });
    let seen = 0;
    for (let cursor: string | undefined, page = 0; page === 0 || cursor !== undefined; page += 1) {
      const reply: { items: unknown[]; cursor?: string } = await client.request("action.list", {
        jet: "good",
        limit: 1_000,
        ...(cursor === undefined ? {} : { cursor }),
      });
      seen += reply.items.length;
      cursor = reply.cursor;
    }
    expect(seen).toBeGreaterThan(4);
  });

  test("without a reply subject it becomes a dead letter", async () => {
    const before = (await deadLetters()).length;
    nc.publish("jm.api.root.jet.trigger", bytes("{"));
    const letters = await eventually("a dead letter", async () => {
      const all = await deadLetters();
      return all.length > before ? all : undefined;
    });
    expect(letters.at(-1)).toMatchObject({
      code: "invalid_request",
      origin: { subject: "jm.api.root.jet.trigger" },
    });
  });
});

test("bad hints to runners become dead letters, and the runner goes on", async () => {
  const before = (await deadLetters()).length;
  nc.publish("jm.resume.default.0123456789abcdef01234567", bytes("nonsense"));
  nc.publish("jm.resume.default.NOT-AN-ID", bytes("{}"));
  await eventually("two dead letters", async () =>
    (await deadLetters()).length >= before + 2 ? true : undefined,
  );
  await nextGoodOneIsServed();
});

test("a hint for an action that never was runs nothing", async () => {
  nc.publish("jm.resume.default.0123456789abcdef01234568", bytes('{"v":1,"id":"0123456789abcdef01234568"}'));
  await eventually("the hint to be taken", async () =>
    (await client.connection.jsm.streams.info("JM_RESUME")).state.messages === 0 ? true : undefined,
  );
  await nextGoodOneIsServed();
});

test("nonsense on the subjects between services is answered or passed over, and everybody goes on", async () => {
  for (const subject of [
    "jm.svc.authz.check",
    "jm.svc.state-store.jet-trigger",
    "jm.svc.state-store.import",
    "jm.svc.state-store.pool",
    "jm.svc.state-store.dead",
    "jm.svc.state-store.dead-replay",
  ]) {
    for (const data of [bytes("{"), bytes("{}"), binary, bytes("null")]) {
      const reply = await nc.request(subject, data, { timeout: 5_000 });
      expect(reply.headers?.get("Nats-Service-Error-Code"), subject).toMatch(/^(400|500)$/);
    }
  }
  for (const data of [bytes("{"), bytes("{}"), binary]) nc.publish("jm.svc.state-store.ended", data);
  await nc.flush();
  await nextGoodOneIsServed();
});

test("a client over the broker's limit is cut off alone: everyone else is still served", async () => {
  const { createConnection } = await import("node:net");
  const socket = createConnection(mesh.server.port, "127.0.0.1");
  const said: string[] = [];
  socket.on("data", (chunk: Buffer) => said.push(chunk.toString()));
  socket.on("error", () => undefined);
  const closed = new Promise((resolve) => socket.on("close", resolve));
  socket.write('CONNECT {"verbose":false}\r\nPUB jm.trigger.root.good.turn 2000000\r\n');
  await closed;
  expect(said.join("")).toMatch(/Maximum Payload/i);
  await nextGoodOneIsServed();
});
