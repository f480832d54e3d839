import type { MeshClient } from "@jetmesh/client";
import { applyDocuments, eventually, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  answerTo,
  livingOf,
  makeJet,
  onlyWithFault,
  SWITCH_STATES,
  switchTemplate,
} from "../support/required-jets.ts";

let mesh: TestMesh;
let root: MeshClient;
beforeAll(async () => {
  mesh = await startMesh({ services: { "state-store": 2 } });
  root = await mesh.client();
  await applyDocuments(root, [...SWITCH_STATES]);
}, 60_000);
afterAll(() => mesh.stop());

const applyJet = (template: string, reference: string): Promise<string> =>
  root
    .request("import", {
      documents: [{ document: { apiVersion: "jetmesh/v1", kind: "Jet", reference, template } }],
    })
    .then(
      () => "applied",
      (thrown: unknown) => (thrown as { code: string }).code,
    );

describe("a template with a limit", () => {
  test("has as many living jets and no more; a destroyed one makes room at once", async () => {
    await applyDocuments(root, [switchTemplate("two", { limit: 2 })]);
    expect(await Promise.all(["a1", "a2"].map((name) => makeJet(root, "two", name)))).toEqual([
      "SUCCESS",
      "SUCCESS",
    ]);
    expect(await makeJet(root, "two", "a3")).toBe("limit_reached");
    expect(await applyJet("two", "a3")).toBe("limit_reached");
    expect(await answerTo(root, "a1", "destroy")).toBe("SUCCESS");
    expect(await makeJet(root, "two", "a3")).toBe("SUCCESS");
    expect(await makeJet(root, "two", "a1")).toBe("limit_reached");
  });

  test("never has one more, however many are made at once by two state-stores, as old ones are destroyed", async () => {
    const LIMIT = 5;
    await applyDocuments(root, [switchTemplate("five", { limit: LIMIT })]);
    const over: string[][] = [];
    const watch = { isOver: false };
    const watching = (async () => {
      while (!watch.isOver) {
        const living = await livingOf(root, "five");
        if (living.length > LIMIT) over.push(living);
      }
    })();
    const answers: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      const names = Array.from({ length: 15 }, (_, n) => `b${String(round)}-${String(n)}`);
      const making = names.map(async (name, n) =>
        answers.push(await (n % 3 === 0 ? applyJet("five", name) : makeJet(root, "five", name))),
      );
      const destroying = (await livingOf(root, "five")).map(async (name) => {
        // One that was applied has no state yet: it is created first.
        await answerTo(root, name, "create");
        await answerTo(root, name, "destroy");
      });
      await Promise.all([...making, ...destroying]);
      expect((await livingOf(root, "five")).length).toBeLessThanOrEqual(LIMIT);
    }
    watch.isOver = true;
    await watching;
    expect(over).toEqual([]);
    expect(answers.filter((answer) => answer === "SUCCESS" || answer === "applied").length).toBeGreaterThan(
      LIMIT,
    );
    expect(answers).toContain("limit_reached");
    expect(new Set(answers)).toEqual(
      new Set([...answers].filter((one) => ["SUCCESS", "applied", "limit_reached"].includes(one))),
    );
  });

  test("has exactly as many where many more are asked for at once", async () => {
    await applyDocuments(root, [switchTemplate("many", { limit: 40 })]);
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) => makeJet(root, "many", `m${String(n)}`)),
    );
    expect(answers.filter((answer) => answer === "SUCCESS")).toHaveLength(40);
    expect(answers.filter((answer) => answer === "limit_reached")).toHaveLength(60);
  });

  test("that got it when it had jets already counts them", async () => {
    await applyDocuments(root, [switchTemplate("late")]);
    for (const name of ["c1", "c2", "c3"]) expect(await makeJet(root, "late", name)).toBe("SUCCESS");
    await applyDocuments(root, [switchTemplate("late", { limit: 4 })]);
    expect(await makeJet(root, "late", "c4")).toBe("SUCCESS");
    expect(await makeJet(root, "late", "c5")).toBe("limit_reached");
    // Without it for a while nobody counted.
    await applyDocuments(root, [switchTemplate("late")]);
    expect(await makeJet(root, "late", "c5")).toBe("SUCCESS");
    await applyDocuments(root, [switchTemplate("late", { limit: 5 })]);
    expect(await makeJet(root, "late", "c6")).toBe("limit_reached");
  });
});

describe("a state-store that dies", () => {
  const slots = async (template: string): Promise<string[]> => {
    const stored = await root.connection.jsm.streams.getMessage(
      root.names.kvStream(root.names.buckets.definitions),
      {
        last_by_subj: root.names.kv(root.names.buckets.definitions, `template.${template}.slots`),
      },
    );
    return (stored?.json<{ slots: { jet: string }[] }>().slots ?? []).map(({ jet }) => jet);
  };

  test.each([
    ["slot.take/before=crash", "before it takes a slot"],
    ["slot.take/after=crash", "after it took a slot, before the jet is written"],
    ["jet.create/after=crash", "after it wrote the jet"],
  ])(
    "by %s, %s, leaves no slot that nobody has",
    async (fault) => {
      const template = `dies-${fault.replaceAll(/[^a-z]/g, "-").slice(0, 30)}`;
      await applyDocuments(root, [switchTemplate(template, { limit: 1 })]);
      const dying = await onlyWithFault(mesh, fault);
      const asked = root
        .request("jet.create", { template, reference: `${template}-1` })
        .catch(() => undefined);
      await dying.gone;
      await Promise.all([mesh.start("state-store"), mesh.start("state-store")]);
      await asked;
      // Whoever finds the limit reached asks after the owner: the slot of a jet that is not there holds up nobody.
      const living = await livingOf(root, template);
      expect(await makeJet(root, template, `${template}-2`)).toBe(
        living.length === 0 ? "SUCCESS" : "limit_reached",
      );
      expect(await livingOf(root, template)).toHaveLength(1);
    },
    60_000,
  );

  test("by slot.free or jet.fence leaves one that is freed later", async () => {
    for (const fault of [
      "jet.fence/before=crash",
      "jet.fence/after=crash",
      "slot.free/before=crash",
      "slot.free/after=crash",
    ]) {
      const template = `frees-${fault.replaceAll(/[^a-z]/g, "-")}`;
      await applyDocuments(root, [switchTemplate(template, { limit: 1 })]);
      expect(await makeJet(root, template, `${template}-1`)).toBe("SUCCESS");
      const dying = await onlyWithFault(mesh, fault);
      await root.request("jet.trigger", { jet: `${template}-1`, action: "destroy" }).catch(() => undefined);
      await dying.gone;
      await mesh.start("state-store");
      expect(await makeJet(root, template, `${template}-2`), fault).toBe("SUCCESS");
      expect(await livingOf(root, template), fault).toEqual([`${template}-2`]);
    }
  }, 90_000);

  test("leaves what the scan frees, also where nobody asks for a slot", async () => {
    await applyDocuments(root, [switchTemplate("swept", { limit: 3 })]);
    const dying = await onlyWithFault(mesh, "slot.take/after=crash");
    await root.request("jet.create", { template: "swept", reference: "swept-1" }).catch(() => undefined);
    await dying.gone;
    expect(await slots("swept")).toEqual(["swept-1"]);
    await mesh.start("state-store");
    await eventually(
      "the slot to be freed",
      async () => ((await slots("swept")).length === 0 ? true : undefined),
      {
        withinMs: 30_000,
        everyMs: 200,
      },
    );
    expect(await makeJet(root, "swept", "swept-1")).toBe("SUCCESS");
  }, 60_000);
});

test("a slot that is written twice, or whose answer is lost, is one", async () => {
  await applyDocuments(root, [switchTemplate("lossy", { limit: 1 })]);
  const points = ["slot.take", "slot.free", "jet.fence"];
  for (const fault of ["before=twice", "after=lose"]) {
    await onlyWithFault(mesh, points.map((point) => `${point}/${fault}`).join(","));
    expect(await makeJet(root, "lossy", "lossy-1"), fault).toBe("SUCCESS");
    expect(await makeJet(root, "lossy", "lossy-2"), fault).toBe("limit_reached");
    expect(await answerTo(root, "lossy-1", "destroy"), fault).toBe("SUCCESS");
    expect(await makeJet(root, "lossy", "lossy-2"), fault).toBe("SUCCESS");
    expect(await livingOf(root, "lossy"), fault).toEqual(["lossy-2"]);
    expect(await answerTo(root, "lossy-2", "destroy"), fault).toBe("SUCCESS");
  }
}, 60_000);
