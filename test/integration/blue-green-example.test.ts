import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { TriggerReply } from "@jetmesh/protocol";
import { applyDocuments, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exampleDocuments } from "../support/example-documents.ts";
import { runsOf } from "../support/runs.ts";

/** `examples/blue-green`, with real web servers: what is on trial keeps what it may have to fall back to. */
let mesh: TestMesh;
let client: MeshClient;
const dir = mkdtempSync(join(tmpdir(), "jm-blue-green-"));
const front = join(dir, "front.conf");
const runs = runsOf(() => client);

beforeAll(async () => {
  mesh = await startMesh();
  client = await mesh.client();
  await applyDocuments(client, [
    ...exampleDocuments("web/web.yaml"),
    ...exampleDocuments("blue-green/blue-green.yaml"),
  ]);
  for (const [template, reference] of [
    ["site", "blue"],
    ["candidate", "green"],
  ])
    await client.request("jet.create", { template, reference, variables: { dir, front }, wait: true });
}, 60_000);
afterAll(async () => {
  for (const jet of ["green", "blue"]) {
    const argument = { lifeline: process.pid };
    await client.request("jet.trigger", { jet, action: "stop", argument, wait: true }).catch(() => undefined);
  }
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});

const trigger = (jet: string, action: string): Promise<TriggerReply> =>
  client.request<TriggerReply>(
    "jet.trigger",
    // The servers end with the test, whatever becomes of it.
    { jet, action, argument: { lifeline: process.pid }, wait: true },
    60_000,
  );
const stateOf = async (reference: string): Promise<string | undefined> =>
  (await client.request<{ state?: string }>("jet.get", { reference })).state;
const pageOf = async (jet: string): Promise<string | null> => {
  const { port } = JSON.parse(readFileSync(join(dir, jet, "site.json"), "utf8")) as { port: number };
  return (await fetch(`http://127.0.0.1:${String(port)}/`)).headers.get("x-jet");
};

test("a trial brings up what it may fall back to, and keeps it", async () => {
  expect(await trigger("green", "try")).toMatchObject({ outcome: "SUCCESS", state: "trial" });
  expect([await stateOf("blue"), await pageOf("blue"), await pageOf("green")]).toEqual([
    "running",
    "blue",
    "green",
  ]);
  await expect(trigger("blue", "stop")).rejects.toMatchObject({ code: "in_use" });
});

test("one that is given up lets go of it", async () => {
  expect(await trigger("green", "abandon")).toMatchObject({ outcome: "SUCCESS", state: "stopped" });
  expect(await trigger("blue", "stop")).toMatchObject({ outcome: "SUCCESS", state: "stopped" });
});

test("a promotion that fails is taken back, and the trial goes on", async () => {
  await client.request("jet.update", {
    reference: "green",
    variables: { dir, front, front_url: "http://127.0.0.1:1/" },
  });
  expect(await trigger("green", "try")).toMatchObject({ state: "trial" });
  const failed = await trigger("green", "promote");
  expect(failed).toMatchObject({ outcome: "ERROR" });
  await runs.until(failed.actionId ?? "", "the rollback", ({ state }) => state === "REVERTED");
  expect(readFileSync(front, "utf8").trim()).toBe("");
  expect(await stateOf("green")).toBe("trial");
  await expect(trigger("blue", "stop")).rejects.toMatchObject({ code: "in_use" });
});

test("once promoted everybody is sent to it, and the other may go", async () => {
  await client.request("jet.update", { reference: "green", variables: { dir, front } });
  expect(await trigger("green", "promote")).toMatchObject({ outcome: "SUCCESS", state: "running" });
  const [, port = ""] = /server 127\.0\.0\.1:(\d+); # green/.exec(readFileSync(front, "utf8")) ?? [];
  expect((await fetch(`http://127.0.0.1:${port}/`)).headers.get("x-jet")).toBe("green");
  expect(await trigger("blue", "stop")).toMatchObject({ outcome: "SUCCESS", state: "stopped" });
});
