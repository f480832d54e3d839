import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord, WorkflowStep } from "@jetmesh/protocol";
import { createMeshStore, type Stored } from "@jetmesh/storage";
import { eventually, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { linesOf } from "../support/lines-of.ts";
import { onlyWithFault } from "../support/required-jets.ts";
import { runsOf } from "../support/runs.ts";

/** Workflows with more steps than their record holds (ADR 0035). */
const PROGRAM = join(import.meta.dirname, "../support/long-workflow-runner.ts");
const dir = mkdtempSync(join(tmpdir(), "jm-flow-long-"));
/** Of the kinds' own names. */
const POOLS = "link,slow,chain,brief,undone,again,heavy";
let mesh: TestMesh;
let client: MeshClient;

beforeAll(async () => {
  mesh = await startMesh({ env: { JM_PRESENCE_TTL_MS: "6000" } });
  client = await mesh.client();
  await startRunner(POOLS);
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});

const startRunner = (pool: string, env: Readonly<Record<string, string>> = {}) =>
  mesh.startRunner(PROGRAM, { JM_POOLS: pool, JM_WITNESS: join(dir, "done"), ...env });
const { make, get, ended, closed, until } = runsOf(() => client);
const doneOf = (tag: string, what = "do"): string[] =>
  linesOf(join(dir, "done")).filter((line) => line.startsWith(`${what} ${tag}`));
const upTo = (many: number): number[] => Array.from({ length: many }, (_, n) => n);
const sumUpTo = (many: number): number => (many * (many - 1)) / 2;
const isAsMade = (many: number, tag: string) => ({
  outcome: "SUCCESS",
  result: { sum: sumUpTo(many), last: `${tag}${String(many - 1)}`, early: "canceled" },
});

async function stepsOf(id: string): Promise<WorkflowStep[]> {
  const steps: WorkflowStep[] = [];
  for await (const step of client.pages("action.steps", { id })) steps.push(step);
  return steps;
}

const chunkOf = (id: string, number: number): Promise<Stored<unknown>> =>
  createMeshStore(client.connection, client.names).steps.get(client.names.chunk(id, number));

/** Of a chunk's last write, in seconds. */
async function ttlOf(id: string, number: number): Promise<number | undefined> {
  const { names, connection } = client;
  const stored = await connection.jsm.streams.getMessage(names.kvStream(names.buckets.steps), {
    last_by_subj: names.kv(names.buckets.steps, names.chunk(id, number)),
  });
  const ttl = stored?.header.get("Nats-TTL") ?? "";
  return ttl === "" ? undefined : Number.parseInt(ttl, 10);
}

const newestAndOlder = ({ steps = [], older }: ActionRecord): [newest: number, older: number] => [
  steps.length,
  older?.steps ?? 0,
];

test("a workflow of two thousand steps ends right, its record stays small, and all of its steps are shown", async () => {
  const many = 2_000;
  const id = await make("chain", { many, tag: "long:" });
  const underWay = await until(id, "it to be well under way", ({ older }) => (older?.steps ?? 0) >= 640);
  expect(JSON.stringify(underWay).length).toBeLessThan(40_000);
  const record = await ended(id, 60_000);
  expect(record).toMatchObject(isAsMade(many, "long:"));
  const [newest, older] = newestAndOlder(record);
  expect(newest + older).toBe(many + 1);
  expect(newest).toBeLessThan(128);
  const steps = await stepsOf(id);
  expect(steps.map(({ end }) => end?.order)).toEqual(upTo(many + 1));
  expect(new Set(steps.map(({ place }) => place)).size).toBe(many + 1);
  expect(doneOf("long:")).toEqual(upTo(many).map((n) => `do long:${String(n)}`));
}, 90_000);

test("steps that end in another order than they began in, many at a time, are all there", async () => {
  const many = 600;
  const id = await make("chain", { many, width: 150, tag: "wide:" });
  expect(await ended(id, 60_000)).toMatchObject(isAsMade(many, "wide:"));
  expect((await stepsOf(id)).map(({ place }) => place).sort((a = 0, b = 0) => a - b)).toEqual(upTo(many + 1));
  expect(doneOf("wide:")).toHaveLength(many);
}, 90_000);

describe("a workflow whose runner dies", () => {
  const SECOND = '"next":2';
  const FAULTS = [
    ...["steps.keep/before=crash", "steps.keep/after=crash", "steps.keep/before=crash@2"],
    ...["steps.keep/after=crash@2", "steps.keep/after=lose", "steps.keep/before=twice"],
    ...[`action.step/before=crash~${SECOND}`, `action.step/after=crash~${SECOND}`],
  ];

  test("about its older steps' writes has the same result, and no step of it runs twice", async () => {
    const many = 150;
    const cases = FAULTS.map((fault, n) => ({ fault, tag: `${String(n)}:`, pool: `dies-${String(n)}` }));
    const ids = await Promise.all(cases.map(({ tag, pool }) => make("chain", { many, tag }, { pool })));
    for (const { fault, pool } of cases) {
      const runner = await startRunner(pool, { JM_FAULTS: fault });
      if (fault.includes("crash"))
        // A hundred steps before it does.
        await eventually(`the runner of ${fault} to die`, () => (runner.isRunning() ? undefined : true), {
          withinMs: 60_000,
        });
    }
    await startRunner(cases.map(({ pool }) => pool).join(","));
    for (const [n, { fault, tag }] of cases.entries()) {
      const { outcome, result } = await ended(ids[n] ?? "", 30_000);
      expect({ fault, outcome, result }).toEqual({ fault, ...isAsMade(many, tag) });
      expect(doneOf(tag), fault).toEqual(upTo(many).map((k) => `do ${tag}${String(k)}`));
    }
  }, 120_000);
});

test("a workflow that waits again and again goes on behind its older steps, on another runner as well", async () => {
  await startRunner("patient");
  const id = await make("patient", { many: 200, words: 3 }, { pool: "patient" });
  const say = (payload: number) => client.request("action.signal", { id, name: "word", payload });
  const waits = (record: ActionRecord): boolean =>
    record.state === "IN_PROGRESS" && record.claim === undefined;
  await until(id, "it to wait", waits);
  expect((await get(id)).older?.steps).toBeGreaterThanOrEqual(192);
  await say(1);
  const fresh = await startRunner("patient");
  await say(2);
  await eventually("both to be heard", async () =>
    (await stepsOf(id)).filter(({ what, end }) => what === "wait" && end !== undefined).length === 2
      ? true
      : undefined,
  );
  for (const runner of mesh.services)
    if (runner.name === "flight-plan-runner" && runner !== fresh) await runner.kill();
  await startRunner(POOLS);
  await say(3);
  expect(await ended(id, 40_000)).toMatchObject({ outcome: "SUCCESS", result: [1, 2, 3] });
}, 90_000);

describe("older steps", () => {
  test("go with the record of their workflow", async () => {
    const id = await make("brief", { many: 130, tag: "brief:" });
    await ended(id);
    await eventually("the record to go", async () =>
      client.request("action.get", { id }).then(
        () => undefined,
        () => true,
      ),
    );
    expect(await ttlOf(id, 0)).toBe(6);
    await eventually(
      "its chunks to go",
      async () =>
        (await Promise.all([chunkOf(id, 0), chunkOf(id, 1)])).every(({ kind }) => kind === "gone")
          ? true
          : undefined,
      { withinMs: 15_000 },
    );
  }, 60_000);

  test.each([
    ["1:", "steps.retire/before=crash"],
    ["2:", "steps.retire/after=crash"],
    ["3:", 'action.close/before=crash~"kind":"brief"'],
  ])(
    "get their TTL also where a state-store dies (%s %s)",
    async (tag, fault) => {
      const faulted = await onlyWithFault(mesh, fault);
      const id = await make("brief", { many: 130, tag: `retired ${tag}` });
      await eventually("it to die", () => (faulted.isRunning() ? undefined : true), {
        withinMs: 20_000,
      });
      await mesh.start("state-store");
      await eventually("the record to go", async () =>
        client.request("action.get", { id }).then(
          () => undefined,
          () => true,
        ),
      );
      expect(await Promise.all([ttlOf(id, 0), ttlOf(id, 1)])).toEqual([6, 6]);
    },
    60_000,
  );

  test("of an attempt that is repeated go, and the next one has its own", async () => {
    const id = await make("again", { many: 70 });
    await until(id, "its first attempt to wait", ({ older }) => older?.next === 1);
    expect(await ttlOf(id, 0)).toBeUndefined();
    await client.request("action.signal", { id, name: "go 1" });
    const waits = ({ steps = [], older }: ActionRecord): boolean =>
      older?.next === 2 && steps.some(({ what, end }) => what === "wait" && end === undefined);
    const second = await until(id, "its second attempt to wait", waits);
    expect(second.older).toMatchObject({ steps: 64, first: 1, from: 1 });
    expect(await ttlOf(id, 0)).toBe(86_400);
    expect(await ttlOf(id, 1)).toBeUndefined();
    expect((await stepsOf(id)).filter(({ what }) => what === "call")).toHaveLength(70);
    await client.request("action.signal", { id, name: "go 2" });
    expect(await ended(id)).toMatchObject({ outcome: "SUCCESS", result: 140, attempt: 2 });
  }, 60_000);

  test("are undone as the others, in reverse, and outlast that", async () => {
    const days = (count: number): number => count * 86_400 + 5;
    const many = 140;
    const id = await make("undone", { many, tag: "undone:" });
    await ended(id, 30_000);
    await closed(id);
    expect(await ttlOf(id, 1)).toBe(days(7));
    await client.request("action.rollback", { id });
    expect(await ttlOf(id, 1)).toBe(days(30));
    await until(id, "it to be reverted", ({ state }) => state === "REVERTED", 60_000);
    await eventually("them to go with its record", async () =>
      (await ttlOf(id, 1)) === days(1) ? true : undefined,
    );
    expect(doneOf("undone:", "undo")).toEqual(
      upTo(many)
        .toReversed()
        .map((n) => `undo undone:${String(n)}`),
    );
  }, 90_000);

  test("that are lost end their workflow with a code, and run nothing again", async () => {
    await startRunner("lost");
    const id = await make("patient", { many: 70, words: 1 }, { pool: "lost" });
    await until(id, "it to wait", ({ older, claim }) => older?.next === 1 && claim === undefined);
    const steps = createMeshStore(client.connection, client.names).steps;
    await steps.remove(client.names.chunk(id, 0), "steps.retire");
    for (const runner of mesh.services) if (runner.name === "flight-plan-runner") await runner.kill();
    await startRunner(`lost,${POOLS}`);
    await client.request("action.signal", { id, name: "word" });
    expect(await ended(id)).toMatchObject({ outcome: "ERROR", error: { code: "steps_lost" } });
  }, 60_000);
});

test("chunks that the broker refuses stay in the record, and the workflow goes on", async () => {
  const { streams } = client.connection.jsm;
  const stream = client.names.kvStream(client.names.buckets.steps);
  await streams.update(stream, { max_msg_size: 100 });
  try {
    const id = await make("chain", { many: 80, tag: "refused:" });
    const record = await ended(id);
    expect(record).toMatchObject(isAsMade(80, "refused:"));
    expect(newestAndOlder(record)).toEqual([81, 0]);
  } finally {
    await streams.update(stream, { max_msg_size: -1 });
  }
}, 60_000);

test("in a mesh of several shards older steps lie in the shard of their workflow", async () => {
  const sharded = await startMesh({ env: { JM_SHARDS: "3" } });
  try {
    await sharded.startRunner(PROGRAM, { JM_POOLS: POOLS, JM_WITNESS: join(dir, "sharded") });
    const other = await sharded.client();
    const runs = runsOf(() => other);
    for (const tag of ["a:", "b:", "c:", "d:"]) {
      const id = await runs.make("chain", { many: 130, tag });
      const { older } = await runs.ended(id);
      expect(older).toMatchObject({ first: 0, next: 2 });
      const { names } = other;
      const shard = names.bucketOf(names.buckets.actions, id).replace(names.buckets.actions, "");
      const bucket = `${names.buckets.steps}${shard}`;
      const { state } = await other.connection.jsm.streams.info(names.kvStream(bucket), {
        subjects_filter: names.kv(bucket, `${id}.*`),
      });
      expect(Object.keys(state.subjects ?? {})).toHaveLength(2);
    }
  } finally {
    await sharded.stop();
  }
}, 90_000);

describe("results that are large", () => {
  test("leave the record sooner, so that together they may be more than it holds", async () => {
    const id = await make("heavy", { many: 60, bytes: 30_000 });
    const record = await ended(id);
    expect(record).toMatchObject({ outcome: "SUCCESS", result: 1_800_000 });
    expect(JSON.stringify(record).length).toBeLessThan(200_000);
  }, 60_000);

  test("of a single step that no record has room for end the workflow", async () => {
    const id = await make("heavy", { many: 3, bytes: 800_000 });
    expect(await ended(id)).toMatchObject({ outcome: "ERROR", error: { code: "too_large" } });
  }, 60_000);
});
