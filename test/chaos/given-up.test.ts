import type { MeshClient } from "@jetmesh/client";
import { DeadLetter } from "@jetmesh/protocol";
import { readMessage } from "@jetmesh/storage";
import {
  applyDocuments,
  eventually,
  loopDocuments,
  messagesOf,
  startMesh,
  type TestMesh,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/**
 * Messages that a consumer of a work queue gave up: the broker keeps them in the stream and gives them to nobody. Its
 * advisories are captured, so a state-store puts them aside, whenever it runs.
 */
let mesh: TestMesh;
let client: MeshClient;

beforeAll(async () => {
  mesh = await startMesh({ env: { JM_DRAIN_MS: "1000" } });
  client = await mesh.client();
  await applyDocuments(client, loopDocuments([{ wait: 0 }]));
  await client.request("jet.create", { template: "loop", reference: "good", wait: true });
  // What a process had that died is given to another sooner than usual, so that this takes half the time.
  await client.connection.jsm.consumers.update("JM_ADVISORIES", "state-store", { ack_wait: 2e9 });
}, 60_000);
afterAll(() => mesh.stop());

async function letters(): Promise<DeadLetter[]> {
  const found = await messagesOf(client.connection, client.names.streams.dead, client.names.dead.all);
  return found.map(({ json }) => DeadLetter.parse(json));
}
const countOf = async (stream: string): Promise<number> =>
  (await client.connection.jsm.streams.info(stream)).state.messages;
const empty = (...streams: string[]): Promise<true> =>
  eventually(
    `${streams.join(" and ")} to be empty`,
    async () => ((await Promise.all(streams.map(countOf))).every((count) => count === 0) ? true : undefined),
    { withinMs: 20_000 },
  );

async function stopStateStores(): Promise<void> {
  await Promise.all(mesh.services.filter(({ name }) => name === "state-store").map((one) => one.stop()));
}

/** An operator sets a limit on a consumer of ours, and the message is taken and not acknowledged until it is given up. */
async function giveUp(stream: string, consumer: string, subject: string): Promise<number> {
  const { jsm, js } = client.connection;
  await jsm.consumers.update(stream, consumer, { max_deliver: 2 });
  const { seq } = await js.publish(subject, '{"argument":{"given":"up"}}', { headers: await someHeaders() });
  const before = await countOf("JM_ADVISORIES");
  const pull = await js.consumers.get(stream, consumer);
  await eventually("the message to be given up", async () => {
    (await pull.next({ expires: 1_000 }))?.nak();
    return (await countOf("JM_ADVISORIES")) > before ? true : undefined;
  });
  await jsm.consumers.update(stream, consumer, { max_deliver: -1 });
  expect(await readMessage(client.connection, stream, seq)).toMatchObject({ subject });
  return seq;
}

async function someHeaders(): Promise<never> {
  const { headers } = await import("@nats-io/nats-core");
  const some = headers();
  some.set("Nats-Msg-Id", `given-up-${String(performance.now())}`);
  return some as never;
}

describe("a message that was delivered as often as an operator allows", () => {
  test.each([
    ["JM_TRIGGERS", "state-store", "jm.trigger.root.good.turn"],
    ["JM_RESUME", "pool-default", "jm.resume.default.0123456789abcdef01234567"],
  ])(
    "leaves %s for a letter with its body and headers, and the letter can be replayed",
    async (stream, consumer, subject) => {
      await stopStateStores();
      await Promise.all(
        mesh.services.filter(({ name }) => name === "flight-plan-runner").map((one) => one.stop()),
      );
      const sequence = await giveUp(stream, consumer, subject);
      const before = (await letters()).length;
      await Promise.all([
        mesh.start("state-store"),
        mesh.start("state-store"),
        mesh.start("flight-plan-runner"),
      ]);
      await empty(stream, "JM_ADVISORIES");
      const written = (await letters()).slice(before);
      expect(written).toHaveLength(1);
      const [letter] = written;
      expect(letter).toMatchObject({
        code: "max_deliveries",
        reason: `delivered 2 times, which is all that consumer ${consumer} allows`,
        origin: { stream, sequence, subject, deliveries: 2 },
        headers: { "Nats-Msg-Id": expect.stringMatching(/^given-up/) as string },
      });
      expect(Buffer.from(letter?.data ?? "", "base64").toString()).toBe('{"argument":{"given":"up"}}');
      const all = await messagesOf(client.connection, client.names.streams.dead, client.names.dead.all);
      await client.request("dead.replay", { sequence: all.at(-1)?.sequence });
      await empty(stream);
    },
  );
});

test("a message that somebody terminated leaves a letter that says who and why; its body the broker does not keep", async () => {
  await stopStateStores();
  const { js } = client.connection;
  const { seq } = await js.publish("jm.trigger.root.good.turn", "{}");
  const pull = await js.consumers.get("JM_TRIGGERS", "state-store");
  (await pull.next({ expires: 5_000 }))?.term("looked wrong");
  await eventually("the advisory", async () => ((await countOf("JM_ADVISORIES")) > 0 ? true : undefined));
  await mesh.start("state-store");
  await empty("JM_TRIGGERS", "JM_ADVISORIES");
  expect((await letters()).at(-1)).toMatchObject({
    code: "terminated",
    reason: "terminated at delivery 1 by a client of consumer state-store: looked wrong",
    origin: { stream: "JM_TRIGGERS", sequence: seq, subject: "", deliveries: 1 },
    size: 0,
  });
});

test("a hint that a newer one replaced while a runner had it is no dead letter", async () => {
  await Promise.all(
    mesh.services.filter(({ name }) => name === "flight-plan-runner").map((one) => one.stop()),
  );
  const { js } = client.connection;
  const before = (await letters()).length;
  const advised = (await client.connection.jsm.streams.info("JM_ADVISORIES")).state.last_seq;
  const subject = "jm.resume.default.0123456789abcdef01234567";
  await js.publish(subject, '{"v":1,"id":"0123456789abcdef01234567"}');
  const pull = await js.consumers.get("JM_RESUME", "pool-default");
  expect(await pull.next({ expires: 5_000 })).toMatchObject({ subject });
  await js.publish(subject, '{"v":1,"id":"0123456789abcdef01234567"}');
  await eventually("the advisory", async () =>
    (await client.connection.jsm.streams.info("JM_ADVISORIES")).state.last_seq > advised ? true : undefined,
  );
  await mesh.start("flight-plan-runner");
  await empty("JM_RESUME", "JM_ADVISORIES");
  expect(await letters()).toHaveLength(before);
});

test("a trigger that was taken out of its queue while its acknowledgement was on its way is no dead letter", async () => {
  // So says a broker that was killed in between: the message is out, and its consumer still waits for the word.
  await stopStateStores();
  const before = (await letters()).length;
  const advised = (await client.connection.jsm.streams.info("JM_ADVISORIES")).state.last_seq;
  const sequence = await client.publishTrigger("good", "turn");
  const pull = await client.connection.js.consumers.get("JM_TRIGGERS", "state-store");
  expect(await pull.next({ expires: 5_000 })).toMatchObject({ seq: sequence });
  await client.connection.jsm.streams.deleteMessage("JM_TRIGGERS", sequence);
  await eventually("the advisory", async () =>
    (await client.connection.jsm.streams.info("JM_ADVISORIES")).state.last_seq > advised ? true : undefined,
  );
  await mesh.start("state-store");
  await empty("JM_ADVISORIES");
  expect(await letters()).toHaveLength(before);
});

describe("a state-store that dies while it puts one aside", () => {
  test.each([
    ["dead.letter/before=crash"],
    ["dead.letter/after=crash"],
    ["dead.letter/after=lose"],
    ["given-up.remove/before=crash"],
    ["given-up.remove/after=crash"],
    ["advisory.ack/before=crash"],
    ["advisory.ack/before=twice"],
    ["advisory.ack/after=crash"],
  ])("at %s leaves it to the next, and there is one letter", async (fault) => {
    await stopStateStores();
    await giveUp("JM_TRIGGERS", "state-store", "jm.trigger.root.good.turn");
    const before = (await letters()).length;
    const faulty = await mesh.start("state-store", { JM_FAULTS: fault });
    const replaced = faulty.gone.then(() => mesh.start("state-store"));
    await eventually("the fault to strike", () =>
      faulty.log().includes(`fault ${fault}`) ? true : undefined,
    );
    if (!fault.endsWith("crash")) await empty("JM_TRIGGERS", "JM_ADVISORIES");
    await faulty.stop();
    await replaced;
    await empty("JM_TRIGGERS", "JM_ADVISORIES");
    expect((await letters()).length).toBe(before + 1);
  });
});

test("an advisory of another stream, or what is none, is passed over and holds nothing up", async () => {
  const { nc } = client.connection;
  const subject = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.JM_TRIGGERS.state-store";
  const before = await letters();
  for (const text of ["{", "{}", "null"]) nc.publish(subject, text);
  const type = "io.nats.jetstream.advisory.v1.max_deliver";
  const of = (stream: string, sequence: number): string =>
    JSON.stringify({ type, stream, consumer: "c", stream_seq: sequence, deliveries: 3 });
  // Somebody who may publish here cannot have a record removed.
  const { last_seq: record } = (await client.connection.jsm.streams.info("KV_jm_jets")).state;
  nc.publish(subject, of("KV_jm_jets", record));
  nc.publish(subject, of("JM_TRIGGERS", 999_999));
  await nc.flush();
  await empty("JM_ADVISORIES");
  expect(await letters()).toEqual(before);
  expect(await client.request("jet.get", { reference: "good" })).toMatchObject({ reference: "good" });
});
