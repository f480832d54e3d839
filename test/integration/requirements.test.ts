import type { MeshClient } from "@jetmesh/client";
import {
  allHistory,
  applyDocuments,
  type Document,
  eventually,
  planDocument,
  startMesh,
  type TestMesh,
  userDocument,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  answerTo,
  FAILING,
  makeJet,
  onlyWithFault,
  recordOf,
  SWITCH_STATES,
  switchTemplate,
  withoutHolds,
} from "../support/required-jets.ts";

let mesh: TestMesh;
let root: MeshClient;
let names = 0;
beforeAll(async () => {
  mesh = await startMesh({ services: { "state-store": 2 } });
  root = await mesh.client();
  await applyDocuments(root, [
    ...SWITCH_STATES,
    FAILING,
    userDocument("ann", "user"),
    userDocument("max", "manager"),
  ]);
}, 60_000);
afterAll(() => mesh.stop());

interface Pair {
  readonly app: string;
  readonly db: string;
  readonly apps: string;
  readonly dbs: string;
}

/** Two templates of which one requires the other running, for `start` unless said, and a jet of each, stopped. */
async function pair(
  requires: Document = { actions: ["start"] },
  dbPlans: Readonly<Record<string, string>> = {},
): Promise<Pair> {
  names += 1;
  const [apps, dbs] = [`apps${String(names)}`, `dbs${String(names)}`];
  await applyDocuments(root, [
    switchTemplate(dbs, {}, dbPlans),
    switchTemplate(apps, { requires: [{ template: dbs, state: "running", ...requires }] }),
  ]);
  const [app, db] = [`app${String(names)}`, `db${String(names)}`];
  expect(await makeJet(root, dbs, db)).toBe("SUCCESS");
  return { app, db, apps, dbs };
}
const madePair = async (...given: Parameters<typeof pair>): Promise<Pair> => {
  const made = await pair(...given);
  expect(await makeJet(root, made.apps, made.app)).toBe("SUCCESS");
  return made;
};

describe("a jet whose template requires another in a state", () => {
  test("is refused the actions that say so, and changes nothing; others it may do", async () => {
    const { app, db } = await madePair();
    expect(await answerTo(root, app, "start")).toBe("requirement_unmet");
    const { state, holds, open } = await recordOf(root, app);
    expect({ state, holds, open }).toEqual({ state: "stopped" });
    expect(await answerTo(root, db, "start")).toBe("SUCCESS");
    expect(await answerTo(root, app, "start")).toBe("SUCCESS");
  });

  test("is refused all of them where it names none, its creation as well", async () => {
    const { app, apps, db } = await pair({});
    expect(await makeJet(root, apps, app)).toBe("requirement_unmet");
    expect(await answerTo(root, db, "start")).toBe("SUCCESS");
    expect(await makeJet(root, apps, app)).toBe("SUCCESS");
  });

  test("is told so by the stream in the history", async () => {
    const { app } = await madePair();
    await root.publishTrigger(app, "start");
    const refused = await eventually("the refusal", async () => {
      const entry = await root.connection.jsm.streams.getMessage(root.names.streams.history, {
        last_by_subj: root.names.history.of(app),
      });
      const { refusal } = entry?.json<{ refusal?: { code: string } }>() ?? {};
      return refusal?.code;
    });
    expect(refused).toBe("requirement_unmet");
  });
});

describe("a jet that others require", () => {
  const running = async (requires?: Document): Promise<Pair> => {
    const made = await madePair(requires);
    expect(await answerTo(root, made.db, "start")).toBe("SUCCESS");
    expect(await answerTo(root, made.app, "start")).toBe("SUCCESS");
    return made;
  };

  test("is not stopped, and may be once they do not require it any more", async () => {
    const { app, db } = await running();
    expect(await answerTo(root, db, "stop")).toBe("in_use");
    expect(await answerTo(root, db, "restart")).toBe("SUCCESS");
    expect(await answerTo(root, app, "restart")).toBe("SUCCESS");
    expect(await answerTo(root, db, "stop")).toBe("in_use");
    expect(await answerTo(root, app, "stop")).toBe("SUCCESS");
    // At once, and not when the scan comes by.
    await withoutHolds(root, db, 2_000);
    expect(await answerTo(root, db, "stop")).toBe("SUCCESS");
  });

  test("is required as long as they live where all actions require it", async () => {
    const { app, db } = await running().then(async ({ apps, dbs, app: a, db: d }) => {
      await applyDocuments(root, [switchTemplate(apps, { requires: [{ template: dbs, state: "running" }] })]);
      expect(await answerTo(root, a, "restart")).toBe("SUCCESS");
      return { app: a, db: d };
    });
    expect(await answerTo(root, app, "stop")).toBe("SUCCESS");
    expect(await answerTo(root, db, "stop")).toBe("in_use");
    expect(await answerTo(root, app, "destroy")).toBe("SUCCESS");
    await withoutHolds(root, db);
    expect(await answerTo(root, db, "stop")).toBe("SUCCESS");
  });

  test("is stopped by force, which is for its managers", async () => {
    const { db } = await running();
    const ann = await mesh.client("ann");
    const max = await mesh.client("max");
    const share = { apiVersion: "jetmesh/v1", kind: "Jet", reference: db, template: db.replace("db", "dbs") };
    await applyDocuments(root, [{ ...share, users: ["ann"], managers: ["max"] }]);
    expect(await answerTo(ann, db, "stop", { force: true })).toBe("forbidden");
    expect(await answerTo(max, db, "stop")).toBe("in_use");
    expect(await answerTo(max, db, "stop", { force: true })).toBe("SUCCESS");
  });

  test("is not given another template", async () => {
    const { db } = await running();
    const other = { apiVersion: "jetmesh/v1", kind: "Jet", reference: db, template: "apps1" };
    await expect(applyDocuments(root, [other])).rejects.toMatchObject({ code: "in_use" });
  });

  test("is refused a stop that was queued, when its turn comes", async () => {
    const { db } = await running();
    // Two at once: one begins, the other waits; the stop behind it finds that it is in use.
    const answers = await Promise.all([
      answerTo(root, db, "restart", { onBusy: "queue" }),
      answerTo(root, db, "restart", { onBusy: "queue" }),
      answerTo(root, db, "stop", { onBusy: "queue" }).then((code) => (code === "ERROR" ? "in_use" : code)),
    ]);
    expect(answers).toEqual(["SUCCESS", "SUCCESS", "in_use"]);
  });
});

test("one jet is required by many that begin at once", async () => {
  const { apps, db } = await madePair();
  expect(await answerTo(root, db, "start")).toBe("SUCCESS");
  const many = Array.from({ length: 40 }, (_, n) => `${apps}-${String(n)}`);
  await Promise.all(many.map((app) => makeJet(root, apps, app)));
  const answers = await Promise.all(many.map((app) => answerTo(root, app, "start")));
  expect(new Set(answers)).toEqual(new Set(["SUCCESS"]));
  expect((await recordOf(root, db)).heldBy).toHaveLength(40);
  await Promise.all(many.map((app) => answerTo(root, app, "stop")));
  await withoutHolds(root, db);
});

describe("a requirement that is to be brought up", () => {
  test("is, and then the jet begins; meanwhile it waits", async () => {
    const { app, db } = await madePair({ actions: ["start"], otherwise: "bring" });
    expect(await answerTo(root, app, "start")).toBe("SUCCESS");
    expect((await recordOf(root, db)).state).toBe("running");
    expect((await recordOf(root, app)).state).toBe("running");
    expect(await answerTo(root, db, "stop")).toBe("in_use");
  });

  test("is for a jet that is created, and over several templates", async () => {
    names += 1;
    const [disks, dbs, apps] = ["disks", "dbs", "apps"].map((name) => `${name}${String(names)}`) as [
      string,
      string,
      string,
    ];
    const bring = (template: string, actions: string[] = ["start"]): Document => ({
      requires: [{ template, state: "running", actions, otherwise: "bring" }],
    });
    await applyDocuments(root, [
      switchTemplate(disks),
      switchTemplate(dbs, bring(disks)),
      switchTemplate(apps, bring(dbs, ["create"])),
    ]);
    await makeJet(root, disks, `disk${String(names)}`);
    await makeJet(root, dbs, `db${String(names)}`);
    expect(await makeJet(root, apps, `app${String(names)}`)).toBe("SUCCESS");
    for (const name of ["disk", "db"])
      expect((await recordOf(root, `${name}${String(names)}`)).state).toBe("running");
    expect((await recordOf(root, `app${String(names)}`)).state).toBe("stopped");
  });

  test("on the way to a target, too", async () => {
    const { app, db } = await madePair({ actions: ["start"], otherwise: "bring" });
    root.connection.nc.publish(root.names.trigger.ofTarget("root", app, "running"), "{}");
    await eventually("the jet to run", async () =>
      (await recordOf(root, app)).state === "running" ? true : undefined,
    );
    expect((await recordOf(root, db)).state).toBe("running");
  });

  test("is refused where there is none to bring, or bringing it fails", async () => {
    const { app, db } = await madePair({ actions: ["start"], otherwise: "bring" }, { start: "failing" });
    expect(await answerTo(root, app, "start")).toBe("ERROR");
    const { state, queue } = await recordOf(root, app);
    expect({ state, queue }).toEqual({ state: "stopped", queue: [] });
    expect(await answerTo(root, db, "destroy")).toBe("in_use");
    await withoutHolds(root, db);
    expect(await answerTo(root, db, "destroy")).toBe("SUCCESS");
    expect(await answerTo(root, app, "start")).toBe("requirement_unmet");
  });

  test("that failed for another who asked in between is tried once more, and then refused", async () => {
    const slow = planDocument("slow-to-fail", [{ wait: 400 }, { shell: "exit 1" }]);
    await applyDocuments(root, [slow]);
    const { app, db } = await madePair({ actions: ["start"], otherwise: "bring" }, { start: "slow-to-fail" });
    const answer = answerTo(root, app, "start");
    await eventually(
      "the trigger to wait",
      async () => (await recordOf(root, app)).queue.length || undefined,
    );
    // A target comes before what waits, and takes its place at the required jet.
    root.connection.nc.publish(root.names.trigger.ofTarget("root", app, "running"), "{}");
    expect(await answer).toBe("ERROR");
    expect(await recordOf(root, app)).toMatchObject({
      state: "stopped",
      queue: [],
      lastTarget: { outcome: "ERROR", code: "requirement_unmet" },
    });
    const tried = (await allHistory(root.connection, root.names)).filter((one) => one.jet === db);
    expect(tried.filter(({ action }) => action === "start").map(({ outcome }) => outcome)).toEqual([
      "ERROR",
      "ERROR",
      "ERROR",
    ]);
  });
});

describe("applying requirements", () => {
  const faultsOf = (documents: readonly Document[]): Promise<unknown> =>
    applyDocuments(root, documents).then(
      () => "applied",
      (thrown: unknown) => (thrown as { details: { faults: unknown } }).details.faults,
    );
  const requiring = (reference: string, ...required: string[]): Document =>
    switchTemplate(reference, { requires: required.map((template) => ({ template, state: "running" })) });

  test("in a circle is refused, with the place, over templates that are there and that come along", async () => {
    await applyDocuments(root, [
      switchTemplate("round-c"),
      requiring("round-b", "round-c"),
      requiring("round-a", "round-b"),
    ]);
    const fault = {
      document: 0,
      path: ["requires", 1, "template"],
      message: "template 'round-c' would require itself",
    };
    await applyDocuments(root, [switchTemplate("round-d")]);
    expect(await faultsOf([requiring("round-c", "round-d", "round-a")])).toEqual([fault]);
    const one = (reference: string, document: number): object => ({
      document,
      path: ["requires", 0, "template"],
      message: `template '${reference}' would require itself`,
    });
    expect(await faultsOf([requiring("ring-x", "ring-y"), requiring("ring-y", "ring-x")])).toEqual([
      one("ring-x", 0),
      one("ring-y", 1),
    ]);
  });

  test("that close a circle only together: one of two who apply at once is refused", async () => {
    for (let round = 0; round < 10; round += 1) {
      const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => `ring${String(round)}-${name}`) as [
        string,
        string,
        string,
        string,
      ];
      await applyDocuments(root, [switchTemplate(a), switchTemplate(c), requiring(b, c), requiring(d, a)]);
      // a → b → c is one half, c → d → a the other.
      const both = await Promise.all([faultsOf([requiring(a, b)]), faultsOf([requiring(c, d)])]);
      expect(both.filter((answer) => answer === "applied").length, JSON.stringify(both)).toBeLessThanOrEqual(
        1,
      );
    }
  });

  test("names templates, states and actions that are there", async () => {
    const required = { template: "nowhere", state: "nothing", actions: ["nap"] };
    expect(await faultsOf([switchTemplate("names", { requires: [required] })])).toMatchObject([
      { path: ["requires", 0, "actions", 0] },
    ]);
    expect(
      await faultsOf([switchTemplate("names", { requires: [{ ...required, actions: [] }] })]),
    ).toMatchObject([
      { path: ["requires", 0, "template"], message: "there is no template 'nowhere'" },
      { path: ["requires", 0, "state"], message: "there is no state 'nothing'" },
    ]);
  });
});

test("a hold that is written twice, or whose answer is lost, is one", async () => {
  const { app, db } = await madePair();
  expect(await answerTo(root, db, "start")).toBe("SUCCESS");
  for (const fault of ["before=twice", "after=lose"]) {
    await onlyWithFault(mesh, `hold.take/${fault},hold.free/${fault}`);
    expect(await answerTo(root, app, "start"), fault).toBe("SUCCESS");
    expect((await recordOf(root, db)).heldBy, fault).toMatchObject([{ jet: app }]);
    expect(await answerTo(root, db, "stop"), fault).toBe("in_use");
    expect(await answerTo(root, app, "stop"), fault).toBe("SUCCESS");
    await withoutHolds(root, db);
  }
}, 60_000);

test.each([
  ["hold.take/after=crash", "has set out to bring the required jet up"],
  ["jet.accept/after=crash", "has written that the jet waits"],
  ["jet.settle/after=crash", "has settled the required jet"],
])(
  "a state-store that dies by %s, once it %s, keeps nobody waiting",
  async (fault) => {
    const { app, db } = await madePair({ actions: ["start"], otherwise: "bring" });
    const dying = await onlyWithFault(mesh, fault);
    await root.publishTrigger(app, "start");
    await dying.gone;
    await mesh.start("state-store");
    await eventually(
      "the jet to run",
      async () => {
        const { state, open } = await recordOf(root, app);
        return state === "running" && open === undefined ? true : undefined;
      },
      { withinMs: 30_000, everyMs: 50 },
    );
    const { state, heldBy } = await recordOf(root, db);
    expect({ state, heldBy }).toMatchObject({ state: "running", heldBy: [{ jet: app }] });
    expect((await recordOf(root, app)).holds).toMatchObject([{ jet: db }]);
  },
  60_000,
);
