import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord } from "@jetmesh/protocol";
import { applyDocuments, eventually, planDocument, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { crashesAt, timesWrong } from "../support/crash-cases.ts";
import { linesOf } from "../support/lines-of.ts";
import { planRunsOf } from "../support/plan-runs.ts";

/**
 * SIGKILL of the runner before and after each write by which a canceled plan ends (ADR 0041): what always runs does, none of it
 * twice, and the action ends as canceled.
 */
let mesh: TestMesh;
let client: MeshClient;
const plans = planRunsOf(() => client);

beforeAll(async () => {
  mesh = await startMesh({ env: { JM_PRESENCE_TTL_MS: "6000" } });
  client = await mesh.client();
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  plans.remove();
});

const FAULTS = crashesAt({
  "action.step": 6,
  "action.progress": 2,
  "action.again": 1,
  "action.claim": 3,
  "action.outcome": 1,
});
const IDEMPOTENT = ["call/inside", "fourth"];
const LAST = ["call/inside", "first", "second", "nap", "fourth"];

/** What must hold of a run, wherever its runner died. */
function faultsOf(record: ActionRecord, tag: string): string[] {
  const ran = linesOf(`${plans.folder}/${tag}`);
  const faults: string[] = [];
  const order = record.journal.map(({ reference }) => reference);
  if (order.join() !== ["call/long", ...LAST].join()) faults.push(`went ${order.join()}`);
  for (const entry of record.journal) {
    const { reference, outcome, error } = entry;
    const times = ran.filter((line) => line === reference).length;
    if (reference === "nap") continue;
    faults.push(...timesWrong(entry, times, IDEMPOTENT.includes(reference)));
    const isWell = reference === "call/long" ? outcome === "ERROR" : error?.code !== "canceled";
    if (!isWell) faults.push(`${reference} ended with ${String(outcome)} ${String(error?.code)}`);
  }
  const code = record.cut === undefined ? "step_interrupted" : "canceled";
  if (record.outcome !== "ERROR" || record.error?.code !== code)
    faults.push(`ended with ${String(record.outcome)} ${String(record.error?.code)}`);
  return faults;
}

test("a canceled plan whose runner dies at any of its writes runs what always runs, and ends as canceled", async () => {
  const shell = (reference: string, more = ""): object => ({
    reference,
    shell: `echo "$JM_STEP" >> ${plans.folder}/$JM_VAR_TAG${more}`,
    idempotent: IDEMPOTENT.some((one) => one.endsWith(reference)),
  });
  await applyDocuments(client, [
    planDocument("long", [shell("long", "; sleep 60")] as never, { finally: [shell("inside")] }),
  ]);
  const last = [shell("first"), shell("second"), { reference: "nap", wait: 100 }, shell("fourth")];
  const reached = new Set<string>();
  const faults: string[] = [];
  const cases = FAULTS.entries();
  const someOfThem = async (): Promise<void> => {
    for (const [n, fault] of cases) {
      const [tag, pool] = [`case-${String(n)}`, `pool-${String(n)}`];
      const steps = [{ reference: "call", plan: "long" }, shell("never")] as never;
      const id = await plans.begin(steps, { finally: last, pool, variables: { tag } });
      const runner = await mesh.start("flight-plan-runner", { JM_POOLS: pool, JM_FAULTS: fault });
      await eventually(
        `the step to run, or the runner of ${fault} to die`,
        () => linesOf(`${plans.folder}/${tag}`).length > 0 || !runner.isRunning() || undefined,
        { withinMs: 30_000 },
      );
      if (!runner.isRunning()) {
        // It died with its claim: canceled by the runner that takes it up.
        reached.add(fault);
        const next = await mesh.start("flight-plan-runner", { JM_POOLS: pool });
        await plans.until(id, "the step to run or to be lost", ({ journal }) => journal.length > 0);
        await client.request("action.cancel", { id }, 60_000).catch(() => undefined);
        await plans.ended(id);
        await next.stop();
        continue;
      }
      const canceled = client.request("action.cancel", { id }, 60_000).catch(() => undefined);
      await eventually(
        `the runner of ${fault} to die, or its plan to end`,
        async () => (!runner.isRunning() || (await plans.get(id)).outcome !== undefined ? true : undefined),
        { withinMs: 30_000 },
      );
      if (runner.isRunning()) {
        await runner.stop();
        faults.push(...faultsOf(await plans.ended(id), tag).map((what) => `${fault}: ${what}`));
        continue;
      }
      reached.add(fault);
      const next = await mesh.start("flight-plan-runner", { JM_POOLS: pool });
      await canceled;
      // Who was not answered asks again: it may never have been written, and may have ended meanwhile.
      await client.request("action.cancel", { id }, 60_000).catch(() => undefined);
      const record = await plans.until(
        id,
        `the plan of ${fault} to end`,
        ({ outcome }) => outcome !== undefined,
      );
      faults.push(...faultsOf(record, tag).map((what) => `${fault}: ${what}`));
      await next.stop();
    }
  };
  await Promise.all([someOfThem(), someOfThem()]);
  process.stdout.write(
    `${String(reached.size)} of ${String(FAULTS.length)} were reached: ${[...reached].join(" ")}\n`,
  );
  expect(faults).toEqual([]);
  expect(
    [...reached].filter((one) => /action\.(step|progress|again)/.test(one)).length,
  ).toBeGreaterThanOrEqual(14);
}, 400_000);
