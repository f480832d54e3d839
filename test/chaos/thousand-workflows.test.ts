import { join } from "node:path";
import type { ActionRecord, CreatedAction } from "@jetmesh/protocol";
import { startMesh } from "@jetmesh/testkit";
import { expect, test } from "vitest";

/** A stall is found by how long a workflow goes on behind its last step; how quick that is, `npm run bench:workflow` says. */
const MANY = 1_000;
const PARALLEL = 8;
const STALL_MS = 10_000;
const AT_ONCE = 64;

test("W6 a thousand workflows of eight waiting parallel steps: none stalls, no step runs twice", async () => {
  await using mesh = await startMesh({ services: { "state-store": 2 } });
  const client = await mesh.client();
  for (let n = 0; n < 2; n += 1)
    await mesh.startRunner(join(import.meta.dirname, "../bench/workflow-kinds.ts"));
  const argument = { many: PARALLEL, fromMs: 1_000, spreadMs: 15_000 };
  const numbers = Array.from({ length: MANY }, (_, n) => n).values();
  const ids: string[] = [];
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const n of numbers) {
        const key = String(n);
        const made = await client.request<CreatedAction>("action.create", { kind: "fan", argument, key });
        ids.push(made.actionId);
      }
    }),
  );
  const get = (id: string): Promise<ActionRecord> => client.request<ActionRecord>("action.get", { id });
  const wrong: unknown[] = [];
  for (const id of ids) {
    const { outcome, error, endedAt = "", steps = [] } = await client.ended(id, 300_000);
    const parts = await Promise.all(steps.map(({ child = "" }) => get(child)));
    const lag = Date.parse(endedAt) - Math.max(...parts.map((part) => Date.parse(part.endedAt ?? "")));
    const mains = parts.flatMap(({ transitions }) => transitions.filter(({ to }) => to === "EXECUTING_MAIN"));
    if (outcome !== "SUCCESS" || parts.length !== PARALLEL || mains.length !== PARALLEL || lag > STALL_MS)
      wrong.push({ id, outcome, error, lag, parts: parts.length, mains: mains.length });
  }
  expect(wrong).toEqual([]);
}, 400_000);
