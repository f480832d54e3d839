import type { MeshClient } from "@jetmesh/client";
import { allHistory, eventually, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { answerTo, onlyWithFault, recordOf, withoutHolds } from "../support/required-jets.ts";
import { APPS, DBS, startRace, striveWith, type Watch } from "../support/required-race.ts";

/** What test/integration/required-race.test.ts asks, where a state-store dies or stands still between its two writes. */
let mesh: TestMesh;
let root: MeshClient;
let watch: Watch;
beforeAll(async () => {
  mesh = await startMesh({ services: { "state-store": 2 } });
  root = await mesh.client();
  watch = await startRace(root);
}, 60_000);
afterAll(async () => {
  await watch.stop();
  await mesh.stop();
});

test.each([
  "hold.take/before=crash@3",
  "hold.take/after=crash@3",
  "hold.free/before=crash@2",
  "hold.free/after=crash@2",
  "jet.accept/before=crash@6",
  "jet.accept/after=crash@6",
  "jet.settle/after=crash@4",
])("never a jet runs on a requirement that is stopped where a state-store dies by %s", async (fault) => {
  await striveWith(mesh, root, fault);
  expect(watch.ran()).toBeGreaterThan(0);
  expect(watch.wrong).toEqual([]);
});

const everythingStopped = async (): Promise<void> => {
  for (const jet of [...APPS, ...DBS])
    await eventually(`${jet} to be stopped`, async () => {
      await answerTo(root, jet, "stop", { timeoutMs: 2_000 });
      const { state, open, heldBy } = await recordOf(root, jet);
      return state === "stopped" && open === undefined && heldBy === undefined ? true : undefined;
    });
};

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
