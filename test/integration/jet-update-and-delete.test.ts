import type { MeshClient } from "@jetmesh/client";
import type { JetRecord, JetView } from "@jetmesh/protocol";
import {
  allJets,
  applyDocuments,
  eventually,
  loopDocuments,
  startMesh,
  type TestMesh,
  userDocument,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { livingOf, makeJet, SWITCH_STATES, switchTemplate } from "../support/required-jets.ts";

let mesh: TestMesh;
let root: MeshClient;

beforeAll(async () => {
  mesh = await startMesh({ services: { "state-store": 2 } });
  root = await mesh.client();
  await applyDocuments(root, [
    ...loopDocuments([{ wait: "500ms" }], { delays: { frequency: "100ms" } }),
    ...SWITCH_STATES.filter(({ reference }) => reference !== "moving"),
    ...["ann", "ben"].map((name) => userDocument(name, "user")),
    ...["max", "eve"].map((name) => userDocument(name, "manager")),
  ]);
}, 60_000);
afterAll(() => mesh.stop());

let made = 0;
async function loop(more: Record<string, unknown> = {}): Promise<string> {
  const reference = `jet-${String((made += 1))}`;
  const people = { users: ["ann"], managers: ["max"] };
  await root.request("jet.create", { template: "loop", reference, wait: true, ...people, ...more });
  return reference;
}
const get = (reference: string): Promise<JetView> => root.request<JetView>("jet.get", { reference });
const codeOf = (asking: Promise<unknown>): Promise<string> =>
  asking.then(
    () => "done",
    (thrown: unknown) => (thrown as { code: string }).code,
  );
const recordOf = async (reference: string): Promise<JetRecord | undefined> =>
  (await allJets(root.connection, root.names)).find((jet) => jet.reference === reference);

describe("a jet is updated", () => {
  test("in what is given and nothing else, and the same again writes nothing", async () => {
    const reference = await loop({ variables: { a: 1, b: 2 } });
    const before = await recordOf(reference);
    const change = { name: "Ünï", variables: { a: 3 }, users: ["ben", "ben"], pool: "gpu" };
    const answered = await root.request<JetView>("jet.update", { reference, ...change });
    const after = await recordOf(reference);
    expect(after).toEqual({ ...before, ...change, users: ["ben"], changedAt: after?.changedAt });
    expect(answered).toMatchObject({ reference, name: "Ünï", users: ["ben"], state: "resting" });
    await root.request("jet.update", { reference, ...change });
    expect(await recordOf(reference)).toEqual(after);
    await root.request("jet.update", { reference, pool: null });
    expect(await recordOf(reference)).not.toHaveProperty("pool");
  });

  test("by its managers alone, who do not lose it by that", async () => {
    const reference = await loop();
    for (const [name, code] of [
      ["ann", "forbidden"],
      ["ben", "unknown_jet"],
      ["eve", "unknown_jet"],
      ["stranger", "unknown_jet"],
    ] as const)
      expect(await codeOf((await mesh.client(name)).request("jet.update", { reference, name: "x" }))).toBe(
        code,
      );
    const max = await mesh.client("max");
    await max.request("jet.update", { reference, managers: ["eve"] });
    expect(await get(reference)).toMatchObject({ managers: ["eve", "max"] });
    await root.request("jet.update", { reference, managers: ["eve"] });
    expect(await get(reference)).toMatchObject({ managers: ["eve"] });
    expect(await codeOf(root.request("jet.update", { reference: "nobody", name: "x" }))).toBe("unknown_jet");
  });

  test("while its action runs, which ends by what it began with", async () => {
    const reference = await loop({ variables: { a: 1 } });
    const turning = root.request<{ outcome: string; actionId: string }>("jet.trigger", {
      jet: reference,
      action: "turn",
      wait: true,
    });
    await eventually("it to act", async () => ((await get(reference)).open === undefined ? undefined : true));
    await root.request("jet.update", { reference, variables: { a: 2 } });
    const { outcome, actionId } = await turning;
    expect(outcome).toBe("SUCCESS");
    expect(await root.request("action.get", { id: actionId })).toMatchObject({
      definition: { variables: { a: 1 } },
    });
    expect(await get(reference)).toMatchObject({ state: "resting", variables: { a: 2 } });
  });
});

describe("a jet is deleted", () => {
  test("without running anything: its name is free, its record says so for a day", async () => {
    const reference = await loop();
    const { incarnation } = await get(reference);
    expect(await root.request("jet.delete", { reference })).toEqual({ reference });
    expect(await codeOf(get(reference))).toBe("unknown_jet");
    expect(await codeOf(root.request("jet.delete", { reference }))).toBe("unknown_jet");
    expect((await recordOf(reference))?.destroyedAt).toBeTruthy();
    await root.request("jet.create", { template: "loop", reference, wait: true });
    expect((await get(reference)).incarnation).toBeGreaterThan(incarnation);
  });

  test("by its managers alone", async () => {
    const reference = await loop();
    expect(await codeOf((await mesh.client("ann")).request("jet.delete", { reference }))).toBe("forbidden");
    expect(await codeOf((await mesh.client("eve")).request("jet.delete", { reference }))).toBe("unknown_jet");
    expect(await codeOf((await mesh.client("max")).request("jet.delete", { reference }))).toBe("done");
  });

  test("not while an action is open or a trigger waits; raced with a trigger one of both is refused", async () => {
    const reference = await loop();
    const busy = root.request("jet.trigger", { jet: reference, action: "turn", wait: true });
    await eventually("it to act", async () => ((await get(reference)).open === undefined ? undefined : true));
    expect(await codeOf(root.request("jet.delete", { reference }))).toBe("jet_busy");
    await busy;
    for (let round = 0; round < 8; round += 1) {
      const raced = await loop();
      const ends = await Promise.all([
        codeOf(root.request("jet.delete", { reference: raced })),
        codeOf(root.request("jet.trigger", { jet: raced, action: "turn" })),
      ]);
      expect([
        ["done", "unknown_jet"],
        ["jet_busy", "done"],
      ]).toContainEqual(ends);
    }
  });

  test("frees its slot, and what it required; what others require only by force", async () => {
    await applyDocuments(root, [
      switchTemplate("base", { limit: 1 }),
      switchTemplate("app", {
        requires: [{ template: "base", state: "stopped", actions: ["create", "start"] }],
      }),
    ]);
    expect(await makeJet(root, "base", "base-1")).toBe("SUCCESS");
    expect(await makeJet(root, "app", "app-1")).toBe("SUCCESS");
    expect(await codeOf(root.request("jet.trigger", { jet: "app-1", action: "start", wait: true }))).toBe(
      "done",
    );
    expect(await codeOf(root.request("jet.delete", { reference: "base-1" }))).toBe("in_use");
    await root.request("jet.delete", { reference: "app-1" });
    await eventually("the hold to be freed", async () =>
      (await recordOf("base-1"))?.heldBy === undefined ? true : undefined,
    );
    expect(await makeJet(root, "base", "base-2")).toBe("limit_reached");
    await root.request("jet.delete", { reference: "base-1" });
    expect(await makeJet(root, "base", "base-2")).toBe("SUCCESS");
    expect(await livingOf(root, "base")).toEqual(["base-2"]);
    expect(await makeJet(root, "app", "app-2")).toBe("SUCCESS");
    expect(await codeOf(root.request("jet.trigger", { jet: "app-2", action: "start", wait: true }))).toBe(
      "done",
    );
    expect(await codeOf(root.request("jet.delete", { reference: "base-2", force: true }))).toBe("done");
  });
});

describe("a state-store that dies, or whose answer is lost,", () => {
  test.each(["jet.update", "jet.delete"])(
    "at %s leaves the jet as it was, or as it was asked to be",
    async (point) => {
      for (const fault of ["before=crash", "after=crash", "before=twice", "after=lose"]) {
        const reference = await loop();
        for (const one of mesh.services.filter(({ name }) => name === "state-store")) await one.stop();
        const faulty = await mesh.start("state-store", { JM_FAULTS: `${point}/${fault}@1` });
        const asked = codeOf(
          point === "jet.update"
            ? root.request("jet.update", { reference, name: "New" })
            : root.request("jet.delete", { reference }),
        );
        const isDone = fault !== "before=crash";
        if (fault.endsWith("crash")) {
          await faulty.gone;
          await mesh.start("state-store");
        } else expect(await asked, fault).toBe("done");
        const is = await get(reference).catch(() => undefined);
        if (point === "jet.update") expect(is?.name, fault).toBe(isDone ? "New" : reference);
        else expect(is === undefined, fault).toBe(isDone);
      }
    },
    60_000,
  );
});
