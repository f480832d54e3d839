import { type Connection, connectMesh, headerBlock } from "@jetmesh/storage";
import { startNatsServer, type TestServer } from "@jetmesh/testkit";
import { connect, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, expect, test } from "vitest";

let server: TestServer;
let connection: Connection;
let other: NatsConnection;
beforeAll(async () => {
  server = await startNatsServer();
  connection = await connectMesh({ url: server.url, name: "test" });
  other = await connect({ servers: server.url });
});
afterAll(async () => {
  await other.close();
  await connection.close();
  await server.stop();
});

/** The next so many messages on a subject, as another program gets them. */
async function received(subject: string, count: number, send: () => void): Promise<Msg[]> {
  const subscription = other.subscribe(subject, { max: count });
  await other.flush();
  send();
  const messages: Msg[] = [];
  for await (const message of subscription) messages.push(message);
  return messages;
}

test("text of any script arrives as it was sent, with its headers, in order", async () => {
  const bodies = ["plain", "", "äöü ß", "日本語", "😀 and \u0000 and \r\n", "x".repeat(300_000), "last"];
  const messages = await received("text", bodies.length, () => {
    for (const [index, body] of bodies.entries())
      connection.outbox.publish(
        "text",
        body,
        "back.here",
        index % 2 === 0 ? headerBlock([["Jm-At", String(index)]]) : "",
      );
  });
  expect(messages.map((message) => message.string())).toEqual(bodies);
  expect(messages.map((message) => message.headers?.get("Jm-At"))).toEqual(
    bodies.map((_, index) => (index % 2 === 0 ? String(index) : undefined)),
  );
  expect(new Set(messages.map((message) => message.reply))).toEqual(new Set(["back.here"]));
});

test("raw bytes keep their place among text", async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, n) => n);
  const messages = await received("bytes", 3, () => {
    connection.outbox.publish("bytes", "before", "", "");
    connection.outbox.publish("bytes", bytes, "", headerBlock([["Jm-Step", "one"]]));
    connection.outbox.publish("bytes", "after", "", "");
  });
  expect(messages[0]?.string()).toBe("before");
  expect([...(messages[1]?.data ?? [])]).toEqual([...bytes]);
  expect(messages[1]?.headers?.get("Jm-Step")).toBe("one");
  expect(messages[2]?.string()).toBe("after");
});

test("what the broker would not take is refused before it is sent, and costs the connection nothing", async () => {
  const most = connection.nc.info?.max_payload ?? 0;
  expect(() => connection.outbox.publish("large", "x".repeat(most + 1), "", "")).toThrow(RangeError);
  expect(() => connection.outbox.publish("large", "ä".repeat(most / 2 + 1), "", "")).toThrow(RangeError);
  expect(() =>
    connection.outbox.publish("large", "x".repeat(most - 5), "", headerBlock([["A", "b"]])),
  ).toThrow(RangeError);
  const [message] = await received("large", 1, () =>
    connection.outbox.publish("large", "x".repeat(most), "", ""),
  );
  expect(message?.data.length).toBe(most);
});

test.each(["", "two words", "line\r\nPUB other 0", "tab\t"])("%j is no subject", (subject) => {
  expect(() => connection.outbox.publish(subject, "", "", "")).toThrow(TypeError);
  if (subject !== "") expect(() => connection.outbox.publish("good", "", subject, "")).toThrow(TypeError);
});

test("what was gathered is sent before the connection closes", async () => {
  const leaving = await connectMesh({ url: server.url, name: "leaving" });
  const messages = await received("farewell", 100, () => {
    for (let n = 0; n < 100; n += 1) leaving.outbox.publish("farewell", String(n), "", "");
    void leaving.close();
  });
  expect(messages.at(-1)?.string()).toBe("99");
});
