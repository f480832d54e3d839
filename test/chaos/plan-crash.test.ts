import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord } from "@jetmesh/protocol";
import {
  applyDocuments,
  eventually,
  loopDocuments,
  planDocument,
  startMesh,
  type TestMesh,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { crashesAt, timesWrong } from "../support/crash-cases.ts";
import { linesOf } from "../support/lines-of.ts";
import { planRunsOf } from "../support/plan-runs.ts";

/**
 * SIGKILL of the runner before and after each write of a plan of ten steps: each plan runs on a runner of its own that dies
 * at one of them, and another goes on with all of them (design §7, 4).
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
  "action.step": 12,
  "action.progress": 2,
  "action.again": 2,
  "action.claim": 3,
  "resume.ack": 3,
  "action.outcome": 1,
});
/** They run again where their runner was lost in them. */
const IDEMPOTENT = ["two", "group/left", "called/inner", "file"];
const ORDER = [
  ...["one", "two", "wait", "group/left", "group/right", "called/inner", "file", "skipped", "other", "ten"],
  "last",
];

function ten(tag: string): { readonly steps: object[]; readonly last: object } {
  const file = `${plans.folder}/${tag}`;
  const shell = (reference: string, more: object = {}): object => ({
    reference,
    shell: `echo "$JM_STEP" >> ${file}`,
    idempotent: IDEMPOTENT.some((one) => one.endsWith(reference)),
    ...more,
  });
  return {
    steps: [
      shell("one"),
      shell("two"),
      { reference: "wait", wait: 100 },
      { reference: "group", parallel: [shell("left"), shell("right")] },
      { reference: "called", plan: "inner" },
      { reference: "file", file: { path: `${file}.conf`, content: "{{ jet.reference }}" }, idempotent: true },
      shell("skipped", { when: "false" }),
      { reference: "other", jet: { reference: `other-${tag}`, action: "turn" } },
      shell("ten"),
    ],
    last: shell("last"),
  };
}

/** What must hold of a run, wherever its runner died. */
function faultsOf(record: ActionRecord, tag: string, jet: string): string[] {
  const ran = linesOf(`${plans.folder}/${tag}`);
  const faults: string[] = [];
  const times = (step: string): number => ran.filter((line) => line === step).length;
  for (const entry of record.journal) {
    const { reference, outcome, error } = entry;
    if (reference === "file" || reference === "wait" || reference === "other") continue;
    faults.push(...timesWrong(entry, times(reference), IDEMPOTENT.includes(reference)));
    if (error?.code === "step_interrupted" && IDEMPOTENT.includes(reference))
      faults.push(`${reference} was not run again`);
    if (outcome === "SKIPPED" && times(reference) > 0) faults.push(`${reference} ran and was skipped`);
  }
  if (times("turned") > 1) faults.push("the other jet was triggered twice");
  const order = record.journal.map(({ reference }) => reference);
  const wanted = ORDER.filter((step) => order.includes(step));
  if (order.join() !== wanted.join()) faults.push(`in the order ${order.join()}`);
  const failed = record.journal.filter(({ outcome }) => outcome === "ERROR");
  const isWhole = wanted.length === ORDER.length && failed.length === 0;
  if ((record.outcome === "SUCCESS") !== isWhole) faults.push(`ended with ${String(record.outcome)}`);
  if (failed.some(({ error }) => error?.code !== "step_interrupted"))
    faults.push(`failed: ${JSON.stringify(failed)}`);
  if (failed.length > 1 || !order.includes("last")) faults.push(`went ${order.join()}`);
  if (isWhole && linesOf(`${plans.folder}/${tag}.conf`)[0] !== jet) faults.push("the file is another");
  return faults;
}

test("a plan whose runner dies at any of its writes runs no finished step again, and ends as it must", async () => {
  await applyDocuments(client, [
    planDocument("inner", [
      { reference: "inner", shell: `echo "$JM_STEP" >> ${plans.folder}/$JM_VAR_TAG`, idempotent: true },
    ]),
    ...loopDocuments([{ shell: `echo turned >> ${plans.folder}/$(echo $JM_JET | sed s/other-//)` }]),
  ]);
  const begun: { fault: string; tag: string; id: string }[] = [];
  for (const [n, fault] of FAULTS.entries()) {
    const tag = `case-${String(n)}`;
    await client.request("jet.create", { template: "loop", reference: `other-${tag}`, wait: true });
    const { steps, last } = ten(tag);
    const plan = { finally: [last], pool: `pool-${String(n)}`, variables: { tag } };
    begun.push({ fault, tag, id: await plans.begin(steps as never, plan) });
  }
  const reached = new Set<string>();
  const cases = begun.entries();
  const someOfThem = async (): Promise<void> => {
    for (const [n, { fault, id }] of cases) {
      const env = { JM_POOLS: `pool-${String(n)}`, JM_FAULTS: fault };
      const runner = await mesh.start("flight-plan-runner", env);
      await eventually(
        `the runner of ${fault} to die, or its plan to end`,
        async () => (!runner.isRunning() || (await plans.get(id)).outcome !== undefined ? true : undefined),
        { withinMs: 30_000 },
      );
      if (runner.isRunning()) await runner.stop();
      else reached.add(fault);
    }
  };
  await Promise.all([someOfThem(), someOfThem(), someOfThem()]);
  await mesh.start("flight-plan-runner", { JM_POOLS: begun.map((_, n) => `pool-${String(n)}`).join(",") });
  const faults: string[] = [];
  for (const { fault, tag, id } of begun) {
    const record = await plans.ended(id);
    for (const what of faultsOf(record, tag, record.jet ?? "")) faults.push(`${fault}: ${what}`);
  }
  expect(faults).toEqual([]);
  process.stdout.write(
    `${String(reached.size)} of ${String(FAULTS.length)} were reached: ${[...reached].join(" ")}\n`,
  );
  // Beside claims and outcome: a write between each two of what runs, and those by which it waits.
  const between = [...reached].filter((one) => /action\.(step|progress|again)/.test(one));
  expect(between.length).toBeGreaterThanOrEqual(18);
}, 300_000);
