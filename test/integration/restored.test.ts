import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import { createNames } from "@jetmesh/protocol";
import { readMesh } from "@jetmesh/storage";
import {
  applyDocuments,
  eventually,
  loopDocuments,
  startMesh,
  type TestMesh,
  type TestService,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runJm } from "../support/shard-records.ts";

/** A mesh is backed up while an action waits, runs it, and is restored as it was before. */
const OTHERS = ["gateway", "authz", "state-store", "lifecycle-ticker"] as const;
const ALL = [...OTHERS, "flight-plan-runner"] as const;
const folder = mkdtempSync(join(tmpdir(), "jm-restored-"));
const copy = join(folder, "copy");
const file = join(folder, "ran");
let mesh: TestMesh;
let root: MeshClient;
beforeAll(async () => {
  mesh = await startMesh({ services: { "flight-plan-runner": 0 } });
  root = await mesh.client();
  await applyDocuments(root, loopDocuments([{ shell: `echo ran >> ${file}` }]));
  await root.request("jet.create", { template: "loop", reference: "one", wait: true });
}, 60_000);
afterAll(async () => {
  // What waits for it where a test failed before.
  writeFileSync(join(folder, "go"), "");
  await mesh.stop();
  rmSync(folder, { recursive: true, force: true });
});

const runs = (): number => readFileSync(file, "utf8").split("\n").length - 1;
const mark = async (): Promise<unknown> => (await readMesh(root.connection, createNames()))?.record.backup;
const backup = (...words: string[]): ReturnType<typeof runJm> =>
  runJm(mesh.url, ["--json", "backup", "--", ...words]);

test("the copy has a mark that the mesh has only while it is made, however it ends", async () => {
  await root.request("jet.trigger", { jet: "one", action: "turn" });
  expect(await backup("false")).toMatchObject({ code: 1 });
  expect(await mark()).toBeUndefined();
  expect((await backup("no-such-command")).output).toContain("cannot run");
  expect(await mark()).toBeUndefined();
  const slow = backup("sh", "-c", `until [ -e ${folder}/go ]; do sleep 0.05; done`);
  await eventually("the mark", mark);
  expect((await backup("true")).output).toContain("a backup is being taken since");
  const late = mesh.start("authz");
  await eventually("a service that starts to wait", () => (pausedIn(mesh.logs()) > 0 ? true : undefined));
  // Taken off while the copy is made: that would not start paused.
  expect(JSON.parse((await runJm(mesh.url, ["--json", "doctor", "--restored"])).output)).toMatchObject({
    released: true,
    goesOn: { actions: { SLEEPING: 1 } },
  });
  await (await late).stop();
  await runJm(mesh.url, ["backup", "--", "touch", `${folder}/go`]);
  expect((await slow).output).toContain("take it again");
  const taken = await backup("cp", "-r", mesh.server.storeDir, copy);
  expect(taken.code, taken.output).toBe(0);
  expect(await mark()).toBeUndefined();
});

test("what was restored waits, also who lived through it, until it is let go on", async () => {
  const runner = await mesh.start("flight-plan-runner");
  await eventually("the action to run", async () =>
    (await root.request<{ open?: unknown }>("jet.get", { reference: "one" })).open === undefined
      ? true
      : undefined,
  );
  expect(runs()).toBe(1);
  await runner.stop();
  const living = mesh.services.filter((service) => service.isRunning());
  const before = pausedIn(mesh.logs());
  await mesh.server.kill();
  rmSync(mesh.server.storeDir, { recursive: true });
  cpSync(copy, mesh.server.storeDir, { recursive: true });
  await mesh.server.restart();
  // Nobody serves on what is not there any more.
  await Promise.all(living.map(({ gone }) => gone));
  expect(living.map(({ name }) => name).sort()).toEqual([...OTHERS].sort());
  const starting: Promise<TestService>[] = ALL.map((name) => mesh.start(name));
  await eventually("all of them to wait", () =>
    pausedIn(mesh.logs()) === before + ALL.length ? true : undefined,
  );
  const sick = await runJm(mesh.url, ["doctor"]);
  expect(sick.code).toBe(1);
  expect(sick.output).toMatch(/restored from the backup of .*1 actions in SLEEPING/s);
  expect((await runJm(mesh.url, ["reshard", "--to", "2"])).output).toContain("restored");
  expect(runs()).toBe(1);
  expect((await runJm(mesh.url, ["doctor", "--restored"])).output).toMatch(
    /^the mesh goes on from the backup/,
  );
  await Promise.all(starting);
  // Let go on by somebody who has looked: it runs as the record says.
  await eventually("it to go on", () => (runs() === 2 ? true : undefined), { withinMs: 20_000 });
  expect((await runJm(mesh.url, ["doctor", "--restored"])).output).toMatch(/^nothing waits/);
  await eventually("the mesh to be well", async () =>
    (await runJm(mesh.url, ["doctor"])).code === 0 ? true : undefined,
  );
});

test("a mark whose answer is lost, or that is written twice, is one", async () => {
  for (const fault of ["after=lose", "before=twice"]) {
    const env = { JM_FAULTS: `mesh.backup/${fault}` };
    const taken = await runJm(mesh.url, ["backup", "--", "true"], env);
    expect(taken.code, taken.output).toBe(0);
    expect(await mark()).toBeUndefined();
  }
  for (const fault of ["before=crash", "after=crash", "before=crash@2", "after=crash@2"]) {
    await runJm(mesh.url, ["backup", "--", "true"], { JM_FAULTS: `mesh.backup/${fault}` });
    expect((await mark()) !== undefined, fault).toBe(fault === "after=crash" || fault === "before=crash@2");
    await runJm(mesh.url, ["doctor", "--restored"]);
    expect(await mark()).toBeUndefined();
  }
});

function pausedIn(logs: string): number {
  return logs.split('"paused: ').length - 1;
}
