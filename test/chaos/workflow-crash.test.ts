import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import { eventually, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { linesOf } from "../support/lines-of.ts";
import { onlyWithFault } from "../support/required-jets.ts";
import { runsOf } from "../support/runs.ts";

/**
 * SIGKILL at every await point of a workflow's runner, which are its writes: each workflow runs on a runner of its own that
 * dies at one of them, and others go on with all of them. The steps run on a runner that lives.
 */
const PROGRAM = join(import.meta.dirname, "../support/workflow-runner.ts");
const dir = mkdtempSync(join(tmpdir(), "jm-flow-crash-"));
let mesh: TestMesh;
let client: MeshClient;

beforeAll(async () => {
  mesh = await startMesh({ env: { JM_PRESENCE_TTL_MS: "6000" } });
  client = await mesh.client();
  await mesh.startRunner(PROGRAM, { JM_POOLS: "work", JM_WITNESS: join(dir, "work") });
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});

const { make, ended } = runsOf(() => client);
const writtenIn = (file: string): string[] => linesOf(join(dir, file));

/** Longer than a runner waits with the code in hand, so that which write is the how manieth is the same each time. */
const WAIT_MS = 150;
const FAULTS = (["before", "after"] as const).flatMap((side) =>
  [
    ...["action.claim", "action.claim@2", "action.claim@5", "action.step", "action.progress"],
    ...["action.progress@2", "action.progress@3", "action.progress@4", "action.progress@7"],
    ...["action.progress@8", "action.outcome", "resume.ack@2"],
  ].map((one) => {
    const [point = "", nth] = one.split("@");
    return `${point}/${side}=crash${nth === undefined ? "" : `@${nth}`}`;
  }),
);
const RESULT = [
  "first",
  "caught work_failed in second: second failed",
  "third",
  "loop 0",
  "loop 1",
  "loop 2",
  "here",
];

test("a workflow whose runner dies at any of its writes has the same result, and no step of it runs twice", async () => {
  const running = await Promise.all(
    FAULTS.map((_, n) =>
      make("winding", { waitMs: WAIT_MS, tag: `${String(n)}:` }, { pool: `flow-${String(n)}` }),
    ),
  );
  const cases = FAULTS.entries();
  const someOfThem = async (): Promise<void> => {
    for (const [n, fault] of cases) {
      const env = { JM_POOLS: `flow-${String(n)}`, JM_FAULTS: fault, JM_WITNESS: join(dir, "flow") };
      const runner = await mesh.startRunner(PROGRAM, env);
      await eventually(`the runner of ${fault} to die`, () => (runner.isRunning() ? undefined : true));
    }
  };
  await Promise.all([someOfThem(), someOfThem(), someOfThem(), someOfThem()]);
  await mesh.startRunner(PROGRAM, {
    JM_POOLS: FAULTS.map((_, n) => `flow-${String(n)}`).join(","),
    JM_WITNESS: join(dir, "flow"),
  });
  for (const [n, id] of running.entries()) {
    const { outcome, result } = await ended(id);
    expect({ fault: FAULTS[n], outcome, result }).toEqual({
      fault: FAULTS[n],
      outcome: "SUCCESS",
      result: RESULT,
    });
    const mine = writtenIn("work").filter((line) => line.startsWith(`work ${String(n)}:`));
    expect(
      mine.map((line) => line.split(":")[1]?.replace(/ \d+$/, "")),
      FAULTS[n],
    ).toEqual(["first", "second", "third", "loop 0", "loop 1", "loop 2"]);
  }
}, 120_000);

describe("a function of a workflow's own whose runner dies in it", () => {
  test.each([
    { idempotent: true, result: "gave 2", calls: 2 },
    { idempotent: false, result: "threw step_interrupted", calls: 1 },
  ])(
    "runs again only where that is allowed (idempotent: $idempotent)",
    async ({ idempotent, result, calls }) => {
      const file = `calls-${String(idempotent)}`;
      const env = { JM_POOLS: file, JM_WITNESS: join(dir, file) };
      const first = await mesh.startRunner(PROGRAM, { ...env, DIE_IN_CALL: "1" });
      const id = await make("calling", { idempotent }, { pool: file });
      await first.gone.catch(() => undefined);
      await mesh.startRunner(PROGRAM, env);
      expect(await ended(id)).toMatchObject({ outcome: "SUCCESS", result });
      expect(writtenIn(file).filter((line) => line === "called")).toHaveLength(calls);
      expect(writtenIn(file).filter((line) => line === "before")).toHaveLength(1);
    },
  );
});

describe("a state-store that dies", () => {
  test.each([
    "action.note/before=crash",
    "action.note/after=crash@2",
    "action.close/before=crash@2",
    "action.make/after=crash@2",
  ])("by %s, while a workflow is told of its steps, keeps it waiting for none", async (fault) => {
    await onlyWithFault(mesh, fault);
    await mesh.startRunner(PROGRAM, { JM_POOLS: "told", JM_WITNESS: join(dir, "told") });
    const id = await make("parallel", { many: 4, waitMs: 700 }, { pool: "told" }).catch(() => undefined);
    await eventually("it to die", () => (mesh.of("state-store").isRunning() ? undefined : true));
    await mesh.start("state-store");
    const made = id ?? (await make("parallel", { many: 4, waitMs: 700 }, { pool: "told" }));
    expect(await ended(made)).toMatchObject({
      outcome: "SUCCESS",
      result: ["part 0", "part 1", "part 2", "part 3"],
    });
  });
});
