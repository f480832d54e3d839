import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord, ChangedAction } from "@jetmesh/protocol";
import { applyDocuments, eventually, loopDocuments, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { linesOf } from "../support/lines-of.ts";
import { isAlive } from "../support/long-step.ts";
import { onlyWithFault } from "../support/required-jets.ts";

/**
 * Pause, resume and cancel by the API: of what a runner holds (it writes `action.pause`), of what nobody holds, and of
 * what a dead one held (a state-store writes `action.command`).
 */
let dir: string;
let mesh: TestMesh;
let client: MeshClient;
let jets = 0;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "jm-commands-"));
  mesh = await startMesh();
  client = await mesh.client();
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});

const lines = (name: string): string[] => linesOf(join(dir, name));
const record = (id: string): Promise<ActionRecord> => client.request<ActionRecord>("action.get", { id });
const change = (verb: "pause" | "resume" | "cancel", id: string): Promise<ChangedAction> =>
  client.request<ChangedAction>(`action.${verb}`, { id }, 40_000);
const reaches = (id: string, state: ActionRecord["state"]): Promise<ActionRecord> =>
  eventually(
    `the action to be ${state}`,
    async () => {
      const now = await record(id);
      return now.state === state ? now : undefined;
    },
    { withinMs: 20_000 },
  );

/** Triggers an action of these steps on a fresh jet. */
async function triggered(steps: Parameters<typeof loopDocuments>[0]): Promise<{ id: string; jet: string }> {
  await applyDocuments(client, loopDocuments(steps));
  const jet = `jet${String((jets += 1))}`;
  await client.request("jet.create", { template: "loop", reference: jet, wait: true });
  const { actionId: id } = await client.request<{ actionId: string }>("jet.trigger", { jet, action: "turn" });
  return { id, jet };
}
const step = (name: string, more: string): { shell: string } => ({
  shell: `echo $$ >> ${join(dir, name)}; ${more}`,
});

test("a cancel ends the processes of the step, says who asked, settles the jet, and asked again it is the same", async () => {
  const { id, jet } = await triggered([step("canceled", "trap '' TERM; while :; do sleep 1; done")]);
  const pid = Number(await eventually("the step to run", () => lines("canceled")[0]));
  const { action } = await change("cancel", id);
  expect(action).toMatchObject({
    outcome: "ERROR",
    error: { code: "canceled", message: "canceled by root" },
    journal: [{ error: { code: "canceled" } }],
  });
  expect(isAlive(pid)).toBe(false);
  await reaches(id, "CLOSED");
  expect((await change("cancel", id)).action).toMatchObject({ error: { code: "canceled" } });
  const settled = await client.request<{ state: string; open?: unknown }>("jet.get", { reference: jet });
  expect(settled).toMatchObject({ state: "broken" });
  expect(settled.open).toBeUndefined();
  await expect(change("resume", id)).rejects.toMatchObject({ code: "conflict" });
});

test("a pause lets the step that runs end, keeps the next from beginning, and a resume goes on behind it", async () => {
  const gate = join(dir, "gate");
  const { id } = await triggered([
    step("first", `while [ ! -e ${gate} ]; do sleep 0.05; done`),
    step("second", "true"),
  ]);
  await eventually("the first step to run", () => lines("first")[0]);
  expect(await change("pause", id)).toMatchObject({ pausing: true });
  writeFileSync(gate, "");
  const paused = await reaches(id, "PAUSED");
  expect(paused).toMatchObject({ journal: [{ reference: "step-1", outcome: "SUCCESS" }] });
  expect(lines("second")).toEqual([]);
  expect((await change("pause", id)).pausing).toBeUndefined();
  await change("resume", id);
  expect(await reaches(id, "CLOSED")).toMatchObject({ outcome: "SUCCESS" });
  expect([lines("first").length, lines("second").length]).toEqual([1, 1]);
});

test("a plan that waits is paused at once, without its timers, and canceled where it is", async () => {
  const { id } = await triggered([{ wait: 600_000 }]);
  await reaches(id, "IN_PROGRESS");
  expect((await change("pause", id)).action).toMatchObject({ state: "PAUSED", timers: {} });
  expect((await change("resume", id)).action).toMatchObject({ state: "IN_PROGRESS" });
  await reaches(id, "IN_PROGRESS");
  expect((await change("cancel", id)).action).toMatchObject({
    outcome: "ERROR",
    error: { code: "canceled" },
  });
});

test("what has no runner is paused, resumed and canceled without one", async () => {
  await applyDocuments(
    client,
    loopDocuments([step("never", "true")]).map((one) =>
      one["kind"] === "Template" ? { ...one, pool: "nobody" } : one,
    ),
  );
  await client.request("jet.create", { template: "loop", reference: "lonely", wait: true });
  const { actionId: id } = await client.request<{ actionId: string }>("jet.trigger", {
    jet: "lonely",
    action: "turn",
  });
  await reaches(id, "SLEEPING");
  expect((await change("pause", id)).action).toMatchObject({ state: "PAUSED" });
  expect((await change("resume", id)).action).toMatchObject({ state: "SLEEPING" });
  expect((await change("cancel", id)).action).toMatchObject({ error: { code: "canceled" } });
  expect(lines("never")).toEqual([]);
});

test.each(["before=crash", "after=crash", "after=lose"])(
  "a state-store that fails at its write, %s: asked again, the action is canceled once, and its jet settled",
  async (fault) => {
    const { id, jet } = await triggered([{ wait: 600_000 }]);
    await reaches(id, "IN_PROGRESS");
    const faulted = await onlyWithFault(mesh, `action.command/${fault}@1`);
    // Whose state-store dies with the request gets no answer; nobody waits for that here.
    const asked = change("cancel", id).catch(() => undefined);
    if (fault === "after=lose") await asked;
    else {
      await faulted.gone;
      await mesh.start("state-store");
    }
    expect((await change("cancel", id)).action).toMatchObject({ error: { code: "canceled" } });
    const { transitions } = await reaches(id, "CLOSED");
    expect(transitions.filter(({ to }) => to === "ERROR")).toHaveLength(1);
    await eventually("the jet to be settled", async () => {
      const { open } = await client.request<{ open?: unknown }>("jet.get", { reference: jet });
      return open === undefined ? true : undefined;
    });
  },
  60_000,
);

test("a user who may not read the run does not learn of it, and changes nothing", async () => {
  const { id } = await triggered([{ wait: 600_000 }]);
  await reaches(id, "IN_PROGRESS");
  const stranger = await mesh.client("stranger");
  for (const verb of ["pause", "resume", "cancel"] as const)
    await expect(stranger.request(`action.${verb}`, { id })).rejects.toMatchObject({ code: "unknown_run" });
  expect(await record(id)).toMatchObject({ state: "IN_PROGRESS" });
  await expect(change("cancel", "0".repeat(26))).rejects.toMatchObject({ code: "unknown_run" });
});

test("a cancel of what a killed runner held comes through without any runner, when its processes have ended", async () => {
  const { id } = await triggered([step("killed", "while :; do sleep 1; done")]);
  const pid = Number(await eventually("the step to run", () => lines("killed")[0]));
  const runner = mesh.services.find(({ name }) => name === "flight-plan-runner");
  await runner?.kill();
  const { action } = await change("cancel", id);
  expect(action).toMatchObject({ outcome: "ERROR", error: { code: "canceled" } });
  expect(isAlive(pid)).toBe(false);
  expect(await reaches(id, "CLOSED")).toMatchObject({ error: { code: "canceled" } });
});
