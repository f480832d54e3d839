import type { MeshClient } from "@jetmesh/client";
import type { JetView, TriggerReply } from "@jetmesh/protocol";
import {
  applyDocuments,
  type Document,
  eventually,
  planDocument,
  startMesh,
  stateDocument,
  type TestMesh,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/** References are made of names, stay when names change, and are taken once; and names that a jet leaves are free. */
let mesh: TestMesh;
let client: MeshClient;

const document = (kind: string, rest: Document): Document => ({ apiVersion: "jetmesh/v1", kind, ...rest });

beforeAll(async () => {
  mesh = await startMesh({ services: { "state-store": 2 } });
  client = await mesh.client();
  await applyDocuments(client, [
    ...["moving", "low"].map(stateDocument),
    planDocument("badly", [{ shell: "test {{ argument.ok | default: 'no' }} = yes || test -e /nowhere" }]),
    document("Template", {
      reference: "plain",
      actions: [
        { reference: "create", transit: "moving", to: "low" },
        { reference: "destroy", from: "low", transit: "moving" },
      ],
    }),
    document("Template", {
      reference: "fragile",
      actions: [
        { reference: "create", transit: "moving", to: "low", plan: "badly" },
        { reference: "destroy", from: "low", transit: "moving" },
      ],
    }),
  ]);
}, 60_000);
afterAll(() => mesh.stop());

const codeOf = (asking: Promise<unknown>): Promise<string> =>
  asking.then(
    () => "done",
    (thrown: unknown) => (thrown as { code: string }).code,
  );
const create = (body: Record<string, unknown>): Promise<TriggerReply> =>
  client.request<TriggerReply>("jet.create", { template: "plain", wait: true, ...body });
const get = (reference: string): Promise<JetView> => client.request<JetView>("jet.get", { reference });

describe("a reference", () => {
  test("is made of the name, of what a reference may hold", async () => {
    for (const [name, reference] of [
      [" Some reference x*((*)) ", "some_reference_x"],
      ["Größe 2", "gre_2"],
      ["--_A  b\tc", "a_b_c"],
    ] as const)
      expect((await create({ name })).jet).toBe(reference);
    // Of nothing that is left it is the template's, and another each time.
    const [one, other] = [(await create({ name: "日本" })).jet, (await create({ name: "日本" })).jet];
    expect(one).toMatch(/^plain-[0-9a-f]{8}$/);
    expect(other).not.toBe(one);
  });

  test("that is taken is refused, and not made another in silence", async () => {
    expect((await create({ name: "Twice Taken" })).jet).toBe("twice_taken");
    expect(await codeOf(create({ name: "twice  taken" }))).toBe("already_exists");
    expect(await codeOf(create({ reference: "twice_taken" }))).toBe("already_exists");
    // Made at once by many it is made once.
    const answers = await Promise.all(Array.from({ length: 10 }, () => codeOf(create({ name: "At Once" }))));
    expect(answers.toSorted()).toEqual([...Array.from({ length: 9 }, () => "already_exists"), "done"]);
    // In one file two names that come to the same are a fault of the file.
    const same = [document("State", { name: "Same thing" }), document("State", { name: "same Thing" })];
    expect(await codeOf(applyDocuments(client, same))).toBe("invalid_request");
  });

  test("stays as it is when the name changes", async () => {
    await create({ name: "First Name" });
    await client.request("jet.update", { reference: "first_name", name: "Second Name" });
    expect(await get("first_name")).toMatchObject({ reference: "first_name", name: "Second Name" });
    expect(await codeOf(get("second_name"))).toBe("unknown_jet");
    await applyDocuments(client, [document("State", { name: "Old Title" })]);
    await applyDocuments(client, [document("State", { reference: "old_title", name: "New Title" })]);
    expect(await client.request("state.get", { reference: "old_title" })).toMatchObject({
      name: "New Title",
    });
    expect(await codeOf(client.request("state.get", { reference: "new_title" }))).toBe("unknown_state");
  });
});

test("a jet whose creation fails is undefined, offers what creates it, and can be made after all", async () => {
  const reference = "fragile-1";
  expect(await create({ template: "fragile", reference })).toMatchObject({ outcome: "ERROR" });
  expect(await get(reference)).not.toHaveProperty("state");
  const { items } = await client.request<{ items: { reference: string }[] }>("jet.actions", { reference });
  expect(items.map((one) => one.reference)).toEqual(["create"]);
  expect(await codeOf(create({ template: "fragile", reference }))).toBe("already_exists");
  const again = { jet: reference, action: "create", argument: { ok: "yes" }, wait: true };
  expect(await client.request("jet.trigger", again)).toMatchObject({ outcome: "SUCCESS", state: "low" });
});

test("the name of a jet that is destroyed is free at once, while its record says so", async () => {
  await create({ reference: "phoenix", name: "One" });
  const before = await get("phoenix");
  await client.request("jet.trigger", { jet: "phoenix", action: "destroy", wait: true });
  expect(await codeOf(get("phoenix"))).toBe("unknown_jet");
  expect(await codeOf(client.request("jet.trigger", { jet: "phoenix", action: "destroy" }))).toBe(
    "unknown_jet",
  );
  await create({ reference: "phoenix", name: "Two" });
  const after = await eventually("the new one", () => get("phoenix"));
  expect(after).toMatchObject({ name: "Two", state: "low" });
  expect(after.incarnation).toBeGreaterThan(before.incarnation);
});
