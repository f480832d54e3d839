import type { MeshClient } from "@jetmesh/client";
import { eventually, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { answerTo, withoutHolds } from "../support/required-jets.ts";
import { APPS, DBS, startRace, strive, type Watch } from "../support/required-race.ts";

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

test("never a jet runs on a requirement that is stopped", async () => {
  const seen = await strive(root, 40);
  expect(watch.wrong).toEqual([]);
  for (const code of ["SUCCESS", "in_use", "requirement_unmet"]) expect(seen).toContain(code);
  expect(watch.ran()).toBeGreaterThan(10);
});

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
