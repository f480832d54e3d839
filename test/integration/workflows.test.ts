import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isRefusal, type MeshClient } from "@jetmesh/client";
import type { CreatedAction } from "@jetmesh/protocol";
import { allHistory, eventually, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { linesOf } from "../support/lines-of.ts";
import { runsOf } from "../support/runs.ts";

/** Workflows (ADR 0033), run by a program that defines some. */
const PROGRAM = join(import.meta.dirname, "../support/workflow-runner.ts");
const dir = mkdtempSync(join(tmpdir(), "jm-flows-"));
const witness = join(dir, "witness");
let mesh: TestMesh;
let client: MeshClient;

beforeAll(async () => {
  mesh = await startMesh({ env: { JM_PRESENCE_TTL_MS: "6000", JM_CLOSED_TTL_MS: "5000" } });
  client = await mesh.client();
  await mesh.startRunner(PROGRAM, { JM_WITNESS: witness });
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});
beforeEach(() => rmSync(witness, { force: true }));

const { make, get, until, ended } = runsOf(() => client);
/** What was done, in order. */
const worked = (): string[] => linesOf(witness).map((line) => line.replace(/^work (.*) \d+$/, "$1"));

const WAY = [
  "first",
  "caught work_failed in second: second failed",
  "third",
  "loop 0",
  "loop 1",
  "loop 2",
  "here",
];

describe("A14 a workflow", () => {
  test.each([0, 60])(
    "goes through try, catch, finally and a loop with one name; no step runs twice (steps of %d ms)",
    async (waitMs) => {
      const made = await ended(await make("winding", { waitMs }));
      expect(made).toMatchObject({ outcome: "SUCCESS", result: WAY });
      expect(worked()).toEqual(["first", "second", "third", "loop 0", "loop 1", "loop 2"]);
    },
  );

  test("W6 waits for all of several steps at once", async () => {
    const made = await ended(await make("parallel", { many: 8, waitMs: 100 }));
    expect(made).toMatchObject({
      outcome: "SUCCESS",
      result: Array.from({ length: 8 }, (_, n) => `part ${String(n)}`),
    });
    expect(worked().toSorted()).toEqual(made.result);
  });
});

describe("A14 what a workflow is made of", () => {
  test("one of several fails: the others are waited for by nobody, and end with the workflow", async () => {
    const id = await make("parallel", { many: 3, waitMs: 5_000, fail: 1 });
    expect(await ended(id)).toMatchObject({
      outcome: "ERROR",
      error: { code: "work_failed", details: { trace: ["part"], root: { kind: "work" } } },
    });
    const { steps = [] } = await get(id);
    for (const { child } of steps)
      await until(child ?? "", "a child to be closed", ({ state }) => state === "CLOSED");
    const outcomes = await Promise.all(steps.map(async ({ child }) => (await get(child ?? "")).error?.code));
    expect(outcomes).toEqual(["canceled", "work_failed", "canceled"]);
  });

  test("a workflow within a workflow, five deep, and its error with the whole way there", async () => {
    expect(await ended(await make("nested", { depth: 4 }))).toMatchObject({ outcome: "SUCCESS", result: 4 });
    expect(await ended(await make("nested", { depth: 4, fail: true }))).toMatchObject({
      outcome: "ERROR",
      error: {
        code: "work_failed",
        message: "bottom failed",
        details: { trace: ["deeper", "deeper", "deeper", "deeper", "bottom"], root: { kind: "work" } },
      },
    });
  });

  test("a race: the loser is canceled, and the code goes on by who won", async () => {
    const id = await make("race");
    expect(await ended(id)).toMatchObject({ outcome: "SUCCESS", result: "quick, not slow: canceled" });
    const { steps = [] } = await get(id);
    expect(await get(steps[0]?.child ?? "")).toMatchObject({
      outcome: "ERROR",
      error: { code: "canceled", message: "canceled by its workflow" },
    });
  });

  test.each([false, true])(
    "what nobody waits for ends with it, unless it is detached (%s)",
    async (detached) => {
      const id = await make("leaving", { detached });
      const { steps = [] } = await ended(id);
      const left = steps.find(({ ref }) => ref === "left")?.child ?? "";
      expect(await ended(left)).toMatchObject(
        detached ? { outcome: "SUCCESS" } : { outcome: "ERROR", error: { code: "canceled" } },
      );
    },
  );

  test("an error that it throws is its own, and ends what it began", async () => {
    const id = await make("leaving", { fail: true });
    const { steps = [] } = await ended(id);
    expect(await get(id)).toMatchObject({ error: { code: "main_threw", message: "it fell" } });
    expect(await ended(steps[0]?.child ?? "")).toMatchObject({ error: { code: "canceled" } });
  });

  test("W13 a cancel ends it and what it waits for", async () => {
    const id = await make("parallel", { many: 3, waitMs: 30_000 });
    await until(
      id,
      "its steps to be there",
      ({ steps = [] }) => steps.every(({ made }) => made === true) && steps.length === 3,
    );
    await client.request("action.cancel", { id });
    const { error, steps = [] } = await ended(id);
    expect(error).toMatchObject({ code: "canceled" });
    for (const { child } of steps)
      expect(await ended(child ?? "")).toMatchObject({ error: { code: "canceled" } });
  });

  test("W13 a pause holds it, not its steps; resumed it goes on with what they gave meanwhile", async () => {
    const id = await make("parallel", { many: 2, waitMs: 300 });
    await until(id, "it to wait", ({ state }) => state === "IN_PROGRESS");
    await client.request("action.pause", { id });
    await until(id, "its steps to have ended", ({ steps = [] }) =>
      steps.every(({ end }) => end !== undefined),
    );
    expect(await get(id)).toMatchObject({ state: "PAUSED" });
    await client.request("action.resume", { id });
    expect(await ended(id)).toMatchObject({ outcome: "SUCCESS" });
  });

  test("an action that no runner knows is an error of its step", async () => {
    expect(await ended(await make("unknown-step"))).toMatchObject({ result: "unknown_kind" });
  });
});

test("A12 W14 a kind says how long its closed records are kept", async () => {
  const [brief, other] = [await make("brief"), await make("work", { name: "kept" })];
  await ended(other);
  await eventually("the record to go", () =>
    get(brief).then(
      () => undefined,
      (thrown: unknown) => (isRefusal(thrown, "unknown_run") ? true : undefined),
    ),
  );
  expect(await get(other)).toMatchObject({ state: "CLOSED" });
  const kept = (await allHistory(client.connection, client.names)).filter(({ id }) => id === brief);
  expect(kept).toMatchObject([{ what: "closed", outcome: "SUCCESS", kind: "brief" }]);
});

test("A18 W12 code that takes another way than before is found out, and at which step", async () => {
  expect(await ended(await make("fickle"))).toMatchObject({
    outcome: "ERROR",
    error: {
      code: "non_deterministic",
      message: expect.stringMatching(/^step 1 was action 'step .*' of 'work' and is now/) as string,
    },
  });
});

test("A18 W12 code that waits for what is none of its steps is found out", async () => {
  expect(await ended(await make("foreign"))).toMatchObject({
    error: { message: "the workflow waits for something that is none of its steps" },
  });
});

describe("W13 signals", () => {
  test("one that comes before it is waited for is kept, and the same one counts once", async () => {
    const notBefore = new Date(Date.now() + 400).toISOString();
    const { actionId: id } = await client.request<CreatedAction>("action.create", {
      kind: "approval",
      notBefore,
    });
    const by = { id, name: "approved", payload: { by: "alice" }, key: "k1" };
    await client.request("action.signal", by);
    await client.request("action.signal", { ...by, payload: { by: "bob" } });
    await ended(id);
    expect(await get(id)).toMatchObject({ outcome: "SUCCESS", result: { by: "alice" } });
    await client.request("action.signal", by);
    await expect(client.request("action.signal", { ...by, key: "k2" })).rejects.toMatchObject({
      code: "conflict",
    });
  });

  test("one workflow sends to another; nothing comes in time is an error with a code", async () => {
    const waits = await make("approval");
    const tells = await make("approval", { tell: waits });
    await until(tells, "it to wait", ({ state }) => state === "IN_PROGRESS");
    await client.request("action.signal", { id: tells, name: "approved", payload: { by: "bob" } });
    expect(await ended(waits)).toMatchObject({ result: { by: "bob" } });
    expect(await ended(await make("approval", { timeout: "50ms" }))).toMatchObject({
      error: { code: "signal_timeout", message: "no signal 'approved' came in time" },
    });
  });

  test("go between two that tell each other something at once, and from one to itself", async () => {
    const say = (id: string, to: string): Promise<unknown> =>
      client.request("action.signal", { id, name: "peer", payload: to });
    const pairs = await Promise.all(
      Array.from({ length: 10 }, async () => [await make("greeting"), await make("greeting")] as const),
    );
    await Promise.all(pairs.flatMap(([one, other]) => [say(one, other), say(other, one)]));
    for (const [one, other] of pairs) {
      expect(await ended(one)).toMatchObject({ result: other });
      expect(await ended(other)).toMatchObject({ result: one });
    }
    const alone = await make("greeting");
    await say(alone, alone);
    expect(await ended(alone)).toMatchObject({ outcome: "SUCCESS", result: alone });
  });

  test("what does not fit the wait's schema is an error of the wait", async () => {
    const id = await make("approval");
    await client.request("action.signal", { id, name: "approved", payload: "alice" });
    expect(await ended(id)).toMatchObject({ error: { code: "invalid_result" } });
  });

  test("to no action, to one that has ended, and too many", async () => {
    const id = "0123456789abcdef0123456789";
    await expect(client.request("action.signal", { id, name: "x" })).rejects.toMatchObject({
      code: "unknown_run",
    });
    const full = await make("approval");
    await until(full, "it to wait", ({ state }) => state === "IN_PROGRESS");
    for (let n = 0; n < 4; n += 1)
      await Promise.all(
        Array.from({ length: 64 }, () => client.request("action.signal", { id: full, name: "noise" })),
      );
    await expect(client.request("action.signal", { id: full, name: "noise" })).rejects.toMatchObject({
      code: "queue_full",
    });
    await client.request("action.cancel", { id: full });
  });
});
