import type { MeshClient } from "@jetmesh/client";
import { createNames, topologyOf } from "@jetmesh/protocol";
import { connectMesh, ensureTopology } from "@jetmesh/storage";
import {
  applyDocuments,
  eventually,
  loopDocuments,
  startMesh,
  startNatsServer,
  type TestMesh,
  type TestServer,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { noneRestarted, untilAllServe } from "../../support/serving.ts";

const MB = 1024 * 1024;
/** What JetStream may store, and what each of the mesh's streams may set aside of it: so little that it is full soon. */
const MAX_FILE = "64MB";
const MOST_OF_A_STREAM = 4 * MB;

let server: TestServer;
let mesh: TestMesh;
let client: MeshClient;
beforeAll(async () => {
  server = await startNatsServer({ maxFile: MAX_FILE });
  await makeSmallStreams(server.url);
  mesh = await startMesh({ broker: server });
  client = await mesh.client();
});
afterAll(() => mesh.stop());

/** The streams of a mesh, smaller than it would make them; it takes what is there. */
async function makeSmallStreams(url: string): Promise<void> {
  const connection = await connectMesh({ url, name: "small streams" });
  const { streams, consumers } = topologyOf(createNames("jm"), { replicas: 1 });
  const small = streams.map((plan) => ({ ...plan, maxBytes: Math.min(plan.maxBytes, MOST_OF_A_STREAM) }));
  await ensureTopology(connection, { streams: small, consumers });
  await connection.close();
}

test("while JetStream may store no more the API refuses with a code, and goes on by itself once it may", async () => {
  await applyDocuments(client, loopDocuments([{ shell: ["true"] }]));
  await client.request("jet.create", { template: "loop", reference: "one", wait: true });
  const { js, jsm } = client.connection;
  await jsm.streams.add({ name: "BALLAST", subjects: ["ballast"] });
  const chunk = new Uint8Array(MB - 1_024);
  await eventually(
    "JetStream to be full",
    () =>
      js.publish("ballast", chunk).then(
        () => undefined,
        (refused: unknown) => {
          if (String(refused).includes("insufficient")) return true;
          throw refused;
        },
      ),
    { withinMs: 20_000, everyMs: 0 },
  );

  const trigger = (key: string): Promise<unknown> =>
    client.request("jet.trigger", { jet: "one", action: "turn", key });
  const began = performance.now();
  await expect(trigger("while-full")).rejects.toMatchObject({ code: "unavailable" });
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(await client.request("jet.get", { reference: "one" })).toMatchObject({ state: "resting" });

  await jsm.streams.delete("BALLAST");
  await untilAllServe(mesh, client, 5_000);
  // The same request again is the same trigger, whether or not it was taken meanwhile.
  await eventually("the trigger to be taken", async () => {
    await trigger("while-full");
    return true;
  });
  await eventually("its action to end, once", async () => {
    const { items } = await client.request<{ items: { state: string }[] }>("action.list", { jet: "one" });
    return items.length === 2 && items.every(({ state }) => state === "CLOSED") ? true : undefined;
  });
  expect(noneRestarted(mesh)).toBe(true);
});
