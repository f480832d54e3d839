import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord } from "@jetmesh/protocol";
import {
  allHistory,
  eventually,
  startMesh,
  type TestMesh,
  type TestService,
  writesSoFar,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { linesOf } from "../support/lines-of.ts";
import { runsOf } from "../support/runs.ts";
import { applySchedule, untilFired } from "../support/schedules.ts";

/** What others of this trade suffer from (docs/weaknesses.md), where no other test shows that it is not so here. */
const SCRIPTED = join(import.meta.dirname, "../support/scripted-runner.ts");
const FLOWS = join(import.meta.dirname, "../support/workflow-runner.ts");
const dir = mkdtempSync(join(tmpdir(), "jm-weak-"));
let mesh: TestMesh;
let client: MeshClient;
let scripted: TestService;
let files = 0;

beforeAll(async () => {
  mesh = await startMesh({ env: { JM_PRESENCE_TTL_MS: "6000" } });
  client = await mesh.client();
  scripted = await mesh.startRunner(SCRIPTED);
  await mesh.startRunner(FLOWS, { JM_WITNESS: join(dir, "flows") });
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});

const { make, get, until, ended, closed } = runsOf(() => client);
interface Scripted {
  readonly id: string;
  lines(): string[];
  /** The attempts of its mains, in order. */
  mains(): string[];
}
async function script(words: object, more: object = {}, kind = "scripted"): Promise<Scripted> {
  const file = join(dir, String((files += 1)));
  const id = await make(kind, { file, ...words }, more);
  const lines = (): string[] => linesOf(file);
  const mains = (): string[] =>
    lines().flatMap((line) => (line.startsWith("main ") ? [line.split(" ")[1] ?? ""] : []));
  return { id, lines, mains };
}

// Beside each other, for most of them wait for code that does not listen.
describe.concurrent("where others are weak", () => {
  test("W4 mains that hang and do not listen give their places back when their time is over", async () => {
    const pool = "hung";
    await mesh.startRunner(SCRIPTED, { JM_POOLS: pool, JM_CONCURRENCY: "2" });
    const hung = await Promise.all(
      [1, 2].map(() => script({ main: ["for ever"] }, { pool, delays: { main: 300 } }, "unwatched")),
    );
    for (const one of hung) await eventually("main to hang", () => one.mains()[0]);
    const waiting = await script({}, { pool });
    for (const { id } of hung) expect(await ended(id)).toMatchObject({ error: { code: "main_timeout" } });
    expect(await ended(waiting.id)).toMatchObject({ outcome: "SUCCESS" });
  });

  test("W9 a heartbeat that comes behind the end changes nothing, and its runner goes on", async () => {
    const made = await script({ main: ["beats behind its end"] });
    const before = await closed(made.id);
    expect(before).toMatchObject({ outcome: "SUCCESS", attempt: 1 });
    await eventually("the last of them", () =>
      made.lines().filter((line) => line === "beat").length === 5 ? true : undefined,
    );
    expect(await get(made.id)).toEqual(before);
    expect(await ended((await script({})).id)).toMatchObject({ outcome: "SUCCESS" });
    expect(scripted.isRunning()).toBe(true);
  });

  test("W17 of a main that does not listen, begun again by its watcher, the attempt that is its counts alone", async () => {
    const made = await script(
      { main: ["deaf", "SUCCESS"], watcher: ["SLEEPING"] },
      { delays: { main: 1_000 } },
    );
    expect(await ended(made.id)).toMatchObject({ outcome: "SUCCESS", attempt: 2, result: { attempt: 2 } });
    expect(made.mains()).toEqual(["1", "2"]);
    const late = await eventually(
      "the result of the first",
      async () =>
        (await allHistory(client.connection, client.names)).find(
          ({ what, id }) => what === "late" && id === made.id,
        ),
      { withinMs: 20_000 },
    );
    expect(late.late).toMatchObject({ state: "SUCCESS" });
    expect(await get(made.id)).toMatchObject({ result: { attempt: 2 } });
    expect(made.mains()).toEqual(["1", "2"]);
  });

  test("W18 an action whose code takes down each runner that has it ends in an error, and others are not held up", async () => {
    const pool = "deadly";
    const runners = await Promise.all(
      Array.from({ length: 9 }, () => mesh.startRunner(SCRIPTED, { JM_POOLS: pool })),
    );
    const deadly = await script({ main: ["IN_PROGRESS"], watcher: ["dies"] }, { pool });
    const others = await Promise.all(Array.from({ length: 5 }, () => script({}, { pool })));
    for (const { id } of others) expect(await ended(id)).toMatchObject({ outcome: "SUCCESS" });
    expect(await ended(deadly.id, 45_000)).toMatchObject({
      outcome: "ERROR",
      error: { code: "poison", message: "its runner was lost 7 times in a row" },
    });
    expect(deadly.lines().filter((line) => line.startsWith("watcher "))).toHaveLength(7);
    expect(runners.filter((runner) => runner.isRunning())).toHaveLength(2);
    expect(await ended((await script({}, { pool })).id)).toMatchObject({ outcome: "SUCCESS" });
  });
});

describe("W13 a workflow", () => {
  test("ends with its deadline, and its steps with it", async () => {
    const id = await make("parallel", { many: 2, waitMs: 60_000 }, { delays: { deadline: 700 } });
    const { error, steps = [] } = await ended(id);
    expect(error).toMatchObject({ code: "deadline_exceeded" });
    for (const { child } of steps)
      expect(await ended(child ?? "")).toMatchObject({ error: { code: "canceled" } });
    expect(steps).toHaveLength(2);
  });

  test("is begun by a schedule", async () => {
    await applySchedule(client, "flows", { every: "1s", create: { kind: "chain", argument: { many: 2 } } });
    const [first] = await untilFired(client, "flows", 1);
    expect(await ended(first?.action.id ?? "")).toMatchObject({
      kind: "chain",
      outcome: "SUCCESS",
      result: 2,
    });
    await client.request("schedule.delete", { reference: "flows" });
  });
});

test("W11 a step costs as many writes in a long workflow as in a short one", async () => {
  const isClosed = async (id: string): Promise<ActionRecord> =>
    until(id, "it to be closed", ({ state }) => state === "CLOSED", 60_000);
  const writesOf = async (many: number): Promise<number> => {
    const before = await writesSoFar(client.connection, client.names);
    // Longer than its runner waits with the code in its hands: each step goes all the way.
    await isClosed(await make("chain", { many, waitMs: 120 }));
    return (await writesSoFar(client.connection, client.names)) - before;
  };
  const [ten, twenty, forty] = [await writesOf(10), await writesOf(20), await writesOf(40)];
  const [first, second] = [(twenty - ten) / 10, (forty - twenty) / 20];
  expect({ ten, twenty, forty, grows: second > first * 1.2 }).toEqual({ ten, twenty, forty, grows: false });
});
