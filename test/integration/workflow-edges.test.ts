import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord } from "@jetmesh/protocol";
import { ask } from "@jetmesh/storage";
import { eventually, startMesh, type TestMesh, type TestService } from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { linesOf } from "../support/lines-of.ts";
import { runsOf } from "../support/runs.ts";

/** What a workflow and its steps know of each other when it matters (ADR 0033). The workflows run apart from their steps. */
const PROGRAM = join(import.meta.dirname, "../support/workflow-runner.ts");
const dir = mkdtempSync(join(tmpdir(), "jm-edges-"));
const witness = join(dir, "steps");
let mesh: TestMesh;
let client: MeshClient;
let steps: TestService;
let flows: TestService;

beforeAll(async () => {
  mesh = await startMesh();
  client = await mesh.client();
  steps = await mesh.startRunner(PROGRAM, { JM_POOLS: "work,big,other", JM_WITNESS: witness });
  flows = await mesh.startRunner(PROGRAM, { JM_POOLS: "flows", JM_WITNESS: join(dir, "flows") });
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});

const { make, get, until, ended, closed } = runsOf(() => client);
const flow = (kind: string, argument: object): Promise<string> => make(kind, argument, { pool: "flows" });
const childOf = ({ steps = [] }: ActionRecord, ref: string): string =>
  steps.find((step) => step.ref === ref)?.child ?? "";
const named = async (id: string, ref: string): Promise<string> =>
  childOf(await until(id, `step ${ref} to be named`, (record) => childOf(record, ref) !== ""), ref);

describe("a step that ends while a runner holds its workflow", () => {
  test("is closed as soon as the workflow has its end, however long it is held", async () => {
    const id = await flow("holding", { ms: 3_000 });
    await closed(await named(id, "part"));
    expect(await get(id)).toMatchObject({ claim: { runs: "main" } });
    expect(await ended(id)).toMatchObject({ outcome: "SUCCESS", result: "held on, part" });
  });

  test("is not closed before that, also where the holder does not answer", async () => {
    const id = await flow("holding", { ms: 1_000 });
    await eventually("it to be held", () => (linesOf(join(dir, "flows")).length === 2 ? true : undefined));
    const child = await named(id, "part");
    flows.signal("SIGSTOP");
    await ended(child);
    // Nobody answers for five seconds; then it is repair's to come again.
    await eventually(
      "it to be told once more",
      () => (mesh.logs().includes("settling what was left") ? true : undefined),
      {
        withinMs: 20_000,
      },
    );
    expect(await get(child)).toMatchObject({ state: "SUCCESS" });
    flows.signal("SIGCONT");
    expect(await ended(id)).toMatchObject({ outcome: "SUCCESS", result: "held on, part" });
    await closed(child);
    await closed(id);
  });
});

describe("a workflow that asks", () => {
  test("waits for a state-store where there is none, and goes on with the next", async () => {
    const before = linesOf(join(dir, "flows")).length;
    const id = await flow("afterwards", {});
    await eventually("it to be held", () => (linesOf(join(dir, "flows")).length > before ? true : undefined));
    await mesh.of("state-store").kill();
    await eventually("it to wait for one", () =>
      flows.log().includes("waiting for a state-store") ? true : undefined,
    );
    await mesh.start("state-store");
    expect(await ended(id)).toMatchObject({ outcome: "SUCCESS", result: "afterwards" });
  });

  test("asks again where whom it tells something is held by who does not answer", async () => {
    const before = linesOf(join(dir, "flows")).length;
    const held = await flow("holding", { ms: 1_000 });
    await eventually("it to be held", () => (linesOf(join(dir, "flows")).length > before ? true : undefined));
    flows.signal("SIGSTOP");
    const tells = await make("approval", { tell: held }, { pool: "other" });
    await client.request("action.signal", { id: tells, name: "approved", payload: { by: "ada" } });
    await eventually("it to ask again", () => (steps.log().includes("asked again") ? true : undefined), {
      withinMs: 20_000,
    });
    flows.signal("SIGCONT");
    expect(await ended(tells)).toMatchObject({ outcome: "SUCCESS" });
    expect(await ended(held)).toMatchObject({ outcome: "SUCCESS" });
    expect((await get(held)).signals).toMatchObject([{ name: "approved", payload: { by: "ada" } }]);
  });
});

describe("a step that is not made yet", () => {
  const asked = { v: 1, user: "root", kind: "work" } as const;
  const say = (verb: "child-create" | "child-cancel", request: object): Promise<{ readonly ok: boolean }> =>
    ask(client.connection, client.names.svc.of("state-store", verb), request, 5_000);

  test("is made as one that was canceled, so that who comes late with it runs nothing", async () => {
    const parent = await flow("approval", {});
    await until(parent, "it to wait", ({ state }) => state === "IN_PROGRESS");
    const id = "00112233445566778899aabbcc";
    const { kind, ...who } = asked;
    expect(await say("child-cancel", { ...asked, parent, id })).toMatchObject({ ok: true });
    const request = { kind, argument: { name: "late" }, delays: {} };
    expect(await say("child-create", { ...who, parent, id, request })).toMatchObject({ ok: true });
    expect(await closed(id)).toMatchObject({ outcome: "ERROR", error: { code: "canceled" } });
    expect(linesOf(witness).filter((line) => line.includes("late"))).toEqual([]);
    await client.request("action.cancel", { id: parent });
  });

  test("made twice it is the same, and runs once", async () => {
    const parent = await flow("approval", {});
    const id = "aabbccddeeff00112233445566";
    const { kind, ...who } = asked;
    const request = { kind, argument: { name: "twice" }, delays: {} };
    for (let n = 0; n < 3; n += 1)
      expect(await say("child-create", { ...who, parent, id, request })).toMatchObject({ ok: true });
    expect(await closed(id)).toMatchObject({ outcome: "SUCCESS", parent });
    expect(await say("child-create", { ...who, parent, id, request })).toMatchObject({ ok: true });
    expect(linesOf(witness).filter((line) => line.includes("twice"))).toHaveLength(1);
    await client.request("action.cancel", { id: parent });
  });
});

test("A14 W13 a pause stops also one whose steps are quick, and goes on behind those that it had", async () => {
  const id = await flow("chain", { many: 150 });
  await until(id, "some steps to have ended", ({ steps = [] }) => steps.length > 5);
  await client.request("action.pause", { id });
  const paused = await until(
    id,
    "it to be paused",
    ({ state, steps = [] }) => state === "PAUSED" && steps.every(({ end }) => end !== undefined),
  );
  expect(paused.steps?.length).toBeLessThan(150);
  await client.request("action.resume", { id });
  expect(await ended(id)).toMatchObject({ outcome: "SUCCESS", result: 150 });
  const links = linesOf(witness).filter((line) => line.includes("link"));
  expect(new Set(links).size).toBe(links.length);
  expect(links).toHaveLength(150);
});

test("a step runs in the pool that it is given", async () => {
  const id = await flow("holding", { ms: 1 });
  expect(await get(childOf(await ended(id), "part"))).toMatchObject({ kind: "work", pool: "other" });
});

test("a result that its workflow's record has no room for is that step's error, as is an argument; the workflow goes on", async () => {
  const result = "too_large, too_large";
  const ballast = "x".repeat(400_000);
  expect(await ended(await flow("hoarding", { ballast }))).toMatchObject({ outcome: "SUCCESS", result });
});
