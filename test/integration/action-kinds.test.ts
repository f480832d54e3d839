import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord, CreatedAction } from "@jetmesh/protocol";
import { allHistory, eventually, startMesh, type TestMesh, type TestService } from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { linesOf } from "../support/lines-of.ts";
import { onlyWithFault } from "../support/required-jets.ts";
import { runsOf } from "../support/runs.ts";

/** The life of an action (design §2), row by row, run by a program that defines a kind of its own. */
const PROGRAM = join(import.meta.dirname, "../support/scripted-runner.ts");
let dir: string;
let mesh: TestMesh;
let client: MeshClient;
let files = 0;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "jm-kinds-"));
  mesh = await startMesh({ env: { JM_PRESENCE_TTL_MS: "6000", JM_CLOSED_TTL_MS: "3000" } });
  client = await mesh.client();
  await mesh.startRunner(PROGRAM);
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});

interface Words {
  readonly init?: readonly string[];
  readonly main?: readonly string[];
  readonly watcher?: readonly string[];
}
interface Made {
  readonly id: string;
  /** Its calls so far: `main`, or with details `main 1 <pid> <ms>`. */
  calls(): string[];
  lines(): string[];
}

async function make(words: Words, more: Record<string, unknown> = {}): Promise<Made> {
  const file = join(dir, String((files += 1)));
  const { actionId: id } = await client.request<CreatedAction>("action.create", {
    kind: "scripted",
    argument: { file, ...words },
    ...more,
  });
  const lines = (): string[] => linesOf(file);
  return { id, lines, calls: () => lines().map((line) => line.split(" ")[0] ?? "") };
}
const { get: record, until, ended } = runsOf(() => client);
const states = ({ transitions }: ActionRecord): string[] => transitions.map(({ to }) => to);

test("A1 a new action is SLEEPING, and nothing of it runs before a runner resumes it", async () => {
  const later = new Date(Date.now() + 1_500).toISOString();
  const made = await make({}, { notBefore: later });
  expect(await record(made.id)).toMatchObject({ state: "SLEEPING", attempt: 1, bag: {} });
  expect(made.calls()).toEqual([]);
  const done = await ended(made.id);
  expect(done).toMatchObject({ outcome: "SUCCESS" });
  const began = done.transitions.find(({ to }) => to === "EXECUTING_MAIN")?.at ?? "";
  expect(began >= later).toBe(true);
});

test("A1 a kind that no runner has registered is refused, and so is whoever is no manager", async () => {
  await expect(client.request("action.create", { kind: "nothing" })).rejects.toMatchObject({
    code: "unknown_kind",
  });
  const stranger = await mesh.client("stranger");
  await expect(stranger.request("action.create", { kind: "scripted" })).rejects.toMatchObject({
    code: "forbidden",
  });
});

test("asked for again with its key, by who waits, it is the same action, and its end is known at once", async () => {
  const request = { kind: "scripted", argument: { file: join(dir, "again") }, key: "again", wait: true };
  const first = await client.request<CreatedAction>("action.create", request);
  await until(first.actionId, "it to be closed", ({ state }) => state === "CLOSED");
  // Nobody is told twice, and a gateway looks for itself only after some seconds: too late for who waits for one.
  const again = { ...request, timeoutMs: 1_000 };
  expect(await client.request<CreatedAction>("action.create", again)).toEqual(first);
});

test("A2 many runners race for one action: its main is called exactly once", async () => {
  const made = await make({ main: ["SUCCESS"] }, { pool: "race" });
  const runners = await Promise.all(
    Array.from({ length: 3 }, () => mesh.startRunner(PROGRAM, { JM_POOLS: "race" })),
  );
  for (let n = 0; n < 30; n += 1)
    client.connection.nc.publish(
      client.names.resume.of("race", made.id),
      JSON.stringify({ v: 1, id: made.id }),
    );
  await ended(made.id);
  expect(made.calls()).toEqual(["init", "main"]);
  await Promise.all(runners.map((runner) => runner.stop()));
});

test("A3 init comes before main and before each watcher", async () => {
  const made = await make({ main: ["IN_PROGRESS"], watcher: ["IN_PROGRESS", "SUCCESS"] });
  await ended(made.id);
  expect(made.calls()).toEqual(["init", "main", "init", "watcher", "init", "watcher"]);
});

describe("A4 main decides:", () => {
  test.each([
    ["SUCCESS", { outcome: "SUCCESS", result: { attempt: 1 } }, ["SLEEPING", "EXECUTING_MAIN", "SUCCESS"]],
    ["ERROR", { outcome: "ERROR", error: { code: "told_so" } }, ["SLEEPING", "EXECUTING_MAIN", "ERROR"]],
    [
      "IN_PROGRESS",
      { outcome: "SUCCESS", bag: { seen: 1 } },
      ["SLEEPING", "EXECUTING_MAIN", "IN_PROGRESS", "SUCCESS"],
    ],
  ])("%s", async (word, expected, path) => {
    const made = await make({ main: [word] });
    const done = await ended(made.id);
    expect(done).toMatchObject(expected);
    expect(states(done).slice(0, path.length)).toEqual(path);
  });
});

test("A5 the watcher is asked at once, then at its frequency, until it says how it ended", async () => {
  const made = await make({
    main: ["IN_PROGRESS"],
    watcher: ["IN_PROGRESS", "IN_PROGRESS", "IN_PROGRESS", "SUCCESS"],
  });
  await ended(made.id);
  const times = made
    .lines()
    .filter((line) => line.startsWith("watcher"))
    .map((line) => Number(line.split(" ")[3]));
  expect(times).toHaveLength(4);
  for (const [at, time] of times.slice(1).entries())
    expect(time - (times[at] ?? 0)).toBeGreaterThanOrEqual(90);
});

describe("A6 main out of its delay has its watcher asked:", () => {
  const ask = (watcher: readonly string[]): Promise<Made> =>
    make({ main: ["until aborted", "SUCCESS"], watcher }, { delays: { main: 300 } });

  test.each([
    ["SUCCESS", { outcome: "SUCCESS" }],
    ["ERROR", { outcome: "ERROR", error: { code: "told_so" } }],
    ["throw", { outcome: "ERROR", error: { code: "main_timeout" } }],
    ["nothing", { outcome: "ERROR", error: { code: "main_timeout" } }],
  ])("%s", async (word, expected) => {
    const made = await ask([word]);
    expect(await ended(made.id)).toMatchObject({ ...expected, attempt: 1 });
    expect(made.lines()).toContain("aborted main_timeout");
    expect(made.calls().filter((call) => call === "main")).toHaveLength(1);
  });

  test("IN_PROGRESS: it is watched from then on", async () => {
    const made = await ask(["IN_PROGRESS", "SUCCESS"]);
    const done = await ended(made.id);
    expect(done.outcome).toBe("SUCCESS");
    expect(states(done)).toContain("IN_PROGRESS");
  });

  test("SLEEPING: the whole flow again", async () => {
    const made = await ask(["SLEEPING"]);
    expect(await ended(made.id)).toMatchObject({ outcome: "SUCCESS", attempt: 2 });
    expect(made.calls().filter((call) => call === "main")).toHaveLength(2);
  });

  test("PAUSED: it waits for a resume", async () => {
    const made = await ask(["PAUSED", "SUCCESS"]);
    await until(made.id, "the pause", ({ state }) => state === "PAUSED");
    await client.request("action.resume", { id: made.id });
    expect(await ended(made.id)).toMatchObject({ outcome: "SUCCESS", attempt: 1 });
  });

  test("one whose kind has no watcher ends in main_timeout", async () => {
    const file = join(dir, "unwatched");
    const { actionId } = await client.request<CreatedAction>("action.create", {
      kind: "unwatched",
      argument: { file, main: ["until aborted"] },
      delays: { main: 300 },
    });
    expect(await ended(actionId)).toMatchObject({ error: { code: "main_timeout" } });
  });
});

describe("A7 the delay of IN_PROGRESS", () => {
  test("ends it in an error", async () => {
    const made = await make(
      { main: ["IN_PROGRESS"], watcher: ["IN_PROGRESS"] },
      { delays: { progress: 500 } },
    );
    expect(await ended(made.id)).toMatchObject({ error: { code: "in_progress_timeout" } });
  });

  test("leaves a success of the last ask its due", async () => {
    const made = await make(
      { main: ["IN_PROGRESS"], watcher: ["IN_PROGRESS", "SUCCESS"] },
      { delays: { progress: 300, frequency: 60_000 } },
    );
    expect(await ended(made.id)).toMatchObject({ outcome: "SUCCESS" });
  });

  test("W9 is put off by a heartbeat", async () => {
    const watcher = [...Array.from({ length: 12 }, () => "heartbeat"), "SUCCESS"];
    const made = await make({ main: ["IN_PROGRESS"], watcher }, { delays: { progress: 1_000 } });
    expect(await ended(made.id)).toMatchObject({ outcome: "SUCCESS" });
  });
});

describe("A8 what is thrown", () => {
  test.each([
    ["init", { init: ["throw"] }, { code: "init_threw", message: "thrown" }],
    ["main", { main: ["throw"] }, { code: "main_threw", message: "thrown" }],
    [
      "main, with cycles and huge",
      { main: ["throw a cycle"] },
      { code: "main_threw", message: "round and round" },
    ],
    ["main, by returning nothing", { main: ["nothing"] }, { code: "main_threw" }],
    ["main, by PAUSED that nobody asked for", { main: ["PAUSED"] }, { code: "main_threw" }],
    [
      "a watcher, by returning nothing",
      { main: ["IN_PROGRESS"], watcher: ["nothing"] },
      { code: "watcher_failed" },
    ],
  ])("in %s is an error, serialised", async (_, words, error) => {
    const made = await make(words);
    expect(await ended(made.id)).toMatchObject({ outcome: "ERROR", error });
  });

  test("by an argument that the kind does not take is an error of init", async () => {
    const { actionId } = await client.request<CreatedAction>("action.create", {
      kind: "scripted",
      argument: { file: 7 },
    });
    expect(await ended(actionId)).toMatchObject({ error: { code: "init_threw" } });
  });
});

test("A9 W3 a watcher that throws is asked again, a bounded number of times, and the delay counts on", async () => {
  const often = await make({ main: ["IN_PROGRESS"], watcher: ["throw"] });
  expect(await ended(often.id)).toMatchObject({ error: { code: "watcher_failed" }, watcherFailures: 3 });
  const once = await make({ main: ["IN_PROGRESS"], watcher: ["throw", "SUCCESS"] });
  expect(await ended(once.id)).toMatchObject({ outcome: "SUCCESS" });
  const late = await make(
    { main: ["IN_PROGRESS"], watcher: ["throw"] },
    { delays: { progress: 50, frequency: 60_000 } },
  );
  expect(await ended(late.id)).toMatchObject({ outcome: "ERROR" });
});

describe("A10 a watcher that says", () => {
  test("SLEEPING has the whole flow run again, with its bag", async () => {
    const made = await make({ main: ["IN_PROGRESS", "SUCCESS"], watcher: ["SLEEPING"] });
    expect(await ended(made.id)).toMatchObject({ attempt: 2, result: { attempt: 2, bag: { seen: 1 } } });
  });

  test("PAUSED has it wait until somebody resumes it, and main is not called again", async () => {
    const made = await make({ main: ["IN_PROGRESS"], watcher: ["PAUSED", "SUCCESS"] });
    await until(made.id, "the pause", ({ state }) => state === "PAUSED");
    await client.request("action.resume", { id: made.id });
    expect(await ended(made.id)).toMatchObject({ outcome: "SUCCESS", attempt: 1 });
    expect(made.calls().filter((call) => call === "main")).toHaveLength(1);
  });
});

describe("A11 a runner that is killed", () => {
  let first: TestService;
  const killed = async (words: Words, at: string): Promise<Made & { killedAt: number }> => {
    // A pool for each, so that the one that is killed is the one that has it.
    const pool = `mortal-${at}`;
    first = await mesh.startRunner(PROGRAM, { JM_POOLS: pool });
    const made = await make(words, { pool });
    await eventually(`the ${at} to run`, () => (made.calls().includes(at) ? true : undefined));
    const second = await mesh.startRunner(PROGRAM, { JM_POOLS: pool });
    expect(second.isRunning()).toBe(true);
    await first.kill();
    return { ...made, killedAt: Date.now() };
  };

  test("in main: the watcher is asked elsewhere, main is not called again", async () => {
    const made = await killed({ main: ["for ever"], watcher: ["SUCCESS"] }, "main");
    expect(await ended(made.id)).toMatchObject({ outcome: "SUCCESS", attempt: 1 });
    expect(made.calls().filter((call) => call === "main")).toHaveLength(1);
  }, 40_000);

  test("in main, after it was asked to pause it: who takes over pauses it", async () => {
    const pool = "mortal-paused";
    first = await mesh.startRunner(PROGRAM, { JM_POOLS: pool });
    const made = await make({ main: ["for ever"], watcher: ["IN_PROGRESS", "SUCCESS"] }, { pool });
    await eventually("main to run", () => (made.calls().includes("main") ? true : undefined));
    expect(await client.request("action.pause", { id: made.id })).toMatchObject({ pausing: true });
    await mesh.startRunner(PROGRAM, { JM_POOLS: pool });
    await first.kill();
    await until(made.id, "it to be paused", ({ state }) => state === "PAUSED");
    await client.request("action.resume", { id: made.id });
    expect(await ended(made.id)).toMatchObject({ outcome: "SUCCESS", attempt: 1 });
    expect(await record(made.id)).not.toHaveProperty("pauseAsked");
  }, 40_000);

  test("in its watcher: it is asked again elsewhere", async () => {
    const made = await killed({ main: ["IN_PROGRESS"], watcher: ["for ever", "SUCCESS"] }, "watcher");
    expect(await ended(made.id)).toMatchObject({ outcome: "SUCCESS", attempt: 1 });
  }, 40_000);
});

test("A12 an outcome is told at once, then closed, and gone when its time is over", async () => {
  const told = await client.request<CreatedAction>("action.create", {
    kind: "scripted",
    argument: { file: join(dir, "told") },
    wait: true,
  });
  expect(told).toMatchObject({ outcome: "SUCCESS", result: { attempt: 1 } });
  const closed = await until(told.actionId, "it to be closed", ({ state }) => state === "CLOSED");
  expect(closed.outcome).toBe("SUCCESS");
  await eventually(
    "the record to be gone",
    () =>
      record(told.actionId).then(
        () => undefined,
        (error: unknown) => ((error as { code: string }).code === "unknown_run" ? true : undefined),
      ),
    { withinMs: 15_000 },
  );
});

test("A13 repeats are counted, each begins with an empty bag, and the last outcome is the action's", async () => {
  const repeat = { error: 1, success: 0, backoff: 50 };
  const mended = await make({ main: ["throw", "SUCCESS"] }, { repeat });
  expect(await ended(mended.id)).toMatchObject({ outcome: "SUCCESS", attempt: 2, result: { bag: {} } });
  const broken = await make({ main: ["throw"] }, { repeat });
  expect(await ended(broken.id)).toMatchObject({ outcome: "ERROR", attempt: 2, repeat: { error: 0 } });
  const again = await make({ main: ["SUCCESS"] }, { repeat: { error: 0, success: 2, backoff: 50 } });
  expect(await ended(again.id)).toMatchObject({ outcome: "SUCCESS", attempt: 3 });
});

test("A17 W15 a result that comes when its time is over is refused, and kept as late", async () => {
  const made = await make({ main: ["deaf"], watcher: ["ERROR"] }, { delays: { main: 300 } });
  expect(await ended(made.id)).toMatchObject({ error: { code: "told_so" } });
  const late = await eventually(
    "the late result in the history",
    async () =>
      (await allHistory(client.connection, client.names)).find(
        ({ what, id }) => what === "late" && id === made.id,
      ),
    { withinMs: 15_000 },
  );
  expect(late.late).toMatchObject({ state: "SUCCESS" });
}, 40_000);

test("the runner of docs/sdk.md is examples/kinds/greet.ts, and greets", async () => {
  const root = join(import.meta.dirname, "../..");
  const [, shown] = /```ts\n([^]*?)```/.exec(readFileSync(join(root, "docs/sdk.md"), "utf8")) ?? [];
  const example = join(root, "examples/kinds/greet.ts");
  expect(readFileSync(example, "utf8")).toBe(shown);
  const runner = await mesh.startRunner(example);
  const made = await client.request("action.create", {
    kind: "greet",
    argument: { name: "Ada" },
    wait: true,
  });
  expect(made).toMatchObject({ outcome: "SUCCESS", result: { said: "Hello, Ada" } });
  expect(await runner.stop()).toBe(0);
});

test.each(["before=crash", "after=crash", "after=lose"])(
  "a kind that a runner brings is known also where its state-store fails at kind.register, %s",
  async (fault) => {
    const faulted = await onlyWithFault(mesh, `kind.register/${fault}@1`);
    const kind = `mine-${fault.replace("=", "-")}`;
    const starting = mesh.startRunner(PROGRAM, { JM_POOLS: kind, SCRIPTED_KIND: kind });
    if (fault !== "after=lose") {
      await faulted.gone;
      await mesh.start("state-store");
    }
    const runner = await starting;
    const argument = { file: join(dir, kind) };
    const done = await client.request("action.create", { kind, argument, pool: kind, wait: true });
    expect(done).toMatchObject({ outcome: "SUCCESS" });
    await runner.stop();
  },
  40_000,
);

test("the same key makes one action, and answers with it", async () => {
  const file = join(dir, "keyed");
  const body = { kind: "scripted", argument: { file }, key: "once" };
  const made = await Promise.all(
    Array.from({ length: 5 }, () => client.request<CreatedAction>("action.create", body)),
  );
  expect(new Set(made.map(({ actionId }) => actionId)).size).toBe(1);
  await ended(made[0]?.actionId ?? "");
  expect(readFileSync(file, "utf8").match(/^main/gm)).toHaveLength(1);
});

test("a jet's action may run a kind, with its argument under the trigger's", async () => {
  const document = (kind: string, reference: string, rest: object): { document: object } => ({
    document: { apiVersion: "jetmesh/v1", kind, reference, name: reference, ...rest },
  });
  const file = join(dir, "of a jet");
  await client.request("import", {
    documents: [
      ...["here", "moving"].map((state) => document("State", state, {})),
      document("Template", "kinds", {
        actions: [
          { reference: "make", name: "Make", transit: "moving", to: "here" },
          {
            ...{ reference: "work", name: "Work", from: "here", transit: "moving", to: "here" },
            run: { kind: "scripted", argument: { file, main: ["throw"] } },
          },
        ],
      }),
    ],
  });
  await client.request("jet.create", { template: "kinds", reference: "worker", wait: true });
  const failed = await client.request("jet.trigger", { jet: "worker", action: "work", wait: true });
  expect(failed).toMatchObject({ outcome: "ERROR", state: "here", error: { code: "main_threw" } });
  const argument = { main: ["IN_PROGRESS", "IN_PROGRESS"], watcher: ["SUCCESS"] };
  const well = await client.request("jet.trigger", { jet: "worker", action: "work", argument, wait: true });
  expect(well).toMatchObject({ outcome: "SUCCESS", state: "here" });
});
