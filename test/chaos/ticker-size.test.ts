import { readFileSync } from "node:fs";
import { dueAt, expiresAt, newAction } from "@jetmesh/lifecycle";
import type { ActionRecord } from "@jetmesh/protocol";
import { createMeshStore } from "@jetmesh/storage";
import { startMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

/**
 * 100 000 open actions, 1 % of them due within a minute, each with 4 KB of its own (design §8): who follows them does
 * so by their headers.
 */
const COUNT = 100_000;
const IN_FLIGHT = 512;
const BALLAST = "x".repeat(4_096);
let mesh: Awaited<ReturnType<typeof startMesh>>;

const sleeping = (index: number, now: number): ActionRecord => {
  const fresh = newAction(
    {
      id: index.toString(16).padStart(26, "a"),
      kind: "flight-plan",
      // Nobody serves it, so that nothing runs.
      pool: "nowhere",
      user: "root",
      argument: { ballast: BALLAST },
      definition: {},
    },
    now,
  );
  const notBefore = new Date(now + (index % 100 === 0 ? 60_000 : 86_400_000)).toISOString();
  return { ...fresh, timers: { notBefore } };
};

beforeAll(async () => {
  mesh = await startMesh();
  const client = await mesh.client();
  const store = createMeshStore(client.connection, client.names, { dueAt, expiresAt });
  const now = Date.now();
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < COUNT; index = next++) {
      const record = sleeping(index, now);
      await store.actions.swap(record.id, record, 0, { point: "action.make" });
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}, 180_000);
afterAll(() => mesh.stop());

const megabytes = (pid: number): number =>
  Math.round(
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${String(pid)}/status`, "utf8"))?.[1] ?? 0) / 1_024,
  );

test.each(["lifecycle-ticker", "state-store"] as const)(
  "a %s that starts on 100 000 open actions is ready within 10 s, and takes less than 300 MB",
  async (name) => {
    const began = performance.now();
    const service = await mesh.start(name);
    const tookMs = Math.round(performance.now() - began);
    const used = megabytes(service.pid);
    process.stdout.write(`${name}: ready after ${String(tookMs)} ms, ${String(used)} MB\n`);
    expect(used).toBeLessThan(300);
    expect(tookMs).toBeLessThan(10_000);
  },
  60_000,
);
