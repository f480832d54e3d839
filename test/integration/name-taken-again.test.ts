import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord, JetRecord } from "@jetmesh/protocol";
import { createMeshStore, type MeshStore, tell, writeRepeatable } from "@jetmesh/storage";
import {
  allHistory,
  applyDocuments,
  eventually,
  loopDocuments,
  startMesh,
  type TestMesh,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

/** A jet is destroyed and its name taken again while messages of the old one are still about. */
const dir = mkdtempSync(join(tmpdir(), "jm-name-"));
const file = join(dir, "ran");
let mesh: TestMesh;
let client: MeshClient;
let store: MeshStore;

beforeAll(async () => {
  writeFileSync(file, "");
  mesh = await startMesh({ services: { "flight-plan-runner": 2 }, env: { JM_DRAIN_MS: "1000" } });
  client = await mesh.client();
  store = createMeshStore(client.connection, client.names);
  const script = `echo "$JM_ACTION_ID" >> ${file}; sleep {{ argument.seconds | default: 0 }}`;
  const documents = loopDocuments([{ shell: script }], { delays: { main: "1s" }, error: "resting" });
  await applyDocuments(client, documents);
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});

const ran = (): string[] => readFileSync(file, "utf8").split("\n").filter(Boolean);
const jet = (reference: string): Promise<JetRecord> => client.request<JetRecord>("jet.get", { reference });
const create = (reference: string): Promise<unknown> =>
  client.request("jet.create", { template: "loop", reference, wait: true });
const trigger = (
  reference: string,
  action: string,
  more: Record<string, unknown> = {},
): Promise<{ actionId: string }> =>
  client.request("jet.trigger", { jet: reference, action, wait: true, ...more });
const closed = (id: string): Promise<ActionRecord> =>
  eventually(`action ${id} to be closed`, async () => {
    const record = await client.request<ActionRecord>("action.get", { id });
    return record.state === "CLOSED" ? record : undefined;
  });
async function takenAgain(reference: string): Promise<number> {
  await trigger(reference, "remove");
  await create(reference);
  const there = await store.jets.get(reference);
  return there.kind === "record" ? there.revision : 0;
}
const taken = (): Promise<unknown> =>
  eventually(
    "every message to be taken",
    async () => {
      const infos = await Promise.all(
        ["JM_TRIGGERS", "JM_RESUME"].map((stream) => client.connection.jsm.streams.info(stream)),
      );
      return infos.every(({ state }) => state.messages === 0) ? true : undefined;
    },
    { withinMs: 20_000 },
  );

test("its resume, with its record, and the word that its action has ended do nothing to the new one", async () => {
  await create("phoenix");
  const old = await closed((await trigger("phoenix", "turn")).actionId);
  const oldIncarnation = (await jet("phoenix")).incarnation;
  const revision = await takenAgain("phoenix");
  expect((await jet("phoenix")).incarnation).toBeGreaterThan(oldIncarnation);

  const { outcome: _outcome, endedAt: _endedAt, ...rest } = old;
  const asleep = { ...rest, state: "SLEEPING", transitions: old.transitions.slice(0, 1) };
  const hint = JSON.stringify({ v: 1, id: old.id, revision: 1, record: asleep });
  await writeRepeatable(client.connection, client.names.resume.of("default", old.id), hint, {
    point: "resume.send",
  });
  const ended = { v: 1, revision: 1, record: { ...old, state: "SUCCESS" } };
  tell(client.connection, client.names.svc.of("state-store", "ended"), ended);
  await taken();
  // What comes behind them is served, so they have been.
  await create("another");
  expect(await store.jets.get("phoenix")).toMatchObject({ kind: "record", revision });
  expect(ran().filter((id) => id === old.id)).toHaveLength(1);
  expect(
    (await allHistory(client.connection, client.names)).filter(
      ({ id, what }) => id === old.id && what === "closed",
    ),
  ).toHaveLength(1);
});

test("its trigger, delivered again because the acknowledgement was lost, does nothing to the new one", async () => {
  await create("risen");
  await mesh.services.findLast(({ name }) => name === "state-store")?.stop();
  const faulty = await mesh.start("state-store", { JM_FAULTS: "trigger.ack/before=lose@1" });
  const before = ran().length;
  await client.publishTrigger("risen", "turn");
  await eventually("it to run", () => (ran().length === before + 1 ? true : undefined));
  await eventually("the jet to rest", async () =>
    (await jet("risen")).open === undefined ? true : undefined,
  );
  const revision = await takenAgain("risen");
  expect((await client.connection.jsm.streams.info("JM_TRIGGERS")).state.messages).toBe(1);
  await taken();
  expect(faulty.log()).toContain("fault trigger.ack/before=lose");
  expect(await store.jets.get("risen")).toMatchObject({ kind: "record", revision });
  expect(ran()).toHaveLength(before + 1);
});

test("what waited for the old one is refused and not run on the new one", async () => {
  await create("reborn");
  const before = ran().length;
  const turning = trigger("reborn", "turn", { argument: { seconds: 0.5 } });
  await eventually("the jet to be busy", () => (ran().length === before + 1 ? true : undefined));
  await client.publishTrigger("reborn", "remove", { onBusy: "queue" });
  await eventually("it to wait", async () => ((await jet("reborn")).queue.length === 1 ? true : undefined));
  const sequence = await client.publishTrigger("reborn", "turn", { onBusy: "queue" });
  await turning;
  await eventually("the jet to be gone", () =>
    jet("reborn").then(
      () => undefined,
      () => true,
    ),
  );
  await create("reborn");
  const refused = await eventually("the refusal in the history", async () =>
    (await allHistory(client.connection, client.names)).find((one) => one.trigger?.sequence === sequence),
  );
  expect(refused).toMatchObject({ what: "refused", refusal: { code: "unknown_jet" } });
  expect(ran()).toHaveLength(before + 1);
});

test("what waited is refused also where the state-store dies as it takes it out of the queue", async () => {
  await create("orphan");
  const before = ran().length;
  await trigger("orphan", "turn", { argument: { seconds: 0.8 }, wait: false });
  await eventually("the jet to be busy", () => (ran().length === before + 1 ? true : undefined));
  await client.publishTrigger("orphan", "remove", { onBusy: "queue" });
  await eventually("it to wait", async () => ((await jet("orphan")).queue.length === 1 ? true : undefined));
  const sequence = await client.publishTrigger("orphan", "turn", { onBusy: "queue" });
  await eventually("both to wait", async () => ((await jet("orphan")).queue.length === 2 ? true : undefined));
  await mesh.services.findLast(({ name }) => name === "state-store")?.stop();
  // The first that settles is the turn, the second the removal, which takes all that waits with it.
  const faulty = await mesh.start("state-store", { JM_FAULTS: "jet.settle/after=crash@2" });
  await faulty.gone;
  await mesh.start("state-store");
  const refused = await eventually("the refusal in the history", async () =>
    (await allHistory(client.connection, client.names)).find((one) => one.trigger?.sequence === sequence),
  );
  expect(refused).toMatchObject({ what: "refused", refusal: { code: "unknown_jet" } });
});

test("the late result of a runner that was stopped in an action of the old one is recorded and changes nothing", async () => {
  await create("late");
  const before = ran().length;
  const { actionId: id } = await trigger("late", "turn", { argument: { seconds: 3 }, wait: false });
  await eventually("the step to run", () => (ran().length === before + 1 ? true : undefined));
  const { claim } = await client.request<ActionRecord>("action.get", { id });
  const holder = mesh.services.find(
    ({ instance }) => instance.replace("flight-plan-runner", "runner") === claim?.runner,
  );
  holder?.signal("SIGSTOP");
  await eventually(
    "the jet to rest",
    async () => ((await jet("late")).open === undefined ? true : undefined),
    {
      withinMs: 30_000,
    },
  );
  const revision = await takenAgain("late");
  holder?.signal("SIGCONT");
  await eventually(
    "the late result in the history",
    async () =>
      (await allHistory(client.connection, client.names)).find((one) => one.what === "late" && one.id === id),
    { withinMs: 20_000 },
  );
  expect(await store.jets.get("late")).toMatchObject({ kind: "record", revision });
});
