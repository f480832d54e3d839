import type { MeshClient } from "@jetmesh/client";
import {
  allHistory,
  applyDocuments,
  eventually,
  loopDocuments,
  startMesh,
  type TestMesh,
  userDocument,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

let mesh: TestMesh;
let root: MeshClient;
let alice: MeshClient;
let bob: MeshClient;
beforeAll(async () => {
  mesh = await startMesh();
  root = await mesh.client();
  alice = await mesh.client("alice");
  bob = await mesh.client("bob");
  await applyDocuments(root, [
    ...loopDocuments([{ wait: 0 }]),
    userDocument("alice", "user"),
    userDocument("bob", "manager"),
  ]);
  await root.request("jet.create", { template: "loop", reference: "hers", users: ["alice"], wait: true });
  await root.request("jet.create", { template: "loop", reference: "his", managers: ["bob"], wait: true });
}, 60_000);
afterAll(() => mesh.stop());

test("a user triggers on her jet, and the jet of somebody else does not exist for her", async () => {
  expect(await alice.request("jet.trigger", { jet: "hers", action: "turn", wait: true })).toMatchObject({
    outcome: "SUCCESS",
  });
  await expect(alice.request("jet.trigger", { jet: "his", action: "turn" })).rejects.toMatchObject({
    code: "unknown_jet",
  });
  await expect(alice.request("jet.get", { reference: "his" })).rejects.toMatchObject({ code: "unknown_jet" });
  expect(
    (await alice.request<{ items: { reference: string }[] }>("jet.list")).items.map(
      ({ reference }) => reference,
    ),
  ).toEqual(["hers"]);
});

test("a denied trigger of the stream is in the history, with who and why, and ran nothing", async () => {
  await alice.publishTrigger("his", "turn");
  const refused = await eventually("the refusal", async () =>
    (await allHistory(root.connection, root.names)).find(
      ({ what, user }) => what === "refused" && user === "alice",
    ),
  );
  expect(refused).toMatchObject({ jet: "his", action: "turn", refusal: { code: "unknown_jet" } });
});

test("making jets takes a manager, who joins the managers of the jet that he made", async () => {
  await expect(alice.request("jet.create", { template: "loop" })).rejects.toMatchObject({
    code: "forbidden",
  });
  await bob.request("jet.create", { template: "loop", reference: "bobs", wait: true });
  expect(await root.request("jet.get", { reference: "bobs" })).toMatchObject({ managers: ["bob"] });
  // Root may do all of it anyhow; that they made it is to be seen as of anybody else.
  await root.request("jet.create", { template: "loop", reference: "roots", wait: true });
  expect(await root.request("jet.get", { reference: "roots" })).toMatchObject({ managers: ["root"] });
  expect(
    (await bob.request<{ items: { reference: string }[] }>("jet.list")).items
      .map(({ reference }) => reference)
      .toSorted(),
  ).toEqual(["bobs", "his"]);
});

test("making a jet takes read on its create action: one of level root is not for a manager", async () => {
  const documents = loopDocuments([{ wait: 0 }]).flatMap((one) =>
    one["kind"] === "Template"
      ? [
          {
            ...one,
            reference: "vault",
            name: "vault",
            actions: [{ reference: "create", accessLevel: "root", transit: "moving", to: "resting" }],
          },
        ]
      : [],
  );
  await applyDocuments(root, documents);
  await expect(bob.request("jet.create", { template: "vault", reference: "gold" })).rejects.toMatchObject({
    code: "forbidden",
  });
  await root.request("jet.create", { template: "vault", reference: "gold", wait: true });
});

test("bringing a jet to a state takes the state's own level", async () => {
  await applyDocuments(root, [
    { apiVersion: "jetmesh/v1", kind: "State", reference: "broken", name: "broken", accessLevel: "root" },
  ]);
  alice.connection.nc.publish(alice.names.trigger.ofTarget("alice", "hers", "broken"), "{}");
  const refused = await eventually("the refusal", async () =>
    (await allHistory(root.connection, root.names)).find(
      ({ what, action }) => what === "refused" && action === "broken",
    ),
  );
  expect(refused.refusal?.code).toBe("forbidden");
});

test("a denial by the API is in the history as one by the stream is", async () => {
  await expect(
    alice.request("jet.trigger", { jet: "his", action: "turn", key: "asked-by-api" }),
  ).rejects.toMatchObject({ code: "unknown_jet" });
  const refused = (await allHistory(root.connection, root.names)).find(
    ({ trigger }) => trigger?.key === "asked-by-api",
  );
  expect(refused).toMatchObject({ what: "refused", user: "alice", jet: "his", action: "turn" });
});

test("definitions are written by root alone", async () => {
  const state = { apiVersion: "jetmesh/v1", kind: "State", reference: "new", name: "new" };
  for (const client of [alice, bob]) {
    await expect(client.request("import", { documents: [{ document: state }] })).rejects.toMatchObject({
      code: "forbidden",
    });
  }
});

test("a right that was just given counts at once, and one that was taken counts within a second", async () => {
  const carol = await mesh.client("carol");
  await expect(carol.request("jet.get", { reference: "hers" })).rejects.toMatchObject({
    code: "unknown_jet",
  });
  await applyDocuments(root, [userDocument("carol", "root")]);
  await carol.request("jet.get", { reference: "hers" });
  await applyDocuments(root, [userDocument("carol", "user")]);
  await eventually(
    "the right to be gone",
    () =>
      carol.request("jet.get", { reference: "hers" }).then(
        () => undefined,
        () => true,
      ),
    { withinMs: 1_000 },
  );
});

test("what somebody may not see is not told apart from what is not there", async () => {
  const codes = await Promise.all(
    ["his", "nothing"].map((reference) =>
      alice
        .request("jet.get", { reference })
        .catch((error: unknown) => String(error).replace(reference, "X")),
    ),
  );
  expect(codes[0]).toBe(codes[1]);
});
