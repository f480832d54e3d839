import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import { DeadLetter } from "@jetmesh/protocol";
import { createMeshStore } from "@jetmesh/storage";
import {
  allActions,
  applyDocuments,
  eventually,
  loopDocuments,
  messagesOf,
  type ServiceName,
  startMesh,
  type TestMesh,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

/**
 * A message that kills every process which handles it, among many that do nothing wrong and are in flight beside it,
 * so that they are delivered again as often as it is.
 */
const GOOD = 50;
const JETS = 25;
const dir = mkdtempSync(join(tmpdir(), "jm-poison-"));
const ranFile = join(dir, "ran");
let mesh: TestMesh;
let client: MeshClient;

beforeAll(async () => {
  mesh = await startMesh({ env: { JM_DRAIN_MS: "1000" } });
  client = await mesh.client();
  await applyDocuments(client, loopDocuments([{ shell: `echo "$JM_ACTION_ID" >> ${ranFile}` }]));
  for (let n = 0; n < JETS; n += 1)
    await client.request("jet.create", { template: "loop", reference: `jet${String(n)}`, wait: true });
  await client.request("jet.create", { template: "loop", reference: "bad", wait: true });
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});

const lines = (): string[] => {
  try {
    return readFileSync(ranFile, "utf8").split("\n").filter(Boolean);
  } catch {
    return [];
  }
};
async function letters(): Promise<DeadLetter[]> {
  const found = await messagesOf(client.connection, client.names.streams.dead, client.names.dead.all);
  return found.map(({ json }) => DeadLetter.parse(json));
}
const countOf = async (stream: string): Promise<number> =>
  (await client.connection.jsm.streams.info(stream)).state.messages;

/** Starts each process again when it has died, as a supervisor would; gives how many died. */
async function whileRestarted(
  name: ServiceName,
  count: number,
  env: Record<string, string>,
  scenario: () => Promise<void>,
): Promise<number> {
  await Promise.all(mesh.services.filter((one) => one.name === name).map((one) => one.stop()));
  let deaths = 0;
  let over = false;
  const keep = async (): Promise<void> => {
    while (!over) {
      const service = await mesh.start(name, env);
      await Promise.race([service.gone, ended]);
      if (over) await service.stop();
      else deaths += 1;
    }
  };
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const kept = Promise.all(Array.from({ length: count }, keep));
  try {
    await scenario();
  } finally {
    over = true;
    end();
    await kept;
  }
  return deaths;
}

test("a trigger that kills its state-stores is put aside, and fifty beside it all end once", async () => {
  // What is in flight beside the poison is held up there, so that it dies with its process.
  const env = { JM_FAULTS: "jet.accept/before=crash~poison@*" };
  let letter: DeadLetter | undefined;
  const deaths = await whileRestarted("state-store", 2, env, async () => {
    const publish = (n: number): Promise<number> =>
      client.publishTrigger(`jet${String(n % JETS)}`, "turn", { onBusy: "queue", argument: { n } });
    const good = Array.from({ length: GOOD }, (_, n) => n);
    await Promise.all(good.slice(0, GOOD / 2).map(publish));
    await client.publishTrigger("bad", "turn", { argument: { word: "poison" } });
    await Promise.all(good.slice(GOOD / 2).map(publish));
    letter = await eventually("the letter", async () => (await letters())[0], { withinMs: 90_000 });
    await eventually("the triggers to be taken", async () =>
      (await countOf("JM_TRIGGERS")) === 0 ? true : undefined,
    );
  });
  expect(letter).toMatchObject({
    code: "poison",
    reason: "no process that tried it came back, 3 times in a row",
    origin: { stream: "JM_TRIGGERS", subject: "jm.trigger.root.bad.turn" },
  });
  expect(await letters()).toHaveLength(1);
  expect(letter?.origin.deliveries).toBeGreaterThanOrEqual(7);
  expect(deaths).toBe(6);
  await mesh.start("state-store");
  const turned = await eventually(
    "every action to be closed",
    async () => {
      const all = await allActions(client.connection, client.names);
      const turns = all.filter(({ definition }) => definition.jetAction?.reference === "turn");
      return turns.length === GOOD && all.every(({ state }) => state === "CLOSED") ? turns : undefined;
    },
    { withinMs: 30_000 },
  );
  expect(lines().toSorted()).toEqual(turned.map(({ id }) => id).toSorted());
  expect(new Set(turned.map(({ argument }) => argument["n"])).size).toBe(GOOD);
}, 180_000);

test("what nobody came back from leaves a mark that goes by itself", async () => {
  const { suspects } = createMeshStore(client.connection, client.names);
  const sequence = String((await letters())[0]?.origin.sequence);
  const stored = await suspects.get(`suspect.JM_TRIGGERS.${sequence}`);
  expect(stored).toMatchObject({ kind: "record", value: { trials: 3 } });
  const raw = await client.connection.jsm.streams.getMessage("KV_jm_leases", {
    last_by_subj: `$KV.jm_leases.suspect.JM_TRIGGERS.${sequence}`,
  });
  expect(raw?.header.get("Nats-TTL")).toBe("600s");
});
