import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord, CreatedAction } from "@jetmesh/protocol";
import { eventually, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

/** Workflows (ADR 0030), run by a program that defines some. */
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

const make = async (kind: string, argument: object = {}): Promise<string> =>
  (await client.request<CreatedAction>("action.create", { kind, argument })).actionId;
const get = (id: string): Promise<ActionRecord> => client.request<ActionRecord>("action.get", { id });
const until = (id: string, what: string, isSo: (now: ActionRecord) => boolean): Promise<ActionRecord> =>
  eventually(
    what,
    async () => {
      const now = await get(id);
      return isSo(now) ? now : undefined;
    },
    { withinMs: 20_000 },
  );
const ended = (id: string): Promise<ActionRecord> =>
  until(id, "the workflow to end", ({ outcome }) => outcome !== undefined);
/** What was done, in order, with how often. */
const done = (): string[] => {
  try {
    return readFileSync(witness, "utf8").trimEnd().split("\n");
  } catch {
    return [];
  }
};
const worked = (): string[] => done().map((line) => line.replace(/^work (.*) \d+$/, "$1"));

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

  test("waits for all of several steps at once", async () => {
    const made = await ended(await make("parallel", { many: 8, waitMs: 100 }));
    expect(made).toMatchObject({
      outcome: "SUCCESS",
      result: Array.from({ length: 8 }, (_, n) => `part ${String(n)}`),
    });
    expect(worked().toSorted()).toEqual(made.result);
  });
});
