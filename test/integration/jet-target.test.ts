import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord, JetView, PathReply, TargetReply } from "@jetmesh/protocol";
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
import { afterAll, beforeAll, expect, test } from "vitest";

/** Jets are brought to a state over several actions: previewed, replaced, canceled, and never against the rules. */
let mesh: TestMesh;
let root: MeshClient;

const edge = (reference: string, from: string | undefined, to: string, rest: Document = {}): Document => ({
  reference,
  accessLevel: "user",
  transit: "moving",
  ...(from === undefined ? {} : { from }),
  to,
  ...rest,
});
const ladder = (reference: string, rest: Document = {}): Document => ({
  apiVersion: "jetmesh/v1",
  kind: "Template",
  reference,
  accessLevel: "user",
  actions: [
    edge("create", undefined, "low"),
    // Two ways of the same length: by priority it is the one over `middle`.
    edge("climb", "low", "middle", { priority: 5 }),
    edge("jump", "low", "side", { priority: 9 }),
    edge("rise", "middle", "high"),
    edge("leap", "side", "high", { priority: 1 }),
    edge("fall", "high", "low"),
  ],
  ...rest,
});

beforeAll(async () => {
  mesh = await startMesh({ services: { "state-store": 2 } });
  root = await mesh.client();
  await applyDocuments(root, [
    ...["moving", "low", "middle", "side", "high"].map(stateDocument),
    { ...stateDocument("secret"), accessLevel: "manager" },
    userDocument("ann", "user"),
    userDocument("bob", "user"),
    userDocument("max", "manager"),
    planDocument("slowly", [{ wait: "600ms" }]),
    planDocument("badly", [{ shell: "exit 3" }]),
    ladder("ladder"),
    slow("slow-ladder"),
  ]);
}, 60_000);
afterAll(() => mesh.stop());

const slow = (reference: string): Document => {
  const { actions, ...rest } = ladder(reference);
  const delays = { frequency: "100ms" };
  return {
    ...rest,
    actions: (actions as Document[]).map((one) =>
      one["reference"] === "create" ? one : { ...one, plan: "slowly", delays },
    ),
  };
};
let made = 0;
async function makeJet(template: string, more: Document = {}): Promise<string> {
  const reference = `${template}-${String((made += 1))}`;
  await root.request("jet.create", { template, reference, wait: true, users: ["ann", "bob"], ...more });
  return reference;
}
const get = (jet: string): Promise<JetView> => root.request<JetView>("jet.get", { reference: jet });
const bring = (
  client: MeshClient,
  jet: string,
  state: string | null,
  more: Document = {},
): Promise<TargetReply> => client.request<TargetReply>("jet.target", { jet, state, ...more });
const path = async (client: MeshClient, jet: string, state: string): Promise<string[]> =>
  (await client.request<PathReply>("jet.path", { jet, state })).items.map(({ reference }) => reference);
const codeOf = (asking: Promise<unknown>): Promise<string> =>
  asking.then(
    () => "allowed",
    (thrown: unknown) => (thrown as { code: string }).code,
  );
const ranOn = async (jet: string): Promise<string[]> =>
  (await allHistory(root.connection, root.names))
    .filter((one) => one.jet === jet && one.what === "closed")
    .map(({ action = "" }) => action);
/** The jet's first hop is under way. */
const moving = (jet: string): Promise<JetView> =>
  eventually(`${jet} to move`, async () => {
    const is = await get(jet);
    return is.open === undefined ? undefined : is;
  });

test("the preview lists the actions of the shortest way, ties by priority, and bringing it there runs just these", async () => {
  const ann = await mesh.client("ann");
  const jet = await makeJet("ladder");
  expect(await path(ann, jet, "high")).toEqual(["climb", "rise"]);
  expect(await path(ann, jet, "low")).toEqual([]);
  expect(await bring(ann, jet, "high", { wait: true })).toEqual({ jet, state: "high", outcome: "SUCCESS" });
  expect(await get(jet)).toMatchObject({ state: "high", lastTarget: { state: "high", outcome: "SUCCESS" } });
  expect(await ranOn(jet)).toEqual(["create", "climb", "rise"]);
  expect(await path(ann, jet, "side")).toEqual(["fall", "jump"]);
});

test("one that is there already is answered at once, and nothing is written", async () => {
  const jet = await makeJet("ladder");
  const before = await get(jet);
  expect(await bring(root, jet, "low", { wait: true })).toEqual({ jet, state: "low", outcome: "SUCCESS" });
  expect(await get(jet)).toEqual(before);
});

test("what may not be, or leads nowhere, is refused with its code, previewed and asked for", async () => {
  const ann = await mesh.client("ann");
  const jet = await makeJet("ladder");
  const hidden = await makeJet("ladder", { users: [] });
  for (const [state, name, code] of [
    ["secret", jet, "forbidden"],
    ["nowhere", jet, "unknown_state"],
    ["moving", jet, "no_path"],
    ["high", hidden, "unknown_jet"],
    ["high", "nobody", "unknown_jet"],
  ] as const) {
    expect(await codeOf(path(ann, name, state)), `path to ${state}`).toBe(code);
    expect(await codeOf(bring(ann, name, state)), `target ${state}`).toBe(code);
  }
  const refused = (await allHistory(root.connection, root.names)).filter((one) => one.what === "refused");
  expect(refused.map(({ user, action, refusal }) => [user, action, refusal?.code])).toEqual(
    expect.arrayContaining([
      ["ann", "secret", "forbidden"],
      ["ann", "moving", "no_path"],
    ]),
  );
});

test("every action on the way must be allowed, not the state alone", async () => {
  await applyDocuments(root, [
    ladder("guarded", {
      actions: [
        edge("create", undefined, "low"),
        edge("climb", "low", "middle"),
        edge("rise", "middle", "high", { accessLevel: "manager" }),
      ],
    }),
  ]);
  const ann = await mesh.client("ann");
  const jet = await makeJet("guarded", { managers: ["max"] });
  expect(await codeOf(path(ann, jet, "high"))).toBe("no_path");
  expect(await codeOf(bring(ann, jet, "high"))).toBe("no_path");
  expect(await get(jet)).toMatchObject({ state: "low" });
  expect(await path(await mesh.client("max"), jet, "high")).toEqual(["climb", "rise"]);
});

test("who loses a right on the way is stopped at the next action, told so, and it is in the history", async () => {
  const bob = await mesh.client("bob");
  const jet = await makeJet("slow-ladder");
  const brought = bring(bob, jet, "high", { wait: true });
  const { target } = await moving(jet);
  await applyDocuments(root, [
    { apiVersion: "jetmesh/v1", kind: "Jet", reference: jet, template: "slow-ladder", users: ["ann"] },
  ]);
  expect(await brought).toMatchObject({ outcome: "ERROR", state: "middle", error: { code: "unknown_jet" } });
  expect(await get(jet)).toMatchObject({
    state: "middle",
    lastTarget: { id: target?.id, state: "high", outcome: "ERROR", code: "unknown_jet" },
  });
  expect(await ranOn(jet)).toEqual(["create", "climb"]);
  expect((await allHistory(root.connection, root.names)).filter(({ id }) => id === target?.id)).toMatchObject(
    [{ what: "refused", user: "bob", action: "high", refusal: { code: "unknown_jet" } }],
  );
});

test("a newer target replaces the older, whose caller is told; what runs goes on to its end", async () => {
  const jet = await makeJet("slow-ladder");
  const first = bring(root, jet, "high", { wait: true });
  const { open } = await moving(jet);
  const second = bring(root, jet, "middle", { wait: true });
  expect(await first).toMatchObject({ outcome: "ERROR", error: { code: "target_replaced" } });
  expect(await second).toEqual({ jet, state: "middle", outcome: "SUCCESS" });
  expect(await root.request<ActionRecord>("action.get", { id: open?.id })).toMatchObject({
    outcome: "SUCCESS",
  });
  expect(await ranOn(jet)).toEqual(["create", "climb"]);
});

test("a canceled one goes no further; its caller is told, and the action that runs is not interrupted", async () => {
  const jet = await makeJet("slow-ladder");
  const brought = bring(root, jet, "high", { wait: true });
  const { open } = await moving(jet);
  const canceled = await bring(root, jet, null);
  expect(canceled).toMatchObject({ jet, state: "moving", actionId: open?.id });
  expect(canceled).not.toHaveProperty("target");
  expect(await brought).toMatchObject({ outcome: "ERROR", error: { code: "canceled" } });
  const rests = await eventually("it to rest", async () => {
    const is = await get(jet);
    return is.open === undefined ? is : undefined;
  });
  expect(rests).toMatchObject({ state: "middle", lastTarget: { code: "canceled" } });
  expect(await ranOn(jet)).toEqual(["create", "climb"]);
  // Again there is nothing to cancel.
  expect(await bring(root, jet, null)).toEqual({ jet, state: "middle" });
});

test("who set it, who may bring it there and its managers cancel a target, and nobody else", async () => {
  await applyDocuments(root, [
    {
      ...ladder("vip"),
      actions: [edge("create", undefined, "low"), edge("up", "low", "secret", { plan: "slowly" })],
    },
  ]);
  const jet = await makeJet("vip", { managers: ["max"] });
  const moves = bring(root, jet, "secret", { wait: true });
  await moving(jet);
  expect(await codeOf(bring(await mesh.client("ann"), jet, null))).toBe("forbidden");
  expect(await codeOf(bring(await mesh.client("stranger"), jet, null))).toBe("unknown_jet");
  expect(await codeOf(bring(await mesh.client("max"), jet, null))).toBe("allowed");
  expect(await moves).toMatchObject({ outcome: "ERROR", error: { code: "canceled" } });
});

test("one whose action fails ends there, with the error of the action", async () => {
  await applyDocuments(root, [
    ladder("broken", {
      actions: [
        edge("create", undefined, "low"),
        edge("climb", "low", "middle", { plan: "badly", error: "side" }),
        edge("rise", "middle", "high"),
      ],
    }),
  ]);
  const jet = await makeJet("broken");
  expect(await bring(root, jet, "high", { wait: true })).toMatchObject({
    outcome: "ERROR",
    state: "side",
    error: { code: "step_failed" },
  });
});

test("asked again with its key it is the same target, under way and when it is over", async () => {
  const jet = await makeJet("slow-ladder");
  const first = await bring(root, jet, "middle", { key: "k1" });
  const again = await bring(root, jet, "middle", { key: "k1" });
  expect(again).toMatchObject({ target: { id: first.target?.id, state: "middle" } });
  await eventually("it to be there", async () =>
    (await get(jet)).lastTarget === undefined ? undefined : true,
  );
  expect(await bring(root, jet, "middle", { key: "k1", wait: true })).toMatchObject({ outcome: "SUCCESS" });
  await bring(root, jet, "high", { wait: true });
  // It is not brought back by one that had its effect.
  expect(await bring(root, jet, "middle", { key: "k1" })).toEqual({ jet, state: "high" });
  expect(await ranOn(jet)).toEqual(["create", "climb", "rise"]);
});

test("while an action is open the way is not known, and is taken from where that leads", async () => {
  const jet = await makeJet("slow-ladder");
  await root.request("jet.trigger", { jet, action: "jump" });
  expect(await codeOf(path(root, jet, "high"))).toBe("jet_busy");
  expect(await bring(root, jet, "high", { wait: true })).toMatchObject({ state: "high", outcome: "SUCCESS" });
  expect(await ranOn(jet)).toEqual(["create", "jump", "leap"]);
});

test("a caller learns the end also where the state-store that wrote it died before it told", async () => {
  const jet = await makeJet("slow-ladder");
  for (const one of mesh.services.filter(({ name }) => name === "state-store")) await one.stop();
  const dying = await mesh.start("state-store", { JM_FAULTS: `jet.settle/after=crash~${jet}` });
  const brought = bring(root, jet, "middle", { wait: true });
  await dying.gone;
  await mesh.start("state-store");
  expect(await brought).toMatchObject({ outcome: "SUCCESS", state: "middle" });
});
