import type { MeshClient } from "@jetmesh/client";
import { startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startRace, striveWith, type Watch } from "../support/required-race.ts";

/** What test/integration/required-race.test.ts asks at two points, at the others as well. */
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
  "hold.free/after=crash@2",
  "jet.accept/before=crash@6",
  "jet.accept/after=crash@6",
  "jet.settle/after=crash@4",
])("never a jet runs on a requirement that is stopped where a state-store dies by %s", async (fault) => {
  await striveWith(mesh, root, fault);
  expect(watch.ran()).toBeGreaterThan(0);
  expect(watch.wrong).toEqual([]);
});
