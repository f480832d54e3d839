import { rmSync, writeFileSync } from "node:fs";
import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord, ChangedAction } from "@jetmesh/protocol";
import { applyDocuments, eventually, planDocument, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { linesOf } from "../support/lines-of.ts";
import { isAlive } from "../support/long-step.ts";
import { planRunsOf, wayOf } from "../support/plan-runs.ts";

/** `finally` of a plan that is canceled, or whose time is over (ADR 0041). */
let mesh: TestMesh;
let client: MeshClient;
const plans = planRunsOf(() => client);
const { say, said, begin, ended, until } = plans;

beforeAll(async () => {
  mesh = await startMesh({ env: { JM_PRESENCE_TTL_MS: "6000" } });
  client = await mesh.client();
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  plans.remove();
});
beforeEach(() => rmSync(`${plans.folder}/said`, { force: true }));

const last = [
  { reference: "tell", shell: say("{{ outcome }} {{ error.code }}") },
  { reference: "tidy", shell: say("tidied up") },
];
const TOLD = ["ERROR canceled", "tidied up"];
const CANCELED = { outcome: "ERROR", error: { code: "canceled", message: "canceled by root" } };

const cancel = async (id: string, more: object = {}): Promise<ActionRecord> =>
  (await client.request<ChangedAction>("action.cancel", { id, ...more }, 40_000)).action;
const change = (verb: "pause" | "resume", id: string): Promise<ChangedAction> =>
  client.request<ChangedAction>(`action.${verb}`, { id }, 40_000);
const hasSaid = (line: string): Promise<true> =>
  eventually(`a step to say '${line}'`, () => (said().includes(line) ? true : undefined), {
    withinMs: 20_000,
    lastSeen: said,
  });

test("a cancel ends the step that runs and has what always runs run, which knows why; asked again it is the same", async () => {
  const pids = `${plans.folder}/pids`;
  const id = await begin(
    [
      { reference: "long", shell: `trap '' TERM; echo $$ >> ${pids}; while :; do sleep 1; done` },
      { reference: "never", shell: say("never") },
    ],
    { finally: last },
  );
  const pid = Number(await eventually("the step to run", () => linesOf(pids)[0]));
  const action = await cancel(id);
  expect(action).toMatchObject({ cut: { error: CANCELED.error } });
  expect(action.outcome).toBeUndefined();
  expect(await cancel(id)).toMatchObject({ id });
  const record = await ended(id);
  expect(record).toMatchObject({ ...CANCELED, cut: { error: CANCELED.error } });
  expect(wayOf(record)).toEqual(["long ERROR", "tell SUCCESS", "tidy SUCCESS"]);
  expect(record.journal[0]).toMatchObject({ error: CANCELED.error });
  expect([said(), isAlive(pid)]).toEqual([TOLD, false]);
  const jet = await eventually("the jet to be settled", async () => {
    const now = await client.request<{ state: string; open?: unknown }>("jet.get", { reference: record.jet });
    return now.open === undefined ? now : undefined;
  });
  expect(jet.state).toBe("broken");
  expect(await cancel(id)).toMatchObject(CANCELED);
});

test("what waits, for a person or paused, waits no more", async () => {
  const waiting = await begin([{ reference: "nap", wait: "10m" }], { finally: last });
  const asking = await begin([{ reference: "ask", approve: { message: "Well?", users: ["root"] } }], {
    finally: last,
  });
  await until(
    waiting,
    "the plan to wait",
    ({ state, claim }) => state === "IN_PROGRESS" && claim === undefined,
  );
  await until(
    asking,
    "the plan to ask",
    ({ state, claim }) => state === "IN_PROGRESS" && claim === undefined,
  );
  await change("pause", waiting);
  await cancel(waiting);
  await cancel(asking);
  expect(wayOf(await ended(waiting))).toEqual(["nap ERROR", "tell SUCCESS", "tidy SUCCESS"]);
  expect(wayOf(await ended(asking))).toEqual(["ask ERROR", "tell SUCCESS", "tidy SUCCESS"]);
  expect(await plans.get(asking)).toMatchObject(CANCELED);
});

test("a cancel leaves alone what always runs, where that had begun, and pauses nothing of it", async () => {
  const gate = `${plans.folder}/gate`;
  const id = await begin([{ shell: "true" }], {
    finally: [
      {
        reference: "slow",
        shell: `${say("slow")}; while [ ! -e ${gate} ]; do sleep 0.05; done; ${say("went on")}`,
      },
      ...last,
    ],
  });
  await hasSaid("slow");
  await cancel(id);
  await expect(change("pause", id)).rejects.toMatchObject({ code: "not_pausable" });
  writeFileSync(gate, "");
  const record = await ended(id);
  expect(record).toMatchObject(CANCELED);
  expect(wayOf(record)).toEqual(["step-1 SUCCESS", "slow SUCCESS", "tell SUCCESS", "tidy SUCCESS"]);
  expect(said().slice(0, 2)).toEqual(["slow", "went on"]);
});

test("the plans that were under way have theirs run, inside first, with steps that wait; what had not begun has not", async () => {
  await applyDocuments(client, [
    planDocument("inside", [{ reference: "work", shell: `${say("working")}; sleep 60` }], {
      finally: [
        { reference: "in", shell: say("in") },
        { reference: "nap", wait: 50 },
      ],
    }),
    planDocument("unbegun", [{ shell: "true" }], { finally: [{ shell: say("not") }] }),
  ]);
  const id = await begin([{ reference: "call", plan: "inside" }, { plan: "unbegun" }], { finally: last });
  await hasSaid("working");
  await cancel(id);
  expect(wayOf(await ended(id))).toEqual([
    ...["call/work ERROR", "call/in SUCCESS", "call/nap SUCCESS", "tell SUCCESS", "tidy SUCCESS"],
  ]);
  expect(said()).toEqual(["working", "in", ...TOLD]);
});

test("an overall deadline is no other end, whether a step runs then or the plan waits", async () => {
  const delays = { delays: { deadline: "700ms" } };
  const runs = await begin([{ reference: "long", shell: "sleep 60" }], { finally: last }, {}, delays);
  const waits = await begin([{ reference: "nap", wait: "10m" }], { finally: last }, {}, delays);
  for (const [id, step] of [
    [runs, "long"],
    [waits, "nap"],
  ] as const) {
    const record = await ended(id);
    expect(record).toMatchObject({ outcome: "ERROR", error: { code: "deadline_exceeded" } });
    expect(wayOf(record)).toEqual([`${step} ERROR`, "tell SUCCESS", "tidy SUCCESS"]);
    expect(record.journal[0]?.error?.code).toBe("deadline_exceeded");
  }
  expect(said().filter((line) => line === "ERROR deadline_exceeded")).toHaveLength(2);
});

test("a cancel by force leaves it out, also where it has begun, and so does the time that it has", async () => {
  const hangs = { finally: [{ reference: "hangs", shell: `${say("hangs")}; sleep 60` }, ...last] };
  const long = [{ reference: "long", shell: `${say("long")}; sleep 60` }];
  const atOnce = await begin(long, hangs);
  await hasSaid("long");
  expect(await cancel(atOnce, { force: true })).toMatchObject(CANCELED);
  expect(said()).toEqual(["long"]);
  const later = await begin(long, hangs);
  await eventually("the second to run", () => said().length === 2 || undefined);
  await cancel(later);
  await hasSaid("hangs");
  const forced = await cancel(later, { force: true });
  expect(forced).toMatchObject(CANCELED);
  expect(wayOf(forced)).toEqual(["long ERROR", "hangs ERROR"]);
  const timed = await begin(long, hangs, {}, { delays: { progress: "1s" } });
  await eventually("the third to run", () => said().length === 4 || undefined);
  await cancel(timed);
  const over = await ended(timed);
  expect(over).toMatchObject(CANCELED);
  expect(wayOf(over)).toEqual(["long ERROR", "hangs ERROR"]);
});

test("where its runner is dead another runs it, and where there is no runner it ends when its time is over", async () => {
  const own = { finally: last, pool: "own" };
  const long = [{ reference: "long", shell: `${say("long")}; sleep 60` }];
  const runner = await mesh.start("flight-plan-runner", { JM_POOLS: "own" });
  const id = await begin(long, own);
  await hasSaid("long");
  await runner.kill();
  // Before somebody else has it: whoever takes over finds it cut.
  expect(await cancel(id)).toMatchObject({ cut: { error: { code: "canceled" } } });
  const next = await mesh.start("flight-plan-runner", { JM_POOLS: "own" });
  const record = await ended(id);
  expect(record).toMatchObject(CANCELED);
  expect(wayOf(record)).toEqual(["long ERROR", "tell SUCCESS", "tidy SUCCESS"]);
  expect(said()).toEqual(["long", ...TOLD]);
  const alone = await begin([{ reference: "nap", wait: "10m" }], own, {}, { delays: { progress: "3s" } });
  await until(
    alone,
    "the plan to wait",
    ({ state, claim }) => state === "IN_PROGRESS" && claim === undefined,
  );
  await next.stop();
  expect(await cancel(alone)).toMatchObject({ cut: { error: { code: "canceled" } } });
  expect(await ended(alone)).toMatchObject({ ...CANCELED, journal: [{ reference: "nap" }] });
  expect(said()).toEqual(["long", ...TOLD]);
}, 90_000);

test("one that is written while the next step is being opened keeps that from beginning", async () => {
  const env = { JM_POOLS: "slow", JM_FAULTS: "action.step/before=delay:2000@1" };
  const runner = await mesh.start("flight-plan-runner", env);
  // The first write is that of the cut; the step ends meanwhile, and what opens the next stands behind it.
  const id = await begin(
    [
      { reference: "one", shell: `${say("one")}; sleep 1` },
      { reference: "two", shell: `${say("two")}; sleep 60` },
    ],
    { finally: last, pool: "slow" },
  );
  await hasSaid("one");
  await cancel(id);
  const record = await ended(id);
  expect(record).toMatchObject(CANCELED);
  expect(wayOf(record)).toEqual(["one SUCCESS", "two ERROR", "tell SUCCESS", "tidy SUCCESS"]);
  expect(said()).toEqual(["one", ...TOLD]);
  await runner.stop();
});
