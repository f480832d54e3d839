import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { MeshClient } from "@jetmesh/client";
import { startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { planRunsOf } from "../support/plan-runs.ts";

/** A step that prints more than anybody reads neither holds up its runner nor fills it, and is told the truth about it. */
const MB = 1024 * 1024;
const PRINTED = 400 * MB;
const KEPT = 32 * MB;
const LINE = "0123456789abcde\n";

let mesh: TestMesh;
let client: MeshClient;
const plans = planRunsOf(() => client);

beforeAll(async () => {
  mesh = await startMesh();
  client = await mesh.client();
});
afterAll(async () => {
  await mesh.stop();
  plans.remove();
});

const residentMb = (): number =>
  Number(
    /VmRSS:\s+(\d+)/.exec(
      readFileSync(`/proc/${String(mesh.of("flight-plan-runner").pid)}/status`, "utf8"),
    )?.[1],
  ) / 1_024;

async function logOf(id: string): Promise<{ readonly stream: string; readonly data: Buffer; seq: number }[]> {
  const chunks: { stream: string; data: Buffer; seq: number }[] = [];
  for (let after = 0; ; ) {
    const { items, next } = await client.call("action.logs", { id, after });
    if (items.length === 0) return chunks;
    for (const { stream, data, seq } of items)
      chunks.push({ stream, data: Buffer.from(data, "base64"), seq });
    after = next;
  }
}

describe("a step that prints hundreds of megabytes", () => {
  test("leaves its runner to others, ends as itself, and has the beginning kept, in order and with a mark", async () => {
    await plans.run([{ shell: "true" }]);
    const before = residentMb();
    const begun = performance.now();
    const id = await plans.begin([
      { reference: "flood", shell: `yes ${LINE.trim()} | head -c ${String(PRINTED)}; exit 7` },
    ]);
    let most = 0;
    let others = 0;
    while ((await plans.get(id)).outcome === undefined) {
      expect((await plans.run([{ shell: "true" }])).outcome).toBe("SUCCESS");
      others += 1;
      most = Math.max(most, residentMb());
    }
    const seconds = (performance.now() - begun) / 1_000;
    const ended = await plans.get(id);
    expect(ended).toMatchObject({ attempt: 1, error: { message: "step 'flood': exited with code 7" } });
    const chunks = await logOf(id);
    expect(chunks.map(({ seq }) => seq)).toEqual(chunks.map((_, index) => index + 1));
    const mark = chunks.pop();
    expect(mark?.stream).toBe("stderr");
    expect(mark?.data.toString()).toBe(`\n[truncated: more than ${String(KEPT)} bytes]\n`);
    const kept = Buffer.concat(chunks.map(({ data }) => data));
    expect(kept.length).toBeGreaterThanOrEqual(KEPT);
    expect(hashOf(kept)).toBe(hashOf(Buffer.alloc(kept.length, LINE)));
    expect(most - before).toBeLessThan(150);
    process.stdout.write(
      `${(PRINTED / MB / seconds).toFixed(0)} MB/s, ${String(others)} other actions meanwhile, at most ${most.toFixed(0)} MB (${before.toFixed(0)} before)\n`,
    );
  }, 60_000);

  test("keeps bytes that are no text as they are", async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    const octal = [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
    const ended = await plans.run([{ shell: ["printf", octal.replace("\\045", "%%")] }]);
    expect(Buffer.concat((await logOf(ended.id)).map(({ data }) => data))).toEqual(bytes);
  });
});

const hashOf = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
