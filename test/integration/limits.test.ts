import type { MeshClient } from "@jetmesh/client";
import { applyDocuments, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answerTo, livingOf, makeJet, SWITCH_STATES, switchTemplate } from "../support/required-jets.ts";

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
