import type { MeshClient } from "@jetmesh/client";
import { API_REQUESTS, type Endpoint } from "@jetmesh/protocol";
import { createSealKey, seal } from "@jetmesh/storage";
import {
  allHistory,
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

/**
 * Whatever somebody asks, they are not told the name of what they may not read. All that is hidden from ann, of level
 * user, has "secret" in its name; what is hidden from max, a manager, has "locked".
 */
let mesh: TestMesh;
let root: MeshClient;
let ann: MeshClient;
let max: MeshClient;
let runs: { open: string; hers: string; fix: string };

const edge = (reference: string, rest: Document): Document => ({ reference, transit: "moving", ...rest });
const document = (kind: string, reference: string, rest: Document): Document => ({
  apiVersion: "jetmesh/v1",
  kind,
  reference,
  ...rest,
});
const shown = document("Template", "shown", {
  accessLevel: "manager",
  users: ["ann"],
  managers: ["max", "secret-boss"],
  requires: [
    { template: "secret-locked-bare", state: "resting", actions: ["secret-locked-back"] },
    { template: "seen", state: "resting", actions: ["secret-locked-back"] },
    { template: "needed", state: "resting", actions: ["turn", "secret-locked-back"], otherwise: "refuse" },
  ],
  actions: [
    edge("create", { accessLevel: "manager", to: "resting" }),
    edge("turn", { accessLevel: "user", from: "resting", to: "resting", plan: "secret-work" }),
    edge("secret-fix", {
      accessLevel: "manager",
      from: "resting",
      to: "resting",
      plan: "secret-locked-work",
    }),
    edge("secret-locked-wipe", {
      accessLevel: "root",
      from: "resting",
      to: "wiped",
      plan: "secret-locked-wait",
    }),
    edge("secret-locked-back", { accessLevel: "root", from: "wiped", to: "resting" }),
  ],
});

beforeAll(async () => {
  mesh = await startMesh();
  root = await mesh.client();
  ann = await mesh.client("ann");
  max = await mesh.client("max");
  await applyDocuments(root, [
    ...["moving", "resting", "wiped"].map(stateDocument),
    userDocument("ann", "user"),
    userDocument("max", "manager"),
    userDocument("secret-boss", "manager"),
    planDocument("secret-work", [{ wait: 0, reference: "step" }], {
      accessLevel: "manager",
      variables: { secret_word: "secret-word" },
    }),
    planDocument("secret-locked-work", [{ wait: 0 }], { accessLevel: "root" }),
    document("Variables", "secret-variables", { variables: { secret_region: "secret-eu" } }),
    document("Limit", "few", { concurrency: 2, per: "{{ hidden }}" }),
    planDocument("secret-locked-wait", [{ wait: "1h" }], {
      ...{ accessLevel: "root", limits: ["few"], concurrency: 5 },
      variables: { hidden: "secret-value" },
    }),
    document("Template", "secret-locked-bare", { accessLevel: "root", actions: [] }),
    document("Template", "seen", { accessLevel: "user", actions: [] }),
    document("Template", "needed", {
      accessLevel: "user",
      actions: [edge("create", { to: "resting" }), edge("leave", { from: "resting", to: "wiped" })],
    }),
    shown,
    document("Template", "secret-locked-template", {
      accessLevel: "root",
      actions: [edge("create", { accessLevel: "user", to: "resting" })],
    }),
  ]);
  const watch = (reference: string, action: string, accessLevel: string): Document =>
    document("Schedule", reference, { accessLevel, every: "1d", trigger: { jet: "jet1", action } });
  const watches = [
    watch("shown-watch", "turn", "user"),
    watch("secret-fix-watch", "secret-fix", "user"),
    watch("secret-locked-watch", "secret-locked-wipe", "user"),
  ];
  const jets = { wait: true, users: ["ann"], managers: ["max", "secret-boss"] };
  await root.request("jet.create", { template: "needed", reference: "secret-locked-need", wait: true });
  await root.request("jet.create", { template: "shown", reference: "jet1", ...jets });
  await root.request("jet.create", { template: "shown", reference: "jet2", ...jets });
  await root.request("jet.create", { template: "shown", reference: "secret-locked-jet", wait: true });
  const hers = await ann.request<{ actionId: string }>("jet.trigger", {
    jet: "jet1",
    action: "turn",
    wait: true,
  });
  await max.request("jet.trigger", { jet: "jet1", action: "secret-fix", wait: true });
  await applyDocuments(root, watches);
  const open = await root.request<{ actionId: string }>("jet.trigger", {
    jet: "jet2",
    action: "secret-locked-wipe",
  });
  const queued = { jet: "jet2", onBusy: "queue" };
  const fix = await max.request<{ actionId: string }>("jet.trigger", { ...queued, action: "secret-fix" });
  await max.request("jet.trigger", { ...queued, action: "turn" });
  runs = { open: open.actionId, hers: hers.actionId, fix: fix.actionId };
}, 60_000);
afterAll(() => mesh.stop());

const SCHEDULES_ASKED = ["shown-watch", "secret-fix-watch", "secret-locked-watch"].map((reference) => ({
  reference,
}));

const SCOPES_ASKED = [{}, { jet: "jet1" }, { jet: "jet2" }, { template: "shown" }];

/** What each endpoint answers to whoever asks; a request for what is hidden, where one can name it. */
const ASKS: Readonly<Record<Endpoint, () => Document[]>> = {
  "template.apply": () => [{ ...shown, requires: [], actions: [] }],
  "state.apply": () => [{ reference: "resting", name: "Resting" }],
  "plan.apply": () => [{ reference: "mine", name: "mine", steps: [{ wait: 0 }] }],
  "user.apply": () => [{ reference: "ann", name: "ann", level: "root" }],
  "variables.apply": () => [{ reference: "secret-variables", name: "x", variables: { region: "eu" } }],
  "variables.get": () => [{ reference: "secret-variables" }],
  "variables.delete": () => [{ reference: "secret-variables" }],
  "variables.list": () => [{}],
  "schedule.apply": () => [
    { reference: "night-watch", name: "x", every: "1h", trigger: { jet: "jet1", action: "turn" } },
    { reference: "secret-locked-watch", name: "x", every: "1h", create: { kind: "x" } },
  ],
  "limit.apply": () => [{ reference: "mine", name: "x", concurrency: 1 }],
  "limit.get": () => [{ reference: "few" }],
  "limit.list": () => [{}],
  "limit.delete": () => [{ reference: "few" }],
  "template.get": () => [{ reference: "shown" }],
  "state.get": () => [{ reference: "resting" }],
  "plan.get": () => [{ reference: "mine" }],
  "user.get": () => [{ reference: "ann" }],
  "schedule.get": () => SCHEDULES_ASKED,
  "template.delete": () => [{ reference: "shown" }, { reference: "needed" }],
  "state.delete": () => [{ reference: "wiped" }],
  "plan.delete": () => [{ reference: "mine" }],
  "user.delete": () => [{ reference: "ann" }],
  "schedule.delete": () => [{ reference: "secret-locked-watch" }],
  "template.list": () => [{}],
  "state.list": () => [{}],
  "plan.list": () => [{}],
  "user.list": () => [{}],
  "schedule.list": () => [{}],
  "schedule.pause": () => SCHEDULES_ASKED,
  "schedule.resume": () => SCHEDULES_ASKED,
  "schedule.run": () => SCHEDULES_ASKED,
  import: () => [
    { documents: [{ document: { ...shown, requires: [], actions: [] } }], dryRun: true },
    { documents: [{ document: document("Jet", "jet1", { template: "shown" }) }], dryRun: true },
  ],
  export: () => [{}, { kinds: ["Template"] }, { kinds: ["Jet"], limit: 1 }],
  "jet.create": () => [{ template: "shown", reference: "jet1" }],
  "jet.get": () => [{ reference: "jet1" }, { reference: "jet2" }],
  "jet.list": () => [{}, { template: "shown" }, { state: "moving" }],
  "jet.actions": () => [{ reference: "jet1" }, { reference: "jet2" }],
  "jet.trigger": () => [
    { jet: "jet2", action: "turn" },
    { jet: "jet1", action: "create" },
    { jet: "jet1", action: "nothing" },
  ],
  "jet.path": () => [
    { jet: "jet1", state: "resting" },
    { jet: "jet1", state: "wiped" },
    { jet: "jet2", state: "resting" },
  ],
  "jet.target": () => [
    { jet: "jet1", state: "wiped" },
    { jet: "jet2", state: null },
    { jet: "jet1", state: null },
  ],
  "jet.update": () => [{ reference: "jet2" }],
  "jet.delete": () => [{ reference: "jet2" }],
  "action.rollback": () => [{ id: runs.open }, { id: runs.hers }],
  "action.signal": () => [
    { id: runs.open, name: "x" },
    { id: runs.hers, name: "x" },
  ],
  "action.approve": () => [{ id: runs.open }, { id: runs.hers }],
  "action.cancel": () => [
    { id: runs.open },
    { id: runs.hers },
    { id: runs.fix },
    { id: runs.fix, jet: "jet2" },
  ],
  "action.get": () => [{ id: runs.open }, { id: runs.hers }],
  "action.create": () => [{ kind: "nothing" }],
  "action.pause": () => [{ id: runs.open }, { id: runs.hers }],
  "action.resume": () => [{ id: runs.open }, { id: runs.hers }],
  "action.list": () => [{}, { jet: "jet1" }, { jet: "jet2" }],
  "action.steps": () => [{ id: runs.open }, { id: runs.hers }],
  "action.logs": () => [{ id: runs.open }, { id: runs.hers }],
  "dead.list": () => [{}],
  "dead.get": () => [{ sequence: 1 }],
  "dead.replay": () => [{ sequence: 1 }],
  "secret.key": () => [{}],
  "secret.set": () =>
    SCOPES_ASKED.map((scope) => ({ ...scope, name: "x", ...seal("{}", createSealKey().publicKey) })),
  "secret.list": () => SCOPES_ASKED,
  "secret.delete": () => SCOPES_ASKED.map((scope) => ({ ...scope, name: "x" })),
  "secret.rotate-key": () => [{}],
};

/** A name, and not what the mesh keeps sealed. */
const SECRET = /secret[-_](?!unavailable)/;

const answerOf = async (client: MeshClient, endpoint: Endpoint, body: Document): Promise<string> => {
  const answer = await client.request(endpoint, body).catch((error: unknown) => {
    const { code, message, details } = error as { code: string; message: string; details: unknown };
    return { code, message, details };
  });
  return JSON.stringify(answer);
};
/** What she gave herself tells her nothing. */
const without = (text: string, body: Document): string =>
  Object.values(body).reduce<string>(
    (rest, value) => (typeof value === "string" ? rest.replaceAll(value, "…") : rest),
    text,
  );

describe("whatever is asked, what may not be read is not named", () => {
  const endpoints = Object.keys(API_REQUESTS) as Endpoint[];

  test.each(endpoints)("%s", async (endpoint) => {
    for (const body of ASKS[endpoint]()) {
      expect(without(await answerOf(ann, endpoint, body), body)).not.toMatch(SECRET);
      expect(without(await answerOf(max, endpoint, body), body)).not.toContain("locked");
    }
  });

  test("while root is shown all of it, so there is something to hide", async () => {
    const all = await Promise.all(
      (["template.list", "plan.list", "user.list", "jet.list", "action.list", "schedule.list"] as const).map(
        (endpoint) => answerOf(root, endpoint, {}),
      ),
    );
    for (const text of all) expect(text).toContain("secret");
    expect(await answerOf(root, "jet.get", { reference: "jet2" })).toContain("secret-locked-wipe");
    expect(await answerOf(root, "action.get", { id: runs.hers })).toContain("secret-word");
  });
});

describe("what is hidden and what is not there are answered in the same words", () => {
  /** The second names nothing that there is. */
  const PAIRS: readonly (readonly [string, Endpoint, (name: string) => Document, string])[] = [
    ["a jet", "jet.get", (reference) => ({ reference }), "secret-locked-jet"],
    ["the actions of a jet", "jet.actions", (reference) => ({ reference }), "secret-locked-jet"],
    ["a jet to trigger", "jet.trigger", (jet) => ({ jet, action: "turn" }), "secret-locked-jet"],
    ["an action to trigger", "jet.trigger", (action) => ({ jet: "jet1", action }), "secret-locked-wipe"],
    ["a jet to ask the way of", "jet.path", (jet) => ({ jet, state: "resting" }), "secret-locked-jet"],
    ["a jet to bring somewhere", "jet.target", (jet) => ({ jet, state: "resting" }), "secret-locked-jet"],
    ["a jet to bring nowhere", "jet.target", (jet) => ({ jet, state: null }), "secret-locked-jet"],
    ["a template", "template.get", (reference) => ({ reference }), "secret-locked-template"],
    ["a template to make a jet of", "jet.create", (template) => ({ template }), "secret-locked-template"],
    ["a template without a create action", "jet.create", (template) => ({ template }), "secret-locked-bare"],
    ["a template to delete", "template.delete", (reference) => ({ reference }), "secret-locked-template"],
    ["a plan to delete", "plan.delete", (reference) => ({ reference }), "secret-locked-work"],
    ["a jet to change", "jet.update", (reference) => ({ reference, name: "x" }), "secret-locked-jet"],
    ["a jet to delete", "jet.delete", (reference) => ({ reference }), "secret-locked-jet"],
    ["a plan", "plan.get", (reference) => ({ reference }), "secret-locked-work"],
    ["variables to delete", "variables.delete", (reference) => ({ reference }), "secret-variables"],
    ["a schedule", "schedule.get", (reference) => ({ reference }), "secret-locked-watch"],
    ["a schedule to delete", "schedule.delete", (reference) => ({ reference }), "secret-locked-watch"],
    ["a schedule to pause", "schedule.pause", (reference) => ({ reference }), "secret-locked-watch"],
    ["a schedule to run", "schedule.run", (reference) => ({ reference }), "secret-locked-watch"],
    [
      "a jet that is to be triggered by a schedule",
      "schedule.apply",
      (jet) => ({ reference: "mine", name: "x", every: "1d", trigger: { jet, action: "turn" } }),
      "secret-locked-jet",
    ],
    ["a user", "user.get", (reference) => ({ reference }), "secret-boss"],
    ["the runs of a jet", "action.list", (jet) => ({ jet }), "secret-locked-jet"],
    ["secrets of a jet", "secret.list", (jet) => ({ jet }), "secret-locked-jet"],
    ["secrets of a template", "secret.list", (template) => ({ template }), "secret-locked-template"],
    ["a jet's secret to delete", "secret.delete", (jet) => ({ jet, name: "x" }), "secret-locked-jet"],
    ["the jets of a template", "jet.list", (template) => ({ template }), "secret-locked-template"],
    [
      "a plan that an applied template names",
      "import",
      (plan) => ({
        documents: [
          {
            document: {
              ...shown,
              requires: [],
              reference: "mine",
              managers: ["max"],
              actions: [edge("create", { accessLevel: "user", to: "resting", plan })],
            },
          },
        ],
      }),
      "secret-locked-work",
    ],
    [
      "a template that an applied jet names",
      "import",
      (template) => ({ documents: [{ document: document("Jet", "jet1", { template, managers: ["max"] }) }] }),
      "secret-locked-template",
    ],
    [
      "a template to change",
      "template.apply",
      (reference) => ({ reference, name: reference, accessLevel: "root" }),
      "secret-locked-bare",
    ],
    [
      "a plan to change",
      "plan.apply",
      (reference) => ({ reference, name: reference, steps: [{ wait: 0 }] }),
      "secret-locked-work",
    ],
  ];

  test.each(PAIRS)("%s", async (_what, endpoint, bodyOf, hidden) => {
    const answer = async (client: MeshClient, name: string): Promise<string> =>
      (await answerOf(client, endpoint, bodyOf(name))).replaceAll(name, "NAME");
    for (const client of [ann, max])
      expect(await answer(client, hidden)).toBe(await answer(client, "not-there"));
  });

  test("a state that only a hidden action leads to, by the API", async () => {
    for (const endpoint of ["jet.path", "jet.target"] as const) {
      const [hidden, none] = await Promise.all(
        ["wiped", "moving"].map(async (state) =>
          (await answerOf(max, endpoint, { jet: "jet1", state })).replaceAll(state, "STATE"),
        ),
      );
      expect(hidden).toContain("no_path");
      expect(hidden).toBe(none);
    }
  });

  test("a state that only a hidden action leads to", async () => {
    const ends = await Promise.all(
      ["wiped", "moving"].map(async (state) => {
        max.connection.nc.publish(max.names.trigger.ofTarget("max", "jet1", state), "{}");
        const refused = await eventually(`the refusal of ${state}`, async () =>
          (await allHistory(root.connection, root.names)).find(
            ({ what, user, action }) => what === "refused" && user === "max" && action === state,
          ),
        );
        return JSON.stringify(refused.refusal).replaceAll(state, "STATE");
      }),
    );
    expect(ends[0]).toBe(ends[1]);
    expect(ends[0]).toContain("no_path");
  });
});

test("who requires a jet is not named to who may not read them, nor what is required", async () => {
  await applyDocuments(root, [
    document("Jet", "secret-locked-need", { template: "needed", managers: ["max"] }),
    document("Jet", "jet1", { template: "shown", users: ["ann"] }),
  ]);
  const answer = await answerOf(max, "jet.trigger", { jet: "secret-locked-need", action: "leave" });
  expect(answer).toContain("in_use");
  expect(answer).not.toContain("jet1");
  // What was just taken away counts within a second.
  await eventually("the other jet not to be named", async () => {
    const text = await answerOf(max, "jet.get", { reference: "secret-locked-need" });
    return text.includes("jet1") ? undefined : true;
  });
  expect(await answerOf(ann, "jet.get", { reference: "jet1" })).not.toContain("secret");
  expect(await answerOf(root, "jet.get", { reference: "jet1" })).toContain("secret-locked-need");
});
