import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type MeshClient, MeshError } from "@jetmesh/client";
import type { HistoryEntry, JetRecord, TriggerReply } from "@jetmesh/protocol";
import {
  allHistory,
  allJets,
  applyDocuments,
  type Document,
  eventually,
  loopDocuments,
  planDocument,
  startMesh,
  type TestMesh,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

/** Two hundred triggers at once on one jet, taken by two state-stores. */
const MANY = 200;
const dir = mkdtempSync(join(tmpdir(), "jm-many-"));
const file = join(dir, "ran");
/** A turn of `slow` ends when all have been answered, however long the machine needs for that. */
const gate = join(dir, "answered");
const TURN = `while [ ! -e ${gate} ]; do sleep 0.05; done`;
/** Clocks of two processes say nothing of what was first: the order of lines in a file does. */
const WITNESS = `echo "begin $JM_ACTION_ID" >> ${file}; echo "end $JM_ACTION_ID" >> ${file}`;
let mesh: TestMesh;
let clients: MeshClient[];
let client: MeshClient;

beforeAll(async () => {
  mesh = await startMesh({ services: { "state-store": 2, gateway: 2, "flight-plan-runner": 2 } });
  clients = await Promise.all([mesh.client(), mesh.client()]);
  client = clients[0] ?? (await mesh.client());
  await applyDocuments(client, [
    ...loopDocuments([{ shell: TURN }], {}, "slow"),
    planDocument("hold", [{ wait: "3s" }]),
    ...loopDocuments([{ shell: WITNESS }], {}, "quick")
      .filter(({ kind }) => kind !== "State")
      .map((one) => (one["kind"] === "Template" ? withHold(one) : one)),
  ]);
  for (const template of ["slow", "quick"])
    await client.request("jet.create", { template, reference: template, wait: true });
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});

const withHold = (template: Document): Document => ({
  ...template,
  actions: [
    ...(template["actions"] as Document[]),
    { reference: "hold", from: "resting", transit: "moving", to: "resting", plan: "hold" },
  ],
});
const jet = (reference: string): Promise<JetRecord> => client.request<JetRecord>("jet.get", { reference });
const turnsOf = async (name: string): Promise<HistoryEntry[]> =>
  (await allHistory(client.connection, client.names)).filter(
    (one) => one.jet === name && one.action === "turn" && one.what === "closed",
  );

test("where busy means refuse exactly one is accepted, and all others are told that the jet is busy", async () => {
  const all = await Promise.allSettled(
    Array.from({ length: MANY }, (_, n) =>
      (clients[n % 2] ?? client).request<TriggerReply>("jet.trigger", { jet: "slow", action: "turn" }),
    ),
  );
  const codes = all.flatMap((one) =>
    one.status === "fulfilled"
      ? []
      : [one.reason instanceof MeshError ? one.reason.code : String(one.reason)],
  );
  writeFileSync(gate, "");
  expect(codes).toEqual(Array.from({ length: MANY - 1 }, () => "jet_busy"));
  await eventually("it to rest", async () => ((await jet("slow")).open === undefined ? true : undefined));
  expect(await turnsOf("slow")).toHaveLength(1);
});

test("where busy means queue all run, one at a time, in the order of their stream", async () => {
  await client.request("jet.trigger", { jet: "quick", action: "hold" });
  const sequences = await Promise.all(
    Array.from({ length: MANY }, (_, n) =>
      (clients[n % 2] ?? client).publishTrigger("quick", "turn", { onBusy: "queue", argument: { n } }),
    ),
  );
  await eventually("all of them to wait", async () =>
    (await jet("quick")).queue.length === MANY ? true : undefined,
  );
  const done = await eventually(
    "all of them to have run",
    async () => {
      const found = await turnsOf("quick");
      return found.length === MANY ? found : undefined;
    },
    { withinMs: 40_000, everyMs: 250 },
  );
  const idOf = new Map(done.map(({ id, trigger }) => [trigger?.sequence, id]));
  const inOrder = sequences.toSorted((a, b) => a - b).map((sequence) => idOf.get(sequence) ?? "");
  expect(readFileSync(file, "utf8").trimEnd().split("\n")).toEqual(
    inOrder.flatMap((id) => [`begin ${id}`, `end ${id}`]),
  );
  const [is] = (await allJets(client.connection, client.names)).filter(
    ({ reference }) => reference === "quick",
  );
  expect(is).toMatchObject({ queue: [] });
  expect(is).not.toHaveProperty("open");
}, 60_000);
