import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord, JetView, TriggerReply } from "@jetmesh/protocol";
import {
  applyDocuments,
  type Document,
  eventually,
  planDocument,
  startMesh,
  stateDocument,
  type TestMesh,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

/** Templates and plans are edited while their jets live and act: what runs ends by what it began with, what comes next does not. */
let mesh: TestMesh;
let client: MeshClient;

const edge = (reference: string, rest: Document): Document => ({ reference, transit: "moving", ...rest });
const template = (actions: readonly Document[], rest: Document = {}): Document => ({
  apiVersion: "jetmesh/v1",
  kind: "Template",
  reference: "edited",
  actions,
  ...rest,
});
const CREATE = edge("create", { to: "low" });
const SLOWLY = { plan: "slowly", delays: { frequency: "100ms" } };

beforeAll(async () => {
  mesh = await startMesh();
  client = await mesh.client();
  await applyDocuments(client, ["moving", "other", "low", "high", "far"].map(stateDocument));
}, 60_000);
afterAll(() => mesh.stop());

let made = 0;
async function actingJet(): Promise<{ jet: string; ended: Promise<TriggerReply> }> {
  await applyDocuments(client, [
    planDocument("slowly", [
      { reference: "first", wait: "600ms" },
      { reference: "second", wait: 0 },
    ]),
    template([
      CREATE,
      edge("go", { from: "low", to: "high", ...SLOWLY }),
      edge("back", { from: "high", to: "low" }),
    ]),
  ]);
  const jet = `edited-${String((made += 1))}`;
  await client.request("jet.create", { template: "edited", reference: jet, wait: true });
  const ended = client.request<TriggerReply>("jet.trigger", { jet, action: "go", wait: true });
  await eventually("it to act", async () => ((await get(jet)).open === undefined ? undefined : true));
  return { jet, ended };
}
const get = (jet: string): Promise<JetView> => client.request<JetView>("jet.get", { reference: jet });
const available = async (jet: string): Promise<string[]> =>
  (await client.request<{ items: { reference: string }[] }>("jet.actions", { reference: jet })).items.map(
    ({ reference }) => reference,
  );

test("a running action goes where it was to go, by the plan that it began with", async () => {
  const { jet, ended } = await actingJet();
  await applyDocuments(client, [
    planDocument("slowly", [{ shell: "exit 1" }]),
    template([CREATE, edge("go", { from: "low", transit: "other", to: "far", ...SLOWLY })]),
  ]);
  const { outcome, actionId, state } = await ended;
  expect([outcome, state]).toEqual(["SUCCESS", "high"]);
  const { journal } = await client.request<ActionRecord>("action.get", { id: actionId });
  expect(journal.map(({ reference }) => reference)).toEqual(["first", "second"]);
  // Nothing begins in the state that it came to, until a template says so again.
  expect(await available(jet)).toEqual([]);
  await applyDocuments(client, [template([CREATE, edge("leave", { from: "high", to: "far" })])]);
  expect(await available(jet)).toEqual(["leave"]);
});

test("one that the template has lost meanwhile ends all the same, and cannot be triggered again", async () => {
  const { jet, ended } = await actingJet();
  await applyDocuments(client, [template([CREATE])]);
  expect(await ended).toMatchObject({ outcome: "SUCCESS", state: "high" });
  await expect(client.request("jet.trigger", { jet, action: "go" })).rejects.toMatchObject({
    code: "unknown_action",
  });
});

test("what waits is judged by the template as it is when its turn comes", async () => {
  const { jet, ended } = await actingJet();
  const waiting = ["back", "far"].map((action) =>
    client
      .request<TriggerReply>("jet.trigger", { jet, action, onBusy: "queue", wait: true })
      .catch((thrown: unknown) => ({
        outcome: "ERROR" as const,
        error: { code: (thrown as { code: string }).code },
      })),
  );
  await eventually("one to wait", async () => ((await get(jet)).queue.length === 1 ? true : undefined));
  await applyDocuments(client, [template([CREATE, edge("away", { from: "high", to: "low" })])]);
  expect(await ended).toMatchObject({ outcome: "SUCCESS" });
  const [back, far] = await Promise.all(waiting);
  expect(far).toMatchObject({ error: { code: "unknown_action" } });
  expect(back).toMatchObject({ outcome: "ERROR", error: { code: "unknown_action" } });
  expect(await get(jet)).toMatchObject({ state: "high", queue: [] });
});

test("the available actions of a jet follow the edits of where an action begins", async () => {
  await applyDocuments(client, [template([CREATE, edge("go", { from: "low", to: "high" })])]);
  await client.request("jet.create", { template: "edited", reference: "still", wait: true });
  expect(await available("still")).toEqual(["go"]);
  await applyDocuments(client, [template([CREATE, edge("go", { from: "high", to: "low" })])]);
  expect(await available("still")).toEqual([]);
});
