import type { MeshClient } from "@jetmesh/client";
import {
  allJets,
  applyDocuments,
  type Document,
  eventually,
  planDocument,
  startMesh,
  stateDocument,
  type TestMesh,
  userDocument,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/** What is named is not deleted, whatever happens at the same time; and nobody is told by whom who may not read them. */
let mesh: TestMesh;
let root: MeshClient;

const edge = (reference: string, rest: Document): Document => ({
  reference,
  accessLevel: "user",
  transit: "moving",
  ...rest,
});
const template = (reference: string, rest: Document = {}): Document => ({
  apiVersion: "jetmesh/v1",
  kind: "Template",
  reference,
  accessLevel: "user",
  actions: [edge("create", { to: "resting" })],
  ...rest,
});

beforeAll(async () => {
  mesh = await startMesh({ services: { "state-store": 2 } });
  root = await mesh.client();
  await applyDocuments(root, [
    ...["moving", "resting"].map(stateDocument),
    userDocument("max", "manager"),
    userDocument("eve", "manager"),
  ]);
}, 60_000);
afterAll(() => mesh.stop());

interface Refused {
  readonly code: string;
  readonly message: string;
  readonly details?: { usedBy?: { kind: string; reference: string }[] };
}
const answerOf = (asking: Promise<unknown>): Promise<Refused> =>
  asking.then(
    () => ({ code: "done", message: "" }),
    (thrown: unknown) => thrown as Refused,
  );
const remove = (
  kind: "template" | "state" | "plan" | "user",
  reference: string,
  by = root,
): Promise<Refused> => answerOf(by.request(`${kind}.delete`, { reference }));
const apply = (documents: readonly Document[], by = root): Promise<Refused> =>
  answerOf(applyDocuments(by, documents));

describe("a definition that nothing names", () => {
  test("is gone, also for who would use it, and its name can be taken again", async () => {
    await applyDocuments(root, [
      stateDocument("lone"),
      planDocument("lone", [{ wait: 0 }]),
      userDocument("lone", "manager"),
      template("lone", { limit: 3 }),
    ]);
    for (const kind of ["template", "plan", "state", "user"] as const) {
      expect((await remove(kind, "lone")).code).toBe("done");
      expect((await remove(kind, "lone")).code).toBe(`unknown_${kind}`);
      expect((await answerOf(root.request(`${kind}.get`, { reference: "lone" }))).code).toBe(
        `unknown_${kind}`,
      );
    }
    expect(await apply([template("x", { actions: [edge("create", { to: "lone" })] })])).toMatchObject({
      code: "invalid_request",
      message: expect.stringContaining("there is no state 'lone'") as string,
    });
    expect((await answerOf(root.request("jet.create", { template: "lone" }))).code).toBe("unknown_template");
    expect((await answerOf((await mesh.client("lone")).request("state.list", {}))).code).toBe("done");
    expect(await (await mesh.client("lone")).request("state.list", {})).toEqual({ items: [] });
    await applyDocuments(root, [stateDocument("lone"), template("lone", { limit: 1 })]);
    await root.request("jet.create", { template: "lone", reference: "lone", wait: true });
    await root.request("jet.delete", { reference: "lone" });
    expect((await remove("template", "lone")).code).toBe("done");
  });
});

describe("one that is named is refused, with what names it", () => {
  test("of each kind, by templates and by jets", async () => {
    await applyDocuments(root, [
      ...["s-from", "s-required"].map(stateDocument),
      planDocument("p-used", [{ wait: 0 }]),
      template("t-required"),
      userDocument("u-listed", "user"),
      template("t-user", {
        users: ["u-listed"],
        requires: [{ template: "t-required", state: "s-required", actions: ["go"] }],
        actions: [
          edge("create", { to: "resting" }),
          edge("go", { from: "s-from", to: "resting", plan: "p-used" }),
        ],
      }),
    ]);
    await root.request("jet.create", {
      template: "t-user",
      reference: "j-user",
      wait: true,
      managers: ["max"],
    });
    const byTemplate = [{ kind: "Template", reference: "t-user" }];
    const byJet = [{ kind: "Jet", reference: "j-user" }];
    for (const [kind, reference, usedBy] of [
      ["state", "s-from", byTemplate],
      ["state", "s-required", byTemplate],
      ["plan", "p-used", byTemplate],
      ["template", "t-required", byTemplate],
      ["user", "u-listed", byTemplate],
      ["template", "t-user", byJet],
      ["user", "max", byJet],
    ] as const)
      expect(await remove(kind, reference), reference).toMatchObject({ code: "in_use", details: { usedBy } });
    // A state that no action leads to any more, and a jet is in it.
    await applyDocuments(root, [
      stateDocument("s-old"),
      template("t-old", { actions: [edge("create", { to: "s-old" })] }),
    ]);
    await root.request("jet.create", { template: "t-old", reference: "j-old", wait: true });
    await applyDocuments(root, [template("t-old")]);
    expect(await remove("state", "s-old")).toMatchObject({
      code: "in_use",
      details: { usedBy: [{ kind: "Jet", reference: "j-old" }] },
    });
    await root.request("jet.delete", { reference: "j-old" });
    expect((await remove("state", "s-old")).code).toBe("done");
  });

  test("by plans that call it, or trigger its jets, and by steps of groups and of finally", async () => {
    const called = ["p-called", "p-inside", "p-last"];
    await applyDocuments(root, [
      ...called.map((reference) => planDocument(reference, [{ wait: 0 }])),
      template("t-triggered"),
      planDocument(
        "p-caller",
        [
          { plan: "p-called" },
          { parallel: [{ plan: "p-inside" }, { jet: { template: "t-triggered", action: "create" } }] },
        ],
        { finally: [{ plan: "p-last" }] },
      ),
    ]);
    const used = [...called.map((one) => ["plan", one] as const), ["template", "t-triggered"] as const];
    for (const [kind, reference] of used)
      expect(await remove(kind, reference), reference).toMatchObject({
        code: "in_use",
        details: { usedBy: [{ kind: "Plan", reference: "p-caller" }] },
      });
    expect((await remove("plan", "p-caller")).code).toBe("done");
    for (const [kind, reference] of used) expect((await remove(kind, reference)).code).toBe("done");
  });

  test("as far as the caller may read it", async () => {
    const max = await mesh.client("max");
    await applyDocuments(max, [template("t-max", { accessLevel: "manager", managers: ["max"] })]);
    await root.request("jet.create", { template: "t-max", reference: "secret-jet", wait: true });
    const refused = await remove("template", "t-max", max);
    expect(refused).toMatchObject({ code: "in_use", details: { usedBy: [] } });
    expect(JSON.stringify([refused.message, refused.details])).not.toContain("secret");
    await root.request("jet.delete", { reference: "secret-jet" });
    // A manager deletes what they made, unless an action in it is beyond them.
    expect((await remove("template", "t-max", await mesh.client("eve"))).code).toBe("forbidden");
    const beyond = template("t-max", {
      managers: ["max"],
      actions: [edge("create", { to: "resting" }), edge("wipe", { accessLevel: "root", from: "resting" })],
    });
    await applyDocuments(root, [beyond]);
    expect((await remove("template", "t-max", max)).code).toBe("forbidden");
    await applyDocuments(root, [template("t-max", { managers: ["max"] })]);
    expect((await remove("template", "t-max", max)).code).toBe("done");
    expect((await remove("state", "resting", max)).code).toBe("forbidden");
  });
});

describe("raced", () => {
  test("with an apply of a plan that comes to call it, one of both is refused", async () => {
    for (let round = 0; round < 15; round += 1) {
      const [called, caller] = [`rc-${String(round)}`, `rcaller-${String(round)}`];
      await applyDocuments(root, [planDocument(called, [{ wait: 0 }])]);
      const [applied, gone] = await Promise.all([
        apply([planDocument(caller, [{ plan: called }])]),
        remove("plan", called),
      ]);
      expect([applied.code, gone.code].toSorted(), String(round)).toEqual(
        applied.code === "done" ? ["done", "in_use"] : ["done", applied.code].toSorted(),
      );
    }
  });

  test("with an apply that comes to name it, one of both is refused", async () => {
    for (let round = 0; round < 15; round += 1) {
      const [state, plan, user] = [`rs-${String(round)}`, `rp-${String(round)}`, `rt-${String(round)}`];
      await applyDocuments(root, [stateDocument(state), planDocument(plan, [{ wait: 0 }])]);
      const naming = template(user, { actions: [edge("create", { to: state, plan })] });
      const [applied, stateGone, planGone] = await Promise.all([
        apply([naming]),
        remove("state", state),
        remove("plan", plan),
      ]);
      const isNamed = applied.code === "done";
      expect(stateGone.code === "in_use" || planGone.code === "in_use").toBe(isNamed);
      if (isNamed) expect([stateGone.code, planGone.code]).toEqual(["in_use", "in_use"]);
      else expect(applied.code).toBe("invalid_request");
    }
  });

  test("with jets that are made of it, no jet is left of a template that is gone", async () => {
    for (let round = 0; round < 15; round += 1) {
      const reference = `rj-${String(round)}`;
      await applyDocuments(root, [template(reference)]);
      const create = (name: string): Promise<Refused> =>
        answerOf(root.request("jet.create", { template: reference, reference: name, wait: true }));
      const applied = { ...template(`${reference}-c`), kind: "Jet", template: reference };
      const { accessLevel: _level, actions: _actions, ...jet } = applied as Record<string, unknown>;
      const [gone, ...made] = await Promise.all([
        remove("template", reference),
        create(`${reference}-a`),
        create(`${reference}-b`),
        apply([jet]),
      ]);
      const jets = (await allJets(root.connection, root.names)).filter(
        (one) => one.template === reference && one.destroyedAt === undefined,
      );
      if (gone.code === "done") expect(jets).toEqual([]);
      else expect(gone.code).toBe("in_use");
      expect(jets.length).toBe(made.filter(({ code }) => code === "done").length);
    }
  });
});

describe("a state-store that dies", () => {
  test.each([
    ["jet.undo/after=lose", true],
    ["jet.undo/after=crash", true],
    ["jet.undo/before=crash", false],
  ])(
    "by %s, of a template that went before its jet was written, leaves none, or one to delete",
    async (fault, isUndone) => {
      const reference = `late-${fault.replaceAll(/[^a-z]/g, "-")}`;
      await applyDocuments(root, [template(reference)]);
      for (const one of mesh.services.filter(({ name }) => name === "state-store")) await one.stop();
      const slow = `jet.create/before=delay:1000~${reference}`;
      const faulty = await mesh.start("state-store", { JM_FAULTS: `${slow},${fault}` });
      const making = answerOf(root.request("jet.create", { template: reference, reference, wait: true }));
      await eventually("it to be made", () => (faulty.log().includes("fault jet.create") ? true : undefined));
      expect((await remove("template", reference)).code).toBe("done");
      if (fault.endsWith("crash")) {
        await faulty.gone;
        await mesh.start("state-store");
      } else expect((await making).code).toBe("unknown_template");
      const get = (): Promise<Refused> => answerOf(root.request("jet.get", { reference }));
      if (isUndone) return expect((await get()).code).toBe("unknown_jet");
      await eventually(
        "it to be deleted, once its action is given up",
        async () =>
          (await answerOf(root.request("jet.delete", { reference }))).code === "done" ? true : undefined,
        { withinMs: 15_000, everyMs: 100 },
      );
      expect((await get()).code).toBe("unknown_jet");
    },
    40_000,
  );

  test.each([
    ["definition.mark/before=crash", false],
    ["definition.mark/after=crash", false],
    ["definition.delete/before=crash", false],
    ["definition.delete/after=crash", true],
  ])(
    "by %s leaves a template that can be used, or that is gone",
    async (fault, isGone) => {
      const reference = `dies-${fault.replaceAll(/[^a-z]/g, "-")}`;
      await applyDocuments(root, [template(reference)]);
      for (const one of mesh.services.filter(({ name }) => name === "state-store")) await one.stop();
      const dying = await mesh.start("state-store", { JM_FAULTS: fault });
      void remove("template", reference);
      await dying.gone;
      await mesh.start("state-store");
      // Marked by one that died it is left so for some seconds; until then its users are asked to ask again.
      const made = await eventually(
        "an answer that is final",
        async () => {
          const { code } = await answerOf(
            root.request("jet.create", { template: reference, reference, wait: true }),
          );
          return code === "conflict" ? undefined : code;
        },
        { withinMs: 20_000, everyMs: 250 },
      );
      expect(made).toBe(isGone ? "unknown_template" : "done");
    },
    40_000,
  );
});
