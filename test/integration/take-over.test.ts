import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord } from "@jetmesh/protocol";
import {
  allActions,
  allHistory,
  applyDocuments,
  type Document,
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
  dir = mkdtempSync(join(tmpdir(), "jm-takeover-"));
  mesh = await startMesh({ services: { "flight-plan-runner": 2 } });
  client = await mesh.client();
}, 60_000);
afterEach(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});

const isAlive = (pid: number): boolean => {
  try {
    return readFileSync(`/proc/${String(pid)}/stat`, "utf8").split(") ")[1]?.[0] !== "Z";
  } catch {
    return false;
  }
};
const lines = linesOf;

/** Begins a turn whose step says its pid and then stays; gives the runner that holds it. */
async function beginStuck(
  step: Document,
): Promise<{ holder: TestService; id: string; pid: number; pidFile: string }> {
  const pidFile = join(dir, "pid");
  await applyDocuments(client, loopDocuments([step]));
  await client.request("jet.create", { template: "loop", reference: "one", wait: true });
  const { actionId: id } = await client.request<{ actionId: string }>("jet.trigger", {
    jet: "one",
    action: "turn",
  });
  const pid = await eventually("the step to run", () => Number(lines(pidFile)[0]) || undefined);
  const record = await client.request<ActionRecord>("action.get", { id });
  const suffix = record.claim?.runner.replace("runner-", "") ?? "none";
  const holder = mesh.services.find(({ instance }) => instance.endsWith(suffix));
  if (holder === undefined) throw new Error(`nobody holds the action: ${JSON.stringify(record.claim)}`);
  return { holder, id, pid, pidFile };
}
const ended = (id: string): Promise<ActionRecord> =>
  eventually(
    "the action to be closed",
    async () => {
      const record = await client.request<ActionRecord>("action.get", { id });
      return record.state === "CLOSED" ? record : undefined;
    },
    { withinMs: 25_000 },
  );

test("a runner killed in a step that may not run twice: its processes end with it, and the action ends step_interrupted", async () => {
  const { holder, id, pid, pidFile } = await beginStuck({
    shell: `echo $$ >> ${join(dir, "pid")}; trap '' TERM; sleep 600`,
  });
  await holder.kill();
  await eventually("the step's process to be gone", () => (isAlive(pid) ? undefined : true));
  const record = await ended(id);
  expect(record).toMatchObject({ outcome: "ERROR", error: { code: "step_interrupted" } });
  expect(lines(pidFile)).toHaveLength(1);
  expect(await client.request("jet.get", { reference: "one" })).toMatchObject({ state: "broken" });
});

test("W2 what a killed runner held is taken over within three seconds, where somebody has been there for five", async () => {
  const { holder, id } = await beginStuck({ shell: `echo $$ >> ${join(dir, "pid")}; sleep 600` });
  // A judge of dead holders has been connected for so long, or a broker's restart would look like a massacre.
  const others = mesh.services.filter((one) => one.name === "flight-plan-runner" && one !== holder);
  await eventually("the other runner to be five seconds old", () =>
    others.every(({ startedAt }) => performance.now() - startedAt > 5_500) ? true : undefined,
  );
  const { claim } = await client.request<ActionRecord>("action.get", { id });
  await holder.kill();
  await eventually(
    "somebody else to have asked the watcher",
    async () => {
      const now = await client.request<ActionRecord>("action.get", { id });
      return now.claim?.nonce === claim?.nonce ? undefined : true;
    },
    { withinMs: 3_000 },
  );
  expect(await ended(id)).toMatchObject({ error: { code: "step_interrupted" } });
});

test("a runner killed in an idempotent step: another runs it again from its start", async () => {
  const pidFile = join(dir, "pid");
  const { holder, id } = await beginStuck({
    shell: `echo $$ >> ${pidFile}; test $(wc -l < ${pidFile}) -ge 2 || sleep 600`,
    idempotent: true,
  });
  await holder.kill();
  const record = await ended(id);
  expect(record).toMatchObject({ outcome: "SUCCESS", attempt: 2 });
  expect(lines(pidFile)).toHaveLength(2);
});

test("a runner asked to stop lets what it runs come to its end, and takes nothing new", async () => {
  const goFile = join(dir, "go");
  const { holder, id, pidFile } = await beginStuck({
    shell: `echo $$ >> ${join(dir, "pid")}; until test -e ${goFile}; do sleep 0.05; done`,
  });
  const stopping = holder.stop();
  await eventually("the runner to drain", () => (holder.log().includes("draining") ? true : undefined));
  writeFileSync(goFile, "");
  expect(await stopping).toBe(0);
  expect(await ended(id)).toMatchObject({ outcome: "SUCCESS", attempt: 1 });
  expect(lines(pidFile)).toHaveLength(1);
});

test("a runner that was paused past its main's delay has its late result refused, and recorded", async () => {
  const goFile = join(dir, "go");
  const pidFile = join(dir, "pid");
  await applyDocuments(
    client,
    loopDocuments([{ shell: `echo $$ >> ${pidFile}; until test -e ${goFile}; do sleep 0.05; done` }], {
      // Longer than a busy machine takes from the step's begin until its runner is stopped: it is to be that one's.
      delays: { main: "4s" },
    }),
  );
  await client.request("jet.create", { template: "loop", reference: "one", wait: true });
  const { actionId: id } = await client.request<{ actionId: string }>("jet.trigger", {
    jet: "one",
    action: "turn",
  });
  await eventually("the step to run", () => lines(pidFile)[0]);
  const suffix =
    (await client.request<ActionRecord>("action.get", { id })).claim?.runner.replace("runner-", "") ?? "none";
  const holder = mesh.services.find(({ instance }) => instance.endsWith(suffix));
  holder?.signal("SIGSTOP");
  writeFileSync(goFile, "");
  const record = await ended(id);
  expect(record).toMatchObject({ outcome: "ERROR", error: { code: "step_interrupted" } });
  holder?.signal("SIGCONT");
  const late = await eventually(
    "the late result in the history",
    async () => (await allHistory(client.connection, client.names)).find(({ what }) => what === "late"),
    { withinMs: 15_000 },
  );
  expect(late).toMatchObject({ id, late: { runner: expect.stringContaining(suffix) as string } });
  expect(lines(pidFile)).toHaveLength(1);
  expect(await client.request<ActionRecord>("action.get", { id })).toMatchObject({
    state: "CLOSED",
    outcome: "ERROR",
  });
});

test("state-stores killed again and again under load: every accepted trigger ends, and nothing runs twice", async () => {
  const file = join(dir, "ran");
  await applyDocuments(client, loopDocuments([{ shell: `echo $JM_ACTION_ID >> ${file}` }]));
  const jets = Array.from({ length: 10 }, (_, n) => `jet${String(n)}`);
  await Promise.all(
    jets.map((reference) => client.request("jet.create", { template: "loop", reference, wait: true })),
  );
  const triggers = 100;
  const publishing = (async () => {
    for (let n = 0; n < triggers; n += 1)
      await client.publishTrigger(jets[n % jets.length] ?? "", "turn", { onBusy: "queue" });
  })();
  for (let kill = 0; kill < 3; kill += 1) {
    const before = lines(file).length;
    await eventually("some progress", () => (lines(file).length > before + 5 ? true : undefined), {
      withinMs: 30_000,
    });
    const store = mesh.services.filter(({ name }) => name === "state-store").at(-1);
    await store?.kill();
    await mesh.start("state-store");
  }
  await publishing;
  let last = "";
  await eventually(
    "every trigger to end",
    async () => {
      const actions = await allActions(client.connection, client.names);
      const closed = actions.filter(({ state }) => state === "CLOSED").length;
      last = `${String(lines(file).length)} ran, ${String(closed)} of ${String(actions.length)} closed`;
      return lines(file).length === triggers && closed === actions.length && closed === triggers + jets.length
        ? true
        : undefined;
    },
    { withinMs: 45_000, everyMs: 200, lastSeen: () => last },
  );
  expect(new Set(lines(file)).size).toBe(triggers);
});
