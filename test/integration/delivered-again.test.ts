import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import { createMeshStore } from "@jetmesh/storage";
import {
  allHistory,
  allJets,
  applyDocuments,
  eventually,
  loopDocuments,
  startMesh,
  type TestMesh,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

/** Shorter than the time after which a message without an acknowledgement is delivered again (4 s). */
const CLOSED_TTL_MS = 2_000;
const dir = mkdtempSync(join(tmpdir(), "jm-again-"));
const file = join(dir, "ran");
const slowFile = join(dir, "go");
let mesh: TestMesh;
let client: MeshClient;

beforeAll(async () => {
  writeFileSync(file, "");
  mesh = await startMesh({ env: { JM_CLOSED_TTL_MS: String(CLOSED_TTL_MS), JM_DRAIN_MS: "1000" } });
  client = await mesh.client();
  const script = `echo "$JM_ACTION_ID" >> ${file}; until test -e ${slowFile}; do sleep 0.05; done`;
  writeFileSync(slowFile, "");
  await applyDocuments(client, loopDocuments([{ shell: script }]));
  await client.request("jet.create", { template: "loop", reference: "one", wait: true });
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});

const ran = (): string[] => readFileSync(file, "utf8").split("\n").filter(Boolean);
const turn = (key: string): Promise<{ actionId: string }> =>
  client.request("jet.trigger", { jet: "one", action: "turn", key, wait: true });
const taken = (): Promise<unknown> =>
  eventually(
    "every trigger to be taken, and the jet to rest",
    async () => {
      const { messages } = (await client.connection.jsm.streams.info("JM_TRIGGERS")).state;
      const jets = await allJets(client.connection, client.names);
      return messages === 0 && jets.every(({ open }) => open === undefined) ? true : undefined;
    },
    { withinMs: 30_000 },
  );
const gone = (id: string): Promise<unknown> =>
  eventually(
    `the record of ${id} to be gone`,
    async () =>
      (await createMeshStore(client.connection, client.names).actions.get(id)).kind === "record"
        ? undefined
        : true,
    { withinMs: CLOSED_TTL_MS + 10_000 },
  );

/** The state-store is replaced by one with a fault in it; whoever dies of it is replaced by a sound one. */
async function withFault(faults: string, run: () => Promise<void>): Promise<void> {
  await mesh.services.findLast(({ name }) => name === "state-store")?.stop();
  const faulty = await mesh.start("state-store", { JM_FAULTS: faults });
  const replaced = faulty.gone.then(() => mesh.start("state-store"));
  await run();
  expect(faulty.log()).toContain("fault ");
  await faulty.stop();
  await replaced;
}

test("a keyed trigger sent again runs nothing: at once, after 33 others, and when its record is gone", async () => {
  await client.publishTrigger("one", "turn", { messageId: "mine" });
  await eventually("it to run", () => (ran().length === 1 ? true : undefined));
  const [id = ""] = ran();
  await client.publishTrigger("one", "turn", { messageId: "mine" });
  await taken();
  expect(ran()).toEqual([id]);
  for (let n = 0; n < 33; n += 1) await turn(`other-${String(n)}`);
  await gone(id);
  await client.publishTrigger("one", "turn", { messageId: "mine" });
  await taken();
  expect(await client.request("jet.trigger", { jet: "one", action: "turn", key: "mine" })).toMatchObject({
    actionId: id,
  });
  await turn("a-marker");
  expect(ran().filter((one) => one === id)).toHaveLength(1);
  expect(ran()).toHaveLength(35);
});

test("a message whose acknowledgement was lost is delivered again, when its action's record is gone, and runs nothing", async () => {
  const before = ran().length;
  await withFault("trigger.ack/before=lose@1", async () => {
    await client.publishTrigger("one", "turn");
    await eventually("it to run", () => (ran().length === before + 1 ? true : undefined));
    await gone(ran().at(-1) ?? "");
    await taken();
  });
  await turn("marker-two");
  expect(ran()).toHaveLength(before + 2);
});

test("a restart, which leads back to where it began, is not run twice by one message: not after a crash either", async () => {
  const before = ran().length;
  await withFault("trigger.ack/before=lose@1,jet.settle/after=crash@1", async () => {
    await client.publishTrigger("one", "turn");
    await eventually("it to run", () => (ran().length === before + 1 ? true : undefined));
    await taken();
  });
  await turn("marker-three");
  expect(ran()).toHaveLength(before + 2);
});

test("what was refused stays refused when its message is delivered again, though it might run by then", async () => {
  rmSync(slowFile);
  const before = ran().length;
  await client.request("jet.trigger", { jet: "one", action: "turn", key: "slow" });
  await eventually("the jet to be busy", () => (ran().length === before + 1 ? true : undefined));
  await withFault("history.refused/after=crash@1", async () => {
    const sequence = await client.publishTrigger("one", "turn", { onBusy: "refuse" });
    const refusals = async (): Promise<number> =>
      (await allHistory(client.connection, client.names)).filter(
        ({ what, trigger }) => what === "refused" && trigger?.sequence === sequence,
      ).length;
    await eventually("the refusal in the history", async () => ((await refusals()) === 1 ? true : undefined));
    // The jet is free when it comes again.
    writeFileSync(slowFile, "");
    await taken();
    expect(await refusals()).toBe(1);
  });
  expect(existsSync(slowFile)).toBe(true);
  await turn("marker-four");
  expect(ran()).toHaveLength(before + 2);
});

test("a target whose message is delivered again does not move the jet again", async () => {
  await withFault("trigger.ack/before=lose@1", async () => {
    await applyDocuments(client, [
      ...loopDocuments([{ shell: ["true"] }]).map((one) =>
        one["kind"] === "Template" ? { ...one, reference: "tipping", actions: TIPPING } : one,
      ),
    ]);
    await client.request("jet.create", { template: "tipping", reference: "two", wait: true });
    await client.connection.nc.request(client.names.trigger.ofTarget("root", "two", "broken"), "{}");
    await eventually("it to be there", async () =>
      (await allJets(client.connection, client.names)).find((jet) => jet.reference === "two")?.state ===
      "broken"
        ? true
        : undefined,
    );
    // More than a jet remembers, and away from there.
    for (let n = 0; n < 34; n += 1)
      await client.request("jet.trigger", {
        jet: "two",
        action: n % 2 === 0 ? "mend" : "tip",
        wait: true,
      });
    await client.request("jet.trigger", { jet: "two", action: "mend", wait: true });
    await taken();
  });
  expect(await client.request("jet.get", { reference: "two" })).toMatchObject({ state: "resting" });
});

const edge = { accessLevel: "user", transit: "moving" };
const TIPPING = [
  { ...edge, reference: "create", name: "Create", to: "resting" },
  { ...edge, reference: "tip", name: "Tip", from: "resting", to: "broken" },
  { ...edge, reference: "mend", name: "Mend", from: "broken", to: "resting" },
];
