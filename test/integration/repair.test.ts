import type { MeshClient } from "@jetmesh/client";
import { decideAction, decideJet, dueAt, expiresAt, newAction } from "@jetmesh/lifecycle";
import type {
  AcceptedTrigger,
  ActionRecord,
  JetRecord,
  PlanDefinition,
  TemplateDefinition,
} from "@jetmesh/protocol";
import { createMeshStore, type MeshStore, writeRepeatable } from "@jetmesh/storage";
import {
  allHistory,
  applyDocuments,
  eventually,
  loopDocuments,
  startMesh,
  type TestMesh,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

/**
 * What a state-store that died between two writes leaves behind, written here word for word as it would have been,
 * while no state-store runs; then two start at once, and each jet must come to rest (design §4, Repair).
 */
let mesh: TestMesh;
let client: MeshClient;
let store: MeshStore;
let template: TemplateDefinition;
let plan: PlanDefinition;
const LEFT = [
  "never-made",
  "never-settled",
  "never-told",
  "told-long-ago",
  "closed-too-soon",
  "over-and-gone",
  "queue",
  "target",
] as const;

const trigger = (id: string, at = Date.now()): AcceptedTrigger => ({
  id,
  action: "turn",
  user: "root",
  argument: {},
  trigger: { via: "api", key: id },
  at: new Date(at).toISOString(),
});
const idOf = (jet: string): string => Buffer.from(jet).toString("hex").slice(0, 24).padEnd(24, "0");

async function jetAt(reference: string): Promise<{ jet: JetRecord; revision: number }> {
  const stored = await store.jets.get(reference);
  if (stored.kind !== "record") throw new Error(`no jet ${reference}`);
  return { jet: stored.value, revision: stored.revision };
}
async function writeJet(reference: string, change: (jet: JetRecord) => JetRecord): Promise<JetRecord> {
  const { jet, revision } = await jetAt(reference);
  const next = change(jet);
  expect((await store.jets.swap(reference, next, revision, { point: "jet.accept" })).kind).toBe("written");
  return next;
}
const accepted = (reference: string): Promise<JetRecord> =>
  writeJet(reference, (jet) => {
    const event = {
      type: "trigger",
      trigger: trigger(idOf(reference)),
      onBusy: "refuse",
      template,
      facts: { access: { allow: true }, expired: false },
    } as const;
    const decision = decideJet(jet, event, Date.now());
    if (decision.kind !== "write") throw new Error(JSON.stringify(decision));
    return decision.next;
  });

/** An action that has run and succeeded, as its runner would have left it. */
function succeeded(jet: JetRecord, at: number): ActionRecord {
  const jetAction = template.actions.find(({ reference }) => reference === "turn");
  const definition = { plan, variables: {}, ...(jetAction === undefined ? {} : { jetAction }) };
  const fresh = newAction(
    {
      id: idOf(jet.reference),
      kind: "flight-plan",
      user: "root",
      argument: {},
      definition,
      jet: { reference: jet.reference, template: "loop", incarnation: jet.incarnation },
    },
    at,
  );
  const claimed = decideAction(
    fresh,
    { type: "resume", runner: "runner-x", nonce: "noncenonce", holderDead: false },
    at,
  );
  const ended = decideAction(
    claimed.kind === "write" ? claimed.next : fresh,
    { type: "main_returned", nonce: "noncenonce", answer: { state: "SUCCESS" } },
    at,
  );
  return ended.kind === "write" ? ended.next : fresh;
}

beforeAll(async () => {
  mesh = await startMesh();
  client = await mesh.client();
  store = createMeshStore(client.connection, client.names, { dueAt, expiresAt });
  await applyDocuments(client, loopDocuments([{ shell: ["true"] }]));
  template = await client.request<TemplateDefinition>("template.get", { reference: "loop" });
  plan = await client.request<PlanDefinition>("plan.get", { reference: "loop_turn" });
  for (const reference of LEFT) {
    await client.request("jet.create", { template: "loop", reference, wait: true });
    // A second write, so that the record knows its incarnation.
    await client.request("jet.trigger", { jet: reference, action: "turn", wait: true });
  }
  await eventually("all of it to be closed", async () =>
    (await allHistory(client.connection, client.names)).length === 2 * LEFT.length ? true : undefined,
  );
  await mesh.of("state-store").kill();

  await accepted("never-made");
  await store.actions.swap(idOf("never-settled"), succeeded(await accepted("never-settled"), Date.now()), 0, {
    point: "action.make",
  });
  for (const reference of ["never-told", "told-long-ago"]) {
    const long = reference === "told-long-ago" ? 10 * 60_000 : 0;
    const { jet } = await jetAt(reference);
    const record = succeeded(jet, Date.now() - long);
    await store.actions.swap(record.id, record, 0, { point: "action.make" });
    if (long === 0) continue;
    const entry = {
      v: 1,
      what: "closed",
      id: record.id,
      at: record.endedAt,
      user: "root",
      jet: reference,
      outcome: "SUCCESS",
    };
    // Without its message id, as after the two minutes for which the broker remembers one.
    await writeRepeatable(client.connection, client.names.history.of(reference), JSON.stringify(entry), {
      point: "history.closed",
    });
  }
  const early = decideAction(
    succeeded(await accepted("closed-too-soon"), Date.now()),
    { type: "owner_told" },
    Date.now(),
  );
  if (early.kind !== "write") throw new Error("not closed");
  await store.actions.swap(early.next.id, early.next, 0, { point: "action.make" });
  // Taken a second time, when nothing but the marker of its record was left.
  const over = { ...early.next, id: idOf("over-and-gone"), jet: "over-and-gone" };
  await store.actions.swap(over.id, over, 0, { point: "action.close", ttlMs: 1_000 });
  await eventually("its record to be gone", async () =>
    (await store.actions.get(over.id)).kind === "gone" ? true : undefined,
  );
  await accepted("over-and-gone");
  await writeJet("queue", (jet) => ({
    ...jet,
    queue: [trigger(idOf("queue"))],
    recent: [...jet.recent, idOf("queue")],
  }));
  await writeJet("target", (jet) => ({
    ...jet,
    state: "broken",
    target: {
      id: idOf("target"),
      state: "resting",
      user: "root",
      trigger: { via: "target", key: "x" },
      at: new Date().toISOString(),
      hops: 0,
    },
  }));
  await Promise.all([mesh.start("state-store"), mesh.start("state-store")]);
}, 90_000);
afterAll(() => mesh.stop());

test.each(LEFT)("%s: the jet comes to rest, naming no open action", async (reference) => {
  const jet = await eventually(
    `jet ${reference} to rest`,
    async () => {
      const { jet: now } = await jetAt(reference);
      return now.open === undefined && now.queue.length === 0 && now.target === undefined ? now : undefined;
    },
    { withinMs: 15_000, everyMs: 50 },
  );
  expect(jet.state).toBe("resting");
});

test.each(["never-made", "never-settled", "never-told", "told-long-ago", "queue"])(
  "%s: its action is closed, and once in the history",
  async (reference) => {
    const id = idOf(reference);
    await eventually(
      `action of ${reference} to be closed`,
      async () => {
        const stored = await store.actions.get(id);
        return stored.kind === "record" && stored.value.state === "CLOSED" ? true : undefined;
      },
      { withinMs: 15_000, everyMs: 50 },
    );
    const entries = (await allHistory(client.connection, client.names)).filter((entry) => entry.id === id);
    expect(entries.map(({ outcome }) => outcome)).toEqual(["SUCCESS"]);
  },
);
