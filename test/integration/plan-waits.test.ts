import { rmSync } from "node:fs";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord, JetView } from "@jetmesh/protocol";
import {
  applyDocuments,
  type Document,
  loopDocuments,
  startMesh,
  type TestMesh,
  type TestService,
  userDocument,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { entryOf, planRunsOf, wayOf } from "../support/plan-runs.ts";

/** Steps of a plan that wait: for an action, for another jet, for a person, until something is so; and those that run at once. */
const PROGRAM = join(import.meta.dirname, "../support/workflow-runner.ts");
let mesh: TestMesh;
let client: MeshClient;
let runner: TestService;
const plans = planRunsOf(() => client);
const { say, said, run, begin, until, ended } = plans;

beforeAll(async () => {
  mesh = await startMesh();
  client = await mesh.client();
  runner = mesh.of("flight-plan-runner");
  await mesh.startRunner(PROGRAM, { JM_WITNESS: `${plans.folder}/worked` });
  await applyDocuments(client, [
    ...loopDocuments(
      [{ shell: say("turned") }, { shell: "[ ! -e {{ breaks | default: '/nowhere' }} ]" }],
      {},
      "other",
    ),
    ...["ann", "bob", "eve"].map((user) => userDocument(user, "manager")),
  ]);
});
afterAll(async () => {
  await mesh.stop();
  plans.remove();
});
beforeEach(() => rmSync(`${plans.folder}/said`, { force: true }));

describe("a step that is an action", () => {
  test("ends when that does, wherever it ran, and hands on its result", async () => {
    const work = (name: string): object => ({ kind: "work", argument: { name, waitMs: 300 } });
    const done = await run([
      { reference: "w", action: work("{{ jet.reference }}"), capture: { name: "result.name" } },
      { shell: say("{{ outputs.w.name }}") },
    ]);
    expect([done.outcome, said()]).toEqual(["SUCCESS", [done.jet]]);
    const [child] = entryOf(done, "w")?.children ?? [];
    expect(await plans.get(child?.id ?? "")).toMatchObject({ state: "CLOSED", parent: done.id });
  });

  test("fails as that does, and is not waited for where the step says so", async () => {
    const failed = await run([
      { reference: "w", action: { kind: "work", argument: { name: "x", fail: true } } },
    ]);
    expect(failed.error).toMatchObject({ code: "work_failed" });
    expect((await run([{ action: { kind: "never-registered" } }])).error?.code).toBe("unknown_kind");
    const begun = await run([
      { reference: "w", action: { kind: "work", argument: { name: "y", waitMs: 60_000 }, wait: false } },
    ]);
    expect(begun.outcome).toBe("SUCCESS");
    expect(await plans.get(entryOf(begun, "w")?.children?.[0]?.id ?? "")).toMatchObject({
      state: "IN_PROGRESS",
    });
  });

  test("takes its action with it when it is out of time, and so does a plan that is canceled", async () => {
    const step = { reference: "w", action: { kind: "work", argument: { name: "z", waitMs: 60_000 } } };
    const late = await run([{ ...step, timeout: "200ms" }]);
    expect(late.error?.code).toBe("step_timeout");
    const id = await begin([step]);
    const open = await until(id, "the action of the step", ({ state }) => state === "IN_PROGRESS");
    await client.request("action.cancel", { id });
    for (const record of [late, open]) {
      const child = await ended(entryOf(record, "w")?.children?.[0]?.id ?? "");
      expect(child.error?.code).toBe("canceled");
    }
  });
});

describe("a step that is another jet", () => {
  const jet = async (reference: string, variables: object = {}): Promise<void> =>
    void (await client.request("jet.create", { template: "other", reference, variables, wait: true }));

  test("triggers it and ends when its action has, as it does", async () => {
    await jet("other1");
    const done = await run([
      { reference: "j", jet: { reference: "other{{ 1 }}", action: "turn" } },
      { shell: say("after") },
    ]);
    expect([done.outcome, said()]).toEqual(["SUCCESS", ["turned", "after"]]);
    await jet("other2", { breaks: "/dev/null" });
    const failed = await run([{ reference: "j", jet: { reference: "other2", action: "turn" } }]);
    expect(failed.error?.message).toMatch(/^step 'j': jet 'other2': step 'step-2'/);
    const refused = await run([{ jet: { reference: "other2", action: "turn", onBusy: "refuse" } }]);
    expect(refused.error?.code).toBe("action_not_available");
  });

  test("brings it to a state, and says so where it cannot come there", async () => {
    const brought = await run([{ jet: { reference: "other2", state: "resting" } }]);
    expect(brought.outcome, JSON.stringify(brought.error)).toBe("SUCCESS");
    expect(await client.request<JetView>("jet.get", { reference: "other2" })).toMatchObject({
      state: "resting",
    });
    expect((await run([{ jet: { reference: "other2", state: "broken" } }])).error?.code).toBe("no_path");
  });

  test("is all the jets of a template, and none is an error unless the step says otherwise", async () => {
    await applyDocuments(client, loopDocuments([{ shell: say("{{ jet.reference }}") }], {}, "many"));
    const all = { reference: "all", jet: { template: "many", action: "turn" } };
    expect((await run([all])).error).toMatchObject({
      code: "unknown_jet",
      message: expect.stringContaining("no such jet") as string,
    });
    expect((await run([{ jet: { ...all.jet, none: "skip" } }])).outcome).toBe("SUCCESS");
    for (const reference of ["many1", "many2", "many3"])
      await client.request("jet.create", { template: "many", reference, wait: true });
    const done = await run([all]);
    expect([done.outcome, said().sort()]).toEqual(["SUCCESS", ["many1", "many2", "many3"]]);
  });

  test("whose trigger is refused when its turn comes is an error and no wait for ever", async () => {
    await applyDocuments(client, loopDocuments([{ shell: "sleep 1" }], { to: "broken" }, "moves"));
    await client.request("jet.create", { template: "moves", reference: "moves1", wait: true });
    await client.request("jet.trigger", { jet: "moves1", action: "turn" });
    const done = await run([{ reference: "j", jet: { reference: "moves1", action: "turn" } }]);
    expect(done.error?.message).toMatch(/^step 'j': jet 'moves1': it was refused when its turn came/);
  });
});

describe("steps in a group", () => {
  const meets = (own: string, other: string): object => ({
    reference: own,
    shell: `touch ${plans.folder}/${own}; until [ -e ${plans.folder}/${other} ]; do sleep 0.02; done`,
    timeout: "20s",
    capture: { is: `"${own}"` },
  });
  test("run at once, and the plan goes on when all have ended", async () => {
    const done = await run([
      { reference: "both", parallel: [meets("left", "right"), meets("right", "left"), { wait: "50ms" }] },
      { shell: say("{{ outputs.left.is }} {{ outputs.right.is }}") },
    ]);
    expect([done.outcome, said()]).toEqual(["SUCCESS", ["left right"]]);
    expect(wayOf(done).sort()).toContain("both/step-3 SUCCESS");
  });

  test("fail together: none is cut for another, and the first error counts", async () => {
    const group = {
      parallel: [
        { reference: "slow", shell: `sleep 0.3; ${say("slow")}` },
        { reference: "bad", shell: "exit 1" },
      ],
    };
    const failed = await run([group, { shell: say("not") }]);
    expect([failed.outcome, said()]).toEqual(["ERROR", ["slow"]]);
    expect(failed.error?.message).toMatch(/^step 'step-1\/bad': /);
  });

  test("that have ended are not run again when their runner dies in another", async () => {
    const lasting = {
      reference: "lasting",
      shell: `${say("lasting")}; until [ -e ${plans.folder}/go ]; do sleep 0.02; done`,
    };
    const steps = (idempotent: boolean): Document[] => [
      {
        parallel: [
          { reference: "quick", shell: say("quick") },
          { ...lasting, idempotent },
        ],
      },
    ];
    for (const idempotent of [false, true]) {
      rmSync(`${plans.folder}/said`, { force: true });
      const id = await begin(steps(idempotent));
      await until(
        id,
        "the quick one to be written as ended",
        (now) => entryOf(now, "step-1/quick")?.endedAt !== undefined,
      );
      await runner.kill();
      runner = await mesh.start("flight-plan-runner");
      const last = idempotent
        ? await until(
            id,
            "the other to be begun again",
            () => said().filter((line) => line === "lasting").length === 2,
          )
        : await ended(id);
      expect(said().filter((line) => line === "quick")).toHaveLength(1);
      if (idempotent) await client.request("action.cancel", { id });
      else expect(last.error?.code).toBe("step_interrupted");
    }
  });
});

describe("a step that waits until something is so", () => {
  test("asks again and again, holds no runner, and ends when it is", async () => {
    const file = `${plans.folder}/there`;
    const id = await begin([
      { reference: "w", wait: { until: { shell: `[ -e ${file} ]`, every: "100ms" } }, timeout: "30s" },
    ]);
    const asked = (now: ActionRecord): boolean =>
      now.claim === undefined && (entryOf(now, "w")?.tries ?? 0) > 2;
    const waiting = await until(id, "three questions, and nobody who holds it", asked);
    expect(waiting.attempt).toBe(1);
    rmSync(file, { force: true });
    await run([{ shell: `touch ${file}` }]);
    expect((await ended(id)).outcome).toBe("SUCCESS");
  });

  test("is out of its time at some point", async () => {
    const late = await run([{ wait: { until: { shell: "false", every: "100ms" } }, timeout: "350ms" }]);
    expect(late.error?.code).toBe("step_timeout");
  });
});

describe("a step that a person approves", () => {
  const ask = (more: object = {}): Promise<string> =>
    begin(
      [
        { reference: "ok", approve: { message: "Go?", ...more } },
        { shell: say("{{ outputs.ok.by }}: {{ outputs.ok.comment }}") },
      ],
      {},
      { managers: ["ann", "eve"], users: ["bob"] },
    );
  const waits = (id: string): Promise<ActionRecord> =>
    until(
      id,
      "the question",
      (now) => now.claim === undefined && entryOf(now, "ok") !== undefined && now.state === "IN_PROGRESS",
    );
  const answer = async (user: string, id: string, more: object = {}): Promise<unknown> =>
    (await mesh.client(user)).request("action.approve", { id, ...more });

  test("goes on with the answer of somebody who may give it, and never of who triggered it", async () => {
    const id = await ask();
    await waits(id);
    await expect(answer("root", id)).rejects.toMatchObject({ code: "forbidden" });
    await expect(answer("bob", id)).rejects.toMatchObject({ code: "forbidden" });
    await expect(answer("nobody", id)).rejects.toMatchObject({ code: "unknown_run" });
    await expect(
      client.request("action.signal", { id, name: "approve:ok", payload: {} }),
    ).rejects.toMatchObject({ code: "invalid_request" });
    expect(await answer("ann", id, { comment: "fine" })).toEqual({ id, step: "ok", approved: true });
    expect([(await ended(id)).outcome, said()]).toEqual(["SUCCESS", ["ann: fine"]]);
    await expect(answer("ann", id)).rejects.toMatchObject({ code: "conflict" });
  });

  test("fails with the answer no, and takes it as a plain message as well", async () => {
    const id = await ask();
    await waits(id);
    const eve = await mesh.client("eve");
    eve.connection.nc.publish(
      eve.names.api.of("eve", "action.approve"),
      JSON.stringify({ id, approved: false, comment: "too late" }),
    );
    expect((await ended(id)).error).toMatchObject({
      code: "not_approved",
      message: "step 'ok': 'eve' did not approve it: too late",
    });
  });

  test("is for those whom it names alone, and for who triggered it where it says so", async () => {
    const named = await ask({ users: ["eve"] });
    await waits(named);
    await expect(answer("ann", named)).rejects.toMatchObject({ code: "forbidden" });
    await answer("eve", named, { step: "ok" });
    const own = await ask({ own: true });
    await waits(own);
    await answer("root", own);
    for (const id of [named, own]) expect((await ended(id)).outcome).toBe("SUCCESS");
  });

  test("has one answer, whoever dies meanwhile", async () => {
    const id = await ask();
    await waits(id);
    await runner.kill();
    await answer("ann", id, { comment: "first" });
    await expect(answer("eve", id, { approved: false })).rejects.toMatchObject({ code: "conflict" });
    runner = await mesh.start("flight-plan-runner");
    expect([(await ended(id)).outcome, said()]).toEqual(["SUCCESS", ["ann: first"]]);
  });
});

test("an undo sees what its step had captured", async () => {
  const id = await begin([
    {
      reference: "made",
      shell: "echo 42",
      capture: { id: "json" },
      undo: { shell: say("undo {{ outputs.made.id }}") },
    },
    { reference: "work", action: { kind: "work", argument: { name: "w" } } },
  ]);
  await until(id, "it to be closed", ({ state }) => state === "CLOSED");
  await client.request("action.rollback", { id });
  await until(id, "its rollback to end", ({ state }) => state === "REVERTED");
  expect(said()).toEqual(["undo 42"]);
});
