import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord, JetRecord } from "@jetmesh/protocol";
import {
  applyDocuments,
  type Document,
  eventually,
  loopDocuments,
  startMesh,
  type TestMesh,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const dir = mkdtempSync(join(tmpdir(), "jm-delays-"));
let mesh: TestMesh;
let client: MeshClient;

beforeAll(async () => {
  mesh = await startMesh();
  client = await mesh.client();
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});

interface Ended {
  readonly actionId: string;
  readonly outcome: string;
  readonly state: string;
  readonly error?: { readonly code: string; readonly message: string };
}

let counter = 0;
/** A jet of its own whose `turn` runs these steps under these settings. */
async function jetThatTurns(
  steps: readonly Document[],
  turn: Document = {},
  plan: Document = {},
): Promise<string> {
  counter += 1;
  const documents = loopDocuments(steps, turn).map((one) =>
    one["kind"] === "Plan" ? { ...one, ...plan } : one,
  );
  await applyDocuments(client, documents);
  const reference = `jet${String(counter)}`;
  await client.request("jet.create", { template: "loop", reference, wait: true });
  return reference;
}
const turn = (jet: string, more: Document = {}): Promise<Ended> =>
  client.request<Ended>("jet.trigger", { jet, action: "turn", wait: true, timeoutMs: 30_000, ...more });
const action = (id: string): Promise<ActionRecord> => client.request<ActionRecord>("action.get", { id });
const isAlive = (pid: number): boolean => {
  try {
    return readFileSync(`/proc/${String(pid)}/stat`, "utf8").split(") ")[1]?.[0] !== "Z";
  } catch {
    return false;
  }
};

describe("a plan that waits", () => {
  test("holds no runner, is resumed when its time has come, and goes on behind its journal", async () => {
    const file = join(dir, "waits");
    const jet = await jetThatTurns([
      { shell: `echo before >> ${file}` },
      { wait: "700ms" },
      { shell: `echo after >> ${file}` },
    ]);
    const began = performance.now();
    const ended = await turn(jet);
    expect(ended.outcome).toBe("SUCCESS");
    expect(performance.now() - began).toBeGreaterThan(690);
    expect(readFileSync(file, "utf8")).toBe("before\nafter\n");
    const record = await action(ended.actionId);
    expect(record.attempt).toBe(2);
    expect(record.transitions.map(({ to }) => to).slice(0, 6)).toEqual([
      "SLEEPING",
      "EXECUTING_MAIN",
      "IN_PROGRESS",
      "SLEEPING",
      "EXECUTING_MAIN",
      "SUCCESS",
    ]);
  });

  test("is woken also where the ticker that led was killed meanwhile", async () => {
    const jet = await jetThatTurns([{ wait: "2s" }]);
    const turning = turn(jet);
    await mesh.of("lifecycle-ticker").kill();
    await mesh.start("lifecycle-ticker");
    expect(await turning).toMatchObject({ outcome: "SUCCESS", state: "resting" });
  });

  test("ends with its plan's own timeout, not after its wait", async () => {
    const jet = await jetThatTurns([{ wait: "1h" }], {}, { timeout: "600ms" });
    expect(await turn(jet)).toMatchObject({
      outcome: "ERROR",
      state: "broken",
      error: { code: "step_timeout" },
    });
  });

  test("ends with the action's deadline, although nobody holds it", async () => {
    const jet = await jetThatTurns([{ wait: "1h" }], { delays: { deadline: "800ms" } });
    expect(await turn(jet)).toMatchObject({
      outcome: "ERROR",
      state: "broken",
      error: { code: "deadline_exceeded" },
    });
  });
});

describe("a step that fails", () => {
  test("ends the action, and the jet goes to the action's error state, from where it is mended", async () => {
    const jet = await jetThatTurns([{ shell: "echo sorry >&2; exit 3" }, { shell: ["true"] }]);
    const ended = await turn(jet);
    expect(ended).toMatchObject({ outcome: "ERROR", state: "broken", error: { code: "step_failed" } });
    expect((await action(ended.actionId)).journal).toMatchObject([{ exitCode: 3, outcome: "ERROR" }]);
    expect(await client.request("jet.trigger", { jet, action: "mend", wait: true })).toMatchObject({
      outcome: "SUCCESS",
      state: "resting",
    });
  });

  test("without an error state leads the jet back to where it came from", async () => {
    const jet = await jetThatTurns([{ shell: ["false"] }], { error: undefined });
    expect(await turn(jet)).toMatchObject({ outcome: "ERROR", state: "resting" });
  });

  test("is repeated as often as the action says, each time from the start and no sooner than its backoff", async () => {
    const file = join(dir, "repeats");
    writeFileSync(file, "");
    const jet = await jetThatTurns([{ shell: `echo x >> ${file}; test $(wc -l < ${file}) -ge 3` }], {
      repeat: { error: 5, success: 0, backoff: "300ms" },
    });
    const began = performance.now();
    const ended = await turn(jet);
    expect(ended).toMatchObject({ outcome: "SUCCESS", state: "resting" });
    expect(performance.now() - began).toBeGreaterThan(600);
    expect(readFileSync(file, "utf8")).toBe("x\nx\nx\n");
    const record = await action(ended.actionId);
    expect(record).toMatchObject({ attempt: 3, repeat: { error: 3 } });
    expect(record.journal).toHaveLength(1);
  });

  test("that creates leaves the jet undefined, and it can be tried again", async () => {
    const file = join(dir, "second-time");
    const documents = loopDocuments([{ shell: `test -e ${file} || { touch ${file}; exit 1; }` }]).map(
      (one) =>
        one["kind"] === "Template"
          ? {
              ...one,
              reference: "fails",
              name: "fails",
              actions: [
                {
                  reference: "create",
                  accessLevel: "user",
                  transit: "moving",
                  to: "resting",
                  plan: "loop_turn",
                },
              ],
            }
          : one,
    );
    await applyDocuments(client, documents);
    expect(
      await client.request("jet.create", { template: "fails", reference: "late", wait: true }),
    ).toMatchObject({ outcome: "ERROR" });
    expect((await client.request<JetRecord>("jet.get", { reference: "late" })).state).toBeUndefined();
    expect(await client.request("jet.trigger", { jet: "late", action: "create", wait: true })).toMatchObject({
      outcome: "SUCCESS",
      state: "resting",
    });
  });
});

describe("a main that runs out of time", () => {
  test("has its processes ended, and ends in error where its step may not run twice", async () => {
    const pidFile = join(dir, "slow-pid");
    const jet = await jetThatTurns([{ shell: `echo $$ > ${pidFile}; sleep 600` }], {
      delays: { main: "700ms" },
    });
    const ended = await turn(jet);
    expect(ended).toMatchObject({ outcome: "ERROR", state: "broken", error: { code: "step_interrupted" } });
    expect(isAlive(Number(readFileSync(pidFile, "utf8")))).toBe(false);
  });

  test("begins again where its step is idempotent, and then succeeds", async () => {
    const file = join(dir, "idempotent");
    const jet = await jetThatTurns(
      [{ shell: `if test -e ${file}; then exit 0; fi; touch ${file}; sleep 600`, idempotent: true }],
      { delays: { main: "700ms" } },
    );
    const ended = await turn(jet);
    expect(ended).toMatchObject({ outcome: "SUCCESS", state: "resting" });
    expect(existsSync(file)).toBe(true);
    expect((await action(ended.actionId)).attempt).toBe(2);
  });
});

describe("without a runner", () => {
  test("an action waits, and ends with its start delay where it has one", async () => {
    const jet = await jetThatTurns([{ shell: ["true"] }], {
      delays: { start: "500ms" },
      pool: "nobody-serves-this",
    });
    expect(await turn(jet)).toMatchObject({
      outcome: "ERROR",
      state: "broken",
      error: { code: "start_timeout" },
    });
  });

  test("an action whose hint was lost runs when a runner of its pool comes, by the ticker's hint", async () => {
    const jet = await jetThatTurns([{ shell: ["true"] }], { pool: "late" });
    const turning = turn(jet);
    await eventually("the action to be made", async () => {
      const jets = await client.request<JetRecord>("jet.get", { reference: jet });
      return jets.open === undefined ? undefined : true;
    });
    await eventually("its hint", async () =>
      (await client.connection.jsm.streams.info("JM_RESUME")).state.messages > 0 ? true : undefined,
    );
    await client.connection.jsm.streams.purge("JM_RESUME", { filter: "jm.resume.late.>" });
    const runner = await mesh.start("flight-plan-runner", { JM_POOLS: "late" });
    expect(await turning).toMatchObject({ outcome: "SUCCESS" });
    await runner.stop();
  });
});
