import type { MeshClient } from "@jetmesh/client";
import { JetRecord } from "@jetmesh/protocol";
import { allHistory, applyDocuments, eventually, startMesh, type TestMesh } from "@jetmesh/testkit";
import { DeliverPolicy } from "@nats-io/jetstream";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  answerTo,
  makeJet,
  onlyWithFault,
  recordOf,
  SWITCH_STATES,
  switchTemplate,
  withoutHolds,
} from "../support/required-jets.ts";

/**
 * Apps start and stop, and so do the databases that they require, all at once, by two state-stores, one of which dies
 * between the writes. In the order of the stream, an app that runs always holds a database that runs.
 */
let mesh: TestMesh;
let root: MeshClient;
beforeAll(async () => {
  mesh = await startMesh({ services: { "state-store": 2 } });
  root = await mesh.client();
}, 60_000);
afterAll(() => mesh.stop());

interface Watch {
  readonly wrong: string[];
  /** How often an app was seen to run. */
  readonly ran: () => number;
  stop(): Promise<void>;
}

/** Looks at every record as it is written, in the order of the stream. */
async function watchJets(): Promise<Watch> {
  const stream = root.names.kvStream(root.names.buckets.jets);
  const consumer = await root.connection.js.consumers.get(stream, { deliver_policy: DeliverPolicy.All });
  const messages = await consumer.consume();
  const jets = new Map<string, JetRecord>();
  const wrong: string[] = [];
  let ran = 0;
  const looking = (async () => {
    for await (const message of messages) {
      if (message.data.length === 0) continue;
      const jet = JetRecord.parse(message.json());
      jets.set(jet.reference, jet);
      if (jet.reference.startsWith("app") && jet.state === "running") ran += 1;
      for (const app of jets.values()) {
        if (!app.reference.startsWith("app") || app.state !== "running") continue;
        const held = (app.holds ?? []).map((hold) => jets.get(hold.jet)?.state);
        if (held.length === 1 && held[0] === "running") continue;
        wrong.push(
          `at ${String(message.seq)} ${app.reference} runs on ${JSON.stringify(app.holds)}, ${String(held)}`,
        );
      }
    }
  })();
  return {
    wrong,
    ran: () => ran,
    async stop() {
      await messages.close();
      await looking;
    },
  };
}

const APPS = ["app1", "app2"];
const DBS = ["db1", "db2"];

/** Everybody at it at once; what a dying state-store had is not waited for long. */
async function strive(rounds: number): Promise<Set<string>> {
  const seen = new Set<string>();
  const toggle = async (jet: string): Promise<void> => {
    for (let round = 0; round < rounds; round += 1)
      for (const action of ["start", "stop"])
        seen.add(await answerTo(root, jet, action, { timeoutMs: 2_000 }));
  };
  await Promise.all([...APPS, ...DBS, ...DBS].map(toggle));
  return seen;
}

const everythingStopped = async (): Promise<void> => {
  for (const jet of [...APPS, ...DBS])
    await eventually(`${jet} to be stopped`, async () => {
      await answerTo(root, jet, "stop", { timeoutMs: 2_000 });
      const { state, open, heldBy } = await recordOf(root, jet);
      return state === "stopped" && open === undefined && heldBy === undefined ? true : undefined;
    });
};

let watch: Watch;
beforeAll(async () => {
  await applyDocuments(root, [
    ...SWITCH_STATES,
    switchTemplate("dbs"),
    switchTemplate("apps", { requires: [{ template: "dbs", state: "running", actions: ["start"] }] }),
  ]);
  for (const db of DBS) expect(await makeJet(root, "dbs", db)).toBe("SUCCESS");
  for (const app of APPS) expect(await makeJet(root, "apps", app)).toBe("SUCCESS");
  watch = await watchJets();
});
afterAll(() => watch.stop());

test("never a jet runs on a requirement that is stopped", async () => {
  const seen = await strive(40);
  expect(watch.wrong).toEqual([]);
  for (const code of ["SUCCESS", "in_use", "requirement_unmet"]) expect(seen).toContain(code);
  expect(watch.ran()).toBeGreaterThan(10);
});

test.each(["hold.take/after=crash@3", "hold.free/before=crash@2"])(
  "nor where a state-store dies by %s",
  async (fault) => {
    const dying = await onlyWithFault(mesh, fault);
    const striving = strive(6);
    await dying.gone;
    await Promise.all([mesh.start("state-store"), mesh.start("state-store")]);
    await striving;
    await strive(10);
    expect(watch.wrong).toEqual([]);
  },
  60_000,
);

test("nor where one stands still between the two writes, and goes on when what it took is gone", async () => {
  await everythingStopped();
  expect(await answerTo(root, "db1", "start")).toBe("SUCCESS");
  const paused = await onlyWithFault(mesh, "hold.take/after=pause~app1");
  // Asked by the API it is nobody else's: a message of the stream would be given to another.
  const asked = root.request("jet.trigger", { jet: "app1", action: "start" }).catch(() => undefined);
  await eventually("the pause", () => (paused.isStopped() ? true : undefined));
  await mesh.start("state-store");
  await withoutHolds(root, "db1");
  await root.publishTrigger("db1", "stop");
  await eventually("db1 to be stopped", async () =>
    (await recordOf(root, "db1")).state === "stopped" ? true : undefined,
  );
  const before = await recordOf(root, "app1");
  paused.signal("SIGCONT");
  await eventually("what it was at to be refused", async () => {
    const history = await allHistory(root.connection, root.names);
    const last = history.findLast(({ jet }) => jet === "app1");
    return last?.refusal?.code === "requirement_unmet" && last.user === "root" ? true : undefined;
  });
  expect(await recordOf(root, "app1")).toEqual(before);
  await asked;
  expect(watch.wrong).toEqual([]);
}, 90_000);

test("and when all is quiet nothing is held that its owner does not know of: everything can be taken down", async () => {
  for (const app of APPS)
    await eventually(`${app} to be gone`, async () => {
      await answerTo(root, app, "stop");
      return (await answerTo(root, app, "destroy")) === "SUCCESS" ? true : undefined;
    });
  for (const db of DBS) {
    await withoutHolds(root, db, 30_000);
    await answerTo(root, db, "stop");
    expect(await answerTo(root, db, "destroy")).toBe("SUCCESS");
  }
  expect(watch.wrong).toEqual([]);
}, 60_000);
