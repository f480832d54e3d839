import { createNames, poolConsumerOf, topologyOf } from "@jetmesh/protocol";
import { assertServer, type Connection, connectMesh, ensureConsumer, ensureTopology } from "@jetmesh/storage";
import { startNatsServer, type TestServer } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

const names = createNames("jm");
const topology = topologyOf(names, { replicas: 1 });
let server: TestServer;
let connection: Connection;
beforeAll(async () => {
  server = await startNatsServer();
  connection = await connectMesh({ url: server.url, name: "test" });
});
afterAll(async () => {
  await connection.close();
  await server.stop();
});

test("the server of the set-up is new enough", async () => {
  await expect(assertServer(connection)).resolves.toBeUndefined();
});

test("two processes make it side by side: everything is there once, and nothing differs from the plan", async () => {
  const second = await connectMesh({ url: server.url, name: "second" });
  const reports = await Promise.all([ensureTopology(connection, topology), ensureTopology(second, topology)]);
  await second.close();
  // A broker lets both make the same stream at the same moment: each may say that it did.
  expect(new Set(reports.flatMap(({ created }) => created))).toEqual(
    new Set(topology.streams.map(({ name }) => name)),
  );
  expect(reports.flatMap(({ drift }) => drift)).toEqual([]);
  expect(await ensureTopology(connection, topology)).toEqual({ created: [], drift: [] });
});

test("a stream that was changed by hand is reported, field by field, and left as it is", async () => {
  const { config } = await connection.jsm.streams.info(names.streams.history);
  await connection.jsm.streams.update(names.streams.history, { ...config, max_bytes: 12_345_678 });
  const { drift } = await ensureTopology(connection, topology);
  expect(drift).toEqual([
    { name: names.streams.history, field: "max_bytes", is: 12_345_678, planned: 1024 ** 3 },
  ]);
  expect((await connection.jsm.streams.info(names.streams.history)).config.max_bytes).toBe(12_345_678);
});

test("two meshes share one server under different prefixes, and see nothing of each other", async () => {
  const other = createNames("jmtwo");
  const { created } = await ensureTopology(connection, topologyOf(other, { replicas: 1 }));
  expect(created).toHaveLength(topology.streams.length);
  expect(created).toContain("JMTWO_TRIGGERS");
});

test("the consumer of a pool is made once and kept, however often it is asked for", async () => {
  const plan = poolConsumerOf(names, "gpu");
  await Promise.all([ensureConsumer(connection, plan), ensureConsumer(connection, plan)]);
  await ensureConsumer(connection, { ...plan, maxAckPending: 1 });
  const info = await connection.jsm.consumers.info(plan.stream, plan.name);
  expect(info.config).toMatchObject({ filter_subject: "jm.resume.gpu.*", max_ack_pending: 10_000 });
});
