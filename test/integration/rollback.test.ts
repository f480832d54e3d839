import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord, ChangedAction, JetRecord, TriggerReply } from "@jetmesh/protocol";
import { allHistory, applyDocuments, eventually, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { linesOf } from "../support/lines-of.ts";
import { onlyWithFault } from "../support/required-jets.ts";
import { runsOf } from "../support/runs.ts";

/** Rollback (design §2, §3): of actions, workflows, plans, and of a jet's action. */
const PROGRAM = join(import.meta.dirname, "../support/workflow-runner.ts");
const dir = mkdtempSync(join(tmpdir(), "jm-undo-"));
const witness = join(dir, "witness");
let mesh: TestMesh;
let client: MeshClient;

const undo = (name: string): string => `echo "undo ${name}" >> ${witness}`;
const step = (name: string, more: object = {}): object => ({
  ...{ reference: name, shell: `echo "do ${name}" >> ${witness}` },
  undo: { shell: undo(name) },
  ...more,
});

beforeAll(async () => {
  mesh = await startMesh({ env: { JM_CLOSED_TTL_MS: "60000" } });
  client = await mesh.client();
  await mesh.startRunner(PROGRAM, { JM_WITNESS: witness });
  const action = (reference: string, plan: string, more: object = {}): object => ({
    ...{ reference, name: reference, plan, from: "old", transit: "moving", to: "new", error: "broken" },
    ...more,
  });
  const documents: object[] = [
    ...["old", "new", "moving", "broken"].map((reference) => ({ kind: "State", reference, name: reference })),
    {
      kind: "Plan",
      reference: "works",
      steps: [step("a"), step("b"), { reference: "no-undo", shell: "true" }, step("c")],
    },
    { kind: "Plan", reference: "fails", steps: [step("a"), step("b"), step("c", { shell: "exit 3" })] },
    {
      kind: "Plan",
      reference: "sticks",
      steps: [step("a"), step("b", { undo: { shell: `${undo("b")}; [ -e ${witness}.ok ]` } }), step("c")],
    },
    {
      kind: "Template",
      reference: "machine",
      actions: [
        { reference: "make", name: "Make", transit: "moving", to: "old" },
        action("upgrade", "works"),
        action("try", "fails"),
        action("dare", "fails", { rollbackOnError: true }),
        action("stick", "sticks"),
        { reference: "wipe", name: "Wipe", from: "new", transit: "moving", to: "old" },
      ],
    },
  ];
  await applyDocuments(
    client,
    documents.map((one) => ({ apiVersion: "jetmesh/v1", ...one })),
  );
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});
beforeEach(() => {
  for (const end of ["", ".once", ".ok"]) rmSync(`${witness}${end}`, { force: true });
});

const lines = (): string[] => linesOf(witness);
const undone = (): string[] => lines().filter((line) => line.startsWith("undo"));
const { make, get, until, closed } = runsOf(() => client);
const rollBack = (id: string): Promise<ChangedAction> =>
  client.request<ChangedAction>("action.rollback", { id });
const rolledBack = async (id: string): Promise<ActionRecord> => {
  await rollBack(id);
  return until(id, "its rollback to end", ({ state }) => state === "REVERTED" || state === "CLOSED");
};
let jets = 0;
async function jetThatDid(action: string, outcome: string): Promise<{ jet: string; id: string }> {
  const jet = `m${String((jets += 1))}`;
  await client.request("jet.create", { template: "machine", reference: jet, wait: true });
  const reply = await client.request<TriggerReply>("jet.trigger", { jet, action, wait: true });
  expect(reply.outcome).toBe(outcome);
  const id = reply.actionId ?? "";
  await closed(id);
  return { jet, id };
}
const jetOf = (reference: string): Promise<JetRecord> => client.request<JetRecord>("jet.get", { reference });
const stateOf = async (reference: string): Promise<unknown> => (await jetOf(reference)).state;

describe("A15 the rollback of an action", () => {
  test("goes by REVERTING to REVERTED; once more changes nothing, and it is in the history", async () => {
    const id = await make("undoable", { name: "one" }, { wait: true });
    expect(await get(id)).toMatchObject({ rollbackable: true, outcome: "SUCCESS" });
    expect((await rollBack(id)).action.state).toBe("REVERTING");
    const record = await until(id, "its rollback to end", ({ state }) => state === "REVERTED");
    expect(record.transitions.map(({ to }) => to).slice(-3)).toEqual(["CLOSED", "REVERTING", "REVERTED"]);
    expect((await rollBack(id)).action.state).toBe("REVERTED");
    expect(lines()).toEqual(["do one", "undo one SUCCESS 1"]);
    const entries = (await allHistory(client.connection, client.names)).filter((one) => one.id === id);
    expect(entries.map(({ what, outcome }) => [what, outcome])).toEqual([
      ["closed", "SUCCESS"],
      ["rolled_back", "SUCCESS"],
    ]);
  });

  test("that is asked for while the action is being closed waits for that", async () => {
    await onlyWithFault(mesh, "action.close/before=delay:1500");
    const id = await make("undoable", { name: "soon" });
    await until(id, "it to end", ({ outcome }) => outcome !== undefined);
    expect(await get(id)).toMatchObject({ state: "SUCCESS" });
    expect((await rollBack(id)).action.state).toBe("REVERTING");
    await until(id, "its rollback to end", ({ state }) => state === "REVERTED");
    expect(undone()).toEqual(["undo soon SUCCESS 1"]);
  });

  test("that throws is CLOSED again with what it threw, and may be asked for again", async () => {
    const id = await make("undoable", { name: "two", undo: "throws once" });
    await closed(id);
    expect(await rolledBack(id)).toMatchObject({
      state: "CLOSED",
      rollbackError: { code: "rollback_threw", message: "cannot undo two" },
    });
    expect(await rolledBack(id)).toMatchObject({ state: "REVERTED" });
  });

  test("that hangs, or loses its runner, is given up, and may be asked for again", async () => {
    const id = await make("undoable", { name: "three", undo: "hangs" });
    await closed(id);
    expect(await rolledBack(id)).toMatchObject({
      state: "CLOSED",
      rollbackError: { code: "rollback_interrupted" },
    });
    const lost = await make(
      "undoable",
      { name: "four", undo: "hangs" },
      { pool: "lost", delays: { main: 60_000 } },
    );
    const first = await mesh.startRunner(PROGRAM, { JM_WITNESS: witness, JM_POOLS: "lost" });
    await closed(lost);
    await rollBack(lost);
    await eventually("it to hang", () =>
      undone().some((line) => line.startsWith("undo four")) ? true : undefined,
    );
    await first.kill();
    await mesh.startRunner(PROGRAM, { JM_WITNESS: witness, JM_POOLS: "lost" });
    expect(await until(lost, "it to be given up", ({ state }) => state === "CLOSED")).toMatchObject({
      rollbackError: { code: "rollback_interrupted" },
    });
  });

  test("of a kind without one, and of an action that has not ended, is refused", async () => {
    const plain = await make("work", { name: "plain" });
    await closed(plain);
    await expect(rollBack(plain)).rejects.toMatchObject({ code: "not_rollbackable" });
    const open = await make(
      "undoable",
      { name: "later" },
      { notBefore: new Date(Date.now() + 60_000).toISOString() },
    );
    await expect(rollBack(open)).rejects.toMatchObject({ code: "conflict" });
    await client.request("action.cancel", { id: open });
    await closed(open);
    await expect(rollBack(open)).rejects.toMatchObject({ code: "not_rollbackable" });
  });
});

describe("A15 W13 the rollback of a workflow", () => {
  test("undoes its steps in reverse, also those of one that failed", async () => {
    const id = await make("reversible", {});
    await closed(id);
    expect(await rolledBack(id)).toMatchObject({ state: "REVERTED" });
    expect(undone()).toEqual(["undo 2 SUCCESS 1", "undo 1 SUCCESS 1", "undo 0 SUCCESS 1"]);
    const failed = await make("reversible", { failAt: 1 });
    await closed(failed);
    rmSync(witness);
    expect(await rolledBack(failed)).toMatchObject({ state: "REVERTED", outcome: "ERROR" });
    expect(undone()).toEqual(["undo 1 ERROR 1", "undo 0 SUCCESS 1"]);
  });

  test("tries each of them, also when one fails; asked again it undoes what is left", async () => {
    const id = await make("reversible", { undo: "throws once" });
    await closed(id);
    expect(await rolledBack(id)).toMatchObject({
      state: "CLOSED",
      rollbackError: { message: "step 'step': cannot undo 1" },
    });
    expect(undone()).toEqual(["undo 2 SUCCESS 1", "undo 1 SUCCESS 1", "undo 0 SUCCESS 1"]);
    expect(await rolledBack(id)).toMatchObject({ state: "REVERTED" });
    expect(undone().slice(3)).toEqual(["undo 1 SUCCESS 1"]);
  });
});

describe("A15 the rollback of a jet's action", () => {
  test("undoes the steps of its plan in reverse, while the jet is in its transit state, and brings it back", async () => {
    const { jet, id } = await jetThatDid("upgrade", "SUCCESS");
    expect(await stateOf(jet)).toBe("new");
    await rollBack(id);
    await eventually("the jet to rest", async () =>
      (await jetOf(jet)).open === undefined ? true : undefined,
    );
    expect(await get(id)).toMatchObject({ state: "REVERTED" });
    expect(await stateOf(jet)).toBe("old");
    expect(lines()).toEqual(["do a", "do b", "do c", "undo c", "undo b", "undo a"]);
    expect((await rollBack(id)).action.state).toBe("REVERTED");
  });

  test("that fails takes it to its error state, keeps what is undone, and goes on from there when asked again", async () => {
    const { jet, id } = await jetThatDid("stick", "SUCCESS");
    await rollBack(id);
    await eventually("the jet to rest", async () =>
      (await jetOf(jet)).open === undefined ? true : undefined,
    );
    expect(await get(id)).toMatchObject({
      state: "CLOSED",
      rollbackError: {
        code: "rollback_threw",
        message: expect.stringContaining("undo of step 'b'") as string,
      },
    });
    expect(await stateOf(jet)).toBe("broken");
    expect(undone()).toEqual(["undo c", "undo b", "undo a"]);
    writeFileSync(`${witness}.ok`, "");
    await rollBack(id);
    await until(id, "it to be undone", ({ state }) => state === "REVERTED");
    await eventually("the jet to rest", async () =>
      (await jetOf(jet)).open === undefined ? true : undefined,
    );
    expect(await stateOf(jet)).toBe("old");
    expect(undone().slice(3)).toEqual(["undo b"]);
  });

  test("is its last one's alone, of an idle jet", async () => {
    const { jet, id } = await jetThatDid("upgrade", "SUCCESS");
    await client.request("jet.trigger", { jet, action: "wipe", wait: true });
    await expect(rollBack(id)).rejects.toMatchObject({ code: "conflict" });
    expect(undone()).toEqual([]);
  });

  test("follows its error by itself where its template says so: what had succeeded is undone, and the jet is back", async () => {
    const { jet, id } = await jetThatDid("try", "ERROR");
    expect([await stateOf(jet), undone()]).toEqual(["broken", []]);
    await rollBack(id);
    await eventually("the jet to rest", async () =>
      (await jetOf(jet)).open === undefined ? true : undefined,
    );
    expect([await stateOf(jet), undone()]).toEqual(["old", ["undo b", "undo a"]]);
    rmSync(witness);
    const dared = `m${String((jets += 1))}`;
    await client.request("jet.create", { template: "machine", reference: dared, wait: true });
    const reply = await client.request<TriggerReply>("jet.trigger", {
      jet: dared,
      action: "dare",
      wait: true,
    });
    expect(reply).toMatchObject({ outcome: "ERROR", error: { code: "step_failed" } });
    expect([await stateOf(dared), undone()]).toEqual(["old", ["undo b", "undo a"]]);
    expect(await get(reply.actionId ?? "")).toMatchObject({ state: "REVERTED", outcome: "ERROR" });
  });

  test.each([
    "jet.rollback/after=crash",
    "action.rollback/before=crash",
    "action.rollback/after=crash",
    "jet.settle/before=crash",
    "jet.settle/after=crash",
    "history.rolled-back/after=crash",
    "action.undone/before=crash",
  ])("is finished by another where a state-store dies by %s", async (fault) => {
    const { jet, id } = await jetThatDid("upgrade", "SUCCESS");
    const faulted = await onlyWithFault(mesh, fault);
    // Whoever asked hears nothing more of it.
    void rollBack(id).catch(() => undefined);
    await eventually("it to die", () => (faulted.isRunning() ? undefined : true));
    await mesh.start("state-store");
    await until(id, "it to be undone", ({ state }) => state === "REVERTED");
    await eventually("the jet to rest", async () =>
      (await jetOf(jet)).open === undefined ? true : undefined,
    );
    expect(await stateOf(jet)).toBe("old");
    expect(undone()).toEqual(["undo c", "undo b", "undo a"]);
    await eventually("its end in the history", async () => {
      const entries = await allHistory(client.connection, client.names);
      return entries.filter((one) => one.id === id && one.what === "rolled_back").length === 1
        ? true
        : undefined;
    });
  });
});
