import { type MeshClient, MeshError } from "@jetmesh/client";
import {
  applyDocuments,
  type Document,
  eventually,
  planDocument,
  startMesh,
  stateDocument,
  type TestMesh,
  userDocument,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/** Each right that somebody can have by something, given, then taken away: it must be gone within a second. */
let mesh: TestMesh;
let root: MeshClient;
beforeAll(async () => {
  mesh = await startMesh();
  root = await mesh.client();
  await applyDocuments(root, [
    stateDocument("moving"),
    stateDocument("resting"),
    planDocument("work", [{ wait: 0 }], { accessLevel: "manager" }),
    userDocument("ann", "user"),
    userDocument("max", "manager"),
    template(),
  ]);
  await root.request("jet.create", { template: "box", reference: "box1", wait: true });
}, 60_000);
afterAll(() => mesh.stop());

interface TemplateIs {
  readonly accessLevel?: string;
  readonly users?: readonly string[];
  readonly managers?: readonly string[];
  readonly action?: string;
}
function template({
  accessLevel = "root",
  users = [],
  managers = [],
  action = "user",
}: TemplateIs = {}): Document {
  const edge = { reference: "turn", accessLevel: action, from: "resting", transit: "moving", to: "resting" };
  return {
    apiVersion: "jetmesh/v1",
    kind: "Template",
    reference: "box",
    accessLevel,
    users,
    managers,
    actions: [{ reference: "create", accessLevel: "root", transit: "moving", to: "resting" }, edge],
  };
}
const jet = (users: readonly string[], managers: readonly string[] = []): Document => ({
  apiVersion: "jetmesh/v1",
  kind: "Jet",
  reference: "box1",
  template: "box",
  users,
  managers,
});

class NotListedError extends Error {}
const DENIALS = ["forbidden", "unknown_jet", "unknown_action", "unknown_template", "unknown_plan"];
const isDenial = (thrown: unknown): boolean =>
  thrown instanceof NotListedError || (thrown instanceof MeshError && DENIALS.includes(thrown.code));

type Asks = (client: MeshClient) => Promise<unknown>;
const get =
  (endpoint: "jet.get" | "template.get" | "plan.get", reference: string): Asks =>
  (client) =>
    client.request(endpoint, { reference });
const lists =
  (endpoint: "jet.list" | "template.list" | "plan.list" | "jet.actions", reference: string): Asks =>
  async (client) => {
    const request = endpoint === "jet.actions" ? { reference: "box1" } : {};
    const { items } = await client.request<{ items: { reference: string }[] }>(endpoint, request);
    if (!items.some((item) => item.reference === reference)) throw new NotListedError("it is not listed");
  };
const triggers: Asks = (client) => client.request("jet.trigger", { jet: "box1", action: "turn", wait: true });
const changesTheJet: Asks = (client) =>
  client.request("import", { documents: [{ document: jet(["ann"], ["max"]) }] });

const RIGHTS: readonly (readonly [string, string, Document[], Document[], Asks])[] = [
  ["reading a jet, by its users", "ann", [jet(["ann"])], [jet([])], get("jet.get", "box1")],
  ["reading a jet, by its managers", "max", [jet([], ["max"])], [jet([])], get("jet.get", "box1")],
  ["being shown a jet", "ann", [jet(["ann"])], [jet([])], lists("jet.list", "box1")],
  ["changing a jet", "max", [jet(["ann"], ["max"])], [jet(["ann"])], changesTheJet],
  ["triggering, by the users of the jet", "ann", [template(), jet(["ann"])], [jet([])], triggers],
  [
    "triggering, by the action's level",
    "ann",
    [template(), jet(["ann"])],
    [template({ action: "manager" })],
    triggers,
  ],
  [
    "an available action, by the template's users",
    "max",
    [template({ users: ["max"], action: "manager" }), jet([], ["max"])],
    [template({ action: "manager" })],
    lists("jet.actions", "turn"),
  ],
  [
    "reading a template, by its users",
    "ann",
    [template({ users: ["ann"] }), jet([])],
    [template()],
    get("template.get", "box"),
  ],
  [
    "reading a template, by the users of any jet",
    "ann",
    [template(), jet(["ann"])],
    [jet([])],
    get("template.get", "box"),
  ],
  [
    "reading a template, by its level",
    "ann",
    [template({ accessLevel: "user" }), jet([])],
    [template()],
    get("template.get", "box"),
  ],
  [
    "being shown a template",
    "max",
    [template({ managers: ["max"] }), jet([])],
    [template()],
    lists("template.list", "box"),
  ],
  [
    "everything of a level",
    "max",
    [userDocument("max", "manager")],
    [userDocument("max", "user")],
    get("plan.get", "work"),
  ],
  [
    "being shown a plan, by its level",
    "max",
    [userDocument("max", "manager")],
    [planDocument("work", [{ wait: 0 }], { accessLevel: "root" })],
    lists("plan.list", "work"),
  ],
];

describe("a right that is taken away is gone within a second", () => {
  test.each(RIGHTS)("%s", async (_right, who, given, taken, asks) => {
    const client = await mesh.client(who);
    await applyDocuments(root, given);
    // Given it counts at once: a denial waits for what is written.
    await asks(client);
    await applyDocuments(root, taken);
    const from = performance.now();
    await eventually(
      "the denial",
      () =>
        asks(client).then(
          () => undefined,
          (thrown: unknown) => (isDenial(thrown) ? true : undefined),
        ),
      { withinMs: 1_000 },
    );
    expect(performance.now() - from).toBeLessThan(1_000);
  });
});
