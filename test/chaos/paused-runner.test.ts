import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord } from "@jetmesh/protocol";
import {
  allHistory,
  applyDocuments,
  eventually,
  loopDocuments,
  startMesh,
  type TestMesh,
  type TestService,
} from "@jetmesh/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { linesOf } from "../support/lines-of.ts";

let dir: string;
let mesh: TestMesh;
let client: MeshClient;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "jm-paused-"));
  // Shorter than in production, so that a presence runs out within a test.
  mesh = await startMesh({ services: { "flight-plan-runner": 2 }, env: { JM_PRESENCE_TTL_MS: "6000" } });
  client = await mesh.client();
}, 60_000);
afterEach(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});

const lines = (name: string): string[] => linesOf(join(dir, name));
const record = (id: string): Promise<ActionRecord> => client.request<ActionRecord>("action.get", { id });

async function triggered(): Promise<{ id: string; holder: TestService }> {
  await client.request("jet.create", { template: "loop", reference: "one", wait: true });
  const { actionId: id } = await client.request<{ actionId: string }>("jet.trigger", {
    jet: "one",
    action: "turn",
  });
  await eventually("the step to run", () => lines("pids")[0]);
  const suffix = (await record(id)).claim?.runner.replace("runner-", "") ?? "none";
  const holder = mesh.services.find(({ instance }) => instance.endsWith(suffix));
  if (holder === undefined) throw new Error("nobody holds it");
  return { id, holder };
}

test("a runner that is stopped for good loses its step's processes before another runs the step again, and its late result", async () => {
  const pids = join(dir, "pids");
  // Begun a second time it says whether the first still runs; a stopped parent leaves it a zombie.
  const script = [
    `echo $$ >> ${pids}`,
    `first=$(head -n 1 ${pids})`,
    `if [ "$first" = $$ ]; then while :; do sleep 1; done; fi`,
    `grep -s '^State:' "/proc/$first/status" | grep -v Z >> ${join(dir, "overlap")} || true`,
  ].join("\n");
  await applyDocuments(client, loopDocuments([{ shell: script, idempotent: true }]));
  const { id, holder } = await triggered();
  holder.signal("SIGSTOP");
  const closed = await eventually(
    "the action to be closed",
    async () => {
      const now = await record(id);
      return now.state === "CLOSED" ? now : undefined;
    },
    { withinMs: 30_000 },
  );
  expect(closed).toMatchObject({ outcome: "SUCCESS", attempt: 2 });
  expect(lines("pids")).toHaveLength(2);
  expect(lines("overlap")).toEqual([]);

  holder.signal("SIGCONT");
  const late = await eventually(
    "the late result in the history",
    async () => (await allHistory(client.connection, client.names)).find(({ what }) => what === "late"),
    { withinMs: 15_000 },
  );
  expect(late).toMatchObject({ id });
  expect(lines("pids")).toHaveLength(2);
  expect(await record(id)).toMatchObject({ state: "CLOSED", outcome: "SUCCESS", attempt: 2 });
  // It is of use again.
  await Promise.all(
    mesh.services
      .filter((one) => one.name === "flight-plan-runner" && one !== holder)
      .map((one) => one.stop()),
  );
  await client.request("jet.trigger", { jet: "one", action: "turn", wait: true });
});

test("a deadline ends an action whose runner is dead, also where there is no other runner", async () => {
  const script = `echo $$ >> ${join(dir, "pids")}; sleep 600`;
  await applyDocuments(client, loopDocuments([{ shell: script }], { delays: { deadline: "4s" } }));
  await triggered();
  await Promise.all(
    mesh.services.filter(({ name }) => name === "flight-plan-runner").map((one) => one.kill()),
  );
  const closed = await eventually(
    "the action in the history",
    async () => (await allHistory(client.connection, client.names)).find(({ action }) => action === "turn"),
    { withinMs: 30_000 },
  );
  expect(closed).toMatchObject({ outcome: "ERROR", error: { code: "deadline_exceeded" } });
  expect(await client.request("jet.get", { reference: "one" })).toMatchObject({ state: "broken" });
});
