// Keys that come and go while a mesh runs, and what its broker does with who has none.
import type { MeshClient } from "@jetmesh/client";
import { createNames, type TriggerReply } from "@jetmesh/protocol";
import { connectMesh, respond } from "@jetmesh/storage";
import {
  applyDocuments,
  createTestKeys,
  eventually,
  loopDocuments,
  startMesh,
  startNatsServer,
  type TestMesh,
  userDocument,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { longSteps } from "../../support/long-step.ts";

let mesh: TestMesh;
let root: MeshClient;
beforeAll(async () => {
  mesh = await startMesh({ auth: ["bob"] });
  root = await mesh.as("root");
  await applyDocuments(root, loopDocuments([{ shell: ["true"] }]));
  await applyDocuments(
    root,
    ["alice", "bob", "carol"].map((user) => userDocument(user, "user")),
  );
  await root.request("jet.create", {
    template: "loop",
    reference: "one",
    users: ["alice", "bob", "carol"],
    wait: true,
  });
});
afterAll(() => mesh.stop());

/** Lets a user in. The server reads twice: what a new account imports is not there before the second time. */
const letIn = async (user: string): Promise<MeshClient> => {
  mesh.keys.add(user);
  mesh.server.signal("SIGHUP");
  const client = await eventually(`${user} to be let in`, () => mesh.as(user));
  mesh.server.signal("SIGHUP");
  await eventually(`${user} to be answered`, () => client.request("jet.list", {}, 1_000), {
    withinMs: 20_000,
  });
  return client;
};

test("nobody is let in without a key, by a key that is not known, or by a file that is none", async () => {
  const { url } = mesh;
  await expect(connectMesh({ url, name: "nobody" })).rejects.toThrow("Authorization Violation");
  const strangers = createTestKeys(createNames(), ["alice"]);
  await expect(connectMesh({ url, name: "stranger", credsFile: strangers.fileOf("alice") })).rejects.toThrow(
    "Authorization Violation",
  );
  strangers.remove();
  await expect(connectMesh({ url, name: "gone", credsFile: strangers.fileOf("alice") })).rejects.toThrow(
    "cannot be used",
  );
  await expect(connectMesh({ url, name: "text", credsFile: import.meta.filename })).rejects.toThrow(
    "no seed of an nkey",
  );
});

test("a user gets a key while the mesh works, and is cut off when it is taken away", async () => {
  const turned: Promise<TriggerReply>[] = [];
  const turn = (): Promise<TriggerReply> =>
    root.request<TriggerReply>("jet.trigger", { jet: "one", action: "turn", onBusy: "queue" });
  turned.push(turn());
  const alice = await letIn("alice");
  expect(await alice.request("jet.list")).toMatchObject({ items: [{ reference: "one" }] });
  expect(await alice.publishTrigger("one", "turn", { onBusy: "queue" })).toBeGreaterThan(0);
  turned.push(turn());
  expect((await Promise.all(turned)).every(({ actionId }) => actionId !== undefined)).toBe(true);
  await eventually("all of it to be done", async () => {
    const { items } = await root.request<{ items: { user: string; outcome?: string }[] }>("action.list", {
      jet: "one",
    });
    return items.filter(({ outcome }) => outcome === "SUCCESS").length === 4 || undefined;
  });

  const bob = await mesh.as("bob");
  mesh.keys.revoke("alice");
  mesh.server.signal("SIGHUP");
  await eventually("alice to be cut off", () =>
    alice.connection.connectedSince() === undefined ? true : undefined,
  );
  await expect(mesh.as("alice")).rejects.toThrow("Authorization Violation");
  expect(bob.connection.connectedSince()).toBeDefined();
  expect(await bob.request("jet.list")).toMatchObject({ items: [{ reference: "one" }] });
  expect(mesh.logs()).not.toContain("Permissions Violation");
});

test("what a user asked for while keys changed is done, and found by its id", async () => {
  const steps = await longSteps(mesh, root);
  const step = await steps.begin("waited");
  const again = { jet: "waited", action: "turn", key: "same", onBusy: "queue" };
  // Whether the way back outlives that the server reads its configuration is the server's affair.
  const waited = root
    .request<TriggerReply>("jet.trigger", { ...again, wait: true, timeoutMs: 20_000 }, 0)
    .catch(() => undefined);
  await letIn("carol");
  step.finish();
  await step.ended();
  const { actionId } = await root.request<TriggerReply>("jet.trigger", again);
  await eventually("it to have ended", async () => {
    const record = await root.request<{ outcome?: string }>("action.get", { id: actionId });
    return record.outcome === "SUCCESS" || undefined;
  });
  expect([undefined, actionId]).toContain((await waited)?.actionId);
});

test("another's message id does not keep a client's trigger out of the stream", async () => {
  const bob = await mesh.as("bob");
  const ids = Array.from({ length: 5 }, (_, index) => `order-${String(index)}`);
  for (const messageId of ids) {
    const [hers, his] = await Promise.all([
      root.publishTrigger("nothing", "turn", { messageId }),
      bob.publishTrigger("nothing", "turn", { messageId }),
    ]);
    expect(hers).not.toBe(his);
  }
});

test.each([
  { apiAnswerMs: 500, arrives: false },
  { apiAnswerMs: 60_000, arrives: true },
])("an answer finds its way back for as long as the configuration says: $apiAnswerMs ms", async (one) => {
  const keys = createTestKeys(createNames(), ["alice"], one);
  await using server = await startNatsServer({ extraConfig: keys.include });
  const connect = (who: string, inboxPrefix: string): ReturnType<typeof connectMesh> =>
    connectMesh({ url: server.url, name: who, credsFile: keys.fileOf(who), inboxPrefix });
  const [gateway, alice] = [
    await connect("service.gateway", "_INBOX.gateway"),
    await connect("alice", "_INBOX.alice"),
  ];
  const LATE_MS = 1_500;
  respond(gateway, "jm.api.>", "q", (request) => void setTimeout(() => request.reply({}), LATE_MS));
  await gateway.nc.flush();
  const reply = await alice.pipeline.call("jm.api.alice.jet.get", "", undefined, 2 * LATE_MS);
  expect(typeof reply !== "string").toBe(one.arrives);
  await Promise.all([gateway.close(), alice.close()]);
  keys.remove();
});
