import type { MeshClient } from "@jetmesh/client";
import { MeshError } from "@jetmesh/client";
import type { JetRecord } from "@jetmesh/protocol";
import {
  allHistory,
  allJets,
  applyDocuments,
  type Document,
  eventually,
  loopDocuments,
  planDocument,
  startMesh,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

let mesh: Awaited<ReturnType<typeof startMesh>>;
let client: MeshClient;

beforeAll(async () => {
  mesh = await startMesh({ services: { "state-store": 2 } });
  client = await mesh.client();
  await applyDocuments(client, loopDocuments([{ wait: "300ms" }], { delays: { frequency: "100ms" } }));
  await client.request("jet.create", { template: "loop", reference: "one", wait: true });
  await client.request("jet.create", { template: "loop", reference: "two", wait: true });
}, 60_000);
afterAll(() => mesh.stop());

const codeOf = (thrown: unknown): string => (thrown instanceof MeshError ? thrown.code : String(thrown));

test("of twenty triggers at once on one jet exactly one is accepted when busy means refuse", async () => {
  const all = await Promise.allSettled(
    Array.from({ length: 20 }, () => client.request("jet.trigger", { jet: "one", action: "turn" })),
  );
  const refused = all
    .filter(({ status }) => status === "rejected")
    .map((one) => codeOf((one as PromiseRejectedResult).reason));
  expect(refused).toEqual(Array.from({ length: 19 }, () => "jet_busy"));
  const rests = await eventually("jet one to rest", async () => {
    const jet = await client.request<JetRecord>("jet.get", { reference: "one" });
    return jet.open === undefined ? jet : undefined;
  });
  expect(rests.state).toBe("resting");
});

// That it is one at a time `two-hundred-at-once.test.ts` shows: the clocks of two processes say nothing of what was first.
test("when busy means queue all run, and those that waited in the order of the stream", async () => {
  const sent: string[] = [];
  for (let n = 0; n < 8; n += 1) {
    sent.push(String(n));
    await client.publishTrigger("two", "turn", { onBusy: "queue", argument: { n: String(n) } });
  }
  await eventually(
    "eight turns of jet two in the history",
    async () => {
      const turns = (await allHistory(client.connection, client.names)).filter(
        ({ jet, action }) => jet === "two" && action === "turn",
      );
      return turns.length === 8 ? true : undefined;
    },
    { withinMs: 20_000, everyMs: 100 },
  );
  const closed = (await allHistory(client.connection, client.names)).filter(
    ({ jet, action }) => jet === "two" && action === "turn",
  );
  // The first to reach either state-store runs at once; the others wait.
  const keys = closed.map(({ trigger }) => Number(trigger?.key)).slice(1);
  expect(keys).toEqual(keys.toSorted((a, b) => a - b));
  expect(
    (await allJets(client.connection, client.names)).every(
      ({ open, queue }) => open === undefined && queue.length === 0,
    ),
  ).toBe(true);
});

test("what is queued behind the very action that creates a jet runs as well, and the jet comes to rest", async () => {
  // Its record is written a second time before it has settled once.
  const plan = planDocument("loop_create", [{ wait: "500ms" }]);
  const slow = loopDocuments([{ wait: "10ms" }]).map((one) =>
    one["kind"] === "Template"
      ? { ...one, reference: "slow", actions: slowlyCreated(one["actions"] as Document[]) }
      : one,
  );
  await applyDocuments(client, [plan, ...slow]);
  const made = await client.request<{ actionId: string }>("jet.create", {
    template: "slow",
    reference: "three",
  });
  for (let n = 0; n < 2; n += 1) await client.publishTrigger("three", "turn", { onBusy: "queue" });
  let last: unknown;
  await eventually(
    "jet three to rest after all three",
    async () => {
      const jet = await client.request<JetRecord>("jet.get", { reference: "three" });
      const closed = (await allHistory(client.connection, client.names)).filter((one) => one.jet === "three");
      last = { jet, closed: closed.length };
      return jet.open === undefined && jet.queue.length === 0 && closed.length === 3 ? true : undefined;
    },
    { withinMs: 20_000, lastSeen: () => last },
  );
  expect(await client.request("action.get", { id: made.actionId })).toMatchObject({ outcome: "SUCCESS" });
});

const slowlyCreated = (actions: readonly Document[]): Document[] =>
  actions.map((action) => (action["reference"] === "create" ? { ...action, plan: "loop_create" } : action));
