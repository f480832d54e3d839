import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord, JetRecord } from "@jetmesh/protocol";
import { createMeshStore, writeRepeatable } from "@jetmesh/storage";
import { applyDocuments, eventually, loopDocuments, startMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

const dir = mkdtempSync(join(tmpdir(), "jm-closed-"));
const ranFile = join(dir, "ran");
const TTL_MS = 4_000;
let mesh: Awaited<ReturnType<typeof startMesh>>;
let client: MeshClient;

beforeAll(async () => {
  mesh = await startMesh({ env: { JM_CLOSED_TTL_MS: String(TTL_MS) }, server: { sync: "always" } });
  client = await mesh.client();
  appendFileSync(ranFile, "");
  await applyDocuments(client, loopDocuments([{ shell: `echo "$JM_ACTION_ID" >> ${ranFile}` }]));
  await client.request("jet.create", { template: "loop", reference: "one", wait: true });
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});

const ran = (): string[] => readFileSync(ranFile, "utf8").split("\n").filter(Boolean);
const stored = (id: string): Promise<{ kind: string }> =>
  createMeshStore(client.connection, client.names).actions.get(id);

async function closed(id: string): Promise<ActionRecord> {
  return eventually(`action ${id} to be closed`, async () => {
    const record = await client.request<ActionRecord>("action.get", { id });
    return record.state === "CLOSED" ? record : undefined;
  });
}

test("a closed action is readable, then gone after its TTL, also when the broker was killed in between; and nothing old runs it again", async () => {
  const { actionId } = await client.request<{ actionId: string }>("jet.trigger", {
    jet: "one",
    action: "turn",
    wait: true,
    key: "my-key",
  });
  const record = await closed(actionId);
  expect(record).toMatchObject({ outcome: "SUCCESS", jet: "one" });
  expect(record.transitions.map(({ to }) => to)).toEqual(["SLEEPING", "EXECUTING_MAIN", "SUCCESS", "CLOSED"]);
  expect(ran()).toEqual([actionId]);

  await mesh.server.kill();
  await mesh.server.restart();
  expect(["record", "gone"]).toContain((await stored(actionId)).kind);

  const seen = new Set<string>();
  await eventually(
    "the record to be gone",
    async () => {
      const { kind } = await stored(actionId);
      seen.add(kind);
      return kind === "gone" || kind === "absent" ? true : undefined;
    },
    { withinMs: TTL_MS + 10_000, everyMs: 50 },
  );
  expect([...seen].filter((kind) => kind !== "record" && kind !== "gone")).toEqual([]);

  // The same resume again, with the whole record in it, as a message that was held up for long would have it.
  const old: ActionRecord = {
    ...record,
    state: "SLEEPING",
    outcome: undefined,
    transitions: record.transitions.slice(0, 1),
  } as never;
  const resume = JSON.stringify({
    v: 1,
    id: actionId,
    revision: 1,
    record: JSON.parse(JSON.stringify(old)) as unknown,
  });
  await writeRepeatable(client.connection, client.names.resume.of("default", actionId), resume, {
    point: "resume.send",
  });
  // The same request again, and as a message of the stream with the same key.
  const again = await client.request<{ actionId: string }>("jet.trigger", {
    jet: "one",
    action: "turn",
    key: "my-key",
  });
  expect(again.actionId).toBe(actionId);
  await client.publishTrigger("one", "turn", { messageId: "my-key" });
  await eventually("both messages to be taken", async () => {
    const infos = await Promise.all(
      ["JM_RESUME", "JM_TRIGGERS"].map((stream) => client.connection.jsm.streams.info(stream)),
    );
    return infos.every(({ state }) => state.messages === 0) ? true : undefined;
  });
  expect((await client.request<JetRecord>("jet.get", { reference: "one" })).open).toBeUndefined();
  // And the next one does run, so the runner has seen what came before it.
  const next = await client.request<{ actionId: string }>("jet.trigger", {
    jet: "one",
    action: "turn",
    wait: true,
  });
  expect(ran()).toEqual([actionId, next.actionId]);
  expect((await stored(actionId)).kind).not.toBe("record");
});

test("one key for two jets is two triggers, and neither is stuck or lost", async () => {
  await client.request("jet.create", { template: "loop", reference: "twin-a", wait: true });
  await client.request("jet.create", { template: "loop", reference: "twin-b", wait: true });
  const both = await Promise.all(
    ["twin-a", "twin-b"].map((jet) =>
      client.request<{ actionId: string; outcome: string }>("jet.trigger", {
        jet,
        action: "turn",
        key: "same",
        wait: true,
      }),
    ),
  );
  expect(both.map(({ outcome }) => outcome)).toEqual(["SUCCESS", "SUCCESS"]);
  expect(both[0]?.actionId).not.toBe(both[1]?.actionId);
});

test("a keyed request that made a jet, which was destroyed since, does not make it again", async () => {
  const request = { template: "loop", reference: "once", key: "make-once", wait: true };
  await client.request("jet.create", request);
  await client.request("jet.trigger", { jet: "once", action: "remove", wait: true });
  await client.request("jet.create", { ...request, wait: false });
  await expect(client.request("jet.get", { reference: "once" })).rejects.toMatchObject({
    code: "unknown_jet",
  });
});

test("a destroyed jet says so for its TTL, its name is free at once, and nothing of the old touches the new", async () => {
  await client.request("jet.create", { template: "loop", reference: "phoenix", wait: true });
  const first = await createMeshStore(client.connection, client.names).jets.get("phoenix");
  await client.request("jet.trigger", { jet: "phoenix", action: "remove", wait: true });
  const gone = await createMeshStore(client.connection, client.names).jets.get("phoenix");
  expect(gone).toMatchObject({ kind: "record", value: { destroyedAt: expect.any(String) as string } });
  await expect(client.request("jet.get", { reference: "phoenix" })).rejects.toMatchObject({
    code: "unknown_jet",
  });
  await client.request("jet.create", { template: "loop", reference: "phoenix", wait: true });
  const second = await createMeshStore(client.connection, client.names).jets.get("phoenix");
  const incarnations = [first, second].map((one) => (one.kind === "record" ? one.value.incarnation : 0));
  expect(incarnations[1]).toBeGreaterThan(incarnations[0] ?? Infinity);
  // The old record's TTL belongs to its revision: the new jet outlives it.
  await client.request("jet.trigger", { jet: "phoenix", action: "turn", wait: true });
});
